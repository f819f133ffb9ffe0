# Connections that mod_proxy opens again by itself begin with the header too:
# where the backend has closed a kept one, with HTTP/2 and TLS or without; where
# it does not answer a ping (ping=) and a balancer's other member has the
# request; where it closes instead of an answer.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep);

use ProxyIP::Client;
use ProxyIP::Header qw(v2 CLIENT);
use ProxyIP::Receiver;
use ProxyIP::Server;

my $prefork = ProxyIP::Httpd::mpm() eq 'prefork';
my $h2 = $prefork ? '' : 'Protocols h2 h2c http/1.1';

# The next hop, which soon closes what is not used.
my $next = ProxyIP::Server->new(workers => 16, config => <<"EOC")->start;
Listen 127.0.0.1:\@port\@
Listen 127.0.0.1:\@port:tls\@
$h2
KeepAliveTimeout 1
ProxyIP On
ProxyIPPeer require 127.0.0.1
<VirtualHost 127.0.0.1:\@port:tls\@>
    SSLEngine On
    SSLCertificateFile \@tls\@/server.pem
    SSLCertificateKeyFile \@tls\@/server.key
    $h2
</VirtualHost>
EOC
my ($plain, $secure) = map { $next->port($_) } undef, 'tls';

# Two members of each balancer, of which the first lets down the second request
# of a connection.
my %member;
for my $way ('hangs', 'fails') {
    $member{$way} = [map { ProxyIP::Receiver->new(version => 2, @$_)->start }
        [$way => 2], []];
}
my $balancers = join '', map {
    my $way = $_;
    my $members = join "\n", map { '    BalancerMember "http://127.0.0.1:'
        . $_->port . '" ping=300ms retry=0' } @{ $member{$way} };
    <<"EOC"
<Proxy "balancer://$way">
$members
</Proxy>
ProxyPass "/$way/" "balancer://$way/"
EOC
} sort keys %member;

my $server = ProxyIP::Server->new(
    loglevel => 'info proxyip_send:debug',
    modules => [qw(proxy_balancer lbmethod_byrequests slotmem_shm),
        $prefork ? () : 'proxy_http2'],
    config => <<"EOC")->start;
SSLProxyEngine On
SSLProxyVerify none
SSLProxyCheckPeerName off
SSLProxyCheckPeerCN off
KeepAliveTimeout 60
ProxyIP On
ProxyIPPeer require 127.0.0.1
ProxyIPSend v2
ProxyPass "/http/" "http://127.0.0.1:$plain/"
ProxyPass "/https/" "https://127.0.0.1:$secure/"
<IfModule mod_proxy_http2.c>
    ProxyPass "/h2c/" "h2c://127.0.0.1:$plain/" ping=5
    ProxyPass "/h2/" "h2://127.0.0.1:$secure/" ping=5
</IfModule>
$balancers
EOC

# Connections to a port whose other end has closed, by Linux's table.
sub closed_by {
    my ($port) = @_;
    open my $file, '<', '/proc/net/tcp' or die "/proc/net/tcp: $!\n";
    my $end = sprintf ':%04X 08 ', $port;
    return scalar grep { /\Q$end\E/ } <$file>;
}

# What the backend has closed.
for my $scheme ('http', 'https', $prefork ? () : qw(h2c h2)) {
    my $log = $server->error_log->mark;
    my $port = $scheme =~ /^(?:https|h2)$/ ? $secure : $plain;
    my $client = ProxyIP::Client->new(port => $server->port)->send(v2());
    for my $turn (1, 2) {
        my $answer = $client->get("/$scheme/cgi/environment");
        is($client->variables($answer)->{REMOTE_ADDR}, CLIENT,
            "$scheme, $turn: the client");
        last if $turn == 2;
        ok($server->wait_until(30, sub { closed_by($port) }),
            '... then the backend closes');
    }
    is($log->count(qr/PIP0108/), 2, '... a header for either connection');
}

# Whom a ping gets no answer from.
sub post {
    my ($client, $path, $source, $body) = @_;
    $client->send("POST $path HTTP/1.1\r\nHost: localhost\r\nX-Client: $source"
        . "\r\nContent-Length: " . length($body) . "\r\n\r\n$body");
    return $client->answer;
}

my @clients = map { ProxyIP::Client->new(port => $server->port)
    ->send(v2(src => "192.0.2.$_", sport => 1000 + $_)) } 1 .. 3;
for my $turn (1 .. 4) {
    for my $number (1 .. 3) {
        my $source = "192.0.2.$number:" . (1000 + $number);
        my $answer = post($clients[ $number - 1 ], '/hangs/', $source,
            "body-$turn");
        my $seen = ProxyIP::Receiver::seen($answer->content);
        is("$seen->{source}:$seen->{sport} $seen->{body}",
            "$source body-$turn", "no answer to a ping: turn $turn of "
                . "client $number has the other member's");
    }
}
undef @clients;

# Who closes instead of an answer.  What the client is told is mod_proxy's.
for my $turn (1 .. 6) {
    my $source = "192.0.2.9:" . (1000 + $turn);
    my $client = ProxyIP::Client->new(port => $server->port)
        ->send(v2(src => '192.0.2.9', sport => 1000 + $turn));
    for (1 .. 4) {
        my $answer = post($client, '/fails/', $source, "body-$_") or last;
        last if $answer->code != 200;
    }
}

for my $way ('hangs', 'fails') {
    my @counts = map { $_->counts } @{ $member{$way} };
    cmp_ok($counts[0]{$way} // 0, '>', 0, "... which $way");
    is(join("\n", map { $_->complaints_of } @{ $member{$way} }), '',
        '... none without its header, nor by another\'s');
}
done_testing;
