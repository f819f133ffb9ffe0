# HTTP/2, over TLS and with prior knowledge: every stream has its connection's
# client, and the preface may come in any company.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep);

use ProxyIP::Client;
use ProxyIP::Curl qw(curl);
use ProxyIP::Header qw(v1 v2 tlv CLIENT CLIENT6);
use ProxyIP::Relay;
use ProxyIP::Patience;
use ProxyIP::Suite;

plan skip_all => 'mod_http2 is not for prefork'
    if ProxyIP::Httpd::mpm() eq 'prefork';

my %header = (
    v1 => [v1(), CLIENT],
    'v1 IPv6' => [v1(src => CLIENT6, dst => '2001:db8::80'), CLIENT6],
    v2 => [v2(), CLIENT],
    'v2 with TLVs' => [v2(crc => 1, tlvs => [tlv(0x01 => 'h2')]), CLIENT],
    LOCAL => [v2(command => 'LOCAL'), '127.0.0.9'],
);
my %listener = (
    tls => ['--http2', 'https'],
    h2c => ['--http2-prior-knowledge', 'http'],
);

for my $listener (sort keys %listener) {
    my ($option, $scheme) = @{ $listener{$listener} };
    for my $name (sort keys %header) {
        my ($bytes, $address) = @{ $header{$name} };
        my $relay = ProxyIP::Relay->new(header => $bytes,
            to => ProxyIP::Suite->port($listener))->start;
        my $url = "$scheme://127.0.0.1:" . $relay->port . '/cgi/environment';
        my $answer = curl($option, $url);
        is($answer->{version}, '2', "$listener, $name: HTTP/2");
        is($answer->{variables}{REMOTE_ADDR}, $address,
            "$listener, $name: REMOTE_ADDR");

        # Several streams of one connection.
        my @bodies = `nghttp -y '$url?1' '$url?2' '$url?3' 2>/dev/null`;
        my @seen = map { /^REMOTE_ADDR=(\S+)/ ? $1 : () } @bodies;
        is("@seen", "$address $address $address",
            "$listener, $name: three streams");
    }
}

# The preface, with the header and apart from it.  (mod_http2 itself wants the
# preface's first 24 bytes at once.)
my $preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" . "\0\0\0\x04\0\0\0\0\0";
my $settings = qr/^\0\0.\x04\0\0\0\0\0/s;
for my $chunk ([1e9], [length v2()], [20], [(1) x length v2()]) {
    my $client = ProxyIP::Client->new(port => ProxyIP::Suite->port('h2c'));
    $client->send_slowly(v2() . $preface, chunk => $chunk, delay => 0.05);
    $client->read_some(time + patience(5));
    like($client->{in}, $settings, "h2c: preface cut at @$chunk");
}

done_testing;
