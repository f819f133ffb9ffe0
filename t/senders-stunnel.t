# stunnel in front of httpd: `protocol = proxy`, which is version 1.

use strict;
use warnings;

use Test::More;

use ProxyIP::Behind;
use ProxyIP::Stunnel;

plan skip_all => 'no stunnel' if !ProxyIP::Stunnel->program;
my $httpd = ProxyIP::Behind->new->start;
my $plain = $httpd->port('plain');

my $stunnel = ProxyIP::Stunnel->new(config => <<"EOC")->start;
[plain]
accept = 127.0.0.1:\@port:plain\@
connect = 127.0.0.1:$plain
local = 127.0.0.9
protocol = proxy
# As a dual-stack socket sees IPv4 clients.
[mapped]
accept = ::ffff:127.0.0.1:\@port:mapped\@
connect = 127.0.0.1:$plain
local = 127.0.0.9
protocol = proxy
[six]
accept = ::1:\@port:six\@
connect = 127.0.0.1:$plain
local = 127.0.0.9
protocol = proxy
EOC

my $port = $stunnel->port('plain');
$httpd->arrives('stunnel', "https://127.0.0.1:$port",
    want => { VERSION => 1, SERVER_PORT => $port });
$httpd->arrives('stunnel, another client', "https://127.0.0.1:$port",
    client => '127.0.0.78', want => { VERSION => 1, SERVER_PORT => $port });

# "PROXY TCP6 ::ffff:127.0.0.77 ::ffff:127.0.0.1 ...": IPv4 all the same.
$port = $stunnel->port('mapped');
$httpd->arrives('stunnel, dual-stack socket',
    "https://127.0.0.1:$port",
    want => { VERSION => 1, TRANSPORT => 'TCP6', SERVER_PORT => $port });

$port = $stunnel->port('six');
$httpd->arrives('stunnel, IPv6', "https://[::1]:$port", client => '::1',
    want => { VERSION => 1, TRANSPORT => 'TCP6', SERVER_ADDR => '::1',
              SERVER_PORT => $port });

done_testing;
