# conf-examples/next-hop-*.conf: each with what its comment has for the other
# side, as they stand but for addresses, ports and files.

use strict;
use warnings;

use Test::More;

use ProxyIP::Client;
use ProxyIP::Example;
use ProxyIP::HAProxy;
use ProxyIP::Header qw(v2 tlv CLIENT);
use ProxyIP::Server;

# Another httpd.
my $example = ProxyIP::Example->new('next-hop-httpd.conf');
my $next = ProxyIP::Server->new(config => ProxyIP::Example::with_ports(
    ProxyIP::Example::on_loopback($example->settings('10.0.1.10) alone:')))
    =~ s/require 127\.0\.1\.10/require 127.0.0.1/r)->start;
my $to = $next->port(8080);
$example = ProxyIP::Example->new('next-hop-httpd.conf',
    replace => { '10.0.2.20:8080' => "127.0.0.1:$to" });
my $front = $example->server->start;

my $client = ProxyIP::Client->new(port => $front->port(443),
    from => '127.0.0.9')->send(v2(tlvs => [tlv(0xEA => "\1vpce-7")]));
$client->start_tls;
my $saw = $client->variables($client->get('/cgi/environment'));
is($saw->{REMOTE_ADDR}, CLIENT, 'the other httpd: the client');
is($saw->{HTTPS}, 'on', '... https, as the header says');
is($saw->{PROXYIP_SERVER_PORT}, 443, '... what it dialled');
is($saw->{PROXYIP_AUTHORITY}, 'localhost', '... the server name of TLS');
is($saw->{PROXYIP_AWS_VPCE_ID}, 'vpce-7', '... what the balancer has said');
is($saw->{PROXYIP_TLV_E7}, unpack('H*', 'localhost'), '... one of its own');
is($saw->{PROXYIP_CRC32C}, 'ok', '... a checksum that is right');
is(ProxyIP::Client->new(port => $to, from => '127.0.0.44')->ending(5)->{how},
    'eof', '... and nobody else may');

# HAProxy.
my $application = ProxyIP::Server->new(config => <<'EOC')->start;
ProxyIP Off
EOC
$example = ProxyIP::Example->new('next-hop-haproxy.conf');
my $settings = $example->settings('HAProxy:')
    =~ s/127\.0\.0\.1:3000/'127.0.0.1:' . $application->port/er
    =~ s/bind :8081/bind 127.0.0.1:\@port:8081\@/r;
my $haproxy = ProxyIP::HAProxy->new(config => $settings)->start;
my $port = $haproxy->port(8081);
$example = ProxyIP::Example->new('next-hop-haproxy.conf',
    replace => { '10.0.2.30:8081' => "127.0.0.1:$port",
        '10.0.2.31:8081' => "localhost:$port" });
SKIP: {
    my @lacks = $example->lacks;
    skip "this httpd lacks @lacks", 3 if @lacks;
    $front = $example->server(modules => ['watchdog'])->start;
    for my $from ('127.0.0.21', '127.0.0.22') {
        $client = ProxyIP::Client->new(port => $front->port(80),
            from => $from);
        $saw = $client->variables($client->get('/cgi/environment'));
        is($saw->{HTTP_X_REAL_IP}, $from, "HAProxy: the client, $from");
    }
    my $log = $application->access_log;
    ok($log->wait_for(qr{"GET / HTTP/1\.[01]"}, 10), '... and health checks');
}

done_testing;
