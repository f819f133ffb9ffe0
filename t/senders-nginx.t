# nginx's stream module in front of httpd, which is version 1: TLS passed on,
# chosen by its server name, ended here, made anew; a balancer before it.

use strict;
use warnings;

use Test::More;

use ProxyIP::Behind;
use ProxyIP::Client;
use ProxyIP::Header qw(v1 v2 tlv);
use ProxyIP::Nginx;

plan skip_all => 'no nginx with its stream module'
    if !ProxyIP::Nginx->program;
my $httpd = ProxyIP::Behind->new->start;
my ($plain, $tls) = map { $httpd->port($_) } qw(plain tls);
my $folder = ProxyIP::Httpd::tls();

my $nginx = ProxyIP::Nginx->new(config => <<"EOC")->start;
ssl_certificate $folder/server.pem;
ssl_certificate_key $folder/server.key;
proxy_protocol on;
proxy_bind 127.0.0.9;
map \$ssl_preread_server_name \$by_name {
    shop.example.org 127.0.0.1:$tls;
}
map \$ssl_preread_alpn_protocols \$by_alpn {
    ~\\bh2\\b 127.0.0.1:$tls;
}
server {
    listen 127.0.0.1:\@port:plain\@;
    proxy_pass 127.0.0.1:$plain;
}
server {
    listen 127.0.0.1:\@port:through\@;
    proxy_pass 127.0.0.1:$tls;
}
server {
    listen 127.0.0.1:\@port:by_name\@;
    ssl_preread on;
    proxy_pass \$by_name;
}
server {
    listen 127.0.0.1:\@port:by_alpn\@;
    ssl_preread on;
    proxy_pass \$by_alpn;
}
server {
    listen 127.0.0.1:\@port:ends\@ ssl;
    proxy_pass 127.0.0.1:$plain;
}
server {
    listen 127.0.0.1:\@port:anew\@ ssl;
    proxy_ssl on;
    proxy_pass 127.0.0.1:$tls;
}
server {
    listen [::1]:\@port:six\@;
    proxy_pass 127.0.0.1:$plain;
}
# As a dual-stack socket sees IPv4 clients.
server {
    listen [::ffff:127.0.0.1]:\@port:mapped\@ ipv6only=off;
    proxy_pass 127.0.0.1:$plain;
}
server {
    listen 127.0.0.1:\@port:behind\@ proxy_protocol;
    set_real_ip_from 127.0.0.8;
    proxy_pass 127.0.0.1:$plain;
}
server {
    listen [::1]:\@port:behind_six\@ proxy_protocol;
    set_real_ip_from ::1;
    proxy_pass 127.0.0.1:$plain;
}
EOC

sub through {
    my ($name, $scheme, $listener, %option) = @_;
    my $port = $nginx->port($listener);
    my $host = $option{host} // '127.0.0.1';
    return $httpd->arrives($name, "$scheme://$host:$port", %option, want =>
        { VERSION => 1, SERVER_PORT => $port, %{ $option{want} // {} } });
}

through('plain', 'http', 'plain');
through('TLS passed on', 'https', 'through', curl => ['--http1.1']);
my $answer = through('HTTP/2 passed on', 'https', 'through',
    curl => ['--http2']);
is($answer->{version}, '2', 'HTTP/2 passed on: it is');
my $NAME = 'shop.example.org';
through('by server name', 'https', 'by_name', host => $NAME, curl =>
    ['--resolve', "$NAME:" . $nginx->port('by_name') . ':127.0.0.1']);
through('by ALPN', 'https', 'by_alpn', curl => ['--http2']);
through('TLS ends', 'https', 'ends');
through('TLS made anew', 'https', 'anew');
through('IPv6', 'http', 'six', host => '[::1]', client => '::1',
    want => { TRANSPORT => 'TCP6', SERVER_ADDR => '::1' });
# "PROXY TCP6 ::ffff:127.0.0.77 ::ffff:127.0.0.1 ...": IPv4 all the same.
through('dual-stack socket', 'http', 'mapped', want => { TRANSPORT => 'TCP6' });

# A balancer that nginx believes: its client, but nginx's own destination, and
# none of its TLVs.
for my $header (v1(), v2(tlvs => [tlv(0x05 => 'audit-1')])) {
    my $name = 'behind a balancer, ' . ($header =~ /^PROXY/ ? 'v1' : 'v2');
    my $client = ProxyIP::Client->new(port => $nginx->port('behind'),
        from => '127.0.0.8')->send($header);
    my $saw = $client->variables($client->get('/cgi/environment'));
    is($saw->{REMOTE_ADDR}, '192.0.2.77', "$name: REMOTE_ADDR");
    $httpd->same_facts($name, $saw, {
        '' => 'on', VERSION => 1, COMMAND => 'PROXY', TRANSPORT => 'TCP4',
        PEER_ADDR => '127.0.0.9', CLIENT_ADDR => '192.0.2.77',
        CLIENT_PORT => 4711, SERVER_ADDR => '127.0.0.1',
        SERVER_PORT => $nginx->port('behind') }, 4711);
}

# An IPv4 client of its balancer on an IPv6 socket: of the client's family, with
# the socket's own address, which is no valid line.
{
    my $log = $httpd->error_log->mark;
    my $end = ProxyIP::Client->new(port => $nginx->port('behind_six'),
        from => '::1')->send(v1())->request('/')->ending(5);
    is($end->{bytes}, '', 'mixed families: no answer');
    like($log->wait_for(qr/PIP0022/, 5) // '',
        qr/PROXY TCP4 192\.0\.2\.77 ::1 /, 'mixed families: refused');
}

done_testing;
