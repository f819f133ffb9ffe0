# A destination of 0.0.0.0 or ::, which Caddy sends because it does not know a
# better one, is none: the client is adopted, and nothing is made of the rest.

use strict;
use warnings;

use Test::More;

use ProxyIP::Client;
use ProxyIP::Header qw(v1 v2 tlv CLIENT CLIENT6);
use ProxyIP::Server;

my $server = ProxyIP::Server->new(loglevel => 'warn proxyip:debug',
    config => <<'EOC')->start;
Listen 127.0.0.1:@port:plain@
Listen 127.0.0.1:@port:port443@
ProxyIP On
ProxyIPEnv All
ProxyIPPeer require 127.0.0.0/8
ProxyIPServerAddr On
UseCanonicalPhysicalPort On
Header always set X-Server "expr=%{PROXYIP_SERVER_ADDR}:%{PROXYIP_SERVER_PORT}"
Header always set X-Scheme "expr=%{REQUEST_SCHEME}"
LogFormat "peer=%{PEER_PORT}^PX server=[%{SERVER_ADDR}^PX %{SERVER_PORT}^PX] \
own=%A:%{local}p" facts
CustomLog "@root@/logs/facts" facts
<Location "/r/addr">
    Require expr -n %{PROXYIP_SERVER_ADDR} || -n %{PROXYIP_SERVER_PORT}
</Location>
<Location "/r/zero">
    Require proxyip-tlv SERVER-ADDR 0.0.0.0 ::
</Location>
AliasMatch "^/r/" "@root@/htdocs/index.html"
<VirtualHost 127.0.0.1:@port:plain@>
    ServerName listener.example.org
    Header always set X-Host listener
</VirtualHost>
<VirtualHost 127.0.0.1:@port:port443@>
    ServerName port443.example.org
    ProxyIPHTTPS port=443
    Header always set X-Host port443
</VirtualHost>
# What httpd would choose for the ports of the headers below.
<VirtualHost *:443 *:80>
    ServerName wild.example.org
    Header always set X-Host wild
</VirtualHost>
<VirtualHost 0.0.0.1:443>
    ServerName one.example.org
    Header always set X-Host one
</VirtualHost>
EOC
my $facts_log = ProxyIP::Log->new($server->root . '/logs/facts');

my %NONE = (4 => '0.0.0.0', 6 => '::');
my %SRC = (4 => CLIENT, 6 => CLIENT6);

# [name, bytes, its client]
my @cases = (
    # Caddy's transport: net.IPv4zero or net.IPv6zero, and no port.
    ['Caddy, v1', "PROXY TCP4 192.0.2.77 0.0.0.0 4711 0\r\n", 4],
    ['Caddy, v1, IPv6', "PROXY TCP6 2001:db8::77 :: 4711 0\r\n", 6],
    ['Caddy, v2', pack('H*', '0d0a0d0a000d0a515549540a' . '2111000c'
        . 'c000024d' . '00000000' . '12670000'), 4],
    ['Caddy, v2, IPv6', pack('H*', '0d0a0d0a000d0a515549540a' . '21210024'
        . '20010db8000000000000000000000077' . '00' x 16 . '12670000'), 6],
);
for my $family (4, 6) {
    for my $port (80, 443) {
        my %named = (src => $SRC{$family}, dst => $NONE{$family},
            dport => $port);
        push @cases, ["v1, TCP$family, port $port", v1(%named), $family],
            ["v2, TCP$family, port $port",
             v2(%named, crc => 1, tlvs => [tlv(0x01 => 'h2')]), $family],
            ["v2, UDP$family, port $port",
             v2(%named, transport => 'DGRAM'), $family];
    }
}
# IPv4 in IPv6's clothes.
push @cases, ['v2, ::ffff:0.0.0.0', v2(family => 'INET6', dst => '0.0.0.0'),
    4], ['v1, ::ffff:0.0.0.0', v1(family => 'TCP6', src => CLIENT6,
    dst => '::ffff:0.0.0.0'), 6];

for my $case (@cases) {
    my ($name, $bytes, $family) = @$case;
    my $client = ProxyIP::Client->new(port => $server->port('plain'));
    my $port = $client->port;
    my $answer = $client->send($bytes)->get('/cgi/environment');
    ok($answer, "$name: served") or next;
    is($answer->header('X-Host'), 'listener', "$name: the virtual host stays");
    is($answer->header('X-Server'), ':', "$name: expressions");
    my $saw = $client->variables($answer);
    is("$saw->{REMOTE_ADDR} $saw->{REMOTE_PORT}", "$SRC{$family} 4711",
        "$name: the client is adopted");
    is_deeply({ map { /^PROXYIP(?:_(?:CLIENT|SERVER)_.*)?$/
        ? ($_ => $saw->{$_}) : () } keys %$saw }, { PROXYIP => 'on',
        PROXYIP_CLIENT_ADDR => $SRC{$family}, PROXYIP_CLIENT_PORT => 4711 },
        "$name: environment");
    is("$saw->{SERVER_ADDR} $saw->{SERVER_PORT}",
        '127.0.0.1 ' . $server->port('plain'), "$name: the server's own");
    is($facts_log->wait_for(qr/^peer=$port /, 5), "peer=$port server=[- -]"
        . ' own=127.0.0.1:' . $server->port('plain'), "$name: access log");
    is($client->get("/r/$_")->code, 403, "$name: Require, $_")
        for 'addr', 'zero';
    my $text = $family == 4 ? CLIENT : '[' . CLIENT6 . ']';
    like($server->error_log->wait_for(qr/PIP0042.*127\.0\.0\.1:$port /, 5)
        // '', qr/PIP0042:\ v[12]\ PROXY\ header\ of\ client\ \Q$text\E:4711,
        \ who\ dialled\ an\ address\ that\ the\ header\ does\ not\ tell;
        \ peer\ /x, "$name: its line");
}

# The port is the header's all the same: ProxyIPHTTPS goes by it.
for my $case (
    ['v1', v1(dst => '0.0.0.0'), 'https'],
    ['v1, port 80', v1(dst => '0.0.0.0', dport => 80), 'http'],
    ['Caddy, v1', $cases[0][1], 'http'],
    ['v2', v2(dst => '0.0.0.0'), 'https'],
    ['v2, port 80', v2(dst => '0.0.0.0', dport => 80), 'http'],
    ['v2, IPv6', v2(src => CLIENT6, dst => '::'), 'https'],
    ['v2, IPv6, port 0', v2(src => CLIENT6, dst => '::', dport => 0), 'http'],
) {
    my ($name, $bytes, $scheme) = @$case;
    my $answer = ProxyIP::Client->fetch(header => $bytes,
        port => $server->port('port443'));
    is($answer && $answer->header('X-Scheme'), $scheme,
        "ProxyIPHTTPS port=443, $name: $scheme");
    is($answer && $answer->header('X-Host'), 'port443', '... and its host');
}

# Next to none, and any other, is one.
for my $case (['0.0.0.1', CLIENT, 'one'], ['198.51.100.80', CLIENT, 'wild'],
    ['::1', CLIENT6, 'wild'], ['1::', CLIENT6, 'wild']) {
    my ($dst, $src, $host) = @$case;
    for my $bytes (v1(src => $src, dst => $dst), v2(src => $src, dst => $dst)) {
        my $client = ProxyIP::Client->new(port => $server->port('plain'));
        my $answer = $client->send($bytes)->get('/cgi/environment');
        is($answer->header('X-Server'), "$dst:443", "$dst: a destination");
        is($client->variables($answer)->{SERVER_ADDR}, $dst, '... adopted');
        is($answer->header('X-Host'), $host, '... its virtual host');
    }
}
# A source of zeros is a client like any other.
my $client = ProxyIP::Client->new(port => $server->port('plain'));
my $saw = $client->send(v1(src => '0.0.0.0'))->variables(
    $client->get('/cgi/environment'));
is("$saw->{REMOTE_ADDR} $saw->{PROXYIP_CLIENT_ADDR}", '0.0.0.0 0.0.0.0',
    'a source of 0.0.0.0');

done_testing;
