#!/bin/sh
# Each shared object exports its module's record and nothing else.
. "$(dirname "$0")/../lib/guard.sh"
need .libs/mod_proxyip.so .libs/mod_proxyip_send.so

for name in proxyip proxyip_send; do
    symbols=$(nm -D --defined-only ".libs/mod_$name.so" |
        awk '{ print $3 }' | grep -vxE '_init|_fini' | tr '\n' ' ')
    [ "$symbols" = "${name}_module " ]
    ok $? "mod_$name.so exports one symbol" "$symbols"
done
finish
