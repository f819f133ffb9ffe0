# What a v2 header says beside the addresses, as a receiver reads it that
# refuses what is not to the letter: of TLS that ends here, what came in, and
# what expressions give.

use strict;
use warnings;

use Test::More;

use ProxyIP::Client;
use ProxyIP::Curl qw(curl);
use ProxyIP::Header qw(v1 v2 tlv ssl_tlv);
use ProxyIP::Receiver;
use ProxyIP::Relay;
use ProxyIP::Server;

my $receiver = ProxyIP::Receiver->new(version => 2)->start;
my $backend = 'http://127.0.0.1:' . $receiver->port . '/';
my $prefork = ProxyIP::Httpd::mpm() eq 'prefork';
my $protocols = $prefork ? '' : 'Protocols h2 http/1.1';

my $server = ProxyIP::Server->new(config => <<"EOC")->start;
Listen 127.0.0.1:\@port\@
Listen 127.0.0.1:\@port:tls\@
ProxyIP On
ProxyIPPeer require 127.0.0.9
ProxyIPMaxHeader 65551
ProxyIPSend v2
ProxyIPSendFacts authority alpn ssl cn unique-id checksum relay
ProxyPass "/" "$backend"
<Location "/none">
    ProxyIPSendFacts none
</Location>
<Location "/relay">
    ProxyIPSendFacts relay
</Location>
<Location "/given">
    ProxyIPSendFacts relay
    ProxyIPSendTLV 0xE1 "%{REQUEST_METHOD} %{REMOTE_ADDR}"
    ProxyIPSendTLV 0xE2 "%{HTTP:X-Nothing}"
    ProxyIPSendTLV 0xEF "constant"
</Location>
<Location "/given/inner">
    ProxyIPSendTLV 0xEF "other"
</Location>
<Location "/long">
    ProxyIPSendFacts none
    ProxyIPSendTLV 0xE0 "%{base64:%{HTTP:X-Long}}"
    ProxyIPSendTLV 0xE1 "%{base64:%{base64:%{base64:%{base64:%{base64:\\
%{HTTP:X-Long}%{HTTP:X-Long}}%{base64:%{HTTP:X-Long}%{HTTP:X-Long}}}}}}"
    ProxyIPSendTLV 0xE2 "%{base64:%{base64:%{base64:%{base64:%{base64:\\
%{HTTP:X-Long}%{HTTP:X-Long}}%{base64:%{HTTP:X-Long}%{HTTP:X-Long}}}}}}"
</Location>
<VirtualHost 127.0.0.1:\@port:tls\@>
    $protocols
    SSLEngine On
    SSLCertificateFile \@tls\@/server.pem
    SSLCertificateKeyFile \@tls\@/server.key
    SSLCACertificateFile \@tls\@/server.pem
    SSLVerifyClient optional
    ProxyPass "/" "$backend"
</VirtualHost>
EOC

sub seen {
    my ($path, $header, %option) = @_;
    my $client = ProxyIP::Client->new(from => '127.0.0.9',
        port => $server->port($option{tls} ? 'tls' : undef))->send($header);
    $client->start_tls(SSL_hostname => 'www.example.org',
        SSL_alpn_protocols => ['http/1.1'], %{ $option{tls} })
        if $option{tls};
    my $answer = $client->get($path, %{ $option{headers} // {} });
    return $answer && $answer->code == 200
        ? ProxyIP::Receiver::seen($answer->content)
        : { code => $answer && $answer->code };
}

# The sub-TLVs of an SSL TLV by their types.
sub subs {
    my ($value) = @_;
    my %subs;
    my $rest = substr $value // '', 5;
    while (length $rest) {
        my ($type, $length) = unpack 'Cn', substr $rest, 0, 3, '';
        $subs{$type} = substr $rest, 0, $length, '';
    }
    return \%subs;
}

# Nothing came in: a checksum and an id of our own.
my $seen = seen('/', v1());
is(join(' ', sort { $a <=> $b } keys %{ $seen->{tlvs} }), '3 5',
    'no TLS, nothing came in: a checksum and a unique id');
like($seen->{tlvs}{5}, qr/^[0-9a-f]{32}$/, '... the id');
isnt(seen('/', v1())->{tlvs}{5}, $seen->{tlvs}{5},
    '... another of another connection');
is_deeply(seen('/none', v1())->{tlvs}, {}, 'ProxyIPSendFacts none');

# What came in is handed on.
my @ssl = (0x20 => ssl_tlv(client => 1, subs => [tlv(0x21 => 'TLSv1.3'),
    tlv(0x22 => 'client.example')]));
my $in = v2(crc => 1, tlvs => [tlv(0x01 => 'h2'), tlv(0x02 => 'example.org'),
    tlv(0x04 => "\0\0\0"), tlv(0x05 => "id\0\1"), $ssl[1],
    tlv(0x30 => 'netns'), tlv(0xE0 => "\0\0\0\0\0\0\0\7"),
    tlv(0xEA => "\1vpce-1"), tlv(0xF0 => 'free'), tlv(0x42 => 'future')]);
$seen = seen('/', $in);
is(join(' ', sort { $a <=> $b } keys %{ $seen->{tlvs} }),
    '1 2 3 5 32 66 224 234 240', 'all that came in, but padding and netns');
is($seen->{tlvs}{1}, 'h2', '... ALPN');
is($seen->{tlvs}{2}, 'example.org', '... authority');
is($seen->{tlvs}{5}, "id\0\1", '... unique id');
is($seen->{tlvs}{32}, substr($ssl[1], 3), '... SSL, whole');
is($seen->{tlvs}{234}, "\1vpce-1", '... of a cloud');
$seen = seen('/relay', $in);
is(join(' ', sort { $a <=> $b } keys %{ $seen->{tlvs} }), '66 224 234 240',
    'relay alone: what has no name here');

# TLS ends here.
$seen = seen('/', $in, tls => {});
is($seen->{tlvs}{1}, 'http/1.1', 'TLS ends here: ALPN');
is($seen->{tlvs}{2}, 'www.example.org', '... authority is the SNI');
my $subs = subs($seen->{tlvs}{32});
like($subs->{0x21}, qr/^TLSv1\.[23]$/, '... version');
like($subs->{0x23}, qr/^[A-Z0-9_-]+$/, '... cipher');
ok(!exists $subs->{0x22}, '... no common name');
is(unpack('H*', substr $seen->{tlvs}{32}, 0, 5), '0100000001',
    '... no certificate: not verified');
is($seen->{tlvs}{234}, "\1vpce-1", '... and the rest is handed on');
my $tls = ProxyIP::Httpd::tls();
$seen = seen('/', $in, tls => { SSL_cert_file => "$tls/server.pem",
    SSL_key_file => "$tls/server.key" });
is(subs($seen->{tlvs}{32})->{0x22}, 'localhost', 'a certificate: its name');
is(unpack('H*', substr $seen->{tlvs}{32}, 0, 5), '0700000000',
    '... verified');
SKIP: {
    skip 'mod_http2 is not for prefork', 3 if $prefork;
    my $relay = ProxyIP::Relay->new(to => $server->port('tls'),
        header => $in)->start;
    my $answer = curl('--http2', '--resolve',
        'h2.example.org:' . $relay->port . ':127.0.0.1',
        'https://h2.example.org:' . $relay->port . '/');
    $seen = ProxyIP::Receiver::seen($answer->{body});
    is("$answer->{version} $seen->{tlvs}{1}", '2 h2', 'HTTP/2: ALPN');
    is($seen->{tlvs}{2}, 'h2.example.org', '... authority');
    is($seen->{source}, '192.0.2.77', '... source');
}

# Expressions.
$seen = seen('/given', $in);
is($seen->{tlvs}{0xE1}, 'GET 192.0.2.77', 'ProxyIPSendTLV');
ok(!exists $seen->{tlvs}{0xE2}, '... an empty value is none');
is($seen->{tlvs}{0xEF}, 'constant', '... a constant');
is($seen->{tlvs}{0xEA}, "\1vpce-1", '... beside what is handed on');
$seen = seen('/given/inner', v2(tlvs => [tlv(0xEF => 'theirs')]));
is("$seen->{tlvs}{0xEF} $seen->{tlvs}{0xE1}", 'other GET 192.0.2.77',
    '... an inner section\'s instead, and instead of what came in');

# Larger than any header.
$seen = seen('/long', v1(), headers => { 'X-Long' => 'x' x 100 });
is(length $seen->{tlvs}{0xE0}, 136, 'a long TLV');
$seen = seen('/long', v1(), headers => { 'X-Long' => 'x' x 4000 });
is($seen->{code}, 502, 'longer than a header can be: 502');
like($server->error_log->wait_for(qr/PIP0103/, 5), qr/TLVs are longer than/,
    '... says why');

is(join("\n", $receiver->complaints_of), '', 'nothing to complain of');
done_testing;
