#!/bin/sh
# packages.sh [senders] [PACKAGE ...]
#
# Install what testing needs and is missing, these packages too, or say how to;
# with `senders` also the programs that t/senders-*.t put in front of httpd, a
# browser for t/status-page.t, and promtool for t/examples-monitoring.t.  One of
# these that cannot be had is no failure: its test is skipped, and says so.
#
# Debian's packages by apt-get, as root or by a sudo that asks no password;
# otherwise the command is printed and the exit status is 1.  With APXS set
# the user brings an httpd of their own, so Debian's is not wanted.
#
# No service is started, and none that runs is touched: httpd is installed as
# apache2-bin, which has no service, and policy-rc.d forbids the rest.  Some
# would take their ports at the next boot: what comes from here is disabled.
# So is mod_perl, of whose package only Apache::Test is wanted.
set -u

packages="libc6-dev binutils perl curl haproxy nghttp2-client openssl clang
    libapache2-mod-perl2-dev libio-socket-ssl-perl libwww-perl nginx
    libnginx-mod-stream nodejs node-express"
senders=
if [ "${1:-}" = senders ]; then
    senders="hitch stunnel4 varnish sniproxy trafficserver chromium prometheus"
    shift
fi
services="nginx hitch stunnel4 varnish varnishncsa sniproxy trafficserver
    prometheus"
[ -n "${APXS:-}" ] || packages="$packages apache2-bin apache2-dev"
packages="$packages $*"

missing=
if ! command -v apt-get > /dev/null; then
    # Elsewhere the packages have other names, so look for what they hold.
    for program in cc nm perl curl haproxy nghttp openssl; do
        command -v "$program" > /dev/null || missing="$missing $program"
    done
    for module in Apache::Test IO::Socket::SSL LWP; do
        perl -M"$module" -e 1 2> /dev/null || missing="$missing $module"
    done
    [ -n "$missing" ] || exit 0
    echo "Please install:$missing" >&2
    exit 1
fi

# Those of the packages that are not installed.
not_installed() {
    for package; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" \
            2> /dev/null)" = installed ] || printf ' %s' "$package"
    done
}

# shellcheck disable=SC2086 # lists of words
{
    missing=$(not_installed $packages)
    senders=$(not_installed $senders)
}
[ -n "$missing$senders" ] || exit 0

if [ "$(id -u)" -eq 0 ]; then
    as_root="env"
elif sudo -n true 2> /dev/null; then
    as_root="sudo -n env"
else
    if [ -n "$missing" ]; then
        echo "Packages are missing. Please run this, then try again:" >&2
    else
        echo "Without these packages some tests are skipped:" >&2
    fi
    echo "  sudo apt-get update" >&2
    echo "  sudo apt-get install --no-install-recommends$missing$senders" >&2
    [ -z "$missing" ]
    exit
fi

log=$(mktemp) || exit 1
policy=/usr/sbin/policy-rc.d
ours=
clean_up() {
    rm -f "$log"
    [ -z "$ours" ] || $as_root rm -f "$policy"
}
trap clean_up EXIT
trap 'exit 1' HUP INT TERM

if [ ! -e "$policy" ]; then
    ours=yes
    printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" > /dev/null
    $as_root chmod 755 "$policy"
fi

apt() {
    $as_root DEBIAN_FRONTEND=noninteractive apt-get -q -y \
        -o DPkg::Lock::Timeout=300 "$@" < /dev/null >> "$log" 2>&1
}
install() {
    apt install --no-install-recommends "$@"
}

perl_load=/etc/apache2/mods-enabled/perl.load
had_mod_perl=$(ls "$perl_load" 2> /dev/null)
echo "Installing:$missing$senders"
# The lists of a system's image name files that may be gone: update first.
# shellcheck disable=SC2086 # lists of words
if ! { apt update && { [ -z "$missing" ] || install $missing; }; }; then
    cat "$log" >&2
    [ -z "$missing" ] || exit 1
    exit 0
fi
if [ -z "$had_mod_perl" ] && [ -e "$perl_load" ]; then
    $as_root a2dismod --quiet perl
fi
# One by one: a release of Debian may lack any of them.
for package in $senders; do
    install "$package" ||
        echo "$package cannot be had; its test is skipped." >&2
done
for service in $services; do
    case " $missing $senders " in
    *" ${service%ncsa} "*)
        $as_root update-rc.d "$service" disable > /dev/null 2>&1 || : ;;
    esac
done
