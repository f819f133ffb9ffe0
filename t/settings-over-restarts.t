# ProxyIPEnv and ProxyIPHTTPS come and go with restarts: their hooks exist only
# where a directive wants them, and each reading of the configuration decides
# anew.

use strict;
use warnings;

use Test::More;

use ProxyIP::Client;
use ProxyIP::Header qw(v2 CLIENT);
use ProxyIP::Server;

my $base = <<'EOC';
Listen 127.0.0.1:@port@
Listen 127.0.0.1:@port:other@
ProxyIP On
ProxyIPPeer require 127.0.0.0/8
EOC
my $both = $base . <<'EOC';
<VirtualHost 127.0.0.1:@port:other@>
    ProxyIPEnv Basic
    ProxyIPHTTPS on
</VirtualHost>
EOC
# Inside a section that is not read nothing is wanted.
my $neither = "$base<IfDefine NEVER>\nProxyIPEnv All\nProxyIPHTTPS on\n"
    . "</IfDefine>\nProxyIPEnv Off\nProxyIPHTTPS off\n";

my $server = ProxyIP::Server->new(config => $base)->start;

sub saw {
    my ($port) = @_;
    my $client = ProxyIP::Client->new(port => $server->port($port))
        ->send(v2());
    my $saw = $client->variables($client->get('/cgi/environment',
        Connection => 'close'));
    is($saw->{REMOTE_ADDR}, CLIENT, 'the client is seen');
    return [map { $saw->{$_} } qw(PROXYIP PROXYIP_PEER_ADDR HTTPS
        REQUEST_SCHEME)];
}

my $nothing = [undef, undef, undef, 'http'];
my $all = ['on', '127.0.0.1', 'on', 'https'];

for my $step (['at first', undef, $nothing], ['they come', $both, $all],
    ['they stay', $both, $all], ['they go', $neither, $nothing],
    ['and come again', $both, $all]) {
    my ($name, $config, $want) = @$step;
    $server->graceful($config) if $config;
    is_deeply(saw('other'), $want, "$name: where they are said");
    is_deeply(saw(undef), $nothing, "$name: where they are not");
}

done_testing;
