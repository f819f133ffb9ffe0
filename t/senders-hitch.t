# Hitch in front of httpd: version 1; version 2 with what it knows of TLS.

use strict;
use warnings;

use Test::More;

use ProxyIP::Behind;
use ProxyIP::Client;
use ProxyIP::Header qw(v2 tlv);
use ProxyIP::Hitch;

plan skip_all => 'no hitch' if !ProxyIP::Hitch->program;
my $httpd = ProxyIP::Behind->new(peers => 'require 127.0.0.1',
    config => <<'EOC')->start;
# No variable of the environment has it.
Header set X-E0 "expr=%{PROXYIP_TLV_E0}"
EOC
my $backend = sprintf 'backend = "[127.0.0.1]:%d"', $httpd->port('plain');

sub hitch {
    my ($config) = @_;
    return ProxyIP::Hitch->new(config => <<"EOC")->start;
frontend = { host = "127.0.0.1" port = "\@port\@" }
frontend = { host = "::1" port = "\@port:six\@" }
$backend
$config
EOC
}

my %peer = (peer => '127.0.0.1');
my $NAME = 'shop.example.org';
my @suite = ('--tls13-ciphers', 'TLS_AES_128_GCM_SHA256');
my %ssl = (VERSION => 2, SSL => 'on', SSL_VERIFY => 'NONE',
    SSL_VERSION => 'TLSv1.3', SSL_CIPHER => 'TLS_AES_128_GCM_SHA256');

# write-proxy-v1
{
    my $hitch = hitch('write-proxy-v1 = on');
    my ($port, $six) = map { $hitch->port($_) } '', 'six';
    $httpd->arrives('v1', "https://127.0.0.1:$port", %peer,
        want => { VERSION => 1, SERVER_PORT => $port });
    $httpd->arrives('v1, IPv6', "https://[::1]:$six", %peer, client => '::1',
        want => { VERSION => 1, TRANSPORT => 'TCP6', SERVER_ADDR => '::1',
                  SERVER_PORT => $six });
}

# write-proxy-v2: the SSL TLV always, the others as TLS has them.
{
    my $hitch = hitch(<<'EOC');
write-proxy-v2 = on
alpn-protos = "h2, http/1.1"
EOC
    my ($port, $six) = map { $hitch->port($_) } '', 'six';
    my %to = (SERVER_PORT => $port);
    $httpd->arrives('v2', "https://127.0.0.1:$port", %peer,
        curl => [@suite, '--no-alpn'], want => { %ssl, %to });
    $httpd->arrives('v2, TLS 1.2', "https://127.0.0.1:$port", %peer,
        curl => ['--no-alpn', '--tls-max', '1.2', '--ciphers',
                 'ECDHE-ECDSA-AES128-GCM-SHA256'],
        want => { %ssl, %to, SSL_VERSION => 'TLSv1.2',
                  SSL_CIPHER => 'ECDHE-ECDSA-AES128-GCM-SHA256' });
    $httpd->arrives('v2, a server name and ALPN', "https://$NAME:$port", %peer,
        curl => [@suite, '--http1.1', '--resolve', "$NAME:$port:127.0.0.1"],
        want => { %ssl, %to, AUTHORITY => $NAME, ALPN => 'http/1.1' });
    my $answer = $httpd->arrives('v2, HTTP/2', "https://127.0.0.1:$port",
        %peer, curl => [@suite, '--http2'],
        want => { %ssl, %to, ALPN => 'h2' });
    is($answer->{version}, '2', 'v2, HTTP/2: it is');
    $httpd->arrives('v2, IPv6', "https://[::1]:$six", %peer, client => '::1',
        curl => [@suite, '--no-alpn'],
        want => { %ssl, TRANSPORT => 'TCP6', SERVER_ADDR => '::1',
                  SERVER_PORT => $six });
}

# proxy-client-cert: the certificate in OpenSSL's "trusted" PEM, as type 0xE0,
# which elsewhere is Google's connection id and has 8 bytes then.
{
    my $folder = $httpd->root;
    system("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=alice"
        . " -keyout $folder/alice.key -out $folder/alice.pem 2> /dev/null")
        == 0 or die "openssl failed\n";
    my $hitch = hitch(<<"EOC");
write-proxy-v2 = on
proxy-client-cert = on
client-verify = optional
client-verify-ca = "$folder/alice.pem"
EOC
    my $port = $hitch->port('');
    my %want = (%ssl, SERVER_PORT => $port);
    my @curl = ('-i', @suite, '--http1.1');
    my $answer = $httpd->arrives('no certificate', "https://127.0.0.1:$port",
        %peer, curl => \@curl, want => \%want);
    unlike($answer->{body}, qr/^x-e0: \S/im, 'no certificate: no TLV 0xE0');
    $answer = $httpd->arrives('a certificate', "https://127.0.0.1:$port",
        %peer, curl => [@curl, '--cert', "$folder/alice.pem", '--key',
                        "$folder/alice.key"],
        want => { %want, SSL_VERIFY => 'SUCCESS' });
    my ($hex) = $answer->{body} =~ /^x-e0: ([0-9a-f]+)/im;
    is(pack('H*', $hex // ''), ProxyIP::Log->new("$folder/alice.pem")->text
        =~ s/ CERTIFICATE/ TRUSTED CERTIFICATE/gr,
        'a certificate: TLV 0xE0');
}

# proxy-proxy: a header that came is handed on, and nothing of Hitch's own.
{
    my $hitch = hitch('proxy-proxy = on');
    my $client = ProxyIP::Client->new(port => $hitch->port(''),
        from => '127.0.0.77');
    my $header = v2(crc => 1, tlvs => [tlv(0x05 => 'audit-1')]);
    $client->send($header)->start_tls;
    my $saw = $client->variables($client->get('/cgi/environment'));
    is($saw->{REMOTE_ADDR}, '192.0.2.77', 'proxy-proxy: REMOTE_ADDR');
    $httpd->same_facts('proxy-proxy', $saw, {
        '' => 'on', VERSION => 2, COMMAND => 'PROXY', TRANSPORT => 'TCP4',
        CRC32C => 'ok', UNIQUE_ID => 'audit-1', PEER_ADDR => '127.0.0.1',
        CLIENT_ADDR => '192.0.2.77', CLIENT_PORT => 4711,
        SERVER_ADDR => '198.51.100.80', SERVER_PORT => 443 }, 4711);
}

done_testing;
