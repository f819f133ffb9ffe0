# Two thousand connections that say nothing are out of time together: each is
# closed, in time, and counted once; and whoever speaks meanwhile is served.

use strict;
use warnings;

use Test::More;

use ProxyIP::Many;
use ProxyIP::Patience;
use ProxyIP::Server;

plan skip_all => 'on other MPMs who waits has a worker'
    if ProxyIP::Httpd::mpm() ne 'event';

my $TIMEOUT = 3;
my $COUNT = ProxyIP::Many::at_most(2000);
plan skip_all => 'too few descriptors' if $COUNT < 500;

my $server = ProxyIP::Server->new(workers => 25, status => 1,
    loglevel => 'notice proxyip:warn', limits => ProxyIP::Many::limits(),
    config => ProxyIP::Many::CONFIG . <<"EOC")->start;
ServerLimit 1
ProxyIP On
ProxyIPPeer require 127.0.0.0/8
ProxyIPTimeout ${TIMEOUT}s
ProxyIPDefer ${TIMEOUT}s
EOC

my $before = $server->status;
my $expected = 0;
for my $first (0, 'header') {
    my $crowd = ProxyIP::Many->new(port => $server->port, silent => 1,
        count => $COUNT, first => $first);
    $crowd->ready;
    my %good = (
        'pause behind the header' => [pause => 150],
        'do not pause' => [first => 'all', rate => 100],
    );
    my %load = map { $_ => ProxyIP::Many->new(port => $server->port,
        count => 10, goes_on => 1, @{ $good{$_} }) } sort keys %good;
    my $result = $crowd->result(20);
    is($result->{closed}, $COUNT, "$COUNT that sent $first: "
        . ProxyIP::Many->how($result));
    cmp_ok($result->{first_ms}, '>', 1000 * $TIMEOUT - 100,
        '... none before its time');
    cmp_ok($result->{last_ms}, '<', 1000 * ($TIMEOUT + patience(3)),
        '... none long after');
    is($result->{talked}, 0, '... without a word');
    for my $who (sort keys %load) {
        my $result = $load{$who}->result;
        cmp_ok($result->{answered}, '>=', 20, "meanwhile, those that $who: "
            . ProxyIP::Many->how($result));
        is($result->{lost}, 0, '... none is lost');
    }
    $expected += $COUNT;
    my $now;
    $server->wait_until(5, sub {
        $now = $server->status;
        return $now->{ProxyIPTimedOut} >= $expected;
    });
    is($now->{ProxyIPTimedOut}, $expected, '... each is counted, and once');
    is($now->{"ProxyIP$_"}, 0, "... none as $_")
        for qw(Evicted ClosedEarly Waiting);
}

done_testing;
