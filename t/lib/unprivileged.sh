#!/bin/sh
# unprivileged.sh COMMAND [ARGUMENT ...]
#
# Run a command in the top folder of the source tree: in place for a user; for
# root as nobody in a copy of the tree, because Apache::Test refuses root and
# httpd's children could not read a clone under /root.  When the command fails
# there, its t/logs is brought back.
set -u
cd "$(dirname "$0")/../.." || exit 1
top=$PWD

[ "$(id -u)" -eq 0 ] || exec "$@"

copy=$(mktemp -d /tmp/proxyip-XXXXXX) || exit 1
trap 'cd / && rm -rf "$copy"' EXIT
trap 'exit 1' HUP INT TERM

# Times are kept, so that what is built stays so.
tar -cf - --exclude=./.git --exclude=./t/run --exclude=./t/logs . |
    tar -xf - -C "$copy" || exit 1
mkdir "$copy/t/run"
chmod 755 "$copy"
group=$(id -gn nobody)
chown -R "nobody:$group" "$copy"

cd "$copy" || exit 1
HOME=$copy TMPDIR=$copy/t/run setpriv --reuid nobody --regid "$group" \
    --clear-groups "$@"
status=$?

if [ "$status" -ne 0 ] && [ -d t/logs ]; then
    rm -rf "$top/t/logs"
    cp -R t/logs "$top/t/logs"
fi
exit "$status"
