# proxyip-check relay: a header before each connection, or taken off; bytes both
# ways, however many connections there are and however they end.

use strict;
use warnings;

use Test::More;

use IO::Select;
use IO::Socket::INET;
use Time::HiRes qw(sleep time);

use ProxyIP::Check qw(check);
use ProxyIP::Client;
use ProxyIP::Curl qw(curl);
use ProxyIP::Header qw(v1 v2 tlv crc32c CLIENT);
use ProxyIP::Httpd;
use ProxyIP::Server;

plan skip_all => 'the MPM makes no difference: done with event'
    if ProxyIP::Httpd::mpm() ne 'event';

my $server = ProxyIP::Server->new(config => <<'EOC')->start;
Listen 127.0.0.1:@port:plain@
Listen 127.0.0.1:@port:tls@
ProxyIP On
ProxyIPPeer require 127.0.0.0/24
ProxyIPEnv All
<VirtualHost 127.0.0.1:@port:plain@>
    Protocols h2c http/1.1
</VirtualHost>
<VirtualHost 127.0.0.1:@port:tls@>
    Protocols h2 http/1.1
    SSLEngine On
    SSLCertificateFile @tls@/server.pem
    SSLCertificateKeyFile @tls@/server.key
</VirtualHost>
EOC

# relay TARGET, ARGUMENT...: one that runs.
sub relay {
    my ($target, @arguments) = @_;
    $target = "127.0.0.1:$target" if $target !~ /:/;
    return ProxyIP::Check->new(command => 'relay', arguments => \@arguments,
        target => $target)->start;
}

# A server of our own: what a relay connects to.
sub target {
    return IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0,
        Listen => 64) // die "listen: $!\n";
}

sub taken {
    my ($target) = @_;
    IO::Select->new($target)->can_read(10) or return;
    return scalar $target->accept;
}

# Read until the other end sends no more, or so many bytes have come.
sub read_all {
    my ($socket, $length) = @_;
    my $in = '';
    while (!defined $length || length $in < $length) {
        IO::Select->new($socket)->can_read(10) or return "$in(silence)";
        sysread $socket, $in, 65536, length $in or last;
    }
    return $in;
}

# -- What httpd sees ---------------------------------------------------------

my $address = '127.0.0.1';
for my $case (
    ['own addresses', [], { CLIENT_ADDR => $address, SERVER_ADDR => $address,
        VERSION => 2 }],
    ['v1', ['--v1', '--src', '192.0.2.77:4711'], { VERSION => 1,
        CLIENT_ADDR => '192.0.2.77', CLIENT_PORT => 4711 }],
    ['TLVs', ['--src=2001:db8::77', '--tlv', 'authority=a.example', '--ssl',
        '--crc32c'], { CLIENT_ADDR => '2001:db8::77', SSL => 'on',
        AUTHORITY => 'a.example', CRC32C => 'ok', TRANSPORT => 'TCP6' }],
    ['a header larger than the buffer', ['--pad', 20000], undef],
) {
    my ($name, $arguments, $facts) = @$case;
    my $relay = relay($server->port('plain'), @$arguments);
    my $answer = ProxyIP::Client->fetch(port => $relay->port,
        path => '/cgi/environment');
    if (!$facts) { # more than ProxyIPMaxHeader
        ok(!$answer, "$name: refused");
        ok($server->error_log->wait_for(qr/PIP0023.* 20031 bytes/, 5),
            "$name: it came");
        next;
    }
    my %saw = $answer->content =~ /^PROXYIP_?(\w*)=(.*)$/mg;
    is_deeply({ map { $_ => $saw{$_} } keys %$facts }, $facts, $name);
    is($relay->end, 0, "$name: ends by SIGTERM");
}

# TLS and HTTP/2, which it knows nothing of.
my $relay = relay($server->port('tls'), '-v', '--src', CLIENT . ':4711');
my $url = 'https://127.0.0.1:' . $relay->port;
my $answer = curl('--http2', '-k', "$url/cgi/environment");
is($answer->{version}, '2', 'TLS: HTTP/2');
is($answer->{variables}{REMOTE_ADDR}, CLIENT, 'TLS: the client');
like($relay->log->wait_for(qr/^#1 /, 5) =~ s/:\d+ at \S+/:1 at T/r,
    qr/^#1 127\.0\.0\.1:1 at T v2 PROXY TCP4 192\.0\.2\.77:4711 -> .* 28 bytes$/,
    '-v');

# h2load: a thousand requests, all under way at once.
SKIP: {
    my $h2load = ProxyIP::Process->find('h2load') or skip 'no h2load', 2;
    my $said = `$h2load -n 1000 -c 100 -m 10 -t 1 '$url/'`;
    like($said, qr/ 1000 succeeded, 0 failed, 0 errored, 0 timeout/,
        'h2load: all succeeded');
    like($said, qr/status codes: 1000 2xx, 0 3xx, 0 4xx, 0 5xx/,
        'h2load: all are served');
}
is($relay->end, 0, 'h2load: ends by SIGTERM');
like($relay->log->text, qr/^\d+ connections, 0 of them not passed on$/m,
    'h2load: summary');

# -- Bytes -------------------------------------------------------------------

my $target = target();
$relay = relay($target->sockport, '--v1', '--src', '192.0.2.77:4711', '--dst',
    '198.51.100.80:443');

# Half-closes, each way, and what comes after them.
my $client = IO::Socket::INET->new("127.0.0.1:" . $relay->port);
my $end = taken($target);
is(read_all($end, length v1()), v1(), 'the header comes before any byte');
syswrite $client, 'question';
$client->shutdown(1);
is(read_all($end), 'question', 'the client sends no more: passed on');
syswrite $end, 'answer';
is(read_all($client, 6), 'answer', '... and is answered yet');
$end->close;
is(read_all($client), '', '... to the end');

$client = IO::Socket::INET->new("127.0.0.1:" . $relay->port);
$end = taken($target);
syswrite $end, 'greeting';
$end->shutdown(1);
is(read_all($client), 'greeting', 'the server sends no more: passed on');
syswrite $client, 'more';
$client->shutdown(1);
is(read_all($end), v1() . 'more', '... and gets what comes yet');

# Much, to an end that reads slowly: nothing is lost, and what waits in between
# has a bound.
$client = IO::Socket::INET->new("127.0.0.1:" . $relay->port);
$end = taken($target);
my $much = join('', map { pack 'N', $_ } 1 .. 250_000) x 64;
$client->blocking(0);
my $sent = 0;
my $idle = 0;
while ($sent < length $much && $idle < 10) {
    my $wrote = syswrite $client, $much, 65536, $sent;
    $idle = $wrote ? 0 : $idle + 1;
    $sent += $wrote // 0;
    sleep 0.05 if !$wrote;
}
cmp_ok($sent, '<', length $much, 'an end that does not read stops the other');
my $status = do { local (@ARGV, $/) = '/proc/' . $relay->pid . '/status'; <> };
my ($resident) = $status =~ /^VmRSS:\s+(\d+) kB/m;
cmp_ok($resident, '<', 40_000, '... and what waits in the relay is little')
    if $resident && !$ENV{PROXYIP_CHECK};
my $got = '';
my $select = IO::Select->new($end, $client);
while (length $got < length($much) + length v1()) {
    my @ready = IO::Select->new($end)->can_read(0.01);
    sysread $end, $got, 1 << 20, length $got if @ready;
    my $wrote = $sent < length $much
        ? syswrite $client, $much, 1 << 20, $sent : 0;
    $sent += $wrote // 0;
    last if !@ready && !$wrote && $sent == length $much
        && !IO::Select->new($end)->can_read(5);
}
ok($got eq v1() . $much, 'all of it comes, in order');

# Resets, from either side, end the other.
for my $who ('client', 'target') {
    $client = IO::Socket::INET->new("127.0.0.1:" . $relay->port);
    $end = taken($target);
    read_all($end, length v1());
    my ($one, $other) = $who eq 'client' ? ($client, $end) : ($end, $client);
    setsockopt $one, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0;
    close $one;
    is(read_all($other), '', "a reset by the $who ends the other");
}

# Nobody waits for another: many idle, then one more.
my @idle = map { IO::Socket::INET->new("127.0.0.1:" . $relay->port) } 1 .. 200;
my @ends = map { taken($target) } @idle;
is(scalar(grep { defined } @ends), 200, 'two hundred at once');
syswrite $idle[150], 'x';
sleep 0.2;
my $heard = grep { read_all($_, length v1()) =~ /^\Q@{[v1()]}\Ex?$/ } @ends;
is($heard, 200, '... each with a header');
$_->close for @idle;
is(scalar(grep { read_all($_) eq '' } @ends), 200, '... each is ended');
is($relay->end('INT'), 0, 'ends by SIGINT');

# A target that is not there.
my $gone = target();
my $port = $gone->sockport;
$gone->close;
$relay = relay($port);
is(ProxyIP::Client->new(port => $relay->port)->ending(5)->{bytes}, '',
    'no target: closed');
like($relay->log->wait_for(qr/^#1 /, 5) =~ s/ \S+ at \S+//r,
    qr/^#1 cannot connect to 127\.0\.0\.1:$port: Connection refused$/,
    'no target: it is said');
is($relay->end, 0, 'no target: goes on');
like($relay->log->text, qr/^1 connection, 1 of them not passed on$/m,
    'no target: summary');

# -- Headers taken off -------------------------------------------------------

$target = target();
my $strip = relay($target->sockport, '--strip', '--timeout', '1s');
my $number = 0;

sub strip_line {
    $number++;
    my $line = $strip->log->wait_for(qr/^#$number /, 5) // '';
    return $line =~ s/^#$number \S+ at \S+: //r;
}

for my $case (
    ['v1', v1(), 'v1 PROXY TCP4 192.0.2.77:4711 -> 198.51.100.80:443,'
        . ' 46 bytes'],
    ['v2', v2(crc => 1, tlvs => [tlv(2 => 'a b')]), 'v2 PROXY TCP4'
        . ' 192.0.2.77:4711 -> 198.51.100.80:443, 41 bytes AUTHORITY=a\x20b'
        . ' CRC32C=ok'],
    ['the largest', v2(tlvs => [tlv(4 => 'n' x 65520)]), 'v2 PROXY TCP4'
        . ' 192.0.2.77:4711 -> 198.51.100.80:443, 65551 bytes'],
) {
    my ($name, $header, $line) = @$case;
    for my $cut (length $header, 7) {
        $client = ProxyIP::Client->new(port => $strip->port);
        $client->send_slowly("${header}hello", chunk => [$cut, 1e9],
            delay => 0.05);
        $client->shut_writing;
        $end = taken($target);
        is(read_all($end), 'hello', "--strip, $name, cut at $cut: the rest");
        syswrite $end, 'bye';
        $end->close;
        is($client->ending(5)->{bytes}, 'bye', '... and back');
        is(strip_line(), $line, '... and its line');
    }
}
for my $case (
    ['none', "GET / HTTP/1.1\r\n\r\n", 'no PROXY header, but an HTTP request:'
        . ' GET / HTTP/1.1'],
    ['a bad one', v1(dport => 65536), 'bad: v1 port is not a number from 0 to'
        . ' 65535, at offset 41; found at offset 47'],
    ['part of one', 'PROXY TCP4', 'incomplete: 10 bytes came, at least 32 are'
        . ' needed'],
    ['silence', '', 'incomplete: 0 bytes came, at least 15 are needed'],
) {
    my ($name, $bytes, $line) = @$case;
    my $start = time;
    my $end = ProxyIP::Client->new(port => $strip->port)->send($bytes)
        ->ending(5);
    is($end->{bytes}, '', "--strip, $name: closed");
    cmp_ok(time - $start, '<', 4, '... in time');
    is(strip_line(), $line, '... and its line');
}
ok(!IO::Select->new($target)->can_read(0.1), '--strip: none of them goes on');

# Both: what one puts on the other takes off.
my $both = relay('127.0.0.1:' . $strip->port, '--src', '192.0.2.9:1',
    '--tlv', 'unique-id=7');
$client = IO::Socket::INET->new('127.0.0.1:' . $both->port);
syswrite $client, 'through both';
$end = taken($target);
is(read_all($end, 12), 'through both', 'two relays: what was sent');
like(strip_line(), qr/^v2 PROXY TCP4 192\.0\.2\.9:1 -> .* UNIQUE_ID=7$/,
    'two relays: the header between them');

# Whatever comes.
srand 5;
for my $round (1 .. 200) {
    my $bytes = join '', map { chr int rand 256 } 1 .. rand 60;
    $bytes = substr(v2(tlvs => [tlv(2 => 'a')]), 0, rand 40) . $bytes
        if $round % 2;
    my $client = IO::Socket::INET->new('127.0.0.1:' . $strip->port);
    syswrite $client, $bytes;
    setsockopt $client, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0
        if $round % 3 == 0;
    close $client;
}
$number += 200;
ok($strip->log->wait_for(qr/^#$number /, 10), 'garbage: all are seen to');
is($strip->end, 0, 'garbage: ends as ever');
unlike($strip->log->text, qr/[^\x20-\x7e\n]/, 'no raw bytes');

# -- Wrong usage -------------------------------------------------------------

for my $case (
    [[], qr/LISTEN and TARGET are wanted/], [['0'], qr/TARGET are wanted/],
    [['0', 'a:1', 'b:1'], qr/'b:1': accepted is LISTEN and TARGET only/],
    [['65536', 'a:1'], qr/'65536': accepted is PORT, ADDR:PORT/],
    [['0', 'a'], qr/'a': accepted is HOST:PORT/],
    [['--strip', '--v1', '0', 'a:1'], qr/--strip takes headers off/],
    [['--strip', '--timeout', 'x', '0', 'a:1'], qr/accepted is a time/],
    [['--src', 'localhost', '0', 'a:1'], qr/--src 'localhost': accepted is/],
    [['0', 'no..body:80'], qr/no such address: no\.\.body:80/],
    [['192.0.2.1:0', '127.0.0.1:1'], qr/cannot listen on 192\.0\.2\.1:0: /],
) {
    my ($arguments, $message) = @$case;
    my $run = check('relay', @$arguments);
    is($run->{status}, 2, "relay @$arguments: status");
    like($run->{err}, $message, "relay @$arguments: message");
    is($run->{out}, '', "relay @$arguments: no output");
}

done_testing;
