#!/bin/sh
# Each header compiles alone, the codec's and proxyip-check's without httpd.
. "$(dirname "$0")/../lib/guard.sh"
need src/pp.h src/proxyip_conf.h

# alone HEADER FLAG...: compile a source that holds nothing else.
alone() {
    header=$1
    shift
    echo "#include \"$header\"" |
        "${CC:-cc}" -Wall -Wextra -Werror -Wno-unused-parameter \
            -fsyntax-only "$@" -x c -
}
flags=$(httpd_flags)
for header in src/version.h src/pp.h src/pp_*.h; do
    [ ! -e "$header" ] || must "$header" alone "$header" -std=c99 -I.
done
for header in src/check*.h; do
    [ ! -e "$header" ] || must "$header" alone "$header" -std=c99 -I.
done
for header in src/proxyip_*.h mod_proxyip.h; do
    [ -e "$header" ] || continue
    # shellcheck disable=SC2086 # a list of flags
    must "$header" alone "$header" $flags
done
finish
