# proxyip-check listen: what it shows of HAProxy, curl and clients that split,
# stay silent or leave.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep time);

use ProxyIP::Check qw(check);
use ProxyIP::Client;
use ProxyIP::Curl qw(curl);
use ProxyIP::HAProxy;
use ProxyIP::Header qw(v1 v2 tlv flip NLB_HEALTH_CHECK CLIENT);
use ProxyIP::Httpd;

plan skip_all => 'without a server: once is enough'
    if ProxyIP::Httpd::mpm() ne 'event';

my $listen = ProxyIP::Check->new(arguments => ['--timeout', '2s'])->start;
my $port = $listen->port;
my $to = "198.51.100.80:443";
my $number = 0;

# A wall-clock time, as RFC 3339 has it.
my $TIME = qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d$/;

# The line of the next connection, without number, peer and time.
sub next_line {
    my ($peer) = @_;
    $number++;
    my $line = $listen->log->wait_for(qr/^#$number /, 10) // '';
    $line =~ s/^#$number \S+ at (\S+): // or fail("no line: $line");
    my $time = $1 // '';
    fail("no time: $time") if $time !~ $TIME;
    return $line;
}

sub client { return ProxyIP::Client->new(port => $port, @_) }

my $http = "GET /x HTTP/1.1\r\nHost: a\r\n\r\n";
my $then = 'then an HTTP request: GET /x HTTP/1.1';

# Bytes at once: [name, bytes, line, status, words of the body].
for my $case (
    ['v1', v1() . $http, "v1 PROXY TCP4 192.0.2.77:4711 -> $to, 46 bytes;"
        . " in 1 segment, T; $then", 200, qr/right: a v1 header/],
    ['v2', v2(crc => 1, tlvs => [tlv(2 => 'a b'), tlv(0xf1 => "\0")]) . $http,
     "v2 PROXY TCP4 192.0.2.77:4711 -> $to, 45 bytes AUTHORITY=a\\x20b"
        . " TLV_F1=0x00 CRC32C=ok; in 1 segment, T; $then", 200,
     qr/^checksum +right$/m],
    ['LOCAL', v2(command => 'LOCAL') . $http, "v2 LOCAL, 16 bytes; in 1"
        . " segment, T; $then", 200, qr/LOCAL/],
    ['no header', $http, 'no PROXY header, but an HTTP request: GET /x'
        . ' HTTP/1.1', 200, qr/no PROXY header/],
    ['bad v1', v1(dport => 65536) . $http, 'v1 header, bad: v1 port is not a'
        . ' number from 0 to 65535, at offset 41; found at offset 47',
     400, qr/^near it /m],
    ['bad v2', v2(crc => 'bad') . $http, 'v2 header, bad: the CRC32C checksum'
        . ' is wrong, at offset 31; found at offset 34', 400,
     qr/^checksum +WRONG/m],
    ['two headers', v1() . v2() . $http, "v1 PROXY TCP4 192.0.2.77:4711 ->"
        . " $to, 46 bytes; in 1 segment, T; then a v2 PROXY header: two hops"
        . ' each add one; mod_proxyip takes the first only', 400,
     qr/two hops/],
) {
    my ($name, $bytes, $line, $status, $body) = @$case;
    my $answer = client()->send($bytes)->answer;
    is(next_line() =~ s/ \d+ ms/ T/r, $line, "$name: line");
    is($answer && $answer->code, $status, "$name: answered");
    like($answer && $answer->content, $body, "$name: body");
    is($answer && $answer->header('Connection'), 'close', "$name: close");
}

# What is not answered: [name, bytes, line].
my $right = "v1 PROXY TCP4 192.0.2.77:4711 -> $to, 46 bytes; in 1 segment, T";
for my $case (
    ['TLS', v1() . "\x16\3\1\0\2\1\0", "$right; then a TLS handshake"],
    ['HTTP/2', v1() . "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
     "$right; then HTTP/2's preface"],
    ['other bytes', v1() . "\0\1", "$right; then unknown bytes"],
    ['SSH', "SSH-2.0-x\r\n", 'no PROXY header, but SSH: SSH-2.0-x'],
    ['silence behind a header', v1(),
     "$right; then nothing, silent until the time limit"],
    ['half a header', substr(v1(), 0, 20), 'v1 header, incomplete: 20 bytes'
        . ' came, at least 32 are needed, silent until the time limit'],
    ['silence', '', 'no PROXY header: nothing came, silent until the time'
        . ' limit'],
    ['half a request', v1() . "GET / HTTP/1.1\r\n",
     "$right; then an HTTP request: GET / HTTP/1.1"],
) {
    my ($name, $bytes, $line) = @$case;
    my $end = client()->send($bytes)->ending(10);
    is(next_line() =~ s/ \d+ ms/ T/r, $line, "$name: line");
    is($end->{how}, 'eof', "$name: closed");
    next if $name eq 'half a request';
    is($end->{bytes}, '', "$name: no answer");
}

# Those who leave by themselves.
client()->send(NLB_HEALTH_CHECK)->close;
is(next_line() =~ s/ \d+ ms/ T/r, 'v2 LOCAL, 100 bytes; in 1 segment, T; then'
    . ' nothing: a health check, closed by the peer', 'a health check');
client()->close;
is(next_line(), 'no PROXY header: nothing came, closed by the peer',
    'closed at once');
client()->send('PROXY ')->close;
like(next_line(), qr/^v1 header, incomplete: 6 bytes .*, closed by the peer$/,
    'closed within the header');
client()->send('PROXY ')->reset;
like(next_line(), qr/^v1 header, incomplete: .* (?:closed|reset) by the peer$/,
    'reset within the header');

# In pieces.
my $client = client();
$client->send_slowly(v2() . $http, chunk => [5, 10, 20], delay => 0.05);
is($client->answer->code, 200, 'pieces: answered');
like(next_line(), qr/; in 3 segments, \d{2,} ms; then an HTTP request/,
    'pieces: line');

# Many at once, silent or slow ones among them: nobody waits for another.
my @silent = map { client() } 1 .. 40;
my @slow = map { client()->send(substr v1(), 0, 10) } 1 .. 10;
my $start = time;
is(client()->send(v1() . $http)->answer->code, 200, 'served among fifty');
cmp_ok(time - $start, '<', 1.5, '... at once');
$_->send(substr(v1(), 10) . $http) for @slow;
is(join(' ', map { $_->answer->code } @slow), join(' ', (200) x 10),
    'the slow ones too');
# More than have a place wait in the backlog.
my @more = map { client() } 1 .. 40;
is(client()->send(v1() . $http)->answer->code, 200, 'served behind eighty');
$_->close for @silent, @more;
$number += 40 + 10 + 1 + 40 + 1;
ok($listen->log->wait_for(qr/^#$number /, 10), 'all are shown');

# Whatever comes.
srand 3;
for my $round (1 .. 60) {
    my $bytes = v2(crc => 1, tlvs => [tlv(2 => 'a')]) . $http;
    $bytes = flip($bytes, int rand length $bytes, int rand 8) for 0 .. 2;
    client()->send($bytes)->shut_writing->close;
}
$number += 60;
ok($listen->log->wait_for(qr/^#$number /, 10), 'mutations: all are shown');
is($listen->end, 0, 'ends by SIGTERM with status 0');
my ($all, $with, $without) = $listen->log->text
    =~ /^(\d+) connections: (\d+) with a right header, (\d+) without\n\z/m;
is($all, $number, 'summary: all');
is($with + $without, $number, 'summary: with and without');
unlike($listen->log->text, qr/[^\x20-\x7e\n]/, 'no raw bytes');

# HAProxy and curl.
$listen = ProxyIP::Check->new(arguments => ['-v', '--hex'])->start;
$port = $listen->port;
my $haproxy = ProxyIP::HAProxy->new(config => <<"EOC")->start;
listen v1
    bind 127.0.0.1:\@port:v1\@
    server s 127.0.0.1:$port send-proxy
listen v2
    bind 127.0.0.1:\@port:v2\@
    unique-id-format id-%ci
    server s 127.0.0.1:$port send-proxy-v2 proxy-v2-options crc32c,unique-id
EOC
for my $version (1, 2) {
    my $answer = curl('--interface', '127.0.0.77',
        'http://127.0.0.1:' . $haproxy->port("v$version") . '/a');
    is($answer->{code}, 200, "HAProxy, v$version: answered");
    my $tlvs = $version == 2 ? ' CRC32C=ok UNIQUE_ID=id-127.0.0.77' : '';
    my ($line) = $answer->{body} =~ /^#$version \S+ at \S+: (.*)/;
    is($line =~ s/\d+ ms/T/r =~ s/\d+ bytes/N bytes/r, "v$version PROXY TCP4"
        . " 127.0.0.77:$answer->{port} -> 127.0.0.1:"
        . $haproxy->port("v$version") . ", N bytes$tlvs;"
        . ' in 1 segment, T; then an HTTP request: GET /a HTTP/1.1',
        "HAProxy, v$version: line");
    my ($shown) = $answer->{body} =~ /(^result .*)/ms;
    my $log = $listen->log->text;
    ok(index($log, $shown) > 0, "-v: the same fields in both");
    my ($hex) = $log =~ /.*^hex (\w+)$/ms;
    is(check('decode', '--hex', $hex)->{fields}{result},
        "right: a v$version header of " . length($hex) / 2 . ' bytes',
        "HAProxy, v$version: --hex for decode");
}
my $answer = curl('--haproxy-protocol', "http://127.0.0.1:$port/");
is($answer->{code}, 200, 'curl: answered');
like($answer->{body}, qr/v1 PROXY TCP4 127\.0\.0\.1:$answer->{port} -> /,
    'curl: line');
is($listen->end('INT'), 0, 'ends by SIGINT with status 0');

# --count.
for my $case ([[v1(), v2()], 0], [[v1(), ''], 1], [[v1(), 'PROXY x'], 1]) {
    my ($headers, $status) = @$case;
    my $listen = ProxyIP::Check->new(arguments => ['--count', 2],
        place => '127.0.0.1:0')->start;
    for my $header (@$headers) {
        ProxyIP::Client->new(port => $listen->port)->send($header . $http)
            ->ending(5);
    }
    is($listen->ended, $status, "--count: status $status");
}

# IPv6, where the machine has it, and all addresses.
SKIP: {
    my $listen = eval { ProxyIP::Check->new(place => '[::1]:0')->start }
        or skip 'no IPv6', 2;
    my $client = ProxyIP::Client->new(host => '::1', port => $listen->port);
    is($client->send(v1() . $http)->answer->code, 200, 'IPv6');
    like($listen->log->wait_for(qr/^#1/, 5), qr/^#1 \[::1\]:\d+ at /,
        'IPv6: line');
}
$listen = ProxyIP::Check->new(place => '*:0')->start;
is(client(port => $listen->port, from => '127.0.0.77')->send(v1() . $http)
    ->answer->code, 200, 'all addresses');
SKIP: {
    my $client = eval { ProxyIP::Client->new(host => '::1',
        port => $listen->port) } or skip 'no IPv6', 1;
    is($client->send(v1() . $http)->answer->code, 200,
        'all addresses, IPv6');
}
like($listen->log->wait_for(qr/^#1/, 5), qr/^#1 127\.0\.0\.77:\d+ at /,
    'all addresses: an IPv4 peer looks like one');

for my $case (
    [[], qr/PORT or ADDR:PORT is missing/],
    [['65536'], qr/'65536': accepted is PORT, ADDR:PORT/],
    [['127.0.0.1'], qr/'127\.0\.0\.1': accepted is PORT/],
    [['--count', 0, 1], qr/--count '0': accepted is a number from 1/],
    [['192.0.2.1:0'], qr/cannot listen on 192\.0\.2\.1:0: /],
    [['127.0.0.1:' . $listen->port], qr/cannot listen on .*in use/],
) {
    my ($arguments, $message) = @$case;
    my $run = check('listen', @$arguments);
    is($run->{status}, 2, "listen @$arguments: status");
    like($run->{err}, $message, "listen @$arguments: message");
}

done_testing;
