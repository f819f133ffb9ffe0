# Every kind of backend that mod_proxy reaches over HTTP, WebSockets or HTTP/2,
# with a header before the first byte: a second httpd with mod_proxyip,
# HAProxy, nginx, Varnish, and what stands behind a receiver that takes no header but a
# right one; balancers, and health checks.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep);

use ProxyIP::Client;
use ProxyIP::Curl qw(curl);
use ProxyIP::Express;
use ProxyIP::HAProxy;
use ProxyIP::Header qw(v2 tlv CLIENT);
use ProxyIP::Nginx;
use ProxyIP::Receiver;
use ProxyIP::Relay;
use ProxyIP::Server;
use ProxyIP::Varnish;

my $prefork = ProxyIP::Httpd::mpm() eq 'prefork';
my $h2 = $prefork ? '' : 'Protocols h2 h2c http/1.1';

# The next hop: with mod_proxyip, and without a header.
my $tls = <<'EOC';
    SSLEngine On
    SSLCertificateFile @tls@/server.pem
    SSLCertificateKeyFile @tls@/server.key
EOC
# Streams are many, and the worker MPM has a thread for each connection.
my $next = ProxyIP::Server->new(workers => 40, config => <<"EOC")->start;
Listen 127.0.0.1:\@port\@
Listen 127.0.0.1:\@port:tls\@
Listen 127.0.0.1:\@port:bare\@
Listen 127.0.0.1:\@port:bare_tls\@
$h2
ProxyIP On
ProxyIPPeer require 127.0.0.0/8
ProxyIPEnv All
<VirtualHost 127.0.0.1:\@port:tls\@>
$tls
    $h2
</VirtualHost>
<VirtualHost 127.0.0.1:\@port:bare\@>
    ProxyIP Off
    $h2
</VirtualHost>
<VirtualHost 127.0.0.1:\@port:bare_tls\@>
    ProxyIP Off
$tls
    $h2
</VirtualHost>
EOC
my ($plain, $secure) = map { $next->port($_) } undef, 'tls';
my $bare = $next->port('bare');

my $haproxy = ProxyIP::HAProxy->new(config => <<"EOC")->start;
listen all
    mode http
    bind 127.0.0.1:\@port:v1\@ accept-proxy
    bind 127.0.0.1:\@port:v2\@ accept-proxy
    http-request set-header X-Source %[src]:%[src_port]
    http-request set-header X-Destination %[dst]:%[dst_port]
    server bare 127.0.0.1:$bare
EOC
my ($haproxy_v1, $haproxy_v2) = map { $haproxy->port($_) } 'v1', 'v2';

my %strict = map { $_->[0] => ProxyIP::Receiver->new(version => 2, notes => 1,
    to => $_->[1])->start } ['tls', $next->port('bare_tls')], ['h2c', $bare];
my $express = ProxyIP::Express->program
    ? ProxyIP::Express->new(trust => 1)->start : undef;
my $sockets = $express && ProxyIP::Receiver->new(version => 2, notes => 1,
    to => $express->port('http'))->start;
my ($strict_tls, $strict_h2c) = map { $strict{$_}->port } 'tls', 'h2c';
my $to_sockets = $sockets ? $sockets->port : 9;

my ($one, $two) = map { ProxyIP::Receiver->new(version => 2)->start } 1, 2;
my @members = map { 'http://127.0.0.1:' . $_->port } $one, $two;

# Checked, each in its way, by LOCAL, by PROXY and without a header.
my %checked = map { $_ => ProxyIP::Receiver->new(notes => 1,
    no_header => $_ eq 'off')->start } qw(local proxy off v1);
my $balancers = '';
for (sort keys %checked) {
    my $url = 'http://127.0.0.1:' . $checked{$_}->port;
    my ($version, $check) = $_ eq 'v1' ? ('v1', 'local') : ('v2', $_);
    $balancers .= <<"EOC";
<Proxy "balancer://checked-$_">
    BalancerMember "$url" hcmethod=GET hcuri=/ hcinterval=1
    ProxyIPSend $version
    ProxyIPSendCheck $check
</Proxy>
ProxyPass "/checked-$_" "balancer://checked-$_"
EOC
}

my $server = ProxyIP::Server->new(
    modules => [qw(proxy_balancer lbmethod_byrequests slotmem_shm watchdog
        proxy_hcheck proxy_wstunnel), $prefork ? () : 'proxy_http2'],
    config => <<"EOC")->start;
Listen 127.0.0.1:\@port\@
Listen 127.0.0.1:\@port:tls\@
SSLProxyEngine On
SSLProxyVerify none
SSLProxyCheckPeerName off
SSLProxyCheckPeerCN off
ProxyIP On
ProxyIPPeer require 127.0.0.0/8
ProxyIPSend v2
ProxyIPSendFacts relay unique-id checksum
ProxyPass "/http/" "http://127.0.0.1:$plain/"
ProxyPass "/https/" "https://127.0.0.1:$secure/"
ProxyPass "/haproxy/v1/" "http://127.0.0.1:$haproxy_v1/"
ProxyPass "/haproxy/v2/" "http://127.0.0.1:$haproxy_v2/"
ProxyPass "/strict/https/" "https://127.0.0.1:$strict_tls/"
ProxyPass "/strict/http/" "http://127.0.0.1:$strict_h2c/"
ProxyPass "/ws/" "ws://127.0.0.1:$to_sockets/"
ProxyPass "/upgrade/" "http://127.0.0.1:$to_sockets/" upgrade=websocket
ProxyPass "/single/" "http://127.0.0.1:$to_sockets/" upgrade=websocket
<Location "/single">
    ProxyIPSendReuse Off
</Location>
<IfModule mod_proxy_http2.c>
    ProxyPass "/h2c/" "h2c://127.0.0.1:$plain/"
    ProxyPass "/h2/" "h2://127.0.0.1:$secure/"
    ProxyPass "/strict/h2c/" "h2c://127.0.0.1:$strict_h2c/"
    ProxyPass "/strict/h2/" "h2://127.0.0.1:$strict_tls/"
</IfModule>
<Location "/haproxy/v1">
    ProxyIPSend v1
    ProxyIPSendFacts none
</Location>
<Proxy "balancer://two">
    BalancerMember "$members[0]" retry=0
    BalancerMember "$members[1]" retry=0
</Proxy>
ProxyPass "/two/" "balancer://two/" maxattempts=3
$balancers
<VirtualHost 127.0.0.1:\@port:tls\@>
$tls
    $h2
    ProxyPass "/http/" "http://127.0.0.1:$plain/"
    <IfModule mod_proxy_http2.c>
        ProxyPass "/h2/" "h2://127.0.0.1:$secure/"
    </IfModule>
</VirtualHost>
EOC

my $IN = v2(tlvs => [tlv(0xEA => "\1vpce-1"), tlv(5 => 'id-1')]);

sub client {
    my ($src) = @_;
    return ProxyIP::Client->new(port => $server->port)->send(
        $src ? v2(src => $src) : $IN);
}

# A second httpd with mod_proxyip.
for my $scheme ('http', 'https', $prefork ? () : qw(h2c h2)) {
    my $client = client();
    for my $turn (1, 2) {
        my $answer = $client->get("/$scheme/cgi/environment");
        my $saw = $client->variables($answer);
        is($saw->{REMOTE_ADDR}, CLIENT, "$scheme, $turn: the client");
        is("$saw->{PROXYIP_CLIENT_PORT} $saw->{PROXYIP_SERVER_ADDR}"
            . " $saw->{PROXYIP_SERVER_PORT}", '4711 198.51.100.80 443',
            '... its port, and what it dialled');
        is("$saw->{PROXYIP_AWS_VPCE_ID} $saw->{PROXYIP_UNIQUE_ID}"
            . " $saw->{PROXYIP_CRC32C}", 'vpce-1 id-1 ok', '... the TLVs');
    }
    my $other = client('192.0.2.88');
    is($other->variables($other->get("/$scheme/cgi/environment"))
        ->{REMOTE_ADDR}, '192.0.2.88', '... another client');
}

# HTTP/2 from the client: many streams at once.
SKIP: {
    skip 'mod_http2 is not for prefork', 4 if $prefork;
    my $relay = ProxyIP::Relay->new(to => $server->port('tls'),
        header => $IN)->start;
    for my $to ('http', 'h2') {
        my $url = 'https://127.0.0.1:' . $relay->port
            . "/$to/cgi/environment?[1-20]";
        my $answer = curl('--http2', '--parallel', '--no-progress-meter', $url);
        my @saw = $answer->{body} =~ /^REMOTE_ADDR=(.*)$/mg;
        is(scalar @saw, 20, "HTTP/2, then $to: 20 streams");
        is_deeply([grep { $_ ne CLIENT } @saw], [], '... all the client\'s');
    }
}

# HAProxy.
for my $version ('v1', 'v2') {
    my $client = client();
    my $saw = $client->variables(
        $client->get("/haproxy/$version/cgi/environment"));
    is($saw->{HTTP_X_SOURCE}, CLIENT . ':4711', "HAProxy, $version: client");
    is($saw->{HTTP_X_DESTINATION}, '198.51.100.80:443',
        '... what it dialled');
}

# nginx, which tells what it saw.
SKIP: {
    skip 'no nginx', 4 if !ProxyIP::Nginx->program;
    my $nginx = ProxyIP::Nginx->new(config => <<'EOC')->start;
http {
access_log off;
client_body_temp_path @root@/body;
proxy_temp_path @root@/proxy;
fastcgi_temp_path @root@/fastcgi;
uwsgi_temp_path @root@/uwsgi;
scgi_temp_path @root@/scgi;
server {
    listen 127.0.0.1:@port@ proxy_protocol;
    location / {
        return 200 "$proxy_protocol_addr $proxy_protocol_port $proxy_protocol_server_addr $proxy_protocol_server_port";
    }
}
}
EOC
    my $port = $nginx->port;
    for my $version ('v1', 'v2') {
        my $front = ProxyIP::Server->new(config => <<"EOC")->start;
ProxyIP On
ProxyIPPeer require 127.0.0.0/8
ProxyIPSend $version
ProxyPass "/" "http://127.0.0.1:$port/"
EOC
        my $client = ProxyIP::Client->new(port => $front->port)->send($IN);
        for my $turn (1, 2) {
            is($client->get('/')->content,
                CLIENT . ' 4711 198.51.100.80 443', "nginx, $version, $turn");
        }
    }
}

# Varnish.
SKIP: {
    skip 'no varnish', 4 if !ProxyIP::Varnish->program;
    my $varnish = ProxyIP::Varnish->new(
        listen => ['127.0.0.1:@port:proxy@,PROXY'], vcl => <<"EOC")->start;
vcl 4.1;
import std;
backend bare { .host = "127.0.0.1"; .port = "$bare"; }
sub vcl_recv {
    set req.http.X-Source = client.ip + ":" + std.port(client.ip);
    set req.http.X-Destination = server.ip + ":" + std.port(server.ip);
    return (pass);
}
EOC
    my $port = $varnish->port('proxy');
    for my $version ('v1', 'v2') {
        my $front = ProxyIP::Server->new(config => <<"EOC")->start;
ProxyIP On
ProxyIPPeer require 127.0.0.0/8
ProxyIPSend $version
ProxyPass "/" "http://127.0.0.1:$port/"
EOC
        my $client = ProxyIP::Client->new(port => $front->port)->send($IN);
        my $saw = $client->variables($client->get('/cgi/environment'));
        is($saw->{HTTP_X_SOURCE}, CLIENT . ':4711', "Varnish, $version");
        is($saw->{HTTP_X_DESTINATION}, '198.51.100.80:443',
            '... what it dialled');
    }
}

# A strict receiver before TLS and HTTP/2.
for my $scheme ('http', 'https', $prefork ? () : qw(h2c h2)) {
    my $client = client();
    my @codes = map { $client->get("/strict/$scheme/")->code } 1 .. 3;
    is("@codes", '200 200 200', "$scheme: answered");
}
is_deeply([grep { $_ ne 'v2 PROXY 192.0.2.77 4711 198.51.100.80 443' }
    map { $_->headers_of } values %strict], [], '... each by its header');

# WebSockets.
SKIP: {
    skip 'no node with Express', 6 if !$sockets;
    for my $path ('/ws/', '/upgrade/', '/single/') {
        my $client = client();
        $client->request($path, Connection => 'Upgrade',
            Upgrade => 'websocket', 'Sec-WebSocket-Version' => 13,
            'Sec-WebSocket-Key' => 'dGhlIHNhbXBsZSBub25jZQ==');
        like($client->ending(5)->{bytes}, qr{^HTTP/1\.1 101 }, "$path: open");
        is(($sockets->headers_of)[-1],
            'v2 PROXY 192.0.2.77 4711 198.51.100.80 443', '... its header');
    }
}

# A balancer: one member goes and comes back.
sub twice {
    my ($client) = @_;
    return map {
        my $answer = $client->get('/two/');
        $answer->code == 200
            ? ProxyIP::Receiver::seen($answer->content)->{source}
            : $answer->code;
    } 1 .. 4;
}
my $client = client('192.0.2.99');
is(join(' ', twice($client)), join(' ', ('192.0.2.99') x 4), 'two members');
my $port = $one->port;
my @said = $one->complaints_of;
$one->stop;
sleep 0.1;
is(join(' ', twice(client('192.0.2.98'))), join(' ', ('192.0.2.98') x 4),
    'one is gone: the other serves');
$one = ProxyIP::Receiver->new(version => 2, port => $port)->start;
is(join(' ', twice(client('192.0.2.97'))), join(' ', ('192.0.2.97') x 4),
    'it is back');
is(join("\n", @said, $one->complaints_of, $two->complaints_of), '',
    'nothing to complain of');

# Health checks.
my %expected = (local => qr/^v2 LOCAL - - - -$/, v1 => qr/^v1 UNKNOWN -/,
    proxy => qr/^v2 PROXY 127\.0\.0\.1 \d+ 127\.0\.0\.1 \d+$/);
for (sort keys %expected) {
    my $receiver = $checked{$_};
    ok($receiver->wait_until(10, sub { scalar $receiver->headers_of }),
        "a health check, $_: came");
    like(($receiver->headers_of)[0], $expected{$_}, '... its header');
    is(join("\n", $receiver->complaints_of), '', '... and it is right');
}
for (qw(local proxy v1)) {
    my $answer = client()->get("/checked-$_/");
    is($answer->code == 200 && ProxyIP::Receiver::seen($answer->content)
        ->{source}, CLIENT, "... and a request by the same balancer, $_");
}
cmp_ok($checked{off}->counts->{requests}, '>', 0, '... off: came');
is(join("\n", $checked{off}->complaints_of), '', '... without a header');

done_testing;
