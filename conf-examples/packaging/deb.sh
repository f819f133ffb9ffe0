#!/bin/sh
# deb.sh FOLDER REVISION
#
# Build the Debian package of the sources here, by dpkg-buildpackage in FOLDER,
# which is made anew, and put it beside FOLDER, in the place of older ones;
# `make deb` calls this.  The package's path is the last line printed.
#
# What this adds to packaging/debian: its changelog, from CHANGES; the
# maintainer, $DEBFULLNAME and $DEBEMAIL, else whoever is logged in (dch has
# the same); the Homepage, $DEB_HOMEPAGE, else where the clone came from, if a
# browser can go there.
#
# $SOURCE_DATE_EPOCH is the time of the package, else that of the last commit:
# the same sources give the same package.
set -eu
cd "$(dirname "$0")/../.."
folder=${1:?usage: deb.sh FOLDER REVISION}
revision=${2:?usage: deb.sh FOLDER REVISION}
package=libapache2-mod-proxyip
version=$(sed -n 's/^.define PROXYIP_VERSION "\(.*\)"/\1/p' src/version.h)
epoch=${SOURCE_DATE_EPOCH:-$(
    git log -1 --format=%ct 2> /dev/null || stat -c %Y src/version.h)}
name=${DEBFULLNAME:-$(getent passwd "$(id -u)" | cut -d : -f 5 | cut -d , -f 1)}
email=${DEBEMAIL:-$(id -un)@$(cat /etc/mailname 2> /dev/null ||
    hostname -f 2> /dev/null || hostname)}
maintainer="${name:-$(id -un)} <$email>"
# Without a password that it may hold.
homepage=${DEB_HOMEPAGE:-$(git remote get-url origin 2> /dev/null |
    sed -nE 's,^(https?://)([^/@]*@)?(.*[^/])/*$,\1\3,p' | sed 's,\.git$,,')}

command -v dpkg-buildpackage > /dev/null || {
    echo "Please install: build-essential apache2-dev" >&2
    exit 1
}

rm -rf "$folder" "$(dirname "$folder")/${package}_"*.deb
source=$folder/$package-$version
mkdir -p "$source"
cp -R CHANGES LICENSE Makefile README conf-examples docs mod_proxyip.c \
    mod_proxyip.h src "$source"
cp -R conf-examples/packaging/debian "$source"
cd "$source"

literally() {
    printf '%s' "$1" | sed 's/[\\&|]/\\&/g'
}
sed -e "s|@MAINTAINER@|$(literally "$maintainer")|" \
    -e "s|@HOMEPAGE@|$(literally "$homepage")|" -e '/^Homepage: $/d' \
    debian/control.in > debian/control
rm debian/control.in

awk -v version="$version" '
    /^Changes with / { here = $4 == version; next }
    here && (NF || said) {
        sub(/^  \*\)/, "  *")
        sub(/^     /, "    ")
        print
        said = 1
    }
    END { exit !said }' CHANGES > debian/changes || {
    echo "CHANGES has nothing about version $version" >&2
    exit 1
}
{
    printf '%s (%s-%s) unstable; urgency=medium\n\n' \
        "$package" "$version" "$revision"
    cat -s debian/changes
    printf '\n -- %s  %s\n' "$maintainer" "$(LC_ALL=C date -u -R -d "@$epoch")"
} | cat -s > debian/changelog
rm debian/changes

SOURCE_DATE_EPOCH=$epoch dpkg-buildpackage -b -us -uc
cd ../..
cp -p "$OLDPWD/../${package}_$version-${revision}_"*.deb .
ls "$PWD/${package}_$version-${revision}_"*.deb
