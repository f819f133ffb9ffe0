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
# t/unit/NAME.bin.  They are linked with the codec alone and run under the
# address and undefined behaviour sanitizers, or with the flags in $SANITIZE
# instead.
#
# usage: t/unit/build.sh [CC]

set -eu

unit=$(cd "$(dirname "$0")" && pwd)
src=$unit/../../src
cc=${1:-${CC:-cc}}
sanitize=${SANITIZE--fsanitize=address,undefined -fno-sanitize-recover=all}
flags="-std=c99 -g -O1 -Wall -Wextra -Werror $sanitize -I$src -I$unit"

objects=$(mktemp -d)
trap 'rm -rf "$objects"' EXIT
trap 'exit 1' HUP INT TERM

# A binary whose source is gone must not go on passing.
rm -f "$unit"/*.bin

shared=
programs=
for source in "$src"/protocol/*.c "$unit"/*.c; do
    name=$(basename "$source" .c)
    # shellcheck disable=SC2086 # lists of flags
    $cc $flags -c -o "$objects/$name.o" "$source"
    if grep -q '^int main(' "$source"; then
        programs="$programs $name"
    else
        shared="$shared $objects/$name.o"
    fi
done

for name in $programs; do
    # shellcheck disable=SC2086 # lists of flags and files
    $cc $flags -o "$unit/$name.bin" "$objects/$name.o" $shared
done

if [ -z "$programs" ]; then
    echo "$0: no unit tests found" >&2
    exit 1
fi
