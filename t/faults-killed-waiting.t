# A child in which many connections wait is killed: these are closed, those
# that wait in another child are not touched, and server-status is right.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep);

use ProxyIP::Many;
use ProxyIP::Server;

plan skip_all => 'on other MPMs who waits has a worker'
    if ProxyIP::Httpd::mpm() ne 'event';

my $server = ProxyIP::Server->new(workers => 6, status => 1,
    loglevel => 'notice proxyip:info', limits => ProxyIP::Many::limits(),
    config => ProxyIP::Many::CONFIG . <<'EOC')->start;
StartServers 2
MinSpareThreads 12
MaxSpareThreads 18
MaxRequestWorkers 12
ProxyIP On
ProxyIPPeer require 127.0.0.0/8
ProxyIPTimeout 60s
ProxyIPDefer 60s
EOC
my $port = $server->port;

sub waiting_is {
    my ($count, $name) = @_;
    my $waiting;
    $server->wait_until(10, sub {
        $waiting = (eval { $server->status } // {})->{ProxyIPWaiting} // -1;
        return $waiting == $count;
    });
    is($waiting, $count, $name);
}

sub takers { return grep { $server->accepting($_) } $server->children }

$server->wait_until(10, sub { takers() == 2 });
my ($first, $second) = takers();

# What comes while one stands still waits in the other.
my %crowd;
for my $case ([$first, $second, 200], [$second, $first, 100]) {
    my ($child, $other, $count) = @$case;
    kill 'STOP', $other;
    $crowd{$child} = [
        ProxyIP::Many->new(port => $port, count => $count, silent => 1),
        ProxyIP::Many->new(port => $port, count => $count, wait => 1),
        ProxyIP::Many->new(port => $port, count => $count, wait => 1,
            first => 20),
    ];
    $_->ready for @{ $crowd{$child} };
    my $all = $child == $first ? 600 : 900;
    waiting_is($all, "$all wait");
    kill 'CONT', $other;
}
my $before = $server->status;

kill 'KILL', $first;
waiting_is(300, 'a child is killed: the others wait on');
my $result = $crowd{$first}[0]->result(5);
is($result->{closed}, 200, '... those that it had are closed: '
    . ProxyIP::Many->how($result));
is($result->{talked}, 0, '... without a word');
for my $many (@{ $crowd{$first} }[1, 2]) {
    my $result = $many->result(5);
    is($result->{ended} + $result->{reset}, 200, '... '
        . ProxyIP::Many->how($result));
}
my $good = ProxyIP::Many->new(port => $port, count => 60, pause => 100)
    ->result;
is($good->{answered}, 60, '... new ones are served');
$_->speak for @{ $crowd{$second} }[1, 2];
for my $many (@{ $crowd{$second} }[1, 2]) {
    my $result = $many->result;
    is($result->{answered}, 100, '... those of the other child are served: '
        . ProxyIP::Many->how($result));
}
waiting_is(100, '... and the silent ones wait');
is($crowd{$second}[0]->leave->{closed}, 0, '... none of them was closed');
waiting_is(0, 'they leave, and none waits');
my $after = $server->status;
is($after->{"ProxyIP$_"}, $before->{"ProxyIP$_"}, "none is counted as $_")
    for qw(Evicted TimedOut Malformed);
is($server->error_log->count(qr/exit signal (?!Killed)/), 0,
    'no other child ended so');

done_testing;
