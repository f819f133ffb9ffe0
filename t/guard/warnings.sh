#!/bin/sh
# No warning from gcc and clang.
. "$(dirname "$0")/../lib/guard.sh"
need mod_proxyip.c src/protocol/pp_decode.c

flags=$(httpd_flags)
compilers=0
for compiler in gcc clang; do
    command -v "$compiler" > /dev/null || continue
    compilers=$((compilers + 1))
    for file in $product_sources; do
        # Some warnings need the optimizer.
        # shellcheck disable=SC2086 # a list of flags
        must "$compiler $file" "$compiler" $flags -O1 -Wall -Wextra \
            -Wno-unused-parameter -Werror -c -o /dev/null "$file"
    done
done
[ "$compilers" -gt 0 ]
ok $? "there was a compiler"
finish
