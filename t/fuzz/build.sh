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

# Build the fuzz targets, each t/fuzz/NAME.c with LLVMFuzzerTestOneInput(),
# under the address and undefined behaviour sanitizers (or with the flags in
# $SANITIZE instead): into t/fuzz/NAME.bin, which replays files (standalone.c),
# with --coverage into t/fuzz/NAME.cov, which also notes what lines they reach,
# or with --libfuzzer into t/fuzz/NAME.fuzz, which looks for more.
#
# usage: t/fuzz/build.sh [--coverage | --libfuzzer] [TARGET ...]

. "$(dirname "$0")/../lib/guard.sh" # for httpd_flags; now in the top folder
set -eu

: "${APXS:=$(command -v apxs || command -v apxs2)}"
cc=${CC:-cc}
kind=bin
# APR's ring macros make addresses from NULL: what is read there ends the
# program even so.
sanitize="-fsanitize=address,undefined -fno-sanitize-recover=all \
-fno-sanitize=null,object-size"
flags="$(httpd_flags) -It/unit -It/fuzz -g -O1 -Wall -Wextra -Werror \
${SANITIZE-$sanitize}"
link=
case ${1:-} in
--libfuzzer)
    shift
    cc=clang
    kind=fuzz
    flags="$flags -fsanitize=fuzzer-no-link"
    link=-fsanitize=fuzzer
    ;;
--coverage)
    shift
    cc=clang
    kind=cov
    flags="$flags -fprofile-instr-generate -fcoverage-mapping"
    ;;
esac
for target in "$@"; do
    grep -q '^int LLVMFuzzerTestOneInput(' "t/fuzz/$target.c" || {
        echo "$0: no fuzz target '$target'" >&2
        exit 1
    }
done

# APR, and the folders of one that is not the system's.
for config in APR_CONFIG APU_CONFIG; do
    config=$("$APXS" -q "$config")
    link="$link $("$config" --link-ld --libs |
        sed -E 's/-L([^ ]+)/& -Wl,-rpath,\1/g')"
done

objects=$(mktemp -d)
trap 'rm -rf "$objects"' EXIT
trap 'exit 1' HUP INT TERM

# A binary whose source is gone must not go on passing.
rm -f t/fuzz/*."$kind"

# Everything goes into a library, from which each target takes what it uses.
# For units of the room `report`, most targets have stand-ins (world_units.c).
targets=
mkdir "$objects/shared" "$objects/report"
for source in src/protocol/*.c src/check/check_*.c src/proxyip_conn.c \
    src/settings/proxyip_peers.c src/connection/proxyip_adopt.c \
    src/connection/proxyip_in_tls.c \
    src/connection/proxyip_look.c src/connection/proxyip_process.c \
    src/connection/proxyip_stage.c src/connection/proxyip_strip.c \
    src/connection/proxyip_unread.c \
    src/report/proxyip_block.c src/report/proxyip_children.c \
    src/report/proxyip_counters.c src/report/proxyip_refusals.c \
    src/report/proxyip_status.c t/unit/bytes.c t/fuzz/*.c; do
    name=$(basename "$source" .c)
    object=$objects/shared/$name.o
    [ "${source#src/report/}" = "$source" ] || object=$objects/report/$name.o
    if grep -q '^int LLVMFuzzerTestOneInput(' "$source"; then
        case " ${*:-$name} " in
        *" $name "*) targets="$targets $name" ;;
        *) continue ;;
        esac
        object=$objects/$name.o
    elif [ "$name $kind" = "standalone fuzz" ] || [ "$name" = check_main ]; then
        continue # libFuzzer brings a main(), and a program's own is no target's
    fi
    echo "$object $source" >> "$objects/list"
done

# As many at a time as there are processors.
export cc flags
# shellcheck disable=SC2016 # for the shells that compile
xargs -L 1 -P "$(getconf _NPROCESSORS_ONLN)" sh -c '
    exact=
    case $1 in
    */proxyip_*) exact="-include exact.h" ;;
    esac
    exec "$cc" $flags $exact -c -o "$0" "$1"' < "$objects/list"
ar rc "$objects/shared.a" "$objects"/shared/*.o
ar rc "$objects/report.a" "$objects"/report/*.o

for name in $targets; do
    # shellcheck disable=SC2086 # lists of flags
    "$cc" $flags -o "t/fuzz/$name.$kind" "$objects/$name.o" \
        "$objects/report.a" "$objects/shared.a" $link
done

if [ -z "$targets" ]; then
    echo "$0: no fuzz targets found" >&2
    exit 1
fi
