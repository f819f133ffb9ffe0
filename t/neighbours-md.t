# mod_md proves to a certificate authority that it has a domain, behind a
# balancer: http-01 in a request, tls-alpn-01 in a handshake of its own
# protocol.

use strict;
use warnings;

use Test::More;

use ProxyIP::Client;
use ProxyIP::HAProxy;
use ProxyIP::Header qw(v1 v2 tlv CLIENT);
use ProxyIP::Server;

plan skip_all => 'what mod_md does has nothing to do with the MPM'
    if ProxyIP::Httpd::mpm() ne 'event';
plan skip_all => 'no mod_md' if !ProxyIP::Httpd::has_module('md');

my $DOMAIN = 'md.example.org';

# It asks no authority: nobody answers at that one, and it renews nothing.
my $server = ProxyIP::Server->new(modules => ['md'], config => <<"EOC")->start;
Listen 127.0.0.1:\@port:plain\@
Listen 127.0.0.1:\@port:tls\@
ProxyIP On
ProxyIPPeer require 127.0.0.0/8
MDStoreDir \@root\@/md
MDCertificateAuthority https://127.0.0.1:1/directory
MDCertificateAgreement accepted
MDPortMap 80:\@port:plain\@ 443:\@port:tls\@
MDRenewMode manual
MDContactEmail nobody\@example.org
MDomain $DOMAIN
<VirtualHost 127.0.0.1:\@port:plain\@>
    ServerName $DOMAIN
</VirtualHost>
<VirtualHost 127.0.0.1:\@port:tls\@>
    ServerName $DOMAIN
    Protocols h2 http/1.1 acme-tls/1
    SSLEngine On
</VirtualHost>
EOC

# What it would keep here while the authority looks.
sub keep {
    my ($name, $text) = @_;
    my $folder = 'md/challenges';
    mkdir $server->root . "/$_" for $folder, "$folder/$DOMAIN";
    $server->write_file("$folder/$DOMAIN/$name", $text);
}

sub slurp {
    my ($path) = @_;
    local (@ARGV, $/) = $path;
    return scalar <>;
}
my $tls = ProxyIP::Httpd::tls();
keep('acme-http-01.txt', 'token.thumbprint');
keep('acme-tls-alpn-01-privkey.pem', slurp("$tls/server.key"));
keep('acme-tls-alpn-01-pubcert.pem', slurp("$tls/server.pem"));

my $haproxy = ProxyIP::HAProxy->new(config => <<"EOC")->start;
listen tls
    bind 127.0.0.1:\@port:tls\@
    server s 127.0.0.1:@{[$server->port('tls')]} source 127.0.0.9 send-proxy-v2
EOC

for my $header (v1(), v2()) {
    my $client = ProxyIP::Client->new(port => $server->port('plain'));
    my $answer = $client->send($header)->get(
        '/.well-known/acme-challenge/token', Host => $DOMAIN);
    is($answer && $answer->content, 'token.thumbprint', 'http-01');
    ok($server->access_log->wait_for(
        qr/^client=192\.0\.2\.77 .*acme-challenge/, 5), '... in the log');
    $server->access_log->mark;
}

# The certificate that a handshake brings, and the protocol agreed on.
sub handshake {
    my ($client, $protocol) = @_;
    $client->start_tls(SSL_hostname => $DOMAIN,
        SSL_alpn_protocols => [$protocol]);
    my $socket = $client->socket;
    return ($socket->peer_certificate('cn'), $socket->alpn_selected);
}

my $ALPN = 'acme-tls/1';
my %ways = (
    v1 => sub { to_server()->send(v1()) },
    v2 => sub { to_server()->send(v2()) },
    # The balancer may say so too.
    'v2, with the protocol' => sub {
        to_server()->send(v2(tlvs => [tlv(0x01 => $ALPN)])) },
    HAProxy => sub {
        ProxyIP::Client->new(port => $haproxy->port('tls')) },
);
sub to_server { ProxyIP::Client->new(port => $server->port('tls')) }
for my $way (sort keys %ways) {
    my ($name, $protocol) = handshake($ways{$way}->(), $ALPN);
    is($protocol, $ALPN, "tls-alpn-01, $way: its protocol");
    is($name, 'localhost', '... and the certificate made for it');
    ($name, $protocol) = handshake($ways{$way}->(), 'http/1.1');
    is($protocol, 'http/1.1', "$way: another protocol");
    isnt($name, 'localhost', '... has the server\'s own certificate');
}

done_testing;
