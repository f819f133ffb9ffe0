#!/bin/sh
# instrumented.sh asan|tsan|memcheck [TEST ...]
#
# Run the tests as run.sh does, with every httpd and proxyip-check that they
# start
#
#   asan      built with the address and undefined behaviour sanitizers
#   tsan      built with the thread sanitizer: the module alone, because
#             proxyip-check has one thread
#   memcheck  under valgrind's memcheck
#
# and fail when any of them, its children included, is reported on.  Programs
# that are not ours (HAProxy, CGI programs, perl ...) run as they are.  Changes
# the build: to be run in a copy of the tree (unprivileged.sh --copy).
#
# Reports go to a file of each process, so that none depends on what a test
# looks at, and are printed at the end.
#
# All build the module with t/fuzz/exact.c, because a pool's blocks are pieces of
# larger ones, in which none sees a byte too far, and because event gives pools
# from thread to thread in ways that the thread sanitizer does not see.  None
# looks for leaks in httpd: what the module has is from pools, but for the lobby's
# waiters, and what httpd, OpenSSL and perl keep to their end is theirs.  What
# grows is watched by t/memory.t.
set -u
cd "$(dirname "$0")/../.." || exit 1
tool=$1
shift
reports=$PWD/t/run/reports
starts=$PWD/t/run/starts
: "${APXS:=$(command -v apxs || command -v apxs2)}"
httpd=$("$APXS" -q SBINDIR)/$("$APXS" -q PROGNAME)
check=$PWD/.libs/proxyip-check
mkdir -p t/run "$reports"
: > "$starts"

# APR's ring macros: see t/fuzz/build.sh.  Frames, so that reports tell whence.
sanitize="-g -O1 -fno-omit-frame-pointer -fsanitize=address,undefined"
# Undefined behaviour is a trap, of which the address sanitizer reports: gcc's
# other runtime, beside that one, writes to no file of its own.
sanitize="$sanitize -fsanitize-undefined-trap-on-error"
sanitize="$sanitize -fno-sanitize=null,object-size"
exact="-I$PWD/t/fuzz -include exact.h"

# build FLAGS: the modules with exact.c, and the program.
build() {
    log=t/run/build.log
    if ! { env -u MAKEFLAGS -u MFLAGS make APXS="$APXS" proxyip-check \
        CFLAGS_EXTRA="$1" && env -u MAKEFLAGS -u MFLAGS make APXS="$APXS" \
        CFLAGS_EXTRA="$1 $exact" EXACT=t/fuzz/exact.c .libs/mod_proxyip.so \
        .libs/mod_proxyip_send.so
    } > "$log" 2>&1; then
        cat "$log"
        exit 1
    fi
}

# wrapper NAME PROGRAM PREFIX...: t/run/NAME becomes a program that runs
# PROGRAM behind a prefix, and notes its process id.  $preload is loaded into
# it before what a test has loaded (ProxyIP::Shim).
preload=
wrapper() {
    name=$1
    program=$2
    shift 2
    {
        echo '#!/bin/sh'
        echo "echo \$\$ >> '$starts'"
        # shellcheck disable=SC2016 # the program's own variable
        [ -z "$preload" ] || printf 'export LD_PRELOAD="%s%s"\n' "$preload" \
            '${LD_PRELOAD:+:$LD_PRELOAD}'
        printf 'exec'
        printf " '%s'" "$@" "$program"
        echo ' "$@"'
    } > "t/run/$name"
    chmod 755 "t/run/$name"
}

asan() {
    build "$sanitize"
    if ! nm -D .libs/mod_proxyip.so | grep -q __asan_report; then
        echo "the module was built without its sanitizers" >&2
        exit 1
    fi
    # The runtime must come before all else in httpd too; a CGI program does
    # not get httpd's environment.
    preload=$(gcc -print-file-name=libasan.so)
    # handle_sigill: httpd has a handler of its own.
    options="abort_on_error=1:handle_sigill=2:log_path=$reports/asan"
    wrapper httpd "$httpd" env "ASAN_OPTIONS=$options:detect_leaks=0"
    preload=
    wrapper proxyip-check "$check" env "ASAN_OPTIONS=$options"
    : "${PROXYIP_PATIENCE:=3}"
}

# httpd, APR and libc are as they are: their locks are seen, their own data is
# not looked at.
tsan() {
    build "-g -O1 -fno-omit-frame-pointer -fsanitize=thread"
    if ! nm -D .libs/mod_proxyip.so | grep -q __tsan_func_entry; then
        echo "the module was built without its sanitizer" >&2
        exit 1
    fi
    preload=$(gcc -print-file-name=libtsan.so)
    options="log_path=$reports/tsan:exitcode=0:report_thread_leaks=0"
    options="$options:ignore_noninstrumented_modules=1"
    options="$options:suppressions=$PWD/t/lib/tsan.supp"
    wrapper httpd "$httpd" env "TSAN_OPTIONS=$options"
    preload=
    PROXYIP_CHECK=$check
    : "${PROXYIP_PATIENCE:=4}"
}

memcheck() {
    build "-g -O1 -fno-omit-frame-pointer -DEXACT_IS_UNDEFINED"
    # A process that has nothing to report leaves an empty file.
    set -- valgrind -q --tool=memcheck --fair-sched=try --num-callers=30 \
        "--suppressions=$PWD/t/lib/memcheck.supp" --gen-suppressions=all \
        "--log-file=$reports/memcheck.%p"
    wrapper httpd "$httpd" "$@"
    # Programs of our own have nothing left over at their end either.
    set -- "$@" --leak-check=full --error-exitcode=99
    wrapper proxyip-check "$check" "$@"
    # That blocks are undefined is what is wanted.
    SANITIZE="-DEXACT_IS_UNDEFINED -Wno-maybe-uninitialized"
    PROXYIP_UNDER="$*"
    export SANITIZE PROXYIP_UNDER
    : "${PROXYIP_PATIENCE:=10}"
}

# Tests that are left out, unless they are named, and why.
#
# memory.t measures the resident memory of httpd's children, which is that of
# the tool then; what of faults-memory.t limits memory leaves itself out.
# packages.t builds a module of its own, for Debian's own httpd.
# faults-descriptors.t leaves httpd few descriptors: valgrind has some itself,
# and who is late for the last ones is not counted as the test would have it.
PROXYIP_LEAVE_OUT="t/memory.t t/packages.t"
[ "$tool" != memcheck ] ||
    PROXYIP_LEAVE_OUT="$PROXYIP_LEAVE_OUT t/faults-descriptors.t"
export PROXYIP_LEAVE_OUT

case $tool in
asan) asan ;;
tsan) tsan ;;
memcheck) memcheck ;;
*)
    echo "usage: instrumented.sh asan|tsan|memcheck [TEST ...]" >&2
    exit 1
    ;;
esac
PROXYIP_HTTPD=$PWD/t/run/httpd
: "${PROXYIP_CHECK:=$PWD/t/run/proxyip-check}"
APACHE_TEST_STARTUP_TIMEOUT=$((60 * PROXYIP_PATIENCE))
export PROXYIP_HTTPD PROXYIP_CHECK PROXYIP_PATIENCE APACHE_TEST_STARTUP_TIMEOUT

t/lib/run.sh "$@"
status=$?

# Apache::Test does not wait for its httpd's end.
for _ in $(seq 60); do
    running=
    while read -r pid; do
        ! kill -0 "$pid" 2> /dev/null || running=$pid
    done < "$starts"
    [ -n "$running" ] || break
    sleep 1
done

found=$(find "$reports" -type f -size +0 | sort)
for report in $found; do
    echo
    echo "=== $report"
    cat "$report"
done
echo "$tool: $(echo "$found" | grep -c .) reports on" \
    "$(wc -l < "$starts") starts of httpd and proxyip-check"
[ -z "$found" ] || status=1
# Valgrind makes a file for each process, most of them empty.
if [ "$tool" = memcheck ] && [ -s "$starts" ] && [ -z "$(ls "$reports")" ]; then
    echo "memcheck: no process has run under valgrind" >&2
    status=1
fi
exit "$status"
