# curl as its own balancer: --haproxy-protocol, which is version 1.

use strict;
use warnings;

use Test::More;

use ProxyIP::Behind;
use ProxyIP::Curl qw(curl);

my $httpd = ProxyIP::Behind->new(peers => 'require 127.0.0.77',
    config => <<'EOC')->start;
Listen [::1]:@port:six@
ProxyIPPeer require ::1
EOC
my ($plain, $tls, $six) = map { $httpd->port($_) } qw(plain tls six);

# Peer and client are one.
sub itself {
    my ($name, $url, $port, %option) = @_;
    my @curl = ('--haproxy-protocol', @{ $option{curl} // [] });
    my $answer = $httpd->arrives($name, $url, peer => '127.0.0.77', %option,
        curl => \@curl,
        want => { VERSION => 1, SERVER_PORT => $port,
                  %{ $option{want} // {} } });
    return $answer;
}

itself('plain', "http://127.0.0.1:$plain", $plain);
itself('TLS', "https://127.0.0.1:$tls", $tls, curl => ['--http1.1']);
my $answer = itself('HTTP/2', "https://127.0.0.1:$tls", $tls,
    curl => ['--http2']);
is($answer->{version}, '2', 'HTTP/2: it is');
itself('IPv6', "http://[::1]:$six", $six, client => '::1', peer => '::1',
    want => { TRANSPORT => 'TCP6', SERVER_ADDR => '::1' });

# Two requests on one connection: one header.
my $log = ProxyIP::Log->new($httpd->error_log->path)->mark;
$answer = curl('--haproxy-protocol', '--interface', '127.0.0.77',
    ("http://127.0.0.1:$plain/cgi/environment") x 2);
is(() = $answer->{body} =~ /^REMOTE_ADDR=127\.0\.0\.77$/mg, 2,
    'keep-alive: both requests');
is($log->count(qr/PIP0042/), 1, 'keep-alive: one header');

# A client of one's choice, which newer versions have.
SKIP: {
    skip 'this curl has no --haproxy-clientip', 1
        if `curl --help all` !~ /--haproxy-clientip/;
    # The first with it made it the destination.
    my ($version) = `curl --version` =~ /^curl (\d+\.\d+)/;
    skip 'curl 8.2 puts --haproxy-clientip in the wrong place', 1
        if $version eq '8.2';
    $answer = curl('--haproxy-clientip', '192.0.2.77', '--interface',
        '127.0.0.77', "http://127.0.0.1:$plain/cgi/environment");
    is($answer->{variables}{REMOTE_ADDR}, '192.0.2.77', 'clientip');
}

done_testing;
