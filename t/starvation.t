# However many connections stay silent, whoever speaks is served: a waiting
# connection holds no worker, and waiting connections never stop a child from
# accepting, at httpd's default AsyncRequestWorkerFactor.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep time);

use ProxyIP::Client;
use ProxyIP::Header qw(v1 v2 CLIENT);
use ProxyIP::Server;

plan skip_all => 'this MPM does not wait without a worker'
    if !ProxyIP::Httpd::waits();

my $server = ProxyIP::Server->new(workers => 8, config => <<'EOC')->start;
ProxyIP On
ProxyIPPeer require 127.0.0.0/8
ProxyIPTimeout 60s
ProxyIPDefer 60s
ServerLimit 1
EOC
my $port = $server->port;
my $log = $server->error_log;

# One that is there before the crowd and will speak; it may be given up.
my @crowd;

sub crowd {
    my ($count, $bytes, $name) = @_;
    for my $i (1 .. $count) {
        push @crowd, ProxyIP::Client->new(port => $port)->send($bytes);
        next if $i % 50;
        my $answer = ProxyIP::Client->fetch(port => $port, header => v2(),
            path => '/cgi/environment');
        is($answer && $answer->code, 200, "among $i $name");
    }
}

# The test's own descriptors are the limit here.
crowd(150, '', 'silent connections');
crowd(300, v2(), 'connections with a header and no more');
crowd(150, 'PROXY TCP4 192.0.2.77', 'connections with half a header');

# The oldest gave way, quietly; of the last some are still held.
my $evicted = $log->count(qr/proxyip:debug.*PIP0029/);
cmp_ok($evicted, '>', 500, "$evicted gave way, each with one debug line");
cmp_ok($evicted, '<', 600, '... not all of them');
is($log->count(qr/proxyip:(?:error|warn|info)/), 0, '... and no other line');
my $last = $crowd[-1];
$last->send(" 198.51.100.80 4711 443\r\n");
is($last->variables($last->get('/cgi/environment'))->{REMOTE_ADDR}, CLIENT,
    'the newest of the crowd is served when it speaks');
isnt($crowd[0]->ending(5)->{how}, 'open', 'the oldest is closed');
$_->close for splice @crowd;

# Most workers busy, and clients that need a moment between header and
# request: those are not taken for the silent.
my $begin = $log->count(qr/PIP0029/);
my @slow = map {
    ProxyIP::Client->new(port => $port)->send(v2())->request('/cgi/slow');
} 1 .. 6;
sleep 0.3;
for my $i (1 .. 20) {
    my $client = ProxyIP::Client->new(port => $port)->send(v2());
    sleep 0.1;
    my $answer = $client->get('/', Connection => 'close');
    is($answer && $answer->code, 200, "six of eight busy, a slow client $i");
}
is($log->count(qr/PIP0029/), $begin, '... none gave way');
$_->answer(20), $_->close for @slow;

# The same with a crowd.
my @busy = map {
    ProxyIP::Client->new(port => $port)->send(v2())->request('/cgi/slow');
} 1 .. 6;
sleep 0.3;
for my $i (1 .. 60) {
    push @crowd, ProxyIP::Client->new(port => $port)->send(v2());
    next if $i % 20;
    my $answer = ProxyIP::Client->fetch(port => $port, header => v2());
    is($answer && $answer->code, 200, "six of eight busy, $i waiting");
}
for my $client (@busy) {
    my $answer = $client->answer(20);
    is($answer && $answer->code, 200, 'a busy one is answered');
    $client->close;
}

# A crowd that is not more than the room has time.
$_->close for splice @crowd;
sleep 0.5;
my $before = $log->count(qr/PIP0029/);
my @few = map { ProxyIP::Client->new(port => $port)->send(v2()) } 1 .. 12;
sleep 1.5;
for my $client (@few) {
    is($client->variables($client->get('/cgi/environment',
        Connection => 'close'))->{REMOTE_ADDR}, CLIENT,
        'of twelve that wait each is served');
}
is($log->count(qr/PIP0029/), $before, '... none gave way');

# As many at once as there is room for: while each of them has a worker the
# child does not accept, but that is soon over, and none needs to give way.  A
# machine that stands still meanwhile makes it last.
$server->stop;
$server = ProxyIP::Server->new(workers => 32, status => 1,
    loglevel => 'notice proxyip:debug', config => <<'EOC')->start;
ProxyIP On
ProxyIPPeer require 127.0.0.0/8
ProxyIPTimeout 60s
ProxyIPDefer 60s
ServerLimit 1
EOC
my ($child) = grep { $server->accepting($_) } $server->children;
my ($all, $gave_way) = (0, 0);
for my $round (1 .. 120) {
    my $before = $server->status->{ProxyIPEvicted};
    my $now;
    kill 'STOP', $child;
    my @burst = map { ProxyIP::Client->new(port => $server->port)
        ->send($round % 2 ? v2() : '') } 1 .. 60;
    kill 'CONT', $child;
    $server->wait_until(10, sub {
        my $status = $server->status;
        $now = $status->{ProxyIPEvicted} - $before;
        return $status->{ProxyIPWaiting} + $now == @burst;
    }) and $all++;
    $gave_way++ if $now;
    $_->close for @burst;
    $server->wait_until(10, sub { !$server->status->{ProxyIPWaiting} });
}
is($all, 120, 'often sixty at once: all were accepted');
cmp_ok($gave_way, '<=', 1, "... in $gave_way rounds some gave way");

done_testing;
