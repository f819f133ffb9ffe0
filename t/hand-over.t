# Thousands of connections wait when httpd restarts gracefully: they wait on
# in the new generation, which serves them when they speak; the old one ends;
# their time goes on from when they were accepted.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep time);

use ProxyIP::Client;
use ProxyIP::Header qw(v1 v2 CLIENT);
use ProxyIP::Many;
use ProxyIP::Patience;
use ProxyIP::Server;

plan skip_all => 'on other MPMs who waits has a worker'
    if ProxyIP::Httpd::mpm() ne 'event';

my $COUNT = ProxyIP::Many::at_most(3000);
plan skip_all => 'too few descriptors' if $COUNT < 500;

my $config = ProxyIP::Many::CONFIG . <<'EOC';
LogFormat "%P %a" who
CustomLog logs/who who
Listen 127.0.0.1:@port@
Listen 127.0.0.1:@port:optional@
Listen 127.0.0.1:@port:short@
<VirtualHost 127.0.0.1:@port:optional@>
    ProxyIPPeer optional 127.0.0.0/8
</VirtualHost>
<VirtualHost 127.0.0.1:@port:short@>
    ProxyIPTimeout 4s
    ProxyIPDefer 6s
</VirtualHost>
ProxyIP On
ProxyIPPeer require 127.0.0.0/8
ProxyIPTimeout 120s
ProxyIPDefer 120s
EOC
my $server = ProxyIP::Server->new(workers => 25, status => 1,
    loglevel => 'notice proxyip:info', limits => ProxyIP::Many::limits(),
    config => $config)->start;
my $who = ProxyIP::Log->new($server->root . '/logs/who');

sub waiting_is {
    my ($count, $name) = @_;
    my $waiting;
    $server->wait_until(10, sub {
        $waiting = $server->status->{ProxyIPWaiting};
        return $waiting == $count;
    });
    is($waiting, $count, $name);
}

# Restart, and see the old generation go.
sub restarts {
    my ($name) = @_;
    my @old = $server->children;
    $server->graceful;
    ok($server->wait_until(15, sub { !grep { kill 0, $_ } @old }),
        "$name: the old children end");
    return map { $_ => 1 } @old;
}

# All of them through one restart, and through three.
for my $restarts (1, 3) {
    my $count = $restarts == 1 ? $COUNT : 300;
    my @crowds = (
        ProxyIP::Many->new(port => $server->port, count => $count - 200,
            wait => 1),
        ProxyIP::Many->new(port => $server->port, count => 100, first => 0,
            wait => 1),
        ProxyIP::Many->new(port => $server->port, count => 50, first => 20,
            version => 1, wait => 1),
        ProxyIP::Many->new(port => $server->port('optional'), count => 50,
            version => 0, wait => 1),
    );
    $_->ready for @crowds;
    waiting_is($count, "$count wait");
    my %is_old = map { restarts("restart $_ of $restarts") } 1 .. $restarts;
    waiting_is($count, '... and they wait on');
    is(ProxyIP::Client->fetch(port => $server->port, header => v2())->code,
        200, '... beside whom another is served');
    $who->mark;
    $_->speak for @crowds;
    my %sum;
    for my $crowd (@crowds) {
        my $result = $crowd->result;
        $sum{$_} += $result->{$_} for keys %$result;
    }
    is($sum{answered}, $count, 'they speak: ' . ProxyIP::Many->how(\%sum));
    # Some write their line after the answer.
    $server->wait_until(5, sub { $who->count >= $count });
    is(scalar(grep { $is_old{ (split)[0] } } $who->lines), 0,
        '... served by children of the new generation');
    waiting_is(0, '... and none waits');
}
my $status = $server->status;
is($status->{"ProxyIP$_"}, 0, "none is counted as $_")
    for qw(Evicted TimedOut ClosedEarly);

# Time goes on: the restart is in the middle of it.
my @silent = (
    ['with a header', 6, ProxyIP::Many->new(port => $server->port('short'),
        count => 20, silent => 1)],
    ['without', 4, ProxyIP::Many->new(port => $server->port('short'),
        count => 20, silent => 1, first => 0)],
    ['with half a header', 4, ProxyIP::Many->new(count => 20,
        port => $server->port('short'), silent => 1, first => 20)],
);
my $start = time;
$_->[2]->ready for @silent;
waiting_is(60, 'sixty wait for some seconds');
sleep $start + 2 - time if time < $start + 2;
restarts('two seconds later');
for my $case (@silent) {
    my ($name, $limit, $many) = @$case;
    my $result = $many->result(20);
    is($result->{closed}, 20, "silent ones $name are closed");
    cmp_ok($result->{first_ms}, '>', 1000 * $limit - 100,
        "... not before ${limit}s");
    cmp_ok($result->{last_ms}, '<', 1000 * ($limit + patience(1.5)),
        '... and not a restart later');
    is($result->{talked}, 0, '... without a word');
}
is($server->status->{ProxyIPTimedOut}, 60, '... each counted once');
is($server->error_log->count(qr/exit signal/), 0, 'no child crashed');

done_testing;
