# Few descriptors (a low `ulimit -n`), and many connections that say nothing:
# the oldest of those give way, which is said once a minute at warn, with what
# to do; whoever speaks is served, by the same child.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep);

use ProxyIP::Client;
use ProxyIP::Header qw(v2);
use ProxyIP::Many;
use ProxyIP::Server;

plan skip_all => 'on other MPMs who waits has a worker'
    if ProxyIP::Httpd::mpm() ne 'event';

my $LIMIT = 256;
my $COUNT = 400;

my $server = ProxyIP::Server->new(workers => 16, status => 1,
    loglevel => 'notice proxyip:info', limits => "-n $LIMIT",
    config => ProxyIP::Many::CONFIG . <<'EOC')->start;
ServerLimit 1
ProxyIP On
ProxyIPPeer require 127.0.0.0/8
ProxyIPTimeout 60s
ProxyIPDefer 60s
EOC
my $log = $server->error_log;
my @children = $server->children;

# A few of them wait, and nothing is said.
my $few = ProxyIP::Many->new(port => $server->port, count => 40, wait => 1);
$few->ready;
ok($server->wait_until(10, sub { $server->status->{ProxyIPWaiting} == 40 }),
    'forty wait');
is($few->speak->result->{answered}, 40, '... and are served');
is($log->count(qr/PIP0029/), 0, '... nothing is said of descriptors');

# Those that have spoken are not the ones to go.  They are in the middle of a
# request: one that is kept alive between two may be closed by event itself.
my @begun = map { ProxyIP::Client->new(port => $server->port)
    ->send(v2() . "GET / HTTP/1.1\r\n") } 1 .. 5;
my $crowd = ProxyIP::Many->new(port => $server->port, count => $COUNT,
    silent => 1, rate => 400);
my %load = map { $_->[0] => ProxyIP::Many->new(port => $server->port,
    count => 5, goes_on => 1, rate => 50, @{ $_->[1] }) }
    ['pause behind the header', [pause => 100]],
    ['pause before it', [pause_before => 100]],
    ['do not pause', [first => 'all']];
$crowd->ready;
sleep 1;
for my $who (sort keys %load) {
    my $result = $load{$who}->result;
    cmp_ok($result->{answered}, '>=', 10, "beside $COUNT that say nothing, "
        . "those that $who: " . ProxyIP::Many->how($result));
    is($result->{lost}, 0, '... none is lost');
}
$_->send("Host: localhost\r\n\r\n") for @begun;
is(scalar(grep { my $answer = $_->answer; $answer && $answer->code == 200 }
    @begun), 5, '... nor those that had begun before');

my $status;
$server->wait_until(10, sub {
    $status = $server->status;
    return $status->{ProxyIPWaiting} + $status->{ProxyIPEvicted} == $COUNT;
});
is($status->{ProxyIPWaiting} + $status->{ProxyIPEvicted}, $COUNT,
    'they wait or gave way: each is counted once');
cmp_ok($status->{ProxyIPWaiting}, '>', 50, '... many wait');
cmp_ok($status->{ProxyIPWaiting}, '<', $LIMIT, '... not all');
my $line = $log->wait_for(qr/PIP0029/, 5) // '';
like($line, qr/\[proxyip:warn\].*PIP0029: /, '... PIP0029 at warn');
like($line, qr/ulimit -n/, '... says what to do');
is($log->count(qr/PIP0029/), 1, '... once');
my $result = $crowd->leave;
is($result->{closed}, $status->{ProxyIPEvicted},
    '... those that gave way are closed, and no other');
is($result->{talked}, 0, '... without a word');
is_deeply([$server->children], \@children, 'it is the same child');
is($log->count(qr/Too many open files/), 0,
    '... which does not run out of descriptors');

done_testing;
