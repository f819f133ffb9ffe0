# The header comes a little after the connection, or the first bytes behind it
# come in a packet of their own, right behind the header's: on event a worker
# waits a moment for either, and who takes longer goes to the lobby.  Whenever
# they come, nobody is lost, and nothing is left on the socket that what follows
# would stumble over.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep);

use ProxyIP::Client;
use ProxyIP::Header qw(tlv v1 v2 CLIENT);
use ProxyIP::Many;
use ProxyIP::Server;

my $server = ProxyIP::Server->new(workers => 8, status => 1,
    loglevel => 'notice proxyip:info', limits => ProxyIP::Many::limits(),
    config => ProxyIP::Many::CONFIG . <<'EOC')->start;
Listen 127.0.0.1:@port:plain@
Listen 127.0.0.1:@port:tls@
ProxyIP On
ProxyIPPeer require 127.0.0.0/8
KeepAliveTimeout 20
<VirtualHost 127.0.0.1:@port:tls@>
    SSLEngine On
    SSLCertificateFile @tls@/server.pem
    SSLCertificateKeyFile @tls@/server.key
</VirtualHost>
EOC
my $port = $server->port('plain');

# Before, at and behind the end of the moment; more at once than there are
# workers.
for my $pause (1, 2, 5, 9, 10, 11, 15) {
    for my $version (1, 2) {
        my $result = ProxyIP::Many->new(port => $port, count => 200,
            version => $version, pause => $pause)->result;
        is($result->{answered}, 200, "v$version, the request after $pause ms: "
            . ProxyIP::Many->how($result));
    }
}

# The same for the header itself, and for both; a header in two pieces, too.
for my $before (1, 2, 5) {
    for my $case ([all => 0], [header => 1], [header => 12], [20 => 1],
                  [20 => 12]) {
        my ($first, $pause) = @$case;
        my $result = ProxyIP::Many->new(port => $port, count => 200,
            version => $before % 2 + 1, pause_before => $before,
            first => $first, pause => $pause)->result;
        is($result->{answered}, 200, "first $first after $before ms, the others"
            . " after $pause: " . ProxyIP::Many->how($result));
    }
}

# All the time, beside those that send all at once.
my %load = map { $_ => ProxyIP::Many->new(port => $port, count => 30,
    goes_on => 1, $_ ? (pause => $_) : (first => 'all')) } 0, 2, 8, 20;
sleep 3;
for my $pause (sort keys %load) {
    my $result = $load{$pause}->result;
    cmp_ok($result->{answered}, '>=', 30, "together, after $pause ms: "
        . ProxyIP::Many->how($result));
    is($result->{lost}, 0, '... none is lost');
}

# Fewer bytes than the header had are seen, too.
for my $case (['v1', v1()], ['v2', v2()],
              ['v2 with TLVs', v2(tlvs => [tlv(0xE0 => "x" x 100)])]) {
    my ($name, $header) = @$case;
    for my $pause (0.002, 0.05) {
        my $client = ProxyIP::Client->new(port => $port)->send($header);
        sleep $pause;
        my $answer = $client->get('/');
        is($answer && $answer->header('X-Client'), CLIENT,
            "$name, the request after $pause s");
        $client->send('G');
        sleep 0.02;
        $client->send("ET / HTTP/1.0\r\n\r\n");
        $answer = $client->answer;
        is($answer && $answer->header('X-Client'), CLIENT,
            '... and a second one, of few bytes');
        $client->close;
    }
    my $client = ProxyIP::Client->new(port => $server->port('tls'))
        ->send($header);
    sleep 0.002;
    my $answer = $client->start_tls->get('/');
    is($answer && $answer->header('X-Client'), CLIENT, "$name, and TLS");
}

# As long as the buffer in which they are looked at, and about that.
for my $len (1023, 1024, 1025) {
    my $filler = 'x' x ($len - 16);
    for my $case (['PROXY', v2(tlvs => [tlv(0xE0 => substr $filler, 15)]),
                   CLIENT],
                  ['LOCAL', v2(command => 'LOCAL', block => $filler),
                   '127.0.0.1']) {
        my ($command, $header, $address) = @$case;
        is(length $header, $len, "$command, $len bytes");
        for my $pause (0, 0.002, 0.05) {
            my $client = ProxyIP::Client->new(port => $port)->send($header);
            sleep $pause;
            my $answer = $client->get('/');
            is($answer && $answer->header('X-Client'), $address,
                "... the request after $pause s");
            $client->close;
        }
    }
}

# Those that close in that moment.
for my $delay (0, 0.001, 0.005) {
    my $before = $server->status->{ProxyIPAcceptedV2};
    for (1 .. 20) {
        my $client = ProxyIP::Client->new(port => $port)->send(v2());
        sleep $delay;
        $client->close;
    }
    ok($server->wait_until(10, sub {
        $server->status->{ProxyIPAcceptedV2} == $before + 20 }),
        "twenty that close after $delay s are counted");
}
is($server->error_log->count(qr/exit signal/), 0, 'no child crashed');

done_testing;
