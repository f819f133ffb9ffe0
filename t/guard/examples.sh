#!/bin/sh
# What directives.sh does not look at in conf-examples: its README, and the
# pieces that are not httpd's own.
. "$(dirname "$0")/../lib/guard.sh"
need conf-examples/README conf-examples/haproxy.cfg \
    conf-examples/kubernetes/deployment.yaml conf-examples/kubernetes/README \
    conf-examples/docker-compose/compose.yaml .libs/mod_proxyip.so
cd conf-examples || exit 1

# Of packaging t/packages.t makes use.
pieces=$(find . -path ./packaging -prune -o -path './*/*' -type f -print)

# A folder's own files are named by the one that README names; that its links
# lead somewhere, pages.sh says.
none "each file is in README" "$(
    for file in *; do
        case $file in
        README | README.md) ;;
        *) grep -qE "\]\(${file}[/)]" README || echo "$file" ;;
        esac
    done)"
none "the files name none that is not there" "$(
    # Other people's files have such names too: these are known.
    # shellcheck disable=SC2086 # a list of files
    grep -noE '\b[a-z0-9]+(-[a-z0-9]+)+\.conf\b' ./*.conf $pieces |
    grep -v ':000-default\.conf$' | while IFS=: read -r file line name; do
        [ -e "$name" ] || echo "$file:$line: $name"
    done)"
none "each opens with what it is for, and says what the other side needs" "$(
    for file in ./*.conf; do
        head -n 1 "$file" | grep -q '^# [A-Za-z]' &&
            sed '/^#/!q' "$file" | grep -q '^# The other side' ||
            echo "$file"
    done)"
# shellcheck disable=SC2086 # a list of files
none "80 columns, no tab, no blank at an end" "$(
    grep -nE "$(printf '\t')| \$" ./*.conf $pieces
    awk 'length > 80 && !/^ *server |^    [a-z.]*\/[a-z-]*: / {
        print FILENAME ":" FNR ": " length }' ./*.* $pieces)"

root=$(mktemp -d) || exit 1
trap 'rm -rf "$root"' EXIT
mkdir "$root/logs" "$root/htdocs"
tls=$(perl -I../t/lib -MProxyIP::Httpd -e 'print ProxyIP::Httpd::tls()')
cat "$tls/server.pem" "$tls/server.key" > "$root/both.pem"

# httpd_takes FILE: httpd -t says yes; Debian's variable is set.
httpd_takes() {
    {
        perl -I../t/lib -MProxyIP::Httpd -e '
            print ProxyIP::Httpd::load_modules("event");
            print ProxyIP::Httpd::load_proxyip()'
        printf '%s\n' "ServerRoot $root" 'ServerName localhost' \
            "DefaultRuntimeDir $root"
        [ "$(id -u)" -ne 0 ] || echo 'User nobody'
        sed "s,DocumentRoot .*,DocumentRoot $root/htdocs," "$1"
    } > "$root/httpd.conf"
    APACHE_LOG_DIR=$root/logs "$(perl -I../t/lib -MProxyIP::Httpd -e '
        print ProxyIP::Httpd::program()')" -t -f "$root/httpd.conf"
}
must "docker-compose/httpd.conf passes httpd -t" \
    httpd_takes docker-compose/httpd.conf
sed '/^LoadModule/d' packaging/docker.conf > "$root/image.conf"
export LB_RANGES='10.0.0.0/24, 10.0.1.0/24'
must "packaging/docker.conf passes httpd -t" httpd_takes "$root/image.conf"
sed -n '/^  000-default.conf: |/,/^[^ ]/s/^    //p' kubernetes/deployment.yaml \
    > "$root/pod.conf"
grep -q ProxyIPPeer "$root/pod.conf"
ok $? "the configuration in kubernetes/deployment.yaml was found"
must "it passes httpd -t" httpd_takes "$root/pod.conf"

# haproxy_takes FILE: with a certificate of ours in place of others.
haproxy_takes() {
    sed -E "s,( crt| ca-file) [^ ]+,\1 $root/both.pem," "$1" > "$root/h.cfg"
    haproxy -c -f "$root/h.cfg"
}
for file in haproxy.cfg docker-compose/haproxy.cfg; do
    must "$file passes haproxy -c" haproxy_takes "$file"
done

# parses FILE: as YAML, by what there is to parse it.
parses() {
    python3 -c 'import sys, yaml
assert all(list(yaml.safe_load_all(open(sys.argv[1]))))' "$1"
}
for file in ./*/*.yaml; do
    if python3 -c 'import yaml' 2> /dev/null; then
        must "$file is YAML" parses "$file"
    else
        ok 0 "$file is YAML # SKIP no Python with yaml"
    fi
done
finish
