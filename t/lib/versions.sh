#!/bin/sh
# Say which system, httpd and senders the suite meets, on one line.
set -u
cd "$(dirname "$0")/../.." || exit 1
PATH=$PATH:/usr/sbin:/usr/local/sbin

# version NAME PROGRAM ARGUMENT: the first number that the program says.
version() {
    if command -v "$2" > /dev/null; then
        printf ', %s %s' "$1" "$("$2" "$3" 2>&1 < /dev/null |
            grep -oE '[0-9]+\.[0-9]+(\.[0-9]+)*' | head -n 1)"
    else
        printf ', no %s' "$1"
    fi
}

# shellcheck disable=SC1091 # where there is such a file
[ ! -r /etc/os-release ] || . /etc/os-release
httpd=$(perl -It/lib -MProxyIP::Httpd -e 'print ProxyIP::Httpd::program()')
printf '%s' "on ${PRETTY_NAME:-$(uname -sr)}"
[ ! -r /etc/debian_version ] || printf ', %s' "$(cat /etc/debian_version)"
version httpd "$httpd" -v
version HAProxy haproxy -v
version nginx nginx -v
version Varnish varnishd -V
version Hitch hitch --version
version stunnel stunnel4 -version
version sniproxy sniproxy -V
version 'Traffic Server' traffic_server --version
version curl curl --version
version Node node --version
version Chromium chromium --version
version Prometheus promtool --version
echo
