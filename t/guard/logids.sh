#!/bin/sh
# Log numbers: one message each, every one explained in README.  A number that
# is gone stays in README, on a line that says `retired`.
. "$(dirname "$0")/../lib/guard.sh"
need mod_proxyip.c README

# shellcheck disable=SC2086 # a list of files
used=$(cat $module_sources | grep -oE 'PROXYIP_LOGNO\([^n)]*\)' |
    sed 's/.*(\(.*\))/PIP\1/' | sort)
numbers=$(echo "$used" | uniq)
[ -n "$used" ]
ok $? "numbers were found"
none "all have four digits" "$(echo "$used" | grep -vxE 'PIP[0-9]{4}')"
none "none is used twice" "$(echo "$used" | uniq -d)"
none "each is in README" "$(
    for number in $numbers; do
        grep -qw "$number" README || echo "$number"
    done)"
none "README names none that is gone and not retired" "$(
    grep -oE '\bPIP[0-9]{4}\b' README | sort -u | while read -r number; do
        echo "$numbers" | grep -qx "$number" ||
            grep -w "$number" README | grep -qi retired || echo "$number"
    done)"
none "no retired number is in use" "$(
    grep -i retired README | grep -oE '\bPIP[0-9]{4}\b' |
    while read -r number; do echo "$numbers" | grep -x "$number"; done)"
# shellcheck disable=SC2086
none "none of httpd's own numbers" "$(grep -nw APLOGNO $module_sources)"
finish
