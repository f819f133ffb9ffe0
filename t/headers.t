# Every form of header over a plain and a TLS listener: the client is who the
# header names, or the socket's own peer, or the connection is closed with one
# line in the error log.

use strict;
use warnings;

use Test::More;

use ProxyIP::Client;
use ProxyIP::Header qw(v1 v2 tlv ssl_tlv flip SIGNATURE NLB_HEALTH_CHECK
    CLIENT CLIENT6);
use ProxyIP::Suite;

my @v6 = (src => CLIENT6, dst => '2001:db8::80');

# Headers that name the client: [name, bytes, address, port].
my @adopted = (
    ['v1 IPv4', v1(), CLIENT, 4711],
    ['v1 IPv6', v1(@v6), CLIENT6, 4711],
    ['v1 IPv6 in capitals', v1(@v6, src => '2001:DB8:0:0:0:0:0:77'), CLIENT6,
     4711],
    ['v1 mapped IPv6', v1(@v6, src => '::ffff:192.0.2.77'), CLIENT, 4711],
    ['v1 mapped in hex', v1(@v6, src => '::ffff:c000:24d'), CLIENT, 4711],
    ['v1 ports 0 and 65535', v1(sport => 0, dport => 65535), CLIENT, 0],
    ['v2 IPv4', v2(), CLIENT, 4711],
    ['v2 IPv6', v2(@v6), CLIENT6, 4711],
    ['v2 mapped IPv6', v2(family => 'INET6'), CLIENT, 4711],
    ['v2 datagram', v2(transport => 'DGRAM'), CLIENT, 4711],
    ['v2 with TLVs', v2(tlvs => [tlv(0x02 => 'example.org'),
        ssl_tlv(subs => [tlv(0x21 => 'TLSv1.3')]), tlv(0xEA => "\1vpce-1"),
        tlv(0x05 => 'x' x 128), tlv(0x77 => ''), tlv(0x04 => "\0" x 9)]),
     CLIENT, 4711],
    ['v2 with checksum', v2(crc => 1, tlvs => [tlv(0x04 => 'pad')]), CLIENT,
     4711],
    ['v2, SSL TLV short', v2(tlvs => [tlv(0x20 => 'abcd')]), CLIENT, 4711],
    ['v2, SSL sub-TLV overrun', v2(tlvs => [ssl_tlv(subs => [
        tlv(0x21 => 'a', 2)])]), CLIENT, 4711],
    ['v2 of the largest size', v2(tlvs => [tlv(0x04 => 'n' x 4065)]), CLIENT,
     4711],
);

# Headers that name nobody: the socket's own peer stays.
my @kept = (
    ['v1 UNKNOWN', v1(family => 'UNKNOWN')],
    ['v1 UNKNOWN with rest', "PROXY UNKNOWN ffff:: 1.2.3.4 99999 what\r\n"],
    ['LOCAL', v2(command => 'LOCAL')],
    ['LOCAL with addresses', v2(command => 'LOCAL', family => 'INET')],
    ['LOCAL with nonsense', v2(command => 'LOCAL', family => 0xF,
        transport => 0xF, block => "\xff" x 7)],
    ['NLB health check', NLB_HEALTH_CHECK],
    ['UNSPEC', v2(family => 'UNSPEC')],
    ['UNSPEC with TLVs', v2(family => 'UNSPEC', crc => 1)],
    ['UNSPEC with stray bytes', v2(family => 'UNSPEC', block => 'ab')],
    ['half UNSPEC', v2(transport => 'UNSPEC')],
    ['UNIX', v2(src => '/client', dst => '/server')],
);

# Headers that are refused: [name, bytes, log number, words of the reason].
my @refused = (
    ['HTTP', "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 'PIP0021', 'no PROXY'],
    ['garbage', "\xff\xfe\0\1", 'PIP0021', 'no PROXY'],
    ['lower case', "proxy TCP4 1.1.1.1 2.2.2.2 1 2\r\n", 'PIP0021',
     'no PROXY'],
    ['v1 keyword', "PROXY TCP5 1.1.1.1 2.2.2.2 1 2\r\n", 'PIP0022',
     'protocol'],
    ['v1 UNKNOWNX', "PROXY UNKNOWNX\r\n", 'PIP0022', 'protocol'],
    ['v1 two spaces', "PROXY TCP4 1.1.1.1  2.2.2.2 1 2\r\n", 'PIP0022',
     'six fields'],
    ['v1 seven fields', v1(end => " 7\r\n"), 'PIP0022', 'six fields'],
    ['v1 leading zero', v1(src => '192.0.02.77'), 'PIP0022', 'source'],
    ['v1 port too large', v1(dport => 65536), 'PIP0022', 'port'],
    ['v1 port with sign', v1(sport => '+1'), 'PIP0022', 'byte'],
    ['v1 IPv4 under TCP6', v1(family => 'TCP6'), 'PIP0022', 'source'],
    ['v1 IPv6 under TCP4', v1(@v6, family => 'TCP4'), 'PIP0022', 'byte'],
    ['v1 zone', v1(@v6, src => 'fe80::1%eth0'), 'PIP0022', 'byte'],
    ['v1 LF alone', v1(end => "\n"), 'PIP0022', 'CRLF'],
    ['v1 CR alone', v1(end => "\r "), 'PIP0022', 'CRLF'],
    ['v1 too long', "PROXY UNKNOWN " . 'x' x 100, 'PIP0022', 'too long'],
    ['v2 version 3', v2(version => 3), 'PIP0022', 'version'],
    ['v2 command 2', v2(command => 2), 'PIP0022', 'command'],
    ['v2 family 4', v2(family => 4, block => 'x' x 36), 'PIP0022', 'family'],
    ['v2 transport 3', v2(transport => 3), 'PIP0022', 'transport'],
    ['v2 UNSPEC beside 3', v2(family => 'UNSPEC', transport => 3), 'PIP0022',
     'transport'],
    ['v2 too short', v2(block => 'x' x 11), 'PIP0022', 'too short'],
    ['v2 too large', v2(tlvs => [tlv(0x04 => 'n' x 4066)]), 'PIP0023',
     '4097 bytes'],
    ['v2 length 65535', SIGNATURE . "\x21\x11\xff\xff", 'PIP0023',
     '65551 bytes'],
    ['TLV overrun', v2(tlvs => [tlv(0x02 => 'abc', 4)]), 'PIP0022',
     'longer than the header'],
    ['TLV stray byte', v2(tail => 'x'), 'PIP0022', 'stray'],
    ['unique id long', v2(tlvs => [tlv(0x05 => 'x' x 129)]), 'PIP0022',
     'unique id'],
    ['checksum wrong', v2(crc => 'bad'), 'PIP0024', 'checksum is wrong'],
    ['one bit turned over', flip(v2(crc => 1), 16), 'PIP0024',
     'checksum is wrong'],
    ['checksum of 3 bytes', v2(tlvs => [tlv(0x03 => 'abc')]), 'PIP0022',
     '4 bytes'],
    ['checksum twice', v2(crc => 1, tlvs => [tlv(0x03 => 'abcd')]),
     'PIP0022', 'twice'],
);

for my $listener ('require', 'tls') {
    my $port = ProxyIP::Suite->port($listener);
    my $tls = $listener eq 'tls';
    for my $case (@adopted) {
        my ($name, $bytes, $address, $client_port) = @$case;
        my $saw = ProxyIP::Client->variables(ProxyIP::Client->fetch(
            port => $port, tls => $tls, header => $bytes,
            path => '/cgi/environment'));
        is("$saw->{REMOTE_ADDR} $saw->{REMOTE_PORT}",
            "$address $client_port", "$listener: $name");
    }
    for my $case (@kept) {
        my ($name, $bytes) = @$case;
        my $client = ProxyIP::Client->new(port => $port);
        my $own = $client->port;
        $client->send($bytes);
        $client->start_tls if $tls;
        my $saw = $client->variables(
            $client->get('/cgi/environment', Connection => 'close'));
        is("$saw->{REMOTE_ADDR} $saw->{REMOTE_PORT}", "127.0.0.1 $own",
            "$listener: $name");
    }
    for my $case (@refused) {
        my ($name, $bytes, $number, $reason) = @$case;
        # From here on: an earlier client may have had the same port.
        my $log = ProxyIP::Suite->error_log;
        my $client = ProxyIP::Client->new(port => $port);
        my $own = $client->port;
        my $end = $client->send($bytes)->ending(3);
        isnt($end->{how}, 'open', "$listener: $name: closed at once");
        is($end->{bytes}, '', "$listener: $name: without an answer");
        my $line = $log->wait_for(qr/peer 127\.0\.0\.1:$own /, 5) // '';
        like($line, qr/proxyip:error.*$number: .*\Q$reason\E/,
            "$listener: $name: $number");
        is($log->count(qr/peer 127\.0\.0\.1:$own /), 1,
            "$listener: $name: one line");
    }
}

done_testing;
