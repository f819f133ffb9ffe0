# Settings belong to a listener: On for one address and port says nothing of
# another, and what is Off is left alone to the last byte.

use strict;
use warnings;

use Test::More;

use ProxyIP::Client;
use ProxyIP::Curl qw(curl);
use ProxyIP::Header qw(v1 v2 CLIENT);
use ProxyIP::Server;

my $server = ProxyIP::Server->new(config => <<'EOC')->start;
Listen 127.0.0.1:@port:main@
Listen 127.0.0.1:@port:on@
Listen 127.0.0.1:@port:off@
Listen 127.0.0.1:@port:star@
Listen 127.0.0.7:@port:star@
ProxyIP Off
ProxyIPPeer require 127.0.0.0/8
<VirtualHost 127.0.0.1:@port:on@>
    ServerName first.example.org
    ProxyIP On
    Header set X-Host first
</VirtualHost>
<VirtualHost 127.0.0.1:@port:on@>
    ServerName second.example.org
    ProxyIP On
    Header set X-Host second
</VirtualHost>
<VirtualHost 127.0.0.1:@port:off@>
    ServerName off.example.org
</VirtualHost>
# One address of a port of its own; the rest of the port by `*`.
<VirtualHost *:@port:star@>
    ServerName star.example.org
    ProxyIP On
    ProxyIPFormats v1
</VirtualHost>
<VirtualHost 127.0.0.7:@port:star@>
    ServerName seven.example.org
    ProxyIP On
    ProxyIPPeer optional 127.0.0.8
    ProxyIPFormats v2
</VirtualHost>
EOC

# An answer's REMOTE_ADDR, `400`, or `closed`.
sub outcome {
    my ($name, $header, %option) = @_;
    my $client = ProxyIP::Client->new(port => $server->port($name), %option);
    my $answer = $client->send($header)->get('/cgi/environment');
    return 'closed' if !$answer;
    return $client->variables($answer)->{REMOTE_ADDR} // $answer->code;
}

for my $name ('main', 'off') {
    is(outcome($name, ''), '127.0.0.1', "$name: Off, no header");
    is(outcome($name, v1()), 400, "$name: Off, a v1 header is no request");
    is(outcome($name, v2()), 400, "$name: Off, a v2 header is no request");
}
is(outcome('on', v1()), CLIENT, 'On, v1');
is(outcome('on', v2()), CLIENT, 'On, v2');
is(outcome('on', ''), 'closed', 'On, no header');
for my $host ('first', 'second') {
    my $client = ProxyIP::Client->new(port => $server->port('on'));
    my $answer = $client->send(v2())->get('/', Host => "$host.example.org");
    is($answer->header('X-Host'), $host, "both names of a listener: $host");
}

is(outcome('star', v1()), CLIENT, '`*`: v1');
is(outcome('star', v2()), 'closed', '`*`: not v2');
like($server->error_log->wait_for(qr/PIP0022/, 5) // '',
    qr/version not accepted here.*ProxyIPFormats v1 \(\S+:\d+\)/,
    '... the line names ProxyIPFormats');
my @seven = (host => '127.0.0.7', from => '127.0.0.8');
is(outcome('star', v2(), @seven), CLIENT, 'an address of its own: v2');
is(outcome('star', v1(), @seven), 'closed', '... not v1');
is(outcome('star', '', @seven), '127.0.0.8', '... optional');
is(outcome('star', v2(), host => '127.0.0.7', from => '127.0.0.9'), 'closed',
    '... its peers alone');

# Off becomes On, and the reverse, by a graceful restart.
my $on = "ProxyIP On\nProxyIPPeer require 127.0.0.0/8\n";
$server->graceful('Listen 127.0.0.1:@port:main@' . "\n$on");
is(outcome('main', v2()), CLIENT, 'On after a restart');
$server->graceful('Listen 127.0.0.1:@port:main@' . "\nProxyIP Off\n");
is(outcome('main', ''), '127.0.0.1', 'Off after a restart');

# On in the main server, Off in a virtual host.
$server->graceful(<<"EOC");
Listen 127.0.0.1:\@port:main\@
Listen 127.0.0.1:\@port:off\@
$on
<VirtualHost 127.0.0.1:\@port:off\@>
    ProxyIP Off
</VirtualHost>
EOC
is(outcome('main', v2()), CLIENT, 'On in the main server');
is(outcome('off', ''), '127.0.0.1', '... Off in a virtual host');
is(outcome('off', v2()), 400, '... where a header is no request');

# A checksum that is demanded, a smaller limit, a hand-over at once.
$server->graceful(<<"EOC");
Listen 127.0.0.1:\@port:main\@
Listen 127.0.0.1:\@port:off\@
ProxyIPPeer require 127.0.0.0/24
ProxyIPPeer optional 127.0.1.0/24
ProxyIP On
ProxyIPFormats v2
ProxyIPChecksum require
ProxyIPMaxHeader 232
ProxyIPDefer Off
ProxyIPTimeout 1
<VirtualHost 127.0.0.1:\@port:off\@>
    RequestReadTimeout header=2
</VirtualHost>
EOC
is(outcome('main', v2(crc => 1)), CLIENT, 'ProxyIPChecksum require: with one');
is(outcome('main', v2()), 'closed', '... without');
like($server->error_log->wait_for(qr/PIP0024/, 5) // '',
    qr/checksum is missing.*ProxyIPChecksum require/, '... the line');
is(outcome('main', v2(command => 'LOCAL')), '127.0.0.1', '... LOCAL');
is(outcome('main', v2(family => 'UNSPEC')), 'closed', '... UNSPEC without');
is(outcome('main', v2(crc => 1, block => v2(src => '/a', dst => '/b') =~
    /^.{16}(.*)/s, family => 'UNIX')), 'closed', 'ProxyIPMaxHeader: 239');
is(outcome('main', v2(command => 'LOCAL', block => 'x' x 216)), '127.0.0.1',
    '... 232');
is(outcome('main', v2(command => 'LOCAL', block => 'x' x 217)), 'closed',
    '... 233');

# ProxyIPDefer Off: after the header the connection is httpd's, silent or not.
my $end = ProxyIP::Client->new(port => $server->port('off'))
    ->send(v2(crc => 1))->ending(6);
cmp_ok($end->{age}, '>', 1.5, 'ProxyIPDefer Off: the header alone');
cmp_ok($end->{age}, '<', 4, '... RequestReadTimeout ends it');
$end = ProxyIP::Client->new(port => $server->port('off'), from => '127.0.1.1')
    ->ending(8);
cmp_ok($end->{age}, '>', 2.5, '... an optional peer that says nothing');
cmp_ok($end->{age}, '<', 5, '... is handed over after ProxyIPTimeout');

done_testing;
