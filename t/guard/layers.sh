#!/bin/sh
# pp_* know bytes and nothing else, proxyip-check nothing of httpd; units do not
# reach across their layer.
. "$(dirname "$0")/../lib/guard.sh"
need src/pp.h src/pp_decode.c src/pp_tlv.c src/pp_encode.c src/proxyip_conf.c

for file in src/pp_*.c; do
    must "$file compiles without httpd" \
        "${CC:-cc}" -std=c99 -Wall -Wextra -Werror -fsyntax-only "$file"
done
none "pp_* include nothing but stddef, stdint and string" "$(
    grep -n '#include' src/pp.h src/pp_*.[ch] |
    grep -vE '<(stddef|stdint|string)\.h>|"pp(_[a-z]+)?\.h"')"
none "pp_* neither allocate nor print" "$(
    grep -nwE '(m|c|re)alloc|free|alloca|strn?dup|stdio|v?s?n?f?printf|puts' \
        src/pp_*.c)"

for file in src/proxyip_check.c src/check*.c; do
    must "$file compiles without httpd" \
        "${CC:-cc}" -std=c99 -pedantic -Wall -Wextra -Werror -fsyntax-only \
        "$file"
done
none "proxyip-check includes no httpd and no unit of the module" "$(
    grep -nE '#include [<"](ap_|apr_|http|mod_|proxyip_)' \
        src/proxyip_check.c src/check*.[ch])"

# includes UNIT: the project's headers that a unit includes, one per line.
includes() {
    cat "src/$1.c" "src/$1.h" 2> /dev/null |
        sed -n 's/^#include "\([a-z_]*\)\.h"$/\1/p'
}
apart='proxyip_filter proxyip_vars proxyip_authz proxyip_stats'
for unit in $apart; do
    [ -e "src/$unit.c" ] || continue
    none "$unit leaves its neighbours alone" "$(
        for other in $apart; do
            [ "$unit" = "$other" ] || includes "$unit" | grep -x "$other"
        done)"
done
none "no headers include one another in a circle" "$(
    for header in src/*.h; do
        unit=$(basename "$header" .h)
        sed -n 's/^#include "\([a-z_]*\)\.h"$/\1/p' "$header" |
            sed "s/^/$unit /"
    done | tsort 2>&1 > /dev/null)"
none "mod_proxyip.c takes no bytes apart" "$(
    grep -n 'pp_[a-z]*(' mod_proxyip.c 2>&1 | grep -v proxyip_)"
finish
