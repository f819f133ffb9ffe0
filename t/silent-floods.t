# Five hundred silent connections a second, from one address or from very
# many: whoever speaks is served, though it pause.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep);

use ProxyIP::Many;
use ProxyIP::Server;

plan skip_all => 'on other MPMs the silent have the workers'
    if ProxyIP::Httpd::mpm() ne 'event';

my $TIMEOUT = 3;
my $RATE = 500;

my $server = ProxyIP::Server->new(workers => 25, status => 1,
    loglevel => 'notice proxyip:crit', limits => ProxyIP::Many::limits(),
    config => ProxyIP::Many::CONFIG . <<"EOC")->start;
ServerLimit 1
ProxyIP On
ProxyIPPeer require 127.0.0.0/8
ProxyIPTimeout ${TIMEOUT}s
ProxyIPDefer ${TIMEOUT}s
EOC

# More than are open at once, so that none goes by itself.
my $open = ProxyIP::Many::at_most($RATE * ($TIMEOUT + 2));
my %floods = (
    'from one address, which say nothing' => [first => 0],
    'from one address, which send a header' => [first => 'header'],
    'from many addresses, which say nothing' => [first => 0,
        sources => 60_000],
    'from many addresses, which send half a header' => [first => 20,
        sources => 60_000],
);
my %good = (
    'pause behind the header' => [pause => 250],
    'pause before it' => [pause_before => 250],
    'do not pause' => [first => 'all', rate => 50],
);
for my $name (sort keys %floods) {
    my $flood = ProxyIP::Many->new(port => $server->port, silent => 1,
        count => $open, rate => $RATE, goes_on => 1, @{ $floods{$name} });
    # Nobody has come yet: a moment, so that a crowd is there.
    sleep 1;
    my %load = map { $_ => ProxyIP::Many->new(port => $server->port,
        count => 20, goes_on => 1, sources => 20, @{ $good{$_} }) }
        sort keys %good;
    sleep 2.5;
    for my $who (sort keys %load) {
        my $result = $load{$who}->result;
        cmp_ok($result->{answered}, '>=', 20, "silent ones $name: those that "
            . "$who: " . ProxyIP::Many->how($result));
        is($result->{lost}, 0, '... none is lost');
    }
    my $result = $flood->leave;
    cmp_ok($result->{made}, '>', $RATE, "... beside $result->{made} others");
    is($result->{talked}, 0, '... to which the server says nothing');
}
is($server->status->{ProxyIPEvicted}, 0, 'none gave way');
ok($server->wait_until(10, sub { !$server->status->{ProxyIPWaiting} }),
    '... and when all have left nobody waits');

done_testing;
