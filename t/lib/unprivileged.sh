#!/bin/sh
# unprivileged.sh [--copy] COMMAND [ARGUMENT ...]
#
# Run a command in the top folder of the source tree: in place for a user; for
# root as nobody in a copy of the tree, because Apache::Test refuses root and
# httpd's children could not read a clone under /root.  With --copy a user has
# a copy too, for a command that builds otherwise.  When the command fails in
# a copy, its t/logs is brought back.
set -u
cd "$(dirname "$0")/../.." || exit 1
top=$PWD

copies=
if [ "$1" = --copy ]; then
    copies=yes
    shift
fi
root=
[ "$(id -u)" -ne 0 ] || root=yes
[ -n "$root$copies" ] || exec "$@"

copy=$(mktemp -d /tmp/proxyip-XXXXXX) || exit 1
trap 'cd / && rm -rf "$copy"' EXIT
trap 'exit 1' HUP INT TERM

# Times are kept, so that what is built stays so.
tar -cf - --exclude=./.git --exclude=./t/run --exclude=./t/logs . |
    tar -xf - -C "$copy" || exit 1
mkdir "$copy/t/run"
chmod 755 "$copy"
if [ -n "$root" ]; then
    group=$(id -gn nobody)
    chown -R "nobody:$group" "$copy"
    set -- setpriv --reuid nobody --regid "$group" --clear-groups "$@"
fi

cd "$copy" || exit 1
HOME=$copy TMPDIR=$copy/t/run "$@"
status=$?

if [ "$status" -ne 0 ] && [ -d t/logs ]; then
    rm -rf "$top/t/logs"
    cp -R t/logs "$top/t/logs"
fi
exit "$status"
