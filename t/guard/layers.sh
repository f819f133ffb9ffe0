#!/bin/sh
# The rooms of src/: protocol knows bytes and nothing else, check APR and nothing
# of httpd, and no room looks into one above it.
. "$(dirname "$0")/../lib/guard.sh"
need src/protocol/pp.h src/protocol/pp_decode.c src/protocol/pp_tlv.c \
    src/protocol/pp_encode.c src/settings/proxyip_conf.c

for file in src/protocol/*.c; do
    must "$file compiles without httpd" "${CC:-cc}" -std=c99 -Isrc -Wall \
        -Wextra -Werror -fsyntax-only "$file"
done
none "protocol includes nothing but stddef, stdint and string" "$(
    grep -n '#include' src/protocol/*.[ch] |
    grep -vE '<(stddef|stdint|string)\.h>|"protocol/pp(_[a-z]+)?\.h"')"
none "protocol neither allocates nor prints" "$(
    grep -nwE '(m|c|re)alloc|free|alloca|strn?dup|stdio|v?s?n?f?printf|puts' \
        src/protocol/*.c)"

flags=$(apr_flags)
for file in src/check/*.c; do
    # shellcheck disable=SC2086 # a list of flags
    must "$file compiles with APR and without httpd" "${CC:-cc}" $flags \
        -pedantic -Wall -Wextra -Werror -fsyntax-only "$file"
done

# may ROOM OTHER...: a room includes its own headers, the ground's (those that
# lie directly in src), and those of these others.
may() {
    room=$1
    files="src/$1/*.[ch]"
    [ "$room" != ground ] || files="src/*.[ch]"
    allowed=$(echo "$@" | tr ' ' '|')
    # shellcheck disable=SC2086 # a pattern
    none "$room includes what it may" "$(grep -nE '#include "' $files |
        grep -vE "\"((mod_)?proxyip_[a-z_]+|mod_proxyip|version)\.h\"" |
        grep -vE "\"($allowed)/[a-z_]+\.h\"")"
}
may settings protocol
may ground protocol settings
may report protocol settings
may facts protocol settings
may connection protocol settings report facts
may check protocol
may send protocol
none "send uses no unit of mod_proxyip" "$(
    grep -nE '#include "(proxyip_|mod_proxyip)' src/send/*.[ch] |
    grep -vE '"(proxyip_logno|mod_proxyip)\.h"')"
none "settings knows no connection" "$(
    grep -n '"proxyip_conn\.h"' src/settings/*.[ch])"
none "check includes nothing of httpd and the module" "$(
    grep -nE '#include [<"](ap_|apu|http|mod_|mpm_|proxyip_|scoreboard|util_)' \
        src/check/*.[ch])"
none "check makes no sockets, polls and options by hand" "$(
    grep -nE '#include <(getopt|netdb|poll|sys/(epoll|poll|select|socket))\.h>' \
        src/check/*.[ch])"
none "no command of check knows another" "$(
    for command in decode send probe listen relay; do
        grep -n "check_$command(" src/check/*.c |
            grep -vE "check_(main|$command)\.c:"
    done)"

none "no headers include one another in a circle" "$(
    for header in src/*.h src/*/*.h; do
        unit=${header#src/}
        sed -n 's/^#include "\(.*\)\.h"$/\1/p' "$header" |
            sed "s,^,${unit%.h} ,"
    done | tsort 2>&1 > /dev/null)"
none "no units include one another in a circle" "$(
    for unit in $(cd src && find . -name '*.c' | sed 's,^\./,,; s/\.c$//'); do
        cat "src/$unit.c" "src/$unit.h" 2> /dev/null |
            sed -n 's/^#include "\(.*\)\.h"$/\1/p' | sort -u |
            grep -vxF "$unit" | sed "s,^,$unit ,"
    done | tsort 2>&1 > /dev/null)"
none "mod_proxyip.c takes no bytes apart, nor mod_proxyip_send.c" "$(
    grep -n 'pp_[a-z]*(' mod_proxyip.c src/send/mod_proxyip_send.c 2>&1 |
    grep -v proxyip_)"
finish
