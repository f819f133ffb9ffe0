#!/bin/sh
# No function over 100 lines: from its brace in the first column to the other.
. "$(dirname "$0")/../lib/guard.sh"
need src/protocol/pp_decode.c src/settings/proxyip_conf.c

# shellcheck disable=SC2046,SC2086 # a list of files
lengths=$(awk '
    FNR == 1 { start = 0 }
    /^[a-z].*\(/ { name = $0 }
    /^\{/ { start = FNR }
    /^\}/ && start { print FNR - start + 1, FILENAME, name; start = 0 }
    ' $(echo "$c_files" | grep '\.c$') | sort -rn)
[ -n "$lengths" ]
ok $? "functions were found"
none "none over 100 lines" "$(echo "$lengths" | awk '$1 > 100')"

# The bar: the median at most 20, 95 of 100 functions at most 60.
all=$(echo "$lengths" | wc -l)
long=$(echo "$lengths" | awk '$1 > 60' | wc -l)
[ $((long * 20)) -le "$all" ]
ok $? "at most one in twenty over 60 lines" \
    "$(echo "$lengths" | awk '$1 > 60')"
finish
