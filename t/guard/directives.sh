#!/bin/sh
# The directives of the code, of docs/directives.md and of conf-examples are the
# same, and httpd takes each example.
#
# An example may name modules it needs on a line like this:
#   # needs: proxy_balancer lbmethod_byrequests
. "$(dirname "$0")/../lib/guard.sh"
need src/settings/proxyip_conf.c src/send/proxyip_send_conf.c \
    docs/directives.md README .libs/mod_proxyip.so .libs/mod_proxyip_send.so

directives=$(cat src/settings/proxyip_conf.c src/send/proxyip_send_conf.c |
    tr '\n' ' ' |
    grep -oE 'AP_INIT_[A-Z0-9_]+\( *"[A-Za-z0-9]+"' | sed 's/.*"\(.*\)"/\1/')
[ -n "$directives" ]
ok $? "directives were found"
# entry DIRECTIVE: what stands under its heading.
entry() {
    sed -n "/^### $1\$/,/^##/{//!p}" docs/directives.md
}
none "each has an entry in httpd's form" "$(
    for directive in $directives; do
        for field in Description Syntax Default Context Compatibility; do
            entry "$directive" | grep -qE "^    $field: +[^ ]" ||
                echo "$directive: $field"
        done
        entry "$directive" | grep -qE "^    Syntax: +$directive " ||
            echo "$directive: another's syntax"
        entry "$directive" | grep -qE "^    Default: +($directive |none\b)" ||
            echo "$directive: another's default"
        grep -qF "[$directive](#$(echo "$directive" |
            tr '[:upper:]' '[:lower:]'))" docs/directives.md ||
            echo "$directive: not in the list"
    done)"
none "the manual names no other" "$(
    grep -ohE '\bProxyIP[A-Z][A-Za-z0-9]*' README docs/*.md | sort -u |
    while read -r name; do
        echo "$directives" | grep -qx "$name" ||
            grep -qE "\"(ProxyIP)?${name#ProxyIP}[][\":]" src/*.c src/*/*.c ||
                echo "$name"
    done)"
none "each is in an example" "$(
    for directive in $directives; do
        grep -qE "^ *<?$directive( |$)" conf-examples/*.conf ||
            echo "$directive"
    done)"

root=$(mktemp -d) || exit 1
trap 'rm -rf "$root"' EXIT
mkdir "$root/logs" "$root/htdocs"
echo '192.0.2.0/24' > "$root/peers"
tls=$(perl -It/lib -MProxyIP::Httpd -e 'print ProxyIP::Httpd::tls()')

# accepted EXAMPLE [FLAG ...]: httpd -t says yes.  Files of the machine where an
# example would be used are replaced by ours.
accepted() {
    modules=$(sed -n 's/^# *needs: *//p' "$1")
    {
        # shellcheck disable=SC2086 # a list of words
        perl -It/lib -MProxyIP::Httpd -e '
            print ProxyIP::Httpd::load_modules("event", @ARGV);
            print ProxyIP::Httpd::load_proxyip()' $modules
        perl -It/lib -MProxyIP::Httpd -e '
            undef $/; print ProxyIP::Httpd::load_send(<>)' "$1"
        printf '%s\n' "ServerRoot $root" 'ServerName localhost' \
            "DefaultRuntimeDir $root" "DocumentRoot $root/htdocs"
        [ "$(id -u)" -ne 0 ] || echo 'User nobody'
        sed -E -e "s,(SSL[A-Za-z]*CertificateKeyFile) .*,\1 $tls/server.key," \
            -e "s,(SSL[A-Za-z]*CertificateFile) .*,\1 $tls/server.pem," \
            -e "s,(SSL[A-Za-z]*ChainFile) .*,\1 $tls/server.pem," \
            -e "s,(ProxyIPPeerList +[a-z]+) .*,\1 $root/peers," \
            -e "s,(DocumentRoot) .*,\1 $root/htdocs," "$1"
    } > "$root/httpd.conf"
    shift
    "$(perl -It/lib -MProxyIP::Httpd -e 'print ProxyIP::Httpd::program()')" \
        -t -f "$root/httpd.conf" "$@"
}
# lacking EXAMPLE: the modules it needs that are not there; an httpd of one's
# own need not have them all.
lacking() {
    # shellcheck disable=SC2013 # words
    for module in $(sed -n 's/^# *needs: *//p' "$1"); do
        [ -e "$folder/mod_$module.so" ] || echo "mod_$module"
    done
}
folder=$(perl -It/lib -MProxyIP::Httpd -e '
    print ProxyIP::Httpd::query("LIBEXECDIR")')
for example in conf-examples/*.conf; do
    need "$example"
    lacks=$(lacking "$example" | tr '\n' ' ')
    if [ -n "$lacks" ]; then
        ok 0 "$example # SKIP no $lacks"
    else
        must "$example passes httpd -t" accepted "$example"
    fi
done

defaults=$(accepted conf-examples/minimal.conf -D DUMP_PROXYIP 2>&1 |
    sed -nE 's/^ +(ProxyIP[A-Za-z]+) +(.*) \(default\)$/\1 \2/p')
[ -n "$defaults" ]
ok $? "defaults were found"
none "the manual's defaults are the server's" "$(
    echo "$defaults" | while read -r setting; do
        entry "${setting%% *}" | grep -qxE "    Default: +$setting" ||
            echo "$setting"
    done)"
finish
