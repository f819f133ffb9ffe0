#!/bin/sh
# Log numbers: one message each, every one explained in docs/troubleshooting.md.
# A number that is gone stays there, in the line that says `retired`.
. "$(dirname "$0")/../lib/guard.sh"
page=docs/troubleshooting.md
need mod_proxyip.c "$page" README

# shellcheck disable=SC2086 # a list of files
used=$(cat $module_sources | grep -oE 'PROXYIP_LOGNO\([^n)]*\)' |
    sed 's/.*(\(.*\))/PIP\1/' | sort)
numbers=$(echo "$used" | uniq)
retired=$(grep -i retired "$page" | grep -oE '\bPIP[0-9]{4}\b')
[ -n "$used" ]
ok $? "numbers were found"
none "all have four digits" "$(echo "$used" | grep -vxE 'PIP[0-9]{4}')"
none "none is used twice" "$(echo "$used" | uniq -d)"
none "each has its heading, level, cause, effect and what to do" "$(
    for number in $numbers; do
        entry=$(sed -n "/^### $number\$/,/^##/{//!p}" "$page")
        for field in 'Level:' '- Cause:' '- Effect:' '- Do:'; do
            echo "$entry" | grep -q -e "^$field [A-Za-z0-9\`\"]" ||
                echo "$number: $field"
        done
    done)"
none "no page names one that is gone and not retired" "$(
    grep -roE '\bPIP[0-9]{4}\b' README docs conf-examples | sort -u |
    while IFS=: read -r file number; do
        printf '%s\n' "$numbers" "$retired" | grep -qx "$number" ||
            echo "$file: $number"
    done)"
none "no retired number is in use" "$(
    for number in $retired; do echo "$numbers" | grep -x "$number"; done)"
# shellcheck disable=SC2086
none "none of httpd's own numbers" "$(grep -nw APLOGNO $module_sources)"
finish
