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

# Let libFuzzer look for faults: each target for $TIME seconds, from its
# corpus and from what earlier runs found (t/run/fuzz/NAME, which may go at
# any time).  An input that shows a fault is kept in t/run/fuzz-faults; when
# there is one, the run fails.
#
# usage: TIME=SECONDS t/fuzz/run.sh [TARGET ...]

set -u
cd "$(dirname "$0")/../.." || exit 1

t/fuzz/build.sh --libfuzzer "$@" || exit 1
faults=t/run/fuzz-faults
mkdir -p "$faults"

failed=
for program in t/fuzz/*.fuzz; do
    name=$(basename "$program" .fuzz)
    echo "=== $name, ${TIME:-60} seconds"
    mkdir -p "t/run/fuzz/$name"
    "$program" -max_total_time="${TIME:-60}" -timeout=10 -max_len=16384 \
        -dict=t/fuzz/words.dict -artifact_prefix="$faults/$name-" \
        -print_final_stats=1 -verbosity=0 "t/run/fuzz/$name" \
        "t/fuzz/corpus-$name" || failed="$failed $name"
done

[ -n "$failed" ] || exit 0
echo "Faults in:$failed. The inputs, each to be named by its situation and" \
    "put into t/fuzz/corpus-NAME once it is mended:" >&2
ls "$faults"/* >&2
exit 1
