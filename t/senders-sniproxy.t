# sniproxy in front of httpd, which is version 1: HTTP by Host, and TLS that
# ends in httpd by its server name.

use strict;
use warnings;

use Test::More;

use ProxyIP::Behind;
use ProxyIP::SNIProxy;

plan skip_all => 'no sniproxy' if !ProxyIP::SNIProxy->program;
my $httpd = ProxyIP::Behind->new->start;
my ($plain, $tls) = map { $httpd->port($_) } qw(plain tls);

my $sniproxy = ProxyIP::SNIProxy->new(config => <<"EOC")->start;
listener 127.0.0.1:\@port:http\@ {
    protocol http
    table plain
    source 127.0.0.9
}
listener 127.0.0.1:\@port:tls\@ {
    protocol tls
    table tls
    source 127.0.0.9
}
listener [::1]:\@port:six\@ {
    protocol http
    table plain
    source 127.0.0.9
}
table plain {
    shop.example.org 127.0.0.1:$plain proxy_protocol
}
table tls {
    shop.example.org 127.0.0.1:$tls proxy_protocol
}
EOC

my $NAME = 'shop.example.org';

sub by_name {
    my ($name, $scheme, $listener, @curl) = @_;
    my $port = $sniproxy->port($listener);
    return $httpd->arrives($name, "$scheme://$NAME:$port",
        curl => ['--resolve', "$NAME:$port:127.0.0.1", @curl],
        want => { VERSION => 1, SERVER_PORT => $port });
}

by_name('HTTP', 'http', 'http');
by_name('TLS', 'https', 'tls', '--http1.1');
my $answer = by_name('HTTP/2', 'https', 'tls', '--http2');
is($answer->{version}, '2', 'HTTP/2: it is');
my $six = $sniproxy->port('six');
$httpd->arrives('IPv6', "http://$NAME:$six", client => '::1',
    curl => ['--resolve', "$NAME:$six:[::1]"],
    want => { VERSION => 1, TRANSPORT => 'TCP6', SERVER_ADDR => '::1',
              SERVER_PORT => $six });

done_testing;
