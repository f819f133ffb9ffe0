# shellcheck shell=sh
# For the drift guards in t/guard: TAP, and the sources they look at.  Source
# it from a guard, whatever the current folder:
#
#   . "$(dirname "$0")/../lib/guard.sh"
#   none "no tab" "$(grep -n "$tab" $sources)"
#   finish

cd "$(dirname "$0")/../.." || exit 1
tests=0
not_ok=0

# ok STATUS NAME [WHY]: a test that passes when STATUS is 0.  The reason comes
# first, as in the unit tests: ProxyIP::Harness tells it with the failure.
ok() {
    tests=$((tests + 1))
    if [ "$1" -eq 0 ]; then
        echo "ok $tests - $2"
    else
        not_ok=$((not_ok + 1))
        [ -z "${3:-}" ] || printf '%s\n' "$3" | sed 's/^/#   /'
        echo "not ok $tests - $2"
    fi
}

# none NAME FOUND: a test that passes when nothing was found.
none() {
    [ -z "$2" ]
    ok $? "$1" "$2"
}

# need FILE...: end the guard, failed, unless these are there and not empty.
need() {
    for file in "$@"; do
        [ -s "$file" ] || {
            ok 1 "there is a $file"
            finish
        }
    done
}

# must NAME COMMAND...: a test that passes when the command does; what it
# prints tells why not.
must() {
    name=$1
    shift
    why=$("$@" 2>&1)
    ok $? "$name" "$why"
}

# no_warning COMPILER: a test for each of the product's sources, if there is
# such a compiler.  A guard for each compiler, because they take long.
no_warning() {
    if ! command -v "$1" > /dev/null; then
        ok 0 "there is no $1 # SKIP"
        return
    fi
    flags=$(httpd_flags)
    for file in $product_sources; do
        # Some warnings need the optimizer.
        # shellcheck disable=SC2086 # a list of flags
        must "$1 $file" "$1" $flags -O1 -Wall -Wextra \
            -Wno-unused-parameter -Werror -c -o /dev/null "$file"
    done
}

finish() {
    echo "1..$tests"
    exit $((not_ok > 0))
}

# Flags for httpd's headers, from $APXS.  As system headers, because APR's ring
# macros would warn wherever they are used.
httpd_flags() {
    : "${APXS:=$(command -v apxs || command -v apxs2)}"
    echo "-std=gnu99 -Isrc -I. $("$APXS" -q EXTRA_CPPFLAGS)" "$(
        echo "-I$("$APXS" -q INCLUDEDIR) $("$APXS" -q EXTRA_INCLUDES)" |
            sed 's/-I\./ /; s/-I/-isystem /g')"
}

# Flags for APR's headers alone, from $APXS.
apr_flags() {
    : "${APXS:=$(command -v apxs || command -v apxs2)}"
    config=$("$APXS" -q APR_CONFIG)
    echo "-std=gnu99 -Isrc $("$config" --cppflags)" \
        "-isystem $("$config" --includedir)"
}

# All C sources and headers; those of the modules alone.
# shellcheck disable=SC2034 # for guards
c_files=$(find . -path ./t/run -prune -o -name '*.[ch]' -print |
    sed 's,^\./,,' | sort)
# shellcheck disable=SC2034 # for guards
module_sources=$(echo "$c_files" |
    grep -E '^(mod_proxyip|src/([a-z]+/)?(mod_)?proxyip_.*)\.c$')
# shellcheck disable=SC2034 # for guards
product_sources=$(echo "$c_files" | grep -E '^(mod_proxyip|src/.*)\.c$')
