# Headers in any number of segments, alone or with what follows them: exactly
# the header is taken, and every other byte reaches the next layer.

use strict;
use warnings;

use Digest::MD5 qw(md5_hex);
use Test::More;
use Time::HiRes qw(sleep);

use ProxyIP::Client;
use ProxyIP::Header qw(v1 v2 tlv CLIENT);
use ProxyIP::Suite;

my %header = (
    v1 => v1(),
    'v1 UNKNOWN' => v1(family => 'UNKNOWN'),
    v2 => v2(),
    'v2 with TLVs' => v2(crc => 1, tlvs => [tlv(0x02 => 'example.org')]),
);
my $port = ProxyIP::Suite->port('require');
my $request = "GET /cgi/environment HTTP/1.1\r\nHost: a\r\n"
    . "Connection: close\r\n\r\n";

sub address_for {
    my ($name) = @_;
    return $name =~ /UNKNOWN/ ? '127.0.0.1' : CLIENT;
}

sub saw {
    my ($client) = @_;
    return $client->variables($client->answer)->{REMOTE_ADDR};
}

for my $name (sort keys %header) {
    my $bytes = $header{$name} . $request;
    my $address = address_for($name);

    is(saw(ProxyIP::Client->new(port => $port)->send($bytes)), $address,
        "$name: header and request in one segment");

    my @clients;
    for my $cut (1 .. length($header{$name}) + 1) {
        push @clients, [$cut, ProxyIP::Client->new(port => $port)
            ->send(substr $bytes, 0, $cut)];
        # Within the server's room for waiting connections.
        next if @clients < 8 && $cut <= length $header{$name};
        sleep 0.05;
        for my $client (splice @clients) {
            my ($at, $connection) = @$client;
            $connection->send(substr $bytes, $at);
            is(saw($connection), $address, "$name: cut at $at");
        }
    }

    is(saw(ProxyIP::Client->new(port => $port)
        ->send_slowly($bytes, chunk => 1, delay => 0.002)), $address,
        "$name: byte by byte");
}

# A header that is larger than one read of the server.
my $large = ProxyIP::Suite->port('large');
my $header = v2(crc => 1, tlvs => [map { tlv(0x04 => chr($_) x 4000) }
                                       1 .. 15]);
is(saw(ProxyIP::Client->new(port => $large)->send($header . $request)), CLIENT,
    length($header) . ' bytes of header and a request at once');
is(saw(ProxyIP::Client->new(port => $large)->send_slowly($header . $request,
    chunk => 777, delay => 0.001)), CLIENT, '... in pieces');

# Bodies arrive whole, whether or not they share the header's segment.
my $body = join '', map { chr($_ * 7 % 251) } 1 .. 300_000;
for my $name ('v1', 'v2 with TLVs') {
    for my $chunk ([1e9], [length $header{$name}], [20, 60, 9000]) {
        my $client = ProxyIP::Client->new(port => $port);
        $client->send_slowly($header{$name} . join("\r\n",
            'POST /cgi/digest HTTP/1.1', 'Host: a', 'Connection: close',
            'Content-Length: ' . length $body, '', $body),
            chunk => $chunk, delay => 0.02);
        my $answer = $client->answer;
        is($answer && $answer->content, md5_hex($body) . "\n",
            "$name: a body of 300,000 bytes, cut at @$chunk");
    }
}

# Several requests at once, and a connection kept alive.
my $client = ProxyIP::Client->new(port => $port);
$client->send(v1() . "GET /cgi/environment HTTP/1.1\r\nHost: a\r\n\r\n" x 3);
is(saw($client), CLIENT, "pipelined request $_") for 1 .. 3;
is($client->variables($client->get('/cgi/environment'))->{REMOTE_ADDR},
    CLIENT, 'and a later one');

# Sent, then half closed: still answered.
$client = ProxyIP::Client->new(port => $port)->send(v2() . $request)
    ->shut_writing;
is(saw($client), CLIENT, 'half-closed after the request');

# One header is taken, not two.
my $log = ProxyIP::Suite->error_log;
$client = ProxyIP::Client->new(port => $port);
my $own = $client->port;
$client->send(v1() . v2() . $request);
my $answer = $client->answer;
is($answer && $answer->code, 400, 'a second header is no request');
like($log->wait_for(qr/PIP0043.*peer 127\.0\.0\.1:$own /, 5) // '',
    qr/proxyip:error.*PIP0043: another PROXY header follows/, 'and is told of: PIP0043');

done_testing;
