# Apache Traffic Server as httpd's client: proxy_protocol_out 1 and 2.
#
# Until version 10 it writes source and destination the wrong way round
# (github.com/apache/trafficserver/issues/9335): its own address is the
# client's, and the client's is what was dialled.  The header is well-formed,
# so nothing here can tell; what arrives is what it says.

use strict;
use warnings;

use Test::More;

use ProxyIP::Behind;
use ProxyIP::Curl qw(curl);
use ProxyIP::TrafficServer;

plan skip_all => 'no Traffic Server' if !ProxyIP::TrafficServer->program;
my $httpd = ProxyIP::Behind->new->start;
my $plain = $httpd->port('plain');
my ($major) = ProxyIP::TrafficServer->version =~ /^(\d+)/;
note 'Traffic Server ', ProxyIP::TrafficServer->version;

sub traffic_server {
    my ($version, %record) = @_;
    return ProxyIP::TrafficServer->new(
        listen => '@port@ @port:tls@:ssl', to => "http://127.0.0.1:$plain/",
        from => '127.0.0.9', records => {
            'proxy.config.http.proxy_protocol_out' => $version,
            %record })->start;
}

# Connections to httpd must not be shared among clients: a header holds for
# its connection.  Not by TLS to httpd: after the handshake version 9.2 sends
# nothing more, one time in five, whatever takes its header off.
my %unshared = ('proxy.config.http.server_session_sharing.match' => 'none');
for my $version (1, 2) {
    my $proxy = traffic_server($version, %unshared);
    for my $scheme ('http', 'https') {
        my $front = $proxy->port($scheme eq 'https' ? 'tls' : '');
        arrives("v$version, $scheme, $_", "$scheme://127.0.0.1:$front", $_,
            $front, $version) for '127.0.0.77', '127.0.0.78';
    }
}

# They are by default, and so a client may come as another one.
SKIP: {
    skip 'known of Traffic Server 9', 2 if $major != 9;
    my $proxy = traffic_server(2);
    my $url = 'http://127.0.0.1:' . $proxy->port('') . '/cgi/environment';
    my ($first, $second) = map { curl('--interface', $_, $url) }
        '127.0.0.77', '127.0.0.78';
    is($first->{variables}{PROXYIP_SERVER_ADDR}, '127.0.0.77',
        'shared: the first client');
    is($second->{variables}{PROXYIP_SERVER_ADDR}, '127.0.0.77',
        'shared: another comes as the first');
}

# A request, and whom its header names in this version of Traffic Server.
sub arrives {
    my ($name, $url, $client, $front, $version) = @_;
    if ($major >= 10) {
        $httpd->arrives($name, $url, client => $client,
            want => { VERSION => $version, SERVER_PORT => $front });
        return;
    }
    $httpd->arrives("$name, swapped", $url, client => $client,
        named => ['127.0.0.1', $front], want => { VERSION => $version,
        SERVER_ADDR => $client, SERVER_PORT => 'client' });
}

done_testing;
