# Thousands of connections that have sent a header and nothing more: others
# are served at once, server-status says how many wait, each costs little
# memory; and when all of them speak, each is served as itself.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep time);

use ProxyIP::Client;
use ProxyIP::Header qw(v2 CLIENT);
use ProxyIP::Many;
use ProxyIP::Patience;
use ProxyIP::Server;

plan skip_all => 'on other MPMs who waits has a worker'
    if ProxyIP::Httpd::mpm() ne 'event';

my $COUNT = ProxyIP::Many::at_most(
    ProxyIP::Httpd::is_instrumented() ? 3000 : 9000);
# KiB of anonymous memory for each.
my $MOST = 4;

plan skip_all => 'too few descriptors' if $COUNT < 1000;

my $server = ProxyIP::Server->new(workers => 25, status => 1,
    loglevel => 'notice proxyip:crit', limits => ProxyIP::Many::limits(),
    config => ProxyIP::Many::CONFIG . <<'EOC')->start;
ServerLimit 1
ProxyIP On
ProxyIPPeer require 127.0.0.0/8
ProxyIPTimeout 120s
ProxyIPDefer 120s
EOC
my $port = $server->port;
my ($child) = grep { $server->accepting($_) } $server->children;

sub waiting_is {
    my ($count, $name) = @_;
    my $waiting;
    $server->wait_until(10, sub {
        $waiting = $server->status->{ProxyIPWaiting};
        return $waiting == $count;
    });
    is($waiting, $count, $name);
}

# Clients of all kinds, each within a few seconds.
sub others {
    my ($name) = @_;
    my ($served, $slowest) = (0, 0);
    for my $number (1 .. 20) {
        my $start = time;
        my $client = ProxyIP::Client->new(port => $port)
            ->send_slowly(v2(), chunk => $number % 2 ? [28] : [10],
                delay => 0.02);
        my $answer = $client->get('/', Connection => 'close');
        $served++ if $answer && $answer->code == 200
            && $answer->header('X-Client') eq CLIENT;
        $slowest = time - $start if time - $start > $slowest;
    }
    is($served, 20, "$name: twenty others are served");
    cmp_ok($slowest, '<', patience(3), '... at once');
}

# Whatever the child has from a first request.
ProxyIP::Many->new(port => $port, count => 200, pause => 50)->result;
my ($before) = $server->usage_of($child);
my $crowd = ProxyIP::Many->new(port => $port, count => $COUNT, wait => 1);
is($crowd->ready, $COUNT, "$COUNT send a header");
waiting_is($COUNT, '... and all of them wait');
others("beside $COUNT");
my ($after) = $server->usage_of($child);
SKIP: {
    skip 'its memory is not its own', 1
        if ProxyIP::Httpd::is_instrumented();
    my $each = ($after - $before) / $COUNT;
    cmp_ok($each, '<', $MOST, sprintf '... %.2f KiB for each', $each);
}

my $result = $crowd->speak->result;
is($result->{answered}, $COUNT,
    'they speak: ' . ProxyIP::Many->how($result));
waiting_is(0, '... and none waits');
is($server->status->{ProxyIPEvicted}, 0, '... none gave way');

# Others that leave, with and without having said something.
for my $first (0, 20, 'header') {
    my $some = ProxyIP::Many->new(port => $port, count => 1000, silent => 1,
        first => $first);
    $some->ready;
    waiting_is(1000, "a thousand that sent $first");
    is($some->leave->{talked}, 0, '... leave');
    waiting_is(0, '... and are gone');
}
others('after all that');
is_deeply([grep { $server->accepting($_) } $server->children], [$child],
    '... by the same child');

done_testing;
