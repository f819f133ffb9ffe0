#!/bin/sh
# trixie.sh [VARIABLE=VALUE ...]
#
# Run `make test` with these variables on Debian 13 (trixie), whatever this
# machine is: in the folder t/run/trixie, which mmdebstrap makes of Debian's
# packages the first time, from $MIRROR or Debian's own.  What testing needs is
# installed there by t/lib/packages.sh, so it takes minutes, and 2 GB.
#
# For root: the folder is made the root of a mount namespace.  (In a mere
# chroot the kernel allows no user namespace, which t/packages.t wants.)
set -eu
cd "$(dirname "$0")/../.."
root=$PWD/t/run/trixie

if [ "$(id -u)" -ne 0 ]; then
    echo "make test-trixie is for root: it mounts, and changes its root" >&2
    exit 1
fi
if [ ! -e "$root/complete" ]; then
    command -v mmdebstrap > /dev/null || t/lib/packages.sh mmdebstrap
    rm -rf "$root"
    mkdir -p "$root"
    chmod 755 "$root"
    echo "making a Debian 13 in t/run/trixie"
    # shellcheck disable=SC2086 # a mirror, or none
    mmdebstrap --quiet --mode=root --variant=apt --include=make,mount \
        trixie "$root" ${MIRROR:-}
    touch "$root/complete"
fi
cp /etc/resolv.conf "$root/etc/resolv.conf"

# A fresh copy of the tree, but for what was fetched there before.
rm -rf "$root/new"
mkdir "$root/new"
tar -cf - --exclude=./.git --exclude=./t/run --exclude=./t/logs \
    --exclude=./t/neighbours --exclude=.libs --exclude='*.o' \
    --exclude='*.lo' --exclude='*.slo' --exclude='*.bin' . |
    tar -xf - -C "$root/new"
[ ! -d "$root/tree/t/neighbours" ] ||
    mv "$root/tree/t/neighbours" "$root/new/t/neighbours"
rm -rf "$root/tree"
mv "$root/new" "$root/tree"

# shellcheck disable=SC2016 # for the shell within
exec unshare --mount --pid --fork sh -euc '
    cd "$1"
    shift
    mount --make-rprivate /
    mount --bind . .
    cd "$PWD"
    mount --rbind /dev dev
    mount -t proc proc proc
    mount -t tmpfs tmpfs tmp
    chmod 1777 tmp
    mkdir -p old
    pivot_root . old
    cd /
    umount -l /old
    exec env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 \
        make -C /tree --no-print-directory test "$@"
' sh "$root" "$@"
