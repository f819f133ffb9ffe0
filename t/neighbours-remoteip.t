# CDN -> load balancer -> httpd: our header names the CDN's edge server,
# mod_remoteip's header names the visitor.  It believes the edge that we name,
# and not the balancer; each request has its own visitor.

use strict;
use warnings;

use Test::More;

use ProxyIP::Client;
use ProxyIP::Example;
use ProxyIP::Header qw(v2);
use ProxyIP::Relay;
use ProxyIP::Server;

plan skip_all => 'what mod_remoteip does has nothing to do with the MPM'
    if ProxyIP::Httpd::mpm() ne 'event';

my ($EDGE, $EDGE6, $ELSEWHERE, $BALANCER, $VISITOR)
    = qw(198.51.100.7 2001:db8:0:3::7 198.51.101.7 127.0.0.9 203.0.113.9);

# The example, and the same with RemoteIPInternalProxy.
sub example {
    my ($port, %more) = @_;
    my $config = ProxyIP::Example::config($port, 'cdn-behind-l4.conf',
        '10.0.0.0/24' => $BALANCER, '/var/www/html' => '@root@/htdocs',
        'logs/access_log' => "\@root\@/logs/$port", %more);
    my $more = <<'EOC';
    ProxyIPEnv All
    ProxyPass "/backend/" "http://127.0.0.1:@port:backend@/"
    <Location "/visitor">
        Require ip 203.0.113.9
    </Location>
    Alias "/visitor" "@root@/htdocs/index.html"
    <IfModule mod_http2.c>
        Protocols h2 http/1.1
    </IfModule>
EOC
    return $config =~ s{(?=</VirtualHost>)}{$more}r;
}

# RemoteIPInternalProxy with the balancer's range alone: nothing is believed.
my $range = 'RemoteIPTrustedProxy 198.51.100.0/24 2001:db8:0:3::/64';
my $internal = $range =~ s/Trusted/Internal/r;
my $server = ProxyIP::Server->new(config => join '', example('trusted'),
    example('internal', $range => $internal),
    example('balancer', $range => 'RemoteIPInternalProxy 127.0.0.0/8'),
    <<'EOC')->start;
Listen 127.0.0.1:@port:backend@
<VirtualHost 127.0.0.1:@port:backend@>
</VirtualHost>
EOC

sub connect_for {
    my ($listener, $edge) = @_;
    my $client = ProxyIP::Client->new(from => $BALANCER,
        port => $server->port($listener));
    return $client->send(v2(src => $edge,
        dst => $edge =~ /:/ ? '2001:db8::80' : '198.51.100.80'))->start_tls;
}

# What a CGI program sees of a request that says X-Forwarded-For.
sub seen {
    my ($listener, $edge, $forwarded) = @_;
    my $client = connect_for($listener, $edge);
    return $client->variables($client->get('/cgi/environment',
        defined $forwarded ? ('X-Forwarded-For' => $forwarded) : ()));
}

for my $listener ('trusted', 'internal') {
    for my $edge ($EDGE, $EDGE6) {
        my $saw = seen($listener, $edge, $VISITOR);
        my $name = "$listener, edge $edge";
        is($saw->{REMOTE_ADDR}, $VISITOR, "$name: REMOTE_ADDR");
        is($saw->{PROXYIP_CLIENT_ADDR}, $edge, "$name: the facts");
        is($saw->{PROXYIP_PEER_ADDR}, $BALANCER, "$name: the peer");
        is($saw->{HTTP_X_FORWARDED_FOR}, undef,
            "$name: mod_remoteip has taken the header");
        my $log = ProxyIP::Log->new($server->root . "/logs/$listener");
        ok($log->wait_for(qr/^\Q$VISITOR via $edge\E /, 5), "$name: its log");
    }
    is(seen($listener, $EDGE)->{REMOTE_ADDR}, $EDGE,
        "$listener: no visitor is named");
    is(seen($listener, $EDGE, "192.0.2.1, $VISITOR")->{REMOTE_ADDR}, $VISITOR,
        "$listener: what the visitor claims is not believed");
    is(seen($listener, $EDGE, "$VISITOR, 198.51.100.8")->{REMOTE_ADDR},
        $VISITOR, "$listener: two edges, one behind the other");
    my $saw = seen($listener, $ELSEWHERE, $VISITOR);
    is($saw->{REMOTE_ADDR}, $ELSEWHERE, "$listener: not an edge's client");
    is($saw->{HTTP_X_FORWARDED_FOR}, $VISITOR,
        '... whose X-Forwarded-For stays where it is');
}

# A visitor with a private address: an internal proxy's only.
is(seen('internal', $EDGE, '10.1.2.3')->{REMOTE_ADDR}, '10.1.2.3',
    'RemoteIPInternalProxy: a private address');
is(seen('trusted', $EDGE, '10.1.2.3')->{REMOTE_ADDR}, $EDGE,
    'RemoteIPTrustedProxy: not believed');

# The balancer is not what mod_remoteip compares with.
is(seen('balancer', $EDGE, $VISITOR)->{REMOTE_ADDR}, $EDGE,
    'RemoteIPInternalProxy of the balancer: not believed');
my $client = ProxyIP::Client->new(from => $BALANCER,
    port => $server->port('balancer'));
$client->send(v2(command => 'LOCAL'))->start_tls;
is($client->variables($client->get('/cgi/environment',
    'X-Forwarded-For' => $VISITOR))->{REMOTE_ADDR}, $VISITOR,
    '... but of what it says itself');

# One connection, many visitors: what an edge does.
$client = connect_for('trusted', $EDGE);
my @visitors = ($VISITOR, '203.0.113.10', undef, $VISITOR);
is_deeply([map {
    $client->variables($client->get('/cgi/environment',
        defined ? ('X-Forwarded-For' => $_) : ()))->{REMOTE_ADDR}
} @visitors], [map { $_ // $EDGE } @visitors],
    'four requests of a connection: each has its visitor');
is($client->get('/visitor', 'X-Forwarded-For' => $VISITOR)->code, 200,
    'Require ip: the visitor');
is($client->get('/visitor', 'X-Forwarded-For' => '203.0.113.10')->code, 403,
    '... not another one');
is($client->get('/visitor')->code, 403, '... not the edge');

my $relay = ProxyIP::Relay->new(to => $server->port('trusted'),
    header => v2(src => $EDGE), from => $BALANCER)->start;
my $url = 'https://127.0.0.1:' . $relay->port . '/cgi/environment';
for my $visitor ($VISITOR, '203.0.113.10') {
    my @seen = map { /^REMOTE_ADDR=(\S+)/ ? $1 : () }
        `nghttp -H 'X-Forwarded-For: $visitor' '$url?1' '$url?2' 2>/dev/null`;
    is("@seen", "$visitor $visitor", "two streams of $visitor");
}

# What comes out at the other side.
$client = connect_for('trusted', $EDGE);
my $saw = $client->variables($client->get('/backend/cgi/environment',
    'X-Forwarded-For' => "192.0.2.1, $VISITOR"));
is($saw->{HTTP_X_FORWARDED_FOR}, "192.0.2.1, $VISITOR",
    'mod_proxy: the visitor, behind what he claims');

done_testing;
