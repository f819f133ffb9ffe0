# What the load balancer knows, httpd knows: every fact in an expression, the
# access log, the error log, a CGI's environment and Require, over plain HTTP,
# TLS and HTTP/2; and nothing of it can be turned against a log or a header.

use strict;
use warnings;

use MIME::Base64 qw(encode_base64);
use Test::More;

use ProxyIP::Client;
use ProxyIP::Curl qw(curl);
use ProxyIP::Header qw(v1 v2 tlv ssl_tlv NLB_HEALTH_CHECK CLIENT CLIENT6);
use ProxyIP::Relay;
use ProxyIP::Server;

my @NAMES = ('', qw(VERSION COMMAND TRANSPORT PEER_ADDR PEER_PORT CLIENT_ADDR
    CLIENT_PORT SERVER_ADDR SERVER_PORT ALPN AUTHORITY NETNS UNIQUE_ID CRC32C
    SSL SSL_VERSION SSL_CIPHER SSL_SIG_ALG SSL_KEY_ALG SSL_GROUP
    SSL_SIG_SCHEME SSL_CN SSL_VERIFY AWS_VPCE_ID AZURE_LINK_ID GCP_PSC_ID
    TLV_05 TLV_EA TLV_F1));

sub variable { my ($name) = @_; return length $name ? "PROXYIP_$name"
                                                     : 'PROXYIP' }

# Each name as a header from an expression, as one from the function, and as
# an item of both logs.
# (HTTP::Headers knows no underscores.)
sub header { my ($kind, $name) = @_; return "$kind-" . $name =~ tr/_/-/r }
my $vars = join "\n", map { my $v = variable($_);
    'Header always set ' . header(V => $v) . qq( "expr=%{$v}") } @NAMES;
my $functions = join "\n", map {
    'Header always set ' . header(F => variable($_))
        . qq( "expr=%{PROXYIP:$_}") } grep { length } @NAMES;
my $access = join ' ', map { variable($_) . "=[%{$_}^PX]" } @NAMES;
my $error = join ' ', map { variable($_) . "=[%{$_}X]" } @NAMES;

my $server = ProxyIP::Server->new(config => <<"EOC")->start;
Listen 127.0.0.1:\@port:plain\@
Listen 127.0.0.1:\@port:tls\@
Listen 127.0.0.1:\@port:off\@
$vars
$functions
LogFormat "id=%{X-Id}i $access" facts
LogFormat "whole %{PROXYIP}^PX %{proxyip_version}^PX %{PROXYIP_NAME}^PX" whole
CustomLog "\@root\@/logs/facts" facts
CustomLog "\@root\@/logs/whole" whole
ErrorLogFormat "%M $error whole=%{PROXYIP}X,%{PROXYIP_VERSION}X"
ProxyIPMaxHeader 60000
ProxyIPEnv All
ProxyIPPeer require 127.0.0.0/24
ProxyIPPeer optional 127.0.1.0/24
ProxyIPPeer direct 127.0.2.0/24
<VirtualHost 127.0.0.1:\@port:plain\@>
    ProxyIP On
    ServerName one.example.org
    <IfModule mod_http2.c>
        Protocols h2c http/1.1
    </IfModule>
    AliasMatch "^/r/" "\@root\@/htdocs/index.html"
    <Location "/r/named">
        Require proxyip
    </Location>
    <Location "/r/peer">
        Require proxyip-peer 127.0.0.9 10.0.0.0/8
    </Location>
    Define PEERS "10.1.0.0/16, 127.0.0.7,10.2.0.0/16"
    <Location "/r/peers">
        Require proxyip-peer \${PEERS} "10.3.0.0/16 127.0.0.6"
    </Location>
    <Location "/r/vpce">
        Require proxyip-tlv AWS-VPCE-ID vpce-other "vpce-1"
    </Location>
    <Location "/r/cn">
        Require proxyip-tlv ssl_cn "alice"
    </Location>
    <Location "/r/expr">
        Require expr %{PROXYIP_AUTHORITY} == 'shop.example.org'
    </Location>
    <Location "/r/function">
        Require expr proxyip('authority') =~ /shop/
    </Location>
    RewriteEngine On
    RewriteCond "expr" "%{PROXYIP_AWS_VPCE_ID} == 'vpce-1'"
    RewriteRule "^/rewritten\$" "/index.html" [L]
    RewriteCond "%{ENV:PROXYIP_AUTHORITY}" "=shop.example.org"
    RewriteRule "^/by-env\$" "/index.html" [L]
    SetEnvIf PROXYIP_AUTHORITY "^shop" from_shop=yes
    RewriteRule "^/internal\$" "/cgi/environment" [PT]
    ErrorDocument 404 /cgi/environment
</VirtualHost>
<VirtualHost 127.0.0.1:\@port:plain\@>
    ProxyIP On
    ServerName basic.example.org
    ProxyIPEnv Basic
</VirtualHost>
<VirtualHost 127.0.0.1:\@port:plain\@>
    ProxyIP On
    ServerName none.example.org
    ProxyIPEnv Off
</VirtualHost>
<VirtualHost 127.0.0.1:\@port:tls\@>
    ProxyIP On
    SSLEngine On
    SSLCertificateFile \@tls\@/server.pem
    SSLCertificateKeyFile \@tls\@/server.key
    <IfModule mod_http2.c>
        Protocols h2 http/1.1
    </IfModule>
</VirtualHost>
<VirtualHost 127.0.0.1:\@port:off\@>
</VirtualHost>
EOC
my $facts_log = ProxyIP::Log->new($server->root . '/logs/facts');

my $DER = join '', map { chr($_ * 37 % 256) } 1 .. 700;
my $PEM = "-----BEGIN CERTIFICATE-----\n"
    . join("\n", encode_base64($DER, '') =~ /(.{1,64})/g)
    . "\n-----END CERTIFICATE-----\n";
my @all_tlvs = (tlv(0x01 => 'h2'), tlv(0x02 => 'shop.example.org'),
    tlv(0x05 => 'id-1234'), tlv(0x30 => 'blue'), tlv(0x04 => 'pad'),
    ssl_tlv(client => 0x07, verify => 0, subs => [
        tlv(0x21 => 'TLSv1.3'), tlv(0x22 => 'alice'),
        tlv(0x23 => 'TLS_AES_128_GCM_SHA256'), tlv(0x24 => 'RSA-SHA256'),
        tlv(0x25 => 'RSA2048'), tlv(0x26 => 'x25519'),
        tlv(0x27 => 'rsa_pss_rsae_sha256'), tlv(0x28 => $DER)]),
    tlv(0xEA => "\1vpce-1"), tlv(0xEE => "\1" . pack 'V', 0x89abcdef),
    tlv(0xE0 => pack 'H*', '8000000000000001'), tlv(0xF1 => "\0\xff\n"),
    tlv(0x02 => 'second.example.org'));
my %all = (
    PROXYIP => 'on', PROXYIP_VERSION => 2, PROXYIP_COMMAND => 'PROXY',
    PROXYIP_TRANSPORT => 'TCP4', PROXYIP_CLIENT_ADDR => CLIENT,
    PROXYIP_CLIENT_PORT => 4711, PROXYIP_SERVER_ADDR => '198.51.100.80',
    PROXYIP_SERVER_PORT => 443, PROXYIP_ALPN => 'h2',
    PROXYIP_AUTHORITY => 'shop.example.org', PROXYIP_NETNS => 'blue',
    PROXYIP_UNIQUE_ID => 'id-1234', PROXYIP_CRC32C => 'ok',
    PROXYIP_SSL => 'on', PROXYIP_SSL_VERSION => 'TLSv1.3',
    PROXYIP_SSL_CIPHER => 'TLS_AES_128_GCM_SHA256',
    PROXYIP_SSL_SIG_ALG => 'RSA-SHA256', PROXYIP_SSL_KEY_ALG => 'RSA2048',
    PROXYIP_SSL_GROUP => 'x25519',
    PROXYIP_SSL_SIG_SCHEME => 'rsa_pss_rsae_sha256',
    PROXYIP_SSL_CN => 'alice', PROXYIP_SSL_VERIFY => 'SUCCESS',
    PROXYIP_AWS_VPCE_ID => 'vpce-1', PROXYIP_AZURE_LINK_ID => 0x89abcdef,
    PROXYIP_GCP_PSC_ID => '9223372036854775809', PROXYIP_TLV_F1 => '00ff0a',
);
my %by_number = (PROXYIP_TLV_05 => unpack('H*', 'id-1234'),
                 PROXYIP_TLV_EA => unpack('H*', "\1vpce-1"));

# The facts of one connection wherever they are asked for: expected is a hash
# of variables; every other must be absent.
my $id = 0;
sub check {
    my ($name, $bytes, $expected, %option) = @_;
    my $client = ProxyIP::Client->new(port => $server->port(
        $option{listener} // 'plain'), from => $option{from});
    $expected = { PROXYIP_PEER_PORT => $client->port,
        PROXYIP_PEER_ADDR => $option{from} // '127.0.0.1', %$expected };
    my %env = %$expected;
    delete @env{ keys %by_number };
    $client->send($bytes);
    $client->start_tls if $option{tls};
    $id++;
    my $answer = $client->get('/cgi/environment', 'X-Id' => "<$id>");
    my $saw = $client->variables($answer);
    is_deeply({ map { $_ => $saw->{$_} } grep { /^PROXYIP/
        && $_ ne 'PROXYIP_SSL_CLIENT_CERT' } keys %$saw }, \%env,
        "$name: environment");
    # mod_headers writes an absent value as nothing, or as (null).
    my %of = map { variable($_) => 1 } @NAMES;
    for my $kind ('V', 'F') {
        my %seen = map { my $value = $answer->header(header($kind => $_));
            defined $value && length $value && $value ne '(null)'
                ? ($_ => $value) : () } keys %of;
        my %want = %$expected;
        delete $want{PROXYIP} if $kind eq 'F';
        is_deeply(\%seen, \%want, "$name: expressions, $kind");
    }
    my $line = $facts_log->wait_for(qr/^id=<$id>/, 5) // '';
    my %logged = $line =~ /(PROXYIP\w*)=\[(.*?)\](?= |$)/g;
    is_deeply({ map { $_ => $logged{$_} } grep { $logged{$_} ne '-' }
        keys %logged }, $expected, "$name: access log");
    return ($client, $answer);
}

my ($client, $answer) = check('all of v2', v2(crc => 1, tlvs => \@all_tlvs),
    { %all, %by_number });
# The program sorts its output by lines.
my %lines = map { $_ => 1 } split /\n/, $answer->content;
my ($first, @rest) = split /\n/, $PEM;
is_deeply([grep { !$lines{$_} } "PROXYIP_SSL_CLIENT_CERT=$first", @rest], [],
    'the client certificate as PEM');
check('v1', v1(), { PROXYIP => 'on', PROXYIP_VERSION => 1,
    PROXYIP_COMMAND => 'PROXY', PROXYIP_TRANSPORT => 'TCP4',
    PROXYIP_CLIENT_ADDR => CLIENT, PROXYIP_CLIENT_PORT => 4711,
    PROXYIP_SERVER_ADDR => '198.51.100.80', PROXYIP_SERVER_PORT => 443 });
check('v2 IPv6 datagram', v2(src => CLIENT6, dst => '2001:db8::80',
    transport => 'DGRAM'), { PROXYIP => 'on', PROXYIP_VERSION => 2,
    PROXYIP_COMMAND => 'PROXY', PROXYIP_TRANSPORT => 'UDP6',
    PROXYIP_CLIENT_ADDR => CLIENT6, PROXYIP_CLIENT_PORT => 4711,
    PROXYIP_SERVER_ADDR => '2001:db8::80', PROXYIP_SERVER_PORT => 443 });
check('over TLS', v2(crc => 1, tlvs => \@all_tlvs), { %all, %by_number },
    listener => 'tls', tls => 1);
check('LOCAL', NLB_HEALTH_CHECK,
    { PROXYIP_VERSION => 2, PROXYIP_COMMAND => 'LOCAL' });
check('UNKNOWN', v1(family => 'UNKNOWN'), { PROXYIP_VERSION => 1,
    PROXYIP_COMMAND => 'PROXY', PROXYIP_TRANSPORT => 'UNKNOWN' });
check('UNIX', v2(src => '/a', dst => '/b', tlvs => [tlv(0x02 => 'x')]),
    { PROXYIP_VERSION => 2, PROXYIP_COMMAND => 'PROXY',
      PROXYIP_TRANSPORT => 'UNIX', PROXYIP_AUTHORITY => 'x' });
check('no header', '', {}, from => '127.0.1.1');
check('direct', '', {}, from => '127.0.2.1');

my %plain = (PROXYIP => 'on', PROXYIP_VERSION => 2, PROXYIP_COMMAND => 'PROXY',
    PROXYIP_TRANSPORT => 'TCP4', PROXYIP_CLIENT_ADDR => CLIENT,
    PROXYIP_CLIENT_PORT => 4711, PROXYIP_SERVER_ADDR => '198.51.100.80',
    PROXYIP_SERVER_PORT => 443);
sub check_tlvs { my ($name, $tlvs, $expected) = @_;
    return check($name, v2(tlvs => $tlvs), { %plain, %$expected }) }

# Verification: the bits say whether there was a certificate.
check_tlvs('TLS without a certificate', [ssl_tlv(client => 1)],
    { PROXYIP_SSL => 'on', PROXYIP_SSL_VERIFY => 'NONE' });
check_tlvs('... non-zero', [ssl_tlv(client => 1, verify => 1)],
    { PROXYIP_SSL => 'on', PROXYIP_SSL_VERIFY => 'NONE' });
check_tlvs('a bad certificate', [ssl_tlv(client => 3, verify => 4294967295,
    subs => [tlv(0x22 => 'alice')])], { PROXYIP_SSL => 'on',
    PROXYIP_SSL_VERIFY => 'FAILED:4294967295', PROXYIP_SSL_CN => 'alice' });
check_tlvs('a session certificate', [ssl_tlv(client => 5)],
    { PROXYIP_SSL => 'on', PROXYIP_SSL_VERIFY => 'SUCCESS' });
check_tlvs('without TLS nothing of it', [ssl_tlv(client => 6,
    subs => [tlv(0x22 => 'alice')])], {});

# Identifiers of another shape are absent.
check_tlvs('AWS, another subtype', [tlv(0xEA => "\2vpce-1")],
    { PROXYIP_TLV_EA => unpack 'H*', "\2vpce-1" });
check_tlvs('Azure and GCP, other lengths', [tlv(0xEE => "\1\1\1\1"),
    tlv(0xE0 => "\1" x 7)], {});
check_tlvs('empty values', [tlv(0x02 => ''), tlv(0xEA => "\1"),
    tlv(0xF1 => ''), tlv(0x05 => '')], { PROXYIP_TLV_EA => '01' });
check_tlvs('a binary unique id', [tlv(0x05 => "\0\xffa")],
    { PROXYIP_UNIQUE_ID => '0x00ff61', PROXYIP_TLV_05 => '00ff61' });

# Injection: a control character makes a text absent, everything else is
# escaped in logs.
for my $evil ("a\r\nSet-Cookie: x=1", "a\nb", "a\0b", "a\x7fb", "\t") {
    my ($client, $answer) = check_tlvs('control characters: '
        . unpack('H*', $evil), [tlv(0x02 => $evil), tlv(0x01 => $evil),
        tlv(0x30 => $evil), ssl_tlv(client => 1,
            subs => [tlv(0x22 => $evil)]), tlv(0xEA => "\1$evil")],
        { PROXYIP_SSL => 'on', PROXYIP_SSL_VERIFY => 'NONE',
          PROXYIP_TLV_EA => unpack 'H*', "\1$evil" });
    is($answer->header('Set-Cookie'), undef, '... no header of its own');
}
$client = ProxyIP::Client->new(port => $server->port('plain'));
$client->send(v2(tlvs => [tlv(0x02 => qq(a"b\\c\xc3\xa9 [d]))]));
$client->get('/', 'X-Id' => '<quoted>', Connection => 'close');
like($facts_log->wait_for(qr/<quoted>/), qr/AUTHORITY=\[a\\"b\\\\c\\xc3\\xa9/,
    'quotation marks and other bytes are escaped in the access log');

# Of very many the first still counts.
$client = ProxyIP::Client->new(port => $server->port('plain'));
$client->send(v2(tlvs => [tlv(0xF1 => "\1"), (tlv(0xF1 => "\2")) x 255,
                          tlv(0xF1 => "\xff")]));
my $saw = $client->variables($client->get('/cgi/environment'));
is($saw->{PROXYIP_TLV_F1}, '01', 'of 257 TLVs of a type the first counts');

# A long value is not for the environment, but for those who ask.
$client = ProxyIP::Client->new(port => $server->port('plain'));
$client->send(v2(tlvs => [tlv(0x02 => 'x' x 8193), tlv(0x30 => 'y' x 8192)]));
$saw = $client->variables($client->get('/cgi/environment'));
is($saw->{PROXYIP_AUTHORITY}, undef, 'over 8 KiB: not in the environment');
is(length $saw->{PROXYIP_NETNS}, 8192, '8 KiB: in the environment');

# Error log: also lines that are about no connection.
my $log = $server->error_log;
$client = ProxyIP::Client->new(port => $server->port('plain'));
$client->send(v2(crc => 1, tlvs => \@all_tlvs))->get('/none-of-this');
$client = ProxyIP::Client->new(port => $server->port('plain'));
$client->send(v2(tlvs => [tlv(0x02 => "quoted \\ \xc3\xa9")]));
$client->get('/cgi/none');
like($log->wait_for(qr/cgi\/none/, 5) // '',
    qr/PROXYIP_AUTHORITY=\[quoted \\\\ \\xc3\\xa9\]/,
    'ErrorLogFormat: escaped');
like($log->wait_for(qr/PIP0042.*shop/, 5) // '', qr/PROXYIP=\[on\] .*
    PROXYIP_SSL_CN=\[alice\] .*PROXYIP_TLV_F1=\[00ff0a\]/x,
    'ErrorLogFormat: all facts');
like($log->wait_for(qr/PIP0042.*shop/, 5) // '', qr/ whole=on,2$/,
    '... by their whole names too');
like(ProxyIP::Log->new($server->root . '/logs/whole')->wait_for(qr/./, 5)
    // '', qr/^whole on 2 -$/, 'access log: whole names');
ok($log->count(qr/resuming normal operations.*PROXYIP=\[/)
    || ProxyIP::Log->new($log->path)->count(qr/resuming normal/),
    'ErrorLogFormat: lines about no connection');

# Require: [path, what the header has, code].
my $verified = ssl_tlv(client => 3, subs => [tlv(0x22 => 'alice')]);
my $failed = ssl_tlv(client => 3, verify => 1, subs => [tlv(0x22 => 'alice')]);
my $unasked = ssl_tlv(client => 1, subs => [tlv(0x22 => 'alice')]);
for my $case (
    ['/r/named', v2(), 200], ['/r/named', v1(), 200],
    ['/r/named', v2(command => 'LOCAL'), 403],
    ['/r/named', v1(family => 'UNKNOWN'), 403],
    ['/r/peer', v2(), 403, '127.0.0.8'], ['/r/peer', v2(), 200, '127.0.0.9'],
    ['/r/peers', v2(), 403, '127.0.0.8'], ['/r/peers', v2(), 200, '127.0.0.7'],
    ['/r/peers', v2(), 200, '127.0.0.6'],
    ['/r/vpce', v2(tlvs => [tlv(0xEA => "\1vpce-1")]), 200],
    ['/r/vpce', v2(tlvs => [tlv(0xEA => "\1vpce-other")]), 200],
    ['/r/vpce', v2(tlvs => [tlv(0xEA => "\1vpce-12")]), 403],
    ['/r/vpce', v2(tlvs => [tlv(0xEA => "\1vpce-1\0")]), 403],
    ['/r/vpce', v2(), 403],
    ['/r/cn', v2(tlvs => [$verified]), 200],
    ['/r/cn', v2(tlvs => [$failed]), 403],
    ['/r/cn', v2(tlvs => [$unasked]), 403],
    ['/r/expr', v2(tlvs => [tlv(2 => 'shop.example.org')]), 200],
    ['/r/expr', v2(tlvs => [tlv(2 => 'other.example.org')]), 403],
    ['/r/function', v2(tlvs => [tlv(2 => 'shop.example.org')]), 200],
    ['/r/function', v2(), 403],
    ['/rewritten', v2(tlvs => [tlv(0xEA => "\1vpce-1")]), 200],
    ['/by-env', v2(tlvs => [tlv(2 => 'shop.example.org')]), 200],
    ['/by-env', v2(), 404],
) {
    my ($path, $header, $code, $from) = @$case;
    my $client = ProxyIP::Client->new(port => $server->port('plain'),
                                      from => $from);
    my $answer = $client->send($header)->get($path);
    is($answer && $answer->code, $code, "$path: $code");
}

# Internal redirects, error documents, and environments by virtual host.
sub environment {
    my ($path, %header) = @_;
    my $client = ProxyIP::Client->new(port => $server->port('plain'));
    $client->send(v2(tlvs => [tlv(2 => 'shop.example.org')]));
    return $client->variables($client->get($path, %header));
}
for my $path ('/internal', '/missing') {
    is(environment($path)->{PROXYIP_AUTHORITY}, 'shop.example.org',
        "$path: after an internal redirect");
}
is(environment('/cgi/environment')->{from_shop}, 'yes', 'SetEnvIf');
$saw = environment('/cgi/environment', Host => 'basic.example.org');
is($saw->{PROXYIP_CLIENT_ADDR}, CLIENT, 'ProxyIPEnv Basic: addresses');
is($saw->{PROXYIP_AUTHORITY}, undef, '... and nothing else');
$saw = environment('/cgi/environment', Host => 'none.example.org');
is_deeply([grep { /^PROXYIP/ } keys %$saw], [], 'ProxyIPEnv Off: nothing');
$client = ProxyIP::Client->new(port => $server->port('off'));
$saw = $client->variables($client->get('/cgi/environment'));
is_deeply([grep { /^PROXYIP/ } keys %$saw], [], 'a listener that is Off');

# HTTP/2: each stream has its connection's facts.
SKIP: {
    skip 'mod_http2 is not for prefork', 4
        if ProxyIP::Httpd::mpm() eq 'prefork';
    for my $how (['plain', '--http2-prior-knowledge', 'http'],
                 ['tls', '--http2', 'https']) {
        my ($listener, $option, $scheme) = @$how;
        my $relay = ProxyIP::Relay->new(to => $server->port($listener),
            header => v2(crc => 1, tlvs => \@all_tlvs))->start;
        my $answer = curl($option,
            "$scheme://127.0.0.1:" . $relay->port . '/cgi/environment');
        is($answer->{version}, 2, "$listener: HTTP/2");
        my $saw = $answer->{variables};
        is_deeply({ map { $_ => $saw->{$_} } keys %all }, \%all,
            "$listener: the facts of its connection");
    }
}

# Errors
for my $case (
    ["<Location />\nRequire proxyip yes\n</Location>", qr/no arguments/],
    ["<Location />\nRequire proxyip-peer\n</Location>", qr/needs addresses/],
    ["<Location />\nRequire proxyip-peer lb\n</Location>", qr/'lb' is not/],
    ["<Location />\nRequire proxyip-tlv CN\n</Location>", qr/needs a name/],
    ["<Location />\nRequire proxyip-tlv CN x\n</Location>", qr/'CN' is not/],
    ["<Location />\nRequire expr %{PROXYIP_NAME} == 'x'\n</Location>",
     qr/PROXYIP_NAME/],
    ["<Location />\nRequire proxyip-peer ,\n</Location>", qr/needs addresses/],
    ["<Location />\nRequire expr proxyip('NAME') == 'x'\n</Location>",
     qr/'NAME' is not/],
    ["<If \"-z %{PROXYIP:TLV_G0}\">\n</If>", qr/'TLV_G0' is not/],
    ['ProxyIPEnv Some', qr/ProxyIPEnv: 'Some'.*Off, Basic or All/],
) {
    my ($config, $match) = @$case;
    my ($status, $output) = ProxyIP::Server->config_error($config);
    isnt($status, 0, "$config: does not start");
    like($output, $match, '... and says why');
}

done_testing;
