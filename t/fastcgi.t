# An application behind mod_proxy_fcgi is told of the client, of the address
# that the client dialled, of https, and of the facts.

use strict;
use warnings;

use Test::More;

use ProxyIP::Client;
use ProxyIP::FastCGI;
use ProxyIP::Header qw(v2 tlv CLIENT);
use ProxyIP::Server;

my $application = ProxyIP::FastCGI->new->start;
my $server = ProxyIP::Server->new(modules => ['proxy_fcgi'],
    config => sprintf <<'EOC', $application->port)->start;
ProxyIP On
ProxyIPPeer require 127.0.0.0/8
ProxyIPServerAddr On
ProxyIPHTTPS port=443
ProxyIPEnv All
UseCanonicalPhysicalPort On
ProxyPass "/app" "fcgi://127.0.0.1:%d/"
<VirtualHost 203.0.113.10:443>
    ServerName ten.example.org
</VirtualHost>
EOC

# What the application sees when a client dialled an address.
sub seen {
    my ($dst, $dport) = @_;
    my $client = ProxyIP::Client->new(port => $server->port);
    $client->send(v2(dst => $dst, dport => $dport,
                     tlvs => [tlv(0x02 => 'shop.example.org')]));
    return $client->variables($client->get('/app'));
}

my $saw = seen('203.0.113.10', 443);
is($saw->{REMOTE_ADDR}, CLIENT, 'REMOTE_ADDR');
is($saw->{REMOTE_PORT}, 4711, 'REMOTE_PORT');
is($saw->{SERVER_ADDR}, '203.0.113.10', 'SERVER_ADDR');
is($saw->{SERVER_PORT}, 443, 'SERVER_PORT');
is($saw->{SERVER_NAME}, 'localhost', 'SERVER_NAME is Host');
is($saw->{HTTPS}, 'on', 'HTTPS');
is($saw->{REQUEST_SCHEME}, 'https', 'REQUEST_SCHEME');
is($saw->{PROXYIP_AUTHORITY}, 'shop.example.org', 'a fact');

$saw = seen('203.0.113.11', 80);
is($saw->{SERVER_ADDR}, '203.0.113.11', 'an address that nobody has');
is($saw->{SERVER_PORT}, $server->port, '... with the port of the listener');
is($saw->{HTTPS}, undef, '... without https');

done_testing;
