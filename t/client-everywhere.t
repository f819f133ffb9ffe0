# Whatever reads a connection's or a request's client address sees the client
# that the header names, from the first line any module logs.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep);

use ProxyIP::Client;
use ProxyIP::Header qw(v1 v2 CLIENT);
use ProxyIP::Server;

my $server = ProxyIP::Server->new(loglevel => 'debug', config => <<'EOC');
Listen 127.0.0.1:@port:on@
Listen 127.0.0.1:@port:tls@
Listen 127.0.0.1:@port:off@
ExtendedStatus On
ErrorLogFormat "[%m:%l] [client %a] %M"
ErrorLogFormat connection "connection by %a"
LogFormat "h=%h a=%a c=%{c}a port=%{remote}p status=%>s xff=%{X-Forwarded-For}i" wide
CustomLog "@root@/logs/wide" wide
<VirtualHost 127.0.0.1:@port:on@>
    ProxyIP On
    ProxyIPPeer require 127.0.0.0/8
    RequestReadTimeout header=1
    ProxyPass "/backend/" "http://127.0.0.1:@port:off@/"
    <Location "/from-cdn">
        Require ip 203.0.113.9
    </Location>
    Alias "/from-cdn" "@root@/htdocs/index.html"
    RemoteIPHeader X-Client-IP
    RemoteIPTrustedProxy 192.0.2.77
    # Pairs that an ACL by name or by address decides alike.
    <Location "/none">
        Require ip 127.0.0.1
        Require local
    </Location>
    Alias "/none" "@root@/htdocs/index.html"
    RewriteEngine On
    RewriteCond "%{REMOTE_ADDR}:%{REMOTE_PORT}" "^192\.0\.2\.77:4711$"
    RewriteRule "^/rewritten$" "/index.html" [L]
</VirtualHost>
<VirtualHost 127.0.0.1:@port:tls@>
    ProxyIP On
    ProxyIPPeer require 127.0.0.0/8
    SSLEngine On
    SSLCertificateFile @tls@/server.pem
    SSLCertificateKeyFile @tls@/server.key
</VirtualHost>
<VirtualHost 127.0.0.1:@port:off@>
</VirtualHost>
EOC
$server->start;
my ($on, $tls) = map { $server->port($_) } qw(on tls);
my $wide = ProxyIP::Log->new($server->root . '/logs/wide');
my $log = $server->error_log;

sub fetch {
    my ($path, %header) = @_;
    my $client = ProxyIP::Client->new(port => $on);
    return $client->send(v2())->get($path, Connection => 'close', %header);
}

# Access log
is(fetch('/')->code, 200, 'a request');
ok($wide->wait_for(
    qr/^h=192\.0\.2\.77 a=192\.0\.2\.77 c=192\.0\.2\.77 port=4711 status=200/),
    'access log: %h, %a, %{c}a, %{remote}p');

# Requests that never become one.
my $client = ProxyIP::Client->new(port => $on);
$client->send(v1() . "what\x01\r\n\r\n");
is($client->answer->code, 400, 'no request');
ok($wide->wait_for(qr/a=192\.0\.2\.77 c=192\.0\.2\.77 .*status=400/),
    '... its line has the client');
$client = ProxyIP::Client->new(port => $on);
$client->send(v1() . 'GET / HT');
ok($wide->wait_for(qr/a=192\.0\.2\.77 c=192\.0\.2\.77 .*status=408/, 10),
    'a request that is not finished: its line has the client');

# TLS: mod_ssl meets the connection after the header.
$client = ProxyIP::Client->new(port => $tls);
$client->send(v2() . "GET / HTTP/1.0\r\n\r\n")->ending(5);
ok($log->wait_for(qr/\[ssl:\w+\] \[client 192\.0\.2\.77:4711\]/, 5),
    'TLS handshake errors name the client');
$client = ProxyIP::Client->new(port => $tls);
$client->send(v2())->start_tls;
is($client->variables($client->get('/cgi/environment'))->{REMOTE_ADDR},
    CLIENT, 'a request over TLS');
ok(!grep({ /^\[ssl:/ && /client 127\.0\.0\.1/ }
    ProxyIP::Log->new($log->path)->lines), 'mod_ssl never saw the peer');

# Error log's connection lines: printed once, with what is known then.
my @lines = ProxyIP::Log->new($log->path)->lines(qr/^connection by/);
cmp_ok(scalar @lines, '>', 4, 'ErrorLogFormat connection: lines');
is_deeply([grep { !/^connection by 192\.0\.2\.77:4711$/ } @lines], [],
    '... all with the client');

# Access control
is(fetch('/client-only')->code, 200, 'Require ip: the client is let in');
is(fetch('/none')->code, 403, 'Require ip and local: not by the peer');
is(fetch('/rewritten')->code, 200, 'mod_rewrite');

# mod_status
like(fetch('/server-status')->content, qr/192\.0\.2\.77/, 'mod_status');

# mod_proxy's own connections to a backend are left alone.
my $saw = $client->variables(fetch('/backend/cgi/environment'));
is($saw->{HTTP_X_FORWARDED_FOR}, CLIENT, 'X-Forwarded-For');
is($saw->{REMOTE_ADDR}, '127.0.0.1', 'the backend sees the proxy');
$saw = $client->variables(fetch('/backend/cgi/environment',
    'X-Forwarded-For' => '127.0.0.4, 127.0.0.3'));
is($saw->{HTTP_X_FORWARDED_FOR}, '127.0.0.4, 127.0.0.3, ' . CLIENT,
    '... behind what the client sent');

# A CDN in front of the balancer: mod_remoteip starts from our client.
is(fetch('/from-cdn', 'X-Client-IP' => '203.0.113.9')->code, 200,
    'mod_remoteip: the header of a trusted client');
ok($wide->wait_for(qr/a=203\.0\.113\.9 c=192\.0\.2\.77/), '... in the log');
$client = ProxyIP::Client->new(port => $on)->send(v2(src => '192.0.2.78'));
is($client->get('/from-cdn', 'X-Client-IP' => '203.0.113.9')->code, 403,
    '... of another client it is not believed');

# mod_qos: its limit per client is the client's, not the balancer's.
SKIP: {
    my $load = ProxyIP::Httpd::load_neighbour('qos', 'libpcre.so.3')
        or skip 'mod_qos is not here', 4;
    my $limited = ProxyIP::Server->new(config => $load . <<'EOC')->start;
ProxyIP On
ProxyIPPeer require 127.0.0.0/8
QS_SrvMaxConnPerIP 3
EOC
    my $port = $limited->port;
    my @clients = map {
        my $one = ProxyIP::Client->new(port => $port);
        $one->send(v2(src => "192.0.2.$_"));
        my $answer = $one->get('/');
        $answer ? $one : ();
    } 1 .. 6;
    is(scalar @clients, 6, 'mod_qos: six clients behind one balancer');
    # Kept alive, each may hold a worker.
    $_->close for splice @clients;
    my @same = map {
        my $one = ProxyIP::Client->new(port => $port);
        $one->send(v2(src => '192.0.2.100'));
        $one->get('/') ? $one : ();
    } 1 .. 5;
    is(scalar @same, 3, '... of one client with five, three');
    my @refused = $limited->error_log->lines(qr/mod_qos.*QS_SrvMaxConnPerIP/);
    cmp_ok(scalar @refused, '>=', 1, '... the others were refused by mod_qos');
    is_deeply([grep { !/192\.0\.2\.100/ } @refused], [],
        '... which names the client');
}

done_testing;
