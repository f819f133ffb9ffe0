#!/bin/sh
# run.sh [--check | TEST ...]
#
# Run the tests of a built tree: the guards, the unit tests, the fuzz targets
# on their corpora, then the Apache::Test suite once per MPM in $MPMS.  With
# --check of the suite only t/smoke.t, on event.  With other arguments only
# those: t/guard/*.sh, t/unit/*.bin, t/fuzz/*.bin, t/*.t.  What
# failed is said again at the end, in at most $room lines, because a log's end
# is what is looked at.  The last line printed is `N passed, N failed`; the exit
# status is 0 only when some passed and none failed.
#
# $PROXYIP_LEAVE_OUT names .t files that are not run unless they are named;
# under $PROXYIP_UNDER, a command, unit tests and fuzz targets are run.
set -u
cd "$(dirname "$0")/../.." || exit 1
PERL5LIB=$PWD/t/lib${PERL5LIB:+:$PERL5LIB}
export PERL5LIB

room=16

# To this file each part's harness (ProxyIP::Harness) appends a line
# `passed failed skipped`, before it `- FILE:LINE: TEST` for each failed test,
# and behind that, indented, why.
mkdir -p t/run
PROXYIP_TALLY=$(mktemp "$PWD/t/run/tally-XXXXXX") || exit 1
export PROXYIP_TALLY
trap 'rm -f "$PROXYIP_TALLY"' EXIT
trap 'exit 1' HUP INT TERM

# part NAME COMMAND...: run one part.  One that ends without a tally, or badly
# without a failed test, counts as one failure.
part() {
    name=$1
    shift
    echo
    echo "=== $name"
    before=$(wc -l < "$PROXYIP_TALLY")
    "$@"
    status=$?
    new=$(tail -n "+$((before + 1))" "$PROXYIP_TALLY")
    failed=$(echo "$new" | awk '/^[0-9]/ { n += $2 } END { print n + 0 }')
    if [ -z "$new" ] || { [ "$status" -ne 0 ] && [ "$failed" -eq 0 ]; }; then
        echo "$name: did not run to its end (status $status)"
        {
            echo "- $name: did not run to its end (status $status)"
            echo "0 1 0"
        } >> "$PROXYIP_TALLY"
    fi
}

harness() {
    prove --harness ProxyIP::Harness "$@"
}

unit() {
    t/unit/build.sh || return 1
    [ $# -gt 0 ] || set -- t/unit/*.bin
    harness --exec "${PROXYIP_UNDER:-}" "$@"
}

corpora() {
    t/fuzz/build.sh || return 1
    [ $# -gt 0 ] || set -- t/fuzz/*.bin
    harness --exec t/fuzz/replay.sh "$@"
}

# The tests, without those that are left out.
all_tests() {
    for test in t/*.t; do
        case " ${PROXYIP_LEAVE_OUT:-} " in
        *" $test "*) echo "left out: $test" >&2 ;;
        *) echo "$test" ;;
        esac
    done
}

# A child that crashed spoils the run, though no test need have noticed.
on_mpm() {
    rm -f t/logs/error_log
    PROXYIP_MPM=$1
    export PROXYIP_MPM
    shift
    perl t/TEST "$@" || return 1
    # Its last lines are about the stop: see ProxyIP::Server::complaints.
    crashed=$(head -n -5 t/logs/error_log | grep 'exit signal') || return 0
    echo "$crashed"
    echo "$crashed" | sed 's/^/- /' >> "$PROXYIP_TALLY"
    return 1
}

suite() {
    # shellcheck disable=SC2046 # names without blanks
    [ $# -gt 0 ] || set -- $(all_tests)
    echo
    t/lib/versions.sh
    for mpm in ${MPMS:-event worker prefork}; do
        part "suite, $mpm MPM" on_mpm "$mpm" "$@"
    done
}

# shellcheck disable=SC2086 # the lists are words without blanks
if [ $# -eq 0 ] || [ "$1" = --check ]; then
    # Backwards: the compilers' warnings take as long as all others.
    part guards harness --exec sh --jobs 2 --reverse t/guard/*.sh
    part "unit tests" unit
    part "fuzz corpora" corpora
    if [ $# -eq 0 ]; then
        suite
    else
        MPMS=event
        suite t/smoke.t
    fi
else
    guards='' units='' targets='' tests=''
    for test in "$@"; do
        case $test in
        t/guard/*) guards="$guards $test" ;;
        t/unit/*) units="$units $test" ;;
        t/fuzz/*) targets="$targets $test" ;;
        *) tests="$tests $test" ;;
        esac
    done
    [ -z "$guards" ] || part guards harness --exec sh $guards
    [ -z "$units" ] || part "unit tests" unit $units
    [ -z "$targets" ] || part "fuzz corpora" corpora $targets
    [ -z "$tests" ] || suite $tests
fi

# Of why a test failed as many lines as there is room for.
echo
awk -v room="$room" '
    /^- / { test[++tests] = substr($0, 3) }
    /^ / { reason[tests, ++reasons[tests]] = substr($0, 3) }
    END {
        if (tests)
            print "Failed:"
        for (most = 4; most > 0; most--) {
            lines = tests
            for (i = 1; i <= tests; i++)
                lines += reasons[i] < most ? reasons[i] : most
            if (lines <= room)
                break
        }
        for (i = 1; i <= tests; i++) {
            if (i == room && tests > room) {
                print "and " tests - i + 1 " more"
                break
            }
            print test[i]
            for (j = 1; j <= most && j <= reasons[i]; j++)
                print reason[i, j]
        }
    }' "$PROXYIP_TALLY"
awk '/^[0-9]/ { passed += $1; failed += $2; skipped += $3 }
    END {
        if (skipped)
            printf "%d skipped\n", skipped
        printf "%d passed, %d failed\n", passed, failed
        exit failed > 0 || passed == 0
    }' "$PROXYIP_TALLY"
