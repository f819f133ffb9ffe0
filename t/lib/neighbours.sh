#!/bin/sh
# Unpack other people's modules that the suite meets into t/neighbours, and
# fetch the package with Debian's a2enmod, apache2.deb.
#
# Not installed: Debian would enable them for the system's own httpd too, and
# start that. Where they cannot be had their tests are skipped, and say so.
set -u
cd "$(dirname "$0")/../.." || exit 1
place=$PWD/t/neighbours

# The modules; mod_qos's older PCRE; what mod_security wants and httpd does not
# bring.  Debian 12 and 13 have not the same of these.
packages="libapache2-mod-qos libpcre3 libapache2-mod-evasive
    libapache2-mod-security2 libcurl3-gnutls libcurl3t64-gnutls liblua5.1-0
    libyajl2"

# Named after the list, so that a longer one is fetched anew.
complete=$place/complete-$(echo "$packages" | cksum | cut -d ' ' -f 1)
[ ! -e "$complete" ] || [ ! -e "$place/apache2.deb" ] || exit 0
command -v apt-get > /dev/null && command -v dpkg-deb > /dev/null || exit 0

work=$(mktemp -d) || exit 1
trap 'cd / && rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
cd "$work" || exit 1
fetch() {
    rm -f ./*.deb
    apt-get -q download "$1" > log 2>&1 || {
        echo "$1 cannot be had; tests with it are skipped:" >&2
        cat log >&2
        return 1
    }
}
is_known() {
    apt-cache show "$1" > /dev/null 2>&1
}
mkdir -p "$place" || exit 1
[ -e "$place/apache2.deb" ] || ! fetch apache2 ||
    cp apache2_*.deb "$place/apache2.deb" || exit 1
for package in $packages; do
    is_known "$package" || ! is_known apache2 || continue
    fetch "$package" || exit 0
    dpkg-deb -x "$package"_*.deb "$place" || exit 1
done
touch "$complete"
