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

# Static analysis of the module and of proxyip-check: gcc -fanalyzer, clang
# --analyze, clang-tidy (.clang-tidy), cppcheck; and of the shell scripts by
# ShellCheck (.shellcheckrc).  Any finding fails.  One that is none is marked
# where it is, with its reason.
. "$(dirname "$0")/guard.sh"
need mod_proxyip.c src/protocol/pp_decode.c src/settings/proxyip_conf.c \
    src/check/check_send.c

flags="$(httpd_flags) -Wall -Wextra -Wno-unused-parameter"
sources=$product_sources

for file in $sources; do
    # shellcheck disable=SC2086 # lists of flags
    {
        # Without the optimizer it does not see into functions.
        must "gcc -fanalyzer $file" gcc $flags -O1 -fanalyzer -Werror -c \
            -o /dev/null "$file"
        must "clang --analyze $file" clang $flags --analyze \
            --analyzer-output text -Xclang -analyzer-werror -o /dev/null \
            "$file"
        must "clang-tidy $file" clang-tidy --quiet "$file" -- $flags
    }
done

# Of httpd's headers only what it must know: of the ways that the version
# decides, the newest, and that this is a type.  All files at once: it looks
# for functions that none calls.
# shellcheck disable=SC2086 # a list of files
must "cppcheck" cppcheck --quiet --enable=all --inconclusive --std=c99 \
    --inline-suppr --error-exitcode=1 --suppress=missingIncludeSystem \
    -Isrc -I. '-DAP_MODULE_MAGIC_AT_LEAST(major,minor)=1' \
    '-DAPR_OPTIONAL_FN_TYPE(name)=apr_opt_fn_t' $sources

for file in $(find . -name .git -prune -o -name .libs -prune -o \
    -path ./t/run -prune -o -path ./t/neighbours -prune -o -type f \
    ! -name '*.t' \
    -exec grep -lE '^#! ?/bin/(ba)?sh|^# shellcheck shell=' {} + | sort); do
    must "shellcheck $file" shellcheck "$file"
done
finish
