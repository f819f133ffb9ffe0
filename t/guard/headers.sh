#!/bin/sh
# Each header compiles alone, the codec's without httpd and APR, proxyip-check's
# without httpd.
. "$(dirname "$0")/../lib/guard.sh"
need src/protocol/pp.h src/settings/proxyip_conf.h

# alone HEADER FLAG...: compile a source that holds nothing else.
alone() {
    header=$1
    shift
    echo "#include \"$header\"" |
        "${CC:-cc}" -Wall -Wextra -Werror -Wno-unused-parameter \
            -fsyntax-only "$@" -x c -
}
flags=$(httpd_flags)
for header in $(echo "$c_files" | grep '^src/.*\.h$') mod_proxyip.h; do
    case $header in
    src/version.h | src/protocol/*)
        must "$header" alone "$header" -std=c99 -I. -Isrc
        ;;
    src/check/*)
        # shellcheck disable=SC2046 # a list of flags
        must "$header" alone "$header" $(apr_flags)
        ;;
    *)
        # shellcheck disable=SC2086 # a list of flags
        must "$header" alone "$header" $flags
        ;;
    esac
done
finish
