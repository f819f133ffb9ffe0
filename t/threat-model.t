# What docs/security.md says that each kind of peer can and cannot do:
# strangers, direct peers, load balancers, and clients behind them.

use strict;
use warnings;

use Test::More;

use ProxyIP::Client;
use ProxyIP::Header qw(v1 v2 tlv ssl_tlv CLIENT);
use ProxyIP::Server;

my ($BALANCER, $DIRECT, $STRANGER) = map { "127.0.0.$_" } 9, 30, 66;

my $server = ProxyIP::Server->new(config => <<'EOC')->start;
ProxyIP On
ProxyIPPeer require 127.0.0.9
ProxyIPPeer direct 127.0.0.30
ProxyIPEnv All
LogFormat "client=%a peer=%{PEER_ADDR}^PX status=%>s \"%r\"" peers
CustomLog logs/peers peers
Alias "/local" "@root@/htdocs/index.html"
Alias "/not-by-header" "@root@/htdocs/index.html"
<Location "/local">
    Require local
</Location>
<Location "/not-by-header">
    <RequireAll>
        Require local
        Require not proxyip
    </RequireAll>
</Location>
EOC
my $port = $server->port;
my $log = ProxyIP::Log->new($server->root . '/logs/peers');

sub code {
    my ($from, $header, $path) = @_;
    my $answer = ProxyIP::Client->fetch(port => $port, from => $from,
        header => $header, path => $path);
    return $answer && $answer->code;
}

# A balancer can name whom it likes, loopback too; that it was the one who said
# so it cannot hide, and a page can insist on a client that no header named.
for my $header (v1(src => '127.0.0.1'), v2(src => '127.0.0.1')) {
    is(code($BALANCER, $header, '/local'), 200,
        'a balancer can say 127.0.0.1, and Require local holds');
    like($log->wait_for(qr{GET /local}, 5) // '',
        qr/^client=127\.0\.0\.1 peer=\Q$BALANCER\E /,
        '... but the log can name the peer');
    is(code($BALANCER, $header, '/not-by-header'), 403,
        '... and Require not proxyip keeps it out');
    $log->mark;
}
is(code($DIRECT, '', '/not-by-header'), 200,
    'a direct peer on this machine is let in');

# A stranger's header names nobody, and no request gets in.
my $end = ProxyIP::Client->new(port => $port, from => $STRANGER)
    ->send(v2() . "GET /stranger HTTP/1.0\r\n\r\n")->ending(5);
isnt($end->{how}, 'open', 'a stranger is closed');
is($end->{bytes}, '', '... without a byte');
ok($server->error_log->wait_for(qr/info.*PIP0020.*peer \Q$STRANGER\E:/, 5),
    '... with a line of info');

# To a direct peer nothing of ours happens: a header is a bad request.
is(code($DIRECT, v1(), '/direct-with-header'), 400,
    "a direct peer's header is a bad request");
like($log->wait_for(qr/"PROXY TCP4/, 5) // '', qr/^client=\Q$DIRECT\E /,
    '... and names nobody');

# A client cannot add a header of its own behind the balancer's.
my $second = v1(src => '203.0.113.66');
is(code($BALANCER, v1() . $second, '/second'), 400,
    "a client's own header is a bad request");
like($log->wait_for(qr/203\.0\.113\.66/, 5) // '',
    qr/^client=\Q@{[CLIENT]}\E peer=\Q$BALANCER\E /,
    '... and the client is the one whom the balancer named');

# Nothing of one connection is there in the next from the same peer.
sub facts {
    my ($header) = @_;
    my $client = ProxyIP::Client->new(port => $port, from => $BALANCER)
        ->send($header);
    my $saw = $client->variables($client->get('/cgi/environment',
        Connection => 'close'));
    return [map { $saw->{"PROXYIP_$_"} } qw(COMMAND AUTHORITY SSL SSL_CN)];
}
my $verified = v2(tlvs => [tlv(0x02 => 'shop.example.org'),
    ssl_tlv(client => 0x07, subs => [tlv(0x22 => 'alice')])]);
for my $round (1 .. 10) {
    is_deeply(facts($verified), ['PROXY', 'shop.example.org', 'on', 'alice'],
        'facts of a connection');
    is_deeply(facts(v2(command => 'LOCAL')), ['LOCAL', undef, undef, undef],
        '... none of them in the next');
}

done_testing;
