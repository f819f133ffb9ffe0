#!/bin/sh
# deb.sh FOLDER VERSION
#
# Make a Debian package of what `make install DESTDIR=FOLDER/root` has put
# there; `make deb` calls this. The package's path is the last line printed.
#
# Needs dpkg-deb alone. dpkg-shlibdeps and strip are used where they are.
# $SOURCE_DATE_EPOCH is the time of every file: the same sources give the same
# package. $DEBFULLNAME and $DEBEMAIL name its maintainer.
set -eu
cd "$(dirname "$0")/../.."
folder=$(realpath "${1:?usage: deb.sh FOLDER VERSION}")
version=${2:?usage: deb.sh FOLDER VERSION}
root=$folder/root
package=libapache2-mod-proxyip
templates=conf-examples/packaging/debian
module=$(find "$root" -name mod_proxyip.so)
send=$(find "$root" -name mod_proxyip_send.so)
program=$(find "$root" -path '*/bin/proxyip-check' -type f)
epoch=${SOURCE_DATE_EPOCH:-$(
    git log -1 --format=%ct 2> /dev/null || stat -c %Y src/version.h)}
export SOURCE_DATE_EPOCH="$epoch"
maintainer="${DEBFULLNAME:-Whoever built it} <${DEBEMAIL:-root@localhost}>"

# APR's package has another name since Debian 13, and the same library: either
# will do.  Without dpkg-shlibdeps: the newest interface of libc that is asked
# for.
libraries() {
    mkdir -p "$folder/shlibdeps/debian"
    printf 'Source: %s\n\nPackage: %s\nArchitecture: any\n' \
        "$package" "$package" > "$folder/shlibdeps/debian/control"
    if ! (
        cd "$folder/shlibdeps"
        dpkg-shlibdeps -O "$module" "$send" "$program" 2> /dev/null
    ) | sed -n 's/^shlibs:Depends=//p' |
        sed -E 's/libapr1(t64)?( \([^)]*\))?/libapr1t64\2 | libapr1\2/' |
        grep .; then
        printf 'libapr1t64 | libapr1, '
        grep -aoh 'GLIBC_2\.[0-9]*' "$module" "$send" "$program" |
            sort -Vu | sed -n '$s/^GLIBC_\(.*\)/libc6 (>= \1)/p'
    fi
}

# The module API, from the headers that the module was built with; its minor
# number is asked at run time.
magic=$(find "$(${APXS:-apxs} -q INCLUDEDIR)" -name ap_mmn.h \
    -exec sed -n 's/^#define MODULE_MAGIC_NUMBER_MAJOR *//p' {} +)
depends="apache2-api-${magic:?}, apache2-bin (>= 2.4.52), $(libraries)"

if command -v strip > /dev/null; then
    strip --strip-unneeded -R .comment -R .note "$module" "$send" "$program"
fi

doc=$root/usr/share/doc/$package
mkdir -p "$doc"
cp README "$doc"
cp $templates/copyright "$doc"
cp -R conf-examples "$doc/examples"
[ ! -d docs ] || cp -R docs "$doc"
printf '%s (%s) unstable; urgency=medium\n\n  * %s\n\n -- %s  %s\n' \
    "$package" "$version" 'Built from the sources by make deb.' \
    "$maintainer" "$(LC_ALL=C date -u -R -d "@$epoch")" \
    > "$doc/changelog.Debian"
gzip -9 -n "$doc/changelog.Debian" "$root"/usr/share/man/man1/*

control=$root/DEBIAN
mkdir -p "$control"
cp $templates/postinst $templates/prerm $templates/postrm "$control"
(cd "$root" && find etc -type f | LC_ALL=C sort | sed 's,^,/,') \
    > "$control/conffiles"
(cd "$root" && find usr -type f -print0 | LC_ALL=C sort -z |
    xargs -0 md5sum) > "$control/md5sums"
size=$(find "$root/etc" "$root/usr" -type f -printf '%s\n' |
    awk '{ kib += int(($1 + 1023) / 1024) } END { print kib }')
architecture=$(dpkg --print-architecture)
sed -e "s|@VERSION@|$version|" -e "s|@ARCHITECTURE@|$architecture|" \
    -e "s|@MAINTAINER@|$maintainer|" -e "s|@INSTALLED_SIZE@|$size|" \
    -e "s#@DEPENDS@#$depends#" $templates/control.in > "$control/control"

# Neither the builder's umask nor the hour is seen in the package.
find "$root" -type d -exec chmod 0755 {} +
find "$root" -type f -exec chmod 0644 {} +
chmod 0755 "$program" "$control/postinst" "$control/prerm" "$control/postrm"
find "$root" -exec touch -h -d "@$epoch" {} +

file=$(dirname "$folder")/${package}_${version}_$architecture.deb
dpkg-deb --build --root-owner-group "$root" "$file" > /dev/null
echo "$file"
