# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License.  You may obtain
# a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

# ProxyIPInTLS: the header is the first thing inside TLS, however it is cut
# into records; and what is outside is never believed, nor inside elsewhere.

use strict;
use warnings;

use Test::More;

use ProxyIP::Client;
use ProxyIP::Header qw(v1 v2 tlv SIGNATURE CLIENT CLIENT6);
use ProxyIP::Log;
use ProxyIP::Server;

my $httpd = ProxyIP::Server->new(status => 1, config => <<'EOC')->start;
Listen 127.0.0.1:@port:inside@
Listen 127.0.0.1:@port:outside@
Listen 127.0.0.1:@port:address@
ProxyIP On
ProxyIPEnv All
ProxyIPTimeout 3s
ProxyIPPeer require 127.0.0.1
ProxyIPPeer optional 127.0.0.2
ProxyIPPeer direct 127.0.0.3
<VirtualHost 127.0.0.1:@port:inside@>
    ProxyIPInTLS On
    SSLEngine On
    SSLCertificateFile @tls@/server.pem
    SSLCertificateKeyFile @tls@/server.key
</VirtualHost>
<VirtualHost 127.0.0.1:@port:outside@>
    SSLEngine On
    SSLCertificateFile @tls@/server.pem
    SSLCertificateKeyFile @tls@/server.key
</VirtualHost>
<VirtualHost 127.0.0.1:@port:address@>
    ServerName address.example.com
    ProxyIPInTLS On
    ProxyIPServerAddr On
    SSLEngine On
    SSLCertificateFile @tls@/server.pem
    SSLCertificateKeyFile @tls@/server.key
</VirtualHost>
<VirtualHost 127.0.0.1:@port:address@>
    ServerName second.example.com
    ProxyIPInTLS On
    ProxyIPServerAddr On
    SSLEngine On
    SSLCertificateFile @tls@/server.pem
    SSLCertificateKeyFile @tls@/server.key
</VirtualHost>
# What the header's destination would choose, were it outside.
<VirtualHost 198.51.100.80:443>
    ServerName chosen.example.com
    ProxyIP Off
    ProxyIPServerAddr On
</VirtualHost>
EOC
my $log = ProxyIP::Log->new($httpd->error_log->path);
my $inside = $httpd->port('inside');
my $outside = $httpd->port('outside');

sub connect_to {
    my ($port, %option) = @_;
    return ProxyIP::Client->new(port => $port,
        from => $option{from} // '127.0.0.1');
}

sub tls { return connect_to($inside, @_)->start_tls }

my $request = "GET /cgi/environment HTTP/1.1\r\nHost: localhost\r\n\r\n";

sub sees {
    my ($client, $address, $name) = @_;
    my $saw = $client->variables($client->answer);
    is($saw->{REMOTE_ADDR}, $address, $name);
    return $saw;
}

# How a connection ends that is refused: without a byte of an answer.
sub refused {
    my ($client, $number, $text, $name) = @_;
    my $end = $client->ending(10);
    isnt($end->{how}, 'open', "$name: closed");
    is($end->{bytes}, '', "$name: no answer");
    like($log->wait_for(qr/$number/) // '', $text, "$name: $number says why");
    $log->mark;
}

# 1. Formats and facts.
my %header = (
    'v1' => [v1(), CLIENT],
    'v1 IPv6' => [v1(src => CLIENT6, dst => '2001:db8::80'), CLIENT6],
    'v1 UNKNOWN' => ["PROXY UNKNOWN\r\n", '127.0.0.1'],
    'v2' => [v2(), CLIENT],
    'v2 IPv6' => [v2(src => CLIENT6, dst => '2001:db8::80'), CLIENT6],
    'LOCAL' => [v2(command => 'LOCAL'), '127.0.0.1'],
    'v2 with TLVs' => [v2(crc => 1, tlvs => [tlv(0x02 => 'www.example.com'),
        tlv(0x05 => 'id-1'), tlv(0xE5 => 'x' x 1500)]), CLIENT],
);
for my $name (sort keys %header) {
    my ($bytes, $address) = @{ $header{$name} };
    my $client = tls()->send($bytes . $request);
    my $saw = sees($client, $address, "$name, with the request");
    is($saw->{PROXYIP_PEER_ADDR}, '127.0.0.1', "$name: the peer");
    is($saw->{HTTPS}, 'on', "$name: HTTPS");
    is($saw->{PROXYIP_AUTHORITY} // '',
        $name =~ /TLVs/ ? 'www.example.com' : '', "$name: TLVs");
    sees($client->send($request), $address, "$name: a further request");
    sees(tls()->send($bytes)->send($request), $address,
        "$name, in a record of its own");
    sees(tls()->send_slowly($bytes . $request, chunk => 1, delay => 0.001),
        $address, "$name, a byte in each record") if length $bytes < 200;
    sees(tls()->send_slowly($bytes . $request, chunk => [20, 3, 1],
        delay => 0.02), $address, "$name, in pieces");
}
my $body = 'b' x 100_000;
my $post = "POST /cgi/environment HTTP/1.1\r\nHost: localhost\r\n"
    . "Content-Length: " . length($body) . "\r\n\r\n$body";
my $saw = sees(tls()->send(v2() . $post), CLIENT, 'POST');
is($saw->{CONTENT_LENGTH}, length $body, 'POST: its length');

# 2. Peers.
sees(tls(from => '127.0.0.2')->send(v1() . $request), CLIENT, 'optional, v1');
for my $chunk ([1000], [1, 1, 1], [5, 20]) {
    for my $verb (qw(GET POST PUT PROPFIND)) {
        (my $asked = $request) =~ s/^GET/$verb/;
        $asked =~ s/\r\n\r\n/\r\nContent-Length: 0\r\n\r\n/;
        my $client = tls(from => '127.0.0.2');
        $client->send_slowly($asked, chunk => [@$chunk], delay => 0.02);
        is($client->variables($client->answer)->{REQUEST_METHOD}, $verb,
            "optional, no header, $verb cut at @$chunk");
    }
}
sees(tls(from => '127.0.0.3')->send($request), '127.0.0.3', 'direct');
is(tls(from => '127.0.0.3')->send(v1() . $request)->answer->code, 400,
    'direct: a header is not taken');
refused(connect_to($inside, from => '127.0.0.4'), 'PIP0020',
    qr/127\.0\.0\.4/, 'reject');

# 3. What is wrong inside.
$log->mark;
refused(tls()->send($request), 'PIP0021',
    qr/this is an HTTP request.*inside TLS/, 'no header');
like($log->text, qr/\A\z/, 'one line');
refused(tls()->send("PROXY TCP4 1.2.3.4 5.6.7.8 1 99999\r\n$request"),
    'PIP0022', qr/ProxyIPInTLS On \(/, 'bad v1');
refused(tls(from => '127.0.0.2')->send("PROXY TCP5 x"), 'PIP0022', qr/./,
    'optional, bad v1');
refused(tls()->send(v2(crc => 'bad') . $request), 'PIP0024', qr/./,
    'bad checksum');
refused(tls()->send(v2(tlvs => [tlv(0xE0 => 'x' x 5000)])), 'PIP0023', qr/./,
    'too large');
my $half = tls()->send('PROXY TCP4 1.2');
$half->shut_writing;
refused($half, 'PIP0026', qr/the peer closed/, 'half a header');
refused(tls()->send('PROXY TCP4 1.2'), 'PIP0026', qr/time was up/,
    'half a header, and silence');
refused(tls(), 'PIP0025', qr/time was up/, 'silence behind the handshake');
my $two = tls()->send(v2() . v1() . $request);
$two->ending(10);
like($log->wait_for(qr/PIP0043/) // '', qr/another PROXY header/,
    'a second header is said');

# 4. Nothing outside TLS is believed there ...
$log->mark;
refused(connect_to($inside)->send(v1() . $request), 'PIP0056',
    qr/a PROXY header outside TLS came/, 'a v1 header outside TLS');
refused(connect_to($inside)->send(v2() . $request), 'PIP0056',
    qr/a PROXY header outside TLS came/, 'a v2 header outside TLS');
refused(connect_to($inside)->send_slowly(v2() . $request, delay => 0.01),
    'PIP0056', qr/a PROXY header outside TLS came/,
    'a v2 header outside TLS, byte by byte');
refused(connect_to($inside, from => '127.0.0.2')->send(v1() . $request),
    'PIP0056', qr/a PROXY header outside TLS came/,
    'optional, a header outside TLS');
refused(connect_to($inside)->send($request), 'PIP0056',
    qr/an HTTP request came/, 'HTTP without TLS');
# OpenSSL answers with an alert of its own.
my $false = connect_to($inside)->send("\x16\x03\x01\0\x05\x01\0\0\1x"
    . v1() . $request);
like($false->ending(10)->{bytes}, qr/\A(?:\x15\x03.{5})?\z/s,
    'no real TLS: no HTTP answer');
like($log->wait_for(qr/PIP0058/) // '', qr/TLS did not come about/,
    'no real TLS: PIP0058 says so');
refused(connect_to($inside)->send("PROXY TC")->shut_writing, 'PIP0056',
    qr/a PROXY header/, 'a piece of a header outside TLS');
refused(connect_to($inside)->shut_writing, 'PIP0025', qr/peer closed/,
    'nothing at all');
my $client = connect_to($inside)->send(v1());
ok(!eval { $client->start_tls(Timeout => 5) }, 'a header and then TLS: none');
like($log->wait_for(qr/PIP0056/) // '', qr/outside TLS/, 'and the line');

# ... and nothing inside it elsewhere.
$log->mark;
ok(!eval { connect_to($outside)->start_tls(Timeout => 5) },
    'elsewhere TLS without a header');
like($log->wait_for(qr/PIP0021/) // '',
    qr/a TLS handshake.*say ProxyIPInTLS On if it sends one inside TLS/,
    'PIP0021 names ProxyIPInTLS');
$client = connect_to($outside)->send(v1())->start_tls;
is($client->send(v2(src => '192.0.2.99') . $request)->answer->code, 400,
    'elsewhere a header inside TLS is no header');
$client = connect_to($outside, from => '127.0.0.2')->start_tls;
is($client->send(v1() . $request)->answer->code, 400,
    'elsewhere, optional: a header inside TLS is none');
is(connect_to($outside, from => '127.0.0.2')->start_tls
    ->get('/cgi/environment')->code, 200, 'and without one it is served');

# 5. ProxyIPServerAddr: the address, but neither port nor virtual host.
for my $host (qw(address second)) {
    my $client = connect_to($httpd->port('address'))->start_tls
        ->send(v2(tlvs => [tlv(0x02 => 'chosen.example.com')]));
    my $seen = $client->variables($client->get('/cgi/environment',
        Host => "$host.example.com"));
    is($seen->{SERVER_ADDR}, '198.51.100.80', "$host: SERVER_ADDR");
    is($seen->{SERVER_NAME}, "$host.example.com", "$host: the virtual host");
    is($seen->{REMOTE_ADDR}, CLIENT, "$host: the client");
}

# 6. Counted as elsewhere.
my $status = $httpd->status;
cmp_ok($status->{ProxyIPAcceptedV1}, '>=', 8, 'v1 is counted');
cmp_ok($status->{ProxyIPAcceptedV2}, '>=', 12, 'v2 is counted');
is($status->{ProxyIPAbsent}, 12 + 2, 'those without are counted');
is($status->{ProxyIPWaiting}, 0, 'nobody waits any more');

done_testing;
