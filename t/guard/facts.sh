#!/bin/sh
# The facts of the code and those of docs/facts.md are the same.
. "$(dirname "$0")/../lib/guard.sh"
need src/facts/proxyip_facts.c docs/facts.md

# PROXYIP itself has the empty name; any TLV's name ends in its number.
code=$(sed -n '/^static const proxyip_fact_t facts\[\]/,/^};/p' \
    src/facts/proxyip_facts.c | sed -nE 's/^ *\{"([A-Z0-9_]*)", .*/_\1/p' |
    sed 's/^_$/PROXYIP/')
[ -n "$code" ]
ok $? "facts were found"
# In the list a name opens the line.
page=$(sed -n '/^## Names/,/^## /p' docs/facts.md |
    grep -oE '^    (PROXYIP|_[A-Z0-9_]+)\b' | tr -d ' ')
[ -n "$page" ]
ok $? "the page's names were found"
none "each is in docs/facts.md" "$(
    for name in $code; do echo "$page" | grep -qx "$name" || echo "$name"; done)"
none "docs/facts.md names no other" "$(
    for name in $page; do
        printf '%s\n' "$code" _TLV_NN _TLV_NN_TEXT | grep -qx "$name" ||
            echo "$name"
    done)"
finish
