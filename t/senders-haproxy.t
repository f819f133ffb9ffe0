# Each form of HAProxy's header by itself: exactly the facts that form sends.
# facts-haproxy.t has all options together, haproxy.t what checks come to.

use strict;
use warnings;

use Test::More;

use ProxyIP::Behind;
use ProxyIP::Client;
use ProxyIP::HAProxy;
use ProxyIP::Header qw(v1 v2 tlv ssl_tlv CLIENT);

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
# A hop of its own in front, by a socket of the file system and by an abstract
# one; and clients that come by such a socket, who have no address.
my %socket = (unix => "unix\@$folder/front.sock",
    abns => "abns\@proxyip-$$");
for my $kind (sort keys %socket) {
    $config .= sprintf <<"EOC", $plain;
listen to_$kind
    bind 127.0.0.1:\@port:to_$kind\@
    server s $socket{$kind} send-proxy-v2
listen behind_$kind
    bind $socket{$kind} accept-proxy
    server s $send send-proxy-v2
EOC
    for my $version (1, 2) {
        my $form = $version == 1 ? 'send-proxy' : 'send-proxy-v2';
        $config .= sprintf <<"EOC", $plain, $form;
listen by_$kind$version
    bind $socket{$kind}.$version
    server s $send %s
EOC
    }
}
# TLVs by a format, since 2.9; behind the name what the server line has.
my $JA4 = 't13d1516h2_8daaf6152771_b186095e22b6';
my $FMT = 'set-proxy-v2-tlv-fmt';
my %formats = (
    ja4 => "$FMT(0xE5) %[str($JA4)] $FMT(0xE2)",
    manual => "$FMT(0x20) %[fc_pp_tlv(0x20)]",
    both => "proxy-v2-options ssl,crc32c $FMT(0x20) %[fc_pp_tlv(0x20)]",
    clouds => "$FMT(0xEA) %[fc_pp_tlv(0xEA)] $FMT(0xE0) %[fc_pp_tlv(0xE0)]"
        . " $FMT(0x02) %[fc_pp_authority] $FMT(0x05) %[fc_pp_unique_id]",
);
my $has_formats = ProxyIP::HAProxy->is_at_least('2.9');
if ($has_formats) {
    $config .= <<"EOC" for sort keys %formats;
listen format_$_
    bind 127.0.0.1:\@port:format_$_\@ accept-proxy
    server s 127.0.0.1:$plain source 127.0.0.9 send-proxy-v2 $formats{$_}
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

for my $kind (sort keys %socket) {
    my $port = $haproxy->port("to_$kind");
    $httpd->arrives("by a hop on $kind", "http://127.0.0.1:$port",
        want => { VERSION => 2, SERVER_PORT => $port });
    for my $version (1, 2) {
        my $name = "a client on $kind, v$version";
        my $path = "$socket{$kind}.$version" =~ s/^unix\@//r
            =~ s/^abns\@/\0/r;
        my $client = ProxyIP::Client->new(unix => $path);
        my $saw = $client->variables($client->get('/cgi/environment'));
        is($saw->{REMOTE_ADDR}, '127.0.0.9', "$name: it is HAProxy's own");
        is_deeply({ map { /^PROXYIP_(?!PEER_PORT)(.*)/ ? ($1 => $saw->{$_})
            : () } keys %$saw }, { PEER_ADDR => '127.0.0.9',
            VERSION => $version, $version == 1 ? (COMMAND => 'PROXY',
                TRANSPORT => 'UNKNOWN') : (COMMAND => 'LOCAL') },
            "$name: facts");
    }
}

# A balancer's header goes in, and HAProxy's comes out.
SKIP: {
    skip 'this HAProxy has no set-proxy-v2-tlv-fmt', 24 if !$has_formats;
    my @right = (ssl_tlv(client => 7, subs => [tlv(0x21 => 'TLSv1.3'),
        tlv(0x22 => 'alice')]));
    my @clouds = (tlv(0xEA => "\1vpce-1"), tlv(0xE0 => pack 'Q>', 1234),
        tlv(0x02 => $NAME), tlv(0x05 => 'audit-1'));
    # [format, what is in front, facts, bytes of the SSL TLV in PIP0055]
    for my $case (
        ['ja4', v1(), { TLV_E5_TEXT => $JA4, TLV_E5 => unpack 'H*', $JA4 }],
        # HAProxy's issue 3489: a value ends at its first NUL.
        ['manual', v2(tlvs => \@right), {}, 1],
        ['manual', v2(), {}, 0], ['manual', v1(), {}, 0],
        ['both', v2(tlvs => \@right), { CRC32C => 'ok' }, 1],
        ['clouds', v2(tlvs => \@clouds), { AWS_VPCE_ID => 'vpce-1',
            AUTHORITY => $NAME, UNIQUE_ID => 'audit-1' }],
    ) {
        my ($format, $header, $facts, $bytes) = @$case;
        my $name = "$FMT, $format, " . ($header =~ /^PROXY/ ? 'v1' : 'v2')
            . ' of ' . length($header) . ' bytes in front';
        my $log = ProxyIP::Log->new($httpd->error_log->path)->mark;
        my $client = ProxyIP::Client->new(from => '127.0.0.77',
            port => $haproxy->port("format_$format"))->send($header);
        my $saw = $client->variables($client->get('/cgi/environment'));
        is($saw->{REMOTE_ADDR}, CLIENT, "$name: REMOTE_ADDR");
        $httpd->same_facts($name, $saw, { '' => 'on', VERSION => 2,
            COMMAND => 'PROXY', TRANSPORT => 'TCP4',
            PEER_ADDR => '127.0.0.9', CLIENT_ADDR => CLIENT,
            CLIENT_PORT => 4711, SERVER_ADDR => '198.51.100.80',
            SERVER_PORT => 443, %$facts }, 4711);
        like(join("\n", $log->lines(qr/PIP0055/)), defined $bytes
            ? qr/^[^\n]* $bytes bytes[^\n]* issue 3489[^\n]*$/ : qr/^$/,
            "$name: what is said of its SSL TLV");
    }
}

done_testing;
