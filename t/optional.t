# An optional peer: a header is used if it comes; bytes that cannot begin one
# reach the next layer untouched, whatever they have in common with one; and
# what has begun as a header must become one.

use strict;
use warnings;

use Digest::MD5 qw(md5_hex);
use Test::More;
use Time::HiRes qw(sleep);

use ProxyIP::Client;
use ProxyIP::Header qw(v1 v2 SIGNATURE CLIENT);
use ProxyIP::Suite;

my $port = ProxyIP::Suite->port('optional');
my $log = ProxyIP::Suite->error_log;

# Methods that begin as `PROXY ` does.
for my $method ('GET', 'P', 'PR', 'PROPFIND', 'PROX', 'PROXY1', 'PUT') {
    for my $chunk (1e9, 1, 3) {
        my $client = ProxyIP::Client->new(port => $port);
        my $own = $client->port;
        my $access = ProxyIP::Suite->access_log;
        $client->send_slowly("$method /index.html HTTP/1.1\r\nHost: a\r\n"
            . "Content-Length: 0\r\nConnection: close\r\n\r\n",
            chunk => $chunk, delay => 0.003);
        ok($client->answer, "$method, $chunk at a time: answered");
        ok($access->wait_for(
            qr/client=127\.0\.0\.1 .*port=$own .*"\Q$method\E \/index/, 5),
            '... with its own address, every byte there');
    }
}

my $body = join '', map { chr($_ % 256) } 1 .. 50_000;
my $post = join "\r\n", 'POST /cgi/digest HTTP/1.1', 'Host: a',
    'Connection: close', 'Content-Length: ' . length $body, '', $body;
for my $chunk ([1e9], [1, 1, 1, 100], [5, 4000]) {
    my $answer = ProxyIP::Client->new(port => $port)
        ->send_slowly($post, chunk => $chunk, delay => 0.02)->answer;
    is($answer && $answer->content, md5_hex($body) . "\n",
        "a body without a header, cut at @$chunk");
}

# Parts of the signature, then something else: handed on, and HTTP's to judge.
for my $length (1 .. 11) {
    my $since = ProxyIP::Suite->error_log;
    my $client = ProxyIP::Client->new(port => $port);
    my $own = $client->port;
    $client->send(substr SIGNATURE, 0, $length);
    sleep 0.01;
    $client->send("GET / HTTP/1.1\r\n\r\n");
    my $end = $client->ending(1);
    is($since->count(qr/PIP002\d.*:$own /), 0,
        "$length bytes of the signature are not a header");
}

for my $header (v1(), v2()) {
    my $client = ProxyIP::Client->new(port => $port);
    $client->send_slowly($header, chunk => 1, delay => 0.002);
    is($client->variables($client->get('/cgi/environment'))->{REMOTE_ADDR},
        CLIENT, 'a header is used: v' . ($header =~ /^PROXY/ ? 1 : 2));
}

# Committed: no way back.
my %bad = (
    'v1 line' => ["PROXY x", 'PIP0022'],
    'v1 line, addressed to HTTP' => ["PROXY / HTTP/1.1\r\n\r\n", 'PIP0022'],
    'v2 version' => [SIGNATURE . 'G', 'PIP0022'],
    'v2 checksum' => [v2(crc => 'bad'), 'PIP0024'],
);
for my $name (sort keys %bad) {
    my ($bytes, $number) = @{ $bad{$name} };
    my $client = ProxyIP::Client->new(port => $port);
    my $own = $client->port;
    my $end = $client->send($bytes)->ending(3);
    ok($end->{how} ne 'open' && $end->{bytes} eq '', "bad $name: closed");
    ok($log->wait_for(qr/$number: .*peer 127\.0\.0\.1:$own /, 5),
        "bad $name: $number");
}

# Half-closed after a few bytes that might have become a header.
my $client = ProxyIP::Client->new(port => $port);
my $own = $client->port;
$client->send('PRO')->shut_writing;
isnt($client->ending(5)->{how}, 'open', 'PRO and no more is not waited for');
ok($log->wait_for(qr/PIP0040: .*peer 127\.0\.0\.1:$own /, 5),
    '... it was handed on');

done_testing;
