#!/bin/sh
# Each member of the server's settings is set when they are created and said
# something about when they are merged.
. "$(dirname "$0")/../lib/guard.sh"
need src/settings/proxyip_conf.h src/settings/proxyip_conf.c

members=$(sed -n '/^struct proxyip_conf_t {/,/^}/p' src/settings/proxyip_conf.h |
    sed '1d;$d' | tr '\n' ' ' | sed 's,/\*[^*]*\*\+\([^/*][^*]*\*\+\)*/,,g' |
    tr ';' '\n' | sed -E 's/ *(\[[^]]*\])* *$//; s/^.*[ *]//' | grep .)
[ -n "$members" ]
ok $? "members were found"

for function in create_server_conf merge_server_conf; do
    # From its name in a line that does not end in `;` to the closing brace.
    body=$(awk -v name="$function" '
        !inside && $0 ~ "^[a-z].*[ *]" name "\\(" { inside = 1 }
        inside { text = text $0 "\n" }
        inside && /;$/ && text !~ /\{/ { inside = 0; text = "" }
        inside && /^\}/ { printf "%s", text; exit }
        ' src/settings/proxyip_conf.c)
    [ -n "$body" ]
    ok $? "$function was found"
    none "$function touches each member" "$(
        for member in $members; do
            echo "$body" | grep -qE "(->|\.|, *)$member\b" || echo "$member"
        done)"
done
finish
