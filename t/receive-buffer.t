# A small ReceiveBufferSize: the header is judged in the socket's buffer, so one
# that is longer must get the room.  All senders here are good ones.

use strict;
use warnings;

use Test::More;

use ProxyIP::Client;
use ProxyIP::Header qw(v1 v2 tlv CLIENT);
use ProxyIP::Server;

# Linux makes the smallest buffer 2,304 bytes, of which half is the window.
my $server = ProxyIP::Server->new(workers => 24,
    loglevel => 'notice proxyip:info',
    config => <<'EOC')->start;
ReceiveBufferSize 512
ProxyIPMaxHeader 65551
ProxyIPTimeout 20s
ProxyIP On
ProxyIPPeer require 127.0.0.0/8
Header always set X-Client "expr=%{REMOTE_ADDR}"
Listen 127.0.0.1:@port:plain@
<VirtualHost 127.0.0.1:@port:plain@>
</VirtualHost>
EOC
my $port = $server->port('plain');

sub long { my ($len) = @_; return v2(tlvs => [tlv(0xe5 => 'x' x $len)]) }

sub is_client {
    my ($answer, $name) = @_;
    is($answer && $answer->header('X-Client'), CLIENT, $name);
}

for my $len (100, 300, 800, 900, 1100, 2000, 4000, 8000, 16000, 65500) {
    is_client(ProxyIP::Client->fetch(port => $port, header => long($len)),
        "a TLV of $len bytes");
    for my $pieces (20, 40, 200) {
        my $client = ProxyIP::Client->new(port => $port);
        $client->send_slowly(long($len), chunk => 1 + int($len / $pieces),
            delay => 0.001);
        is_client($client->get('/', Connection => 'close'),
            "... in up to $pieces pieces");
    }
}

# Each is stuck for want of room while the others are.
my @clients = map { ProxyIP::Client->new(port => $port) } 1 .. 20;
my @rests = map { long(8000) } @clients;
$clients[$_]->send(substr $rests[$_], 0, 1500, '') for 0 .. $#clients;
$clients[$_]->send($rests[$_]) for 0 .. $#clients;
is_client($_->get('/', Connection => 'close'), 'one of 20 at once')
    for @clients;

# What follows the header has the buffer of its connection.
my $client = ProxyIP::Client->new(port => $port);
$client->send(long(4000));
$client->send("POST / HTTP/1.1\r\nHost: localhost\r\n"
    . "Content-Length: 100000\r\n\r\n" . 'z' x 100_000);
is_client($client->answer, 'a body of 100,000 bytes behind a long header');
is_client($client->get('/', Connection => 'close'), '... and the next');
is_client(ProxyIP::Client->fetch(port => $port, header => v1()),
    'and a short header');
is($server->error_log->count(qr/PIP002[0-9]/), 0, 'nobody is refused');

$server->stop;
done_testing;
