#!/bin/sh
# The shared object exports the module's record and nothing else.
. "$(dirname "$0")/../lib/guard.sh"
need .libs/mod_proxyip.so

symbols=$(nm -D --defined-only .libs/mod_proxyip.so | awk '{ print $3 }' |
    grep -vxE '_init|_fini' | tr '\n' ' ')
[ "$symbols" = 'proxyip_module ' ]
ok $? "one symbol is exported" "$symbols"
finish
