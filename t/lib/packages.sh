#!/bin/sh
# Install what testing needs and is missing, or say how to.
#
# Debian's packages by apt-get, as root or by a sudo that asks no password;
# otherwise the command is printed and the exit status is 1.  With APXS set
# the user brings an httpd of their own, so Debian's is not wanted.
#
# No service is started, and none that runs is touched: httpd is installed as
# apache2-bin, which has no service, and policy-rc.d forbids the rest.  nginx
# would take port 80 at the next boot: one that comes from here is disabled.
set -u

packages="libc6-dev binutils perl curl haproxy nghttp2-client openssl clang
    libapache2-mod-perl2-dev libio-socket-ssl-perl libwww-perl nginx
    libnginx-mod-stream nodejs node-express"
[ -n "${APXS:-}" ] || packages="$packages apache2-bin apache2-dev"

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

for package in $packages; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2> /dev/null)" \
        = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -eq 0 ]; then
    as_root="env"
elif sudo -n true 2> /dev/null; then
    as_root="sudo -n env"
else
    echo "Packages are missing. Please run this, then try again:" >&2
    echo "  sudo apt-get update" >&2
    echo "  sudo apt-get install --no-install-recommends$missing" >&2
    exit 1
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
echo "Installing:$missing"
# The lists of a system's image name files that may be gone: update first.
# shellcheck disable=SC2086 # a list of words
if ! { apt update && apt install --no-install-recommends $missing; }; then
    cat "$log" >&2
    exit 1
fi
case " $missing " in
*" nginx "*) $as_root update-rc.d nginx disable > /dev/null 2>&1 || : ;;
esac
