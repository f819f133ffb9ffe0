#!/bin/sh
# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License.  You may obtain
# a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

# Build every unit test program, t/unit/NAME.c with a main(), into
# t/unit/NAME.bin.  Each is linked with the codec, and with those units of the
# module whose headers it includes; with httpd's headers and APR only if it
# includes a header of APR's.  They run under the address and undefined
# behaviour sanitizers, or with the flags in $SANITIZE instead.
#
# usage: t/unit/build.sh [CC]

. "$(dirname "$0")/../lib/guard.sh" # for httpd_flags; now in the top folder
set -eu

cc=${1:-${CC:-cc}}
sanitize=${SANITIZE--fsanitize=address,undefined -fno-sanitize-recover=all}
common="-g -O1 -Wall -Wextra -Werror $sanitize"
flags="-std=c99 $common -Isrc -It/unit"

objects=$(mktemp -d)
trap 'rm -rf "$objects"' EXIT
trap 'exit 1' HUP INT TERM

# A binary whose source is gone must not go on passing.
rm -f t/unit/*.bin

# What $CC is to know of APR, and what of it is linked.  Its ring macros make
# addresses from NULL.
apr_flags() {
    echo "$(httpd_flags) -It/unit $common"
    [ -z "$sanitize" ] || echo "-fno-sanitize=null,object-size"
}
apr_link() {
    apr=$("${APXS:-$(command -v apxs || command -v apxs2)}" -q APR_CONFIG)
    "$apr" --link-ld --libs | sed -E 's/-L([^ ]+)/& -Wl,-rpath,\1/g'
}

# The sources of the module whose headers a test includes.
units_of() {
    sed -nE 's,^#include "((connection|settings)/[a-z_]+)\.h"$,src/\1.c,p' "$1"
}

shared=
programs=
for source in src/protocol/*.c t/unit/*.c; do
    name=$(basename "$source" .c)
    if grep -q '^int main(' "$source"; then
        programs="$programs $name"
        continue
    fi
    # shellcheck disable=SC2086 # lists of flags
    $cc $flags -c -o "$objects/$name.o" "$source"
    shared="$shared $objects/$name.o"
done

for name in $programs; do
    source=t/unit/$name.c
    used=$flags
    link=
    if grep -q '^#include <apr_' "$source"; then
        used=$(apr_flags)
        link=$(apr_link)
    fi
    # shellcheck disable=SC2046,SC2086 # lists of flags and files
    $cc $used -o "t/unit/$name.bin" "$source" $(units_of "$source") \
        $shared $link
done

if [ -z "$programs" ]; then
    echo "$0: no unit tests found" >&2
    exit 1
fi
