# One burst after the other: each time the workers are all busy for a moment
# and then all idle, and the child must accept again.  It never stands still.

use strict;
use warnings;

use Test::More;

use ProxyIP::Many;
use ProxyIP::Patience;
use ProxyIP::Server;

plan skip_all => 'on other MPMs who waits has a worker'
    if ProxyIP::Httpd::mpm() ne 'event';

my $ROUNDS = ProxyIP::Httpd::is_instrumented() ? 8 : 40;
my $COUNT = 1000;

my $server = ProxyIP::Server->new(workers => 25,
    loglevel => 'notice proxyip:info', limits => ProxyIP::Many::limits(),
    config => ProxyIP::Many::CONFIG . <<'EOC')->start;
ServerLimit 1
ProxyIP On
ProxyIPPeer require 127.0.0.0/8
EOC

my @kinds = ([pause => 50, version => 2], [pause => 50, version => 1],
    [first => 'all']);
my ($served, $slowest) = (0, 0);
for my $round (1 .. $ROUNDS) {
    my $result = ProxyIP::Many->new(port => $server->port, count => $COUNT,
        @{ $kinds[$round % @kinds] })->result;
    $served++ if $result->{answered} == $COUNT;
    diag("burst $round: " . ProxyIP::Many->how($result)
        . ", the slowest after $result->{slowest_ms} ms")
        if $result->{lost} || $result->{slowest_ms} >= 5000 * patience(1);
    $slowest = $result->{slowest_ms} if $result->{slowest_ms} > $slowest;
    # Enough is known.
    last if $served < $round;
}
is($served, $ROUNDS, "$ROUNDS bursts of $COUNT: all were served");
cmp_ok($slowest, '<', 5000 * patience(1), '... each time at once');

done_testing;
