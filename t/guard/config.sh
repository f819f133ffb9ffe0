#!/bin/sh
# Each member of a server's settings, and of a section's, is set when they are
# created and said something about when they are merged.
. "$(dirname "$0")/../lib/guard.sh"

# touches UNIT TYPE FUNCTION...: these functions of a unit name each member.
touches() {
    unit=$1
    type=$2
    shift 2
    need "$unit.h" "$unit.c"
    members=$(sed -n "/^struct $type {/,/^}/p" "$unit.h" |
        sed '1d;$d' | tr '\n' ' ' |
        sed 's,/\*[^*]*\*\+\([^/*][^*]*\*\+\)*/,,g' | tr ';' '\n' |
        sed -E 's/ *(\[[^]]*\])* *$//; s/^.*[ *]//' | grep .)
    [ -n "$members" ]
    ok $? "members of $type were found"

    for function in "$@"; do
        # From its name in a line that does not end in `;` to the closing
        # brace.
        body=$(awk -v name="$function" '
            !inside && $0 ~ "^[a-z].*[ *]" name "\\(" { inside = 1 }
            inside { text = text $0 "\n" }
            inside && /;$/ && text !~ /\{/ { inside = 0; text = "" }
            inside && /^\}/ { printf "%s", text; exit }
            ' "$unit.c")
        [ -n "$body" ]
        ok $? "$function was found"
        none "$function touches each member" "$(
            for member in $members; do
                echo "$body" | grep -qE "(->|\.|, *)$member\b" ||
                    echo "$member"
            done)"
    done
}
touches src/settings/proxyip_conf proxyip_conf_t create_server_conf \
    merge_server_conf
touches src/send/proxyip_send_conf proxyip_send_conf_t create_dir_conf \
    merge_dir_conf
finish
