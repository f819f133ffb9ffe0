# Each form of HAProxy's header by itself: exactly the facts that form sends.
# facts-haproxy.t has all options together, haproxy.t what checks come to.

use strict;
use warnings;

use Test::More;

use ProxyIP::Behind;
use ProxyIP::HAProxy;

my $httpd = ProxyIP::Behind->new->start;
my ($plain, $tls) = map { $httpd->port($_) } qw(plain tls);
my $folder = $httpd->root;
system('openssl req -x509 -newkey rsa:2048 -sha256 -nodes -days 2'
    . " -subj /CN=alice -keyout $folder/$_.key -out $folder/$_.pem"
    . ' 2> /dev/null') == 0 or die "openssl failed\n" for qw(alice front);
my $pem = $httpd->write_file('both.pem', join '', map {
    ProxyIP::Log->new("$folder/front.$_")->text } qw(pem key));

my $NAME = 'shop.example.org';
my %ssl = (SSL => 'on', SSL_VERSION => 'TLSv1.3', SSL_VERIFY => 'SUCCESS');
my %more = ('cert-cn' => { SSL_CN => 'alice' },
    'ssl-cipher' => { SSL_CIPHER => 'TLS_AES_128_GCM_SHA256' },
    'cert-sig' => { SSL_SIG_ALG => 'RSA-SHA256' },
    'cert-key' => { SSL_KEY_ALG => 'RSA2048' });
# Form => its facts, for a client with TLS, server name and certificate.
my @forms = (
    ['send-proxy', {}, 1],
    ['send-proxy-v2', {}],
    ['send-proxy-v2-ssl', \%ssl],
    ['send-proxy-v2-ssl-cn', { %ssl, %{ $more{'cert-cn'} } }],
    (map { ["send-proxy-v2 proxy-v2-options $_->[0]", $_->[1]] }
        [crc32c => { CRC32C => 'ok' }],
        ['unique-id' => { UNIQUE_ID => 'audit-1' }],
        [authority => { AUTHORITY => $NAME }],
        [ssl => \%ssl],
        map { [$_ => { %ssl, %{ $more{$_} } }] } sort keys %more),
);

my $config = "    unique-id-format audit-1\n";
my $ssl = "ssl crt $pem ca-file $folder/alice.pem verify optional";
my $send = '127.0.0.1:%d source 127.0.0.9';
for my $i (0 .. $#forms) {
    $config .= sprintf <<"EOC", $plain, $forms[$i][0];
listen form$i
    bind 127.0.0.1:\@port:form$i\@ $ssl
    server s $send %s
EOC
}
for my $version (1, 2) {
    my $form = $version == 1 ? 'send-proxy' : 'send-proxy-v2';
    # The second address is that of IPv4 clients on a dual-stack socket.
    $config .= sprintf <<"EOC", map { ($_, $form) } ($plain) x 3;
listen six$version
    bind ::1:\@port:six$version\@
    server s $send %s
listen mapped$version
    bind ::ffff:127.0.0.1:\@port:mapped$version\@ v4v6
    server s $send %s
listen http$version
    mode http
    http-reuse always
    option http-keep-alive
    timeout http-request 10s
    bind 127.0.0.1:\@port:http$version\@
    server s $send %s
EOC
    $config .= sprintf <<"EOC", $plain, $form;
listen checks$version
    bind 127.0.0.1:\@port:checks$version\@
    option httpchk GET /checks$version
    server s $send %s check inter 200ms
EOC
}
my $haproxy = ProxyIP::HAProxy->new(config => $config)->start;

my @client = ('--tls13-ciphers', 'TLS_AES_128_GCM_SHA256', '--cert',
    "$folder/alice.pem", '--key', "$folder/alice.key");
for my $i (0 .. $#forms) {
    my ($form, $facts, $version) = @{ $forms[$i] };
    my $port = $haproxy->port("form$i");
    $httpd->arrives($form, "https://$NAME:$port",
        curl => ['--resolve', "$NAME:$port:127.0.0.1", @client],
        want => { VERSION => $version // 2, SERVER_PORT => $port, %$facts });
}

for my $version (1, 2) {
    my %want = (VERSION => $version);
    my $port = $haproxy->port("six$version");
    $httpd->arrives("v$version, IPv6", "http://[::1]:$port", client => '::1',
        want => { %want, TRANSPORT => 'TCP6', SERVER_ADDR => '::1',
                  SERVER_PORT => $port });
    # ::ffff:127.0.0.77 in the header: IPv4 all the same.
    $port = $haproxy->port("mapped$version");
    $httpd->arrives("v$version, dual-stack socket", "http://127.0.0.1:$port",
        want => { %want, TRANSPORT => 'TCP6', SERVER_PORT => $port });
    # In HTTP mode connections to httpd are kept: each for its own client.
    $port = $haproxy->port("http$version");
    for my $client ('127.0.0.77', '127.0.0.78', '127.0.0.77') {
        $httpd->arrives("v$version, HTTP mode, $client",
            "http://127.0.0.1:$port", client => $client,
            want => { %want, SERVER_PORT => $port });
    }
}

# Checks: version 2 says LOCAL; version 1 names the check's own socket.  Either
# way the client is HAProxy.
ok($httpd->error_log->wait_for(qr/PIP0041: v2 PROXY header, LOCAL\b/, 5),
    'v2: a check is LOCAL');
ok($httpd->error_log->wait_for(qr/PIP0042:\ v1\ PROXY\ header\ of\ client
    \ (127\.0\.0\.9:\d+),\ who\ dialled\ 127\.0\.0\.1:$plain;\ peer\ \1\ /x, 5),
    'v1: a check names its own socket');
like($httpd->access_log->wait_for(qr{ /checks$_ }, 5) // '',
    qr/^client=127\.0\.0\.9 conn=127\.0\.0\.9 /,
    "v$_: the check's client is HAProxy") for 1, 2;

done_testing;
