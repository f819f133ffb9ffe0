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

# What the fuzz targets reach of the codec, of a connection's arrival and of the
# list of peers: lines and branches, from the committed corpora alone and with
# what earlier runs of t/fuzz/run.sh found (t/run/fuzz/NAME).
#
# usage: t/fuzz/coverage.sh

set -u
cd "$(dirname "$0")/../.." || exit 1

sources="src/protocol/*.c src/connection/proxyip_adopt.c
    src/connection/proxyip_look.c src/connection/proxyip_process.c
    src/connection/proxyip_stage.c src/connection/proxyip_strip.c
    src/connection/proxyip_wait.c src/settings/proxyip_peers.c"
work=t/run/fuzz-coverage

t/fuzz/build.sh --coverage || exit 1
rm -rf "$work"
mkdir -p "$work"

# gather NAME FOLDER...: replay all files of these; a fault ends it.
gather() {
    name=$1
    shift
    # In portions, because a found corpus is longer than a command line may be.
    find "$@" -type f -print0 | LLVM_PROFILE_FILE="$work/$name-%p.profraw" \
        xargs -0 "t/fuzz/$name.cov" > "$work/$name.log" 2>&1 || {
        tail "$work/$name.log" >&2
        exit 1
    }
}

# report TITLE: what all that was gathered reaches.
report() {
    echo
    echo "$1"
    # shellcheck disable=SC2086 # lists of files
    llvm-profdata merge -sparse -o "$work/all.profdata" "$work"/*.profraw &&
        llvm-cov report -instr-profile="$work/all.profdata" \
            -show-region-summary=false $objects $sources |
        sed '/^---/d' || exit 1
}

objects=
for program in t/fuzz/*.cov; do
    name=$(basename "$program" .cov)
    objects="$objects${objects:+ -object} $program"
    gather "$name" "t/fuzz/corpus-$name"
done
report "Reached by the committed corpora:"

[ -d t/run/fuzz ] || exit 0
for folder in t/run/fuzz/*; do
    gather "$(basename "$folder")" "$folder"
done
report "Reached by what runs of make fuzz found, too:"
