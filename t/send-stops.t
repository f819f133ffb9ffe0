# A child that ends at once while requests are under way.  With HTTP/2
# mod_http2's threads go on for some seconds, and give back what they have; on
# prefork a signal comes in the middle of one, and beside kept connections.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep);

use ProxyIP::Client;
use ProxyIP::Header qw(v2);
use ProxyIP::Receiver;
use ProxyIP::Server;

my $prefork = ProxyIP::Httpd::mpm() eq 'prefork';
my $STREAMS = 4;

my $backend = ProxyIP::Server->new(workers => 16, config => <<'EOC')->start;
ProxyIP On
ProxyIPPeer require 127.0.0.1
EOC
# More than mod_http2 takes before the client does.
$backend->write_file('htdocs/large', 'x' x 4_000_000);

my $slow = ProxyIP::Receiver->new(version => 2, delay => 1)->start;
my $h2 = $prefork ? '' : 'Protocols h2c http/1.1';
my $server = ProxyIP::Server->new(workers => 8,
    loglevel => 'info proxyip_send:debug', config => <<"EOC")->start;
$h2
# How long a stream waits for its client.
Timeout 2
ProxyIP On
ProxyIPPeer require 127.0.0.1
ProxyIPSend v2
ProxyPass "/slow" "http://127.0.0.1:@{[$slow->port]}/slow"
ProxyPass "/" "http://127.0.0.1:@{[$backend->port]}/"
EOC

sub frame {
    my ($type, $flags, $stream, $payload) = @_;
    return substr(pack('N', length $payload), 1)
        . pack('CCN', $type, $flags, $stream) . $payload;
}

# A name and a value, as they are, with no index (RFC 7541, section 6.2.2).
sub field {
    my ($name, $value) = @_;
    return pack 'C C/a* C/a*', 0, $name, $value;
}

# Clients of which each has a connection that is kept, and asks once more.
sub clients {
    my @clients = map { ProxyIP::Client->new(port => $server->port)
        ->send(v2(src => "192.0.2.$_")) } 1 .. $STREAMS;
    $_->get('/') for @clients;
    $_->request('/slow') for @clients;
    return \@clients;
}

# A client that takes headers, and no body: its window is 0.
sub client {
    my $head = join '', map { field(@$_) } [':method', 'GET'],
        [':scheme', 'http'], [':authority', 'localhost'], [':path', '/large'];
    return ProxyIP::Client->new(port => $server->port)->send(
        join '', v2(), "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        frame(4, 0, 0, pack 'nN', 4, 0),
        map { frame(1, 5, 2 * $_ - 1, $head) } 1 .. $STREAMS);
}

for my $how ('HUP', 'TERM') {
    my $log = $server->error_log->mark;
    my $client = $prefork ? clients() : client();
    ok($server->wait_until(10, sub {
        $log->count(qr/PIP0108/) >= $STREAMS * ($prefork ? 2 : 1) }),
        "$how: requests are under way");
    sleep 0.3;
    if ($how eq 'HUP') {
        $server->restart;
    }
    else {
        $server->signal('TERM');
        ok($server->wait_for_end(30), '... ended');
    }
    is(join("\n", $log->lines(qr/exit signal/)), '', '... without a crash');
}
done_testing;
