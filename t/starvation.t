# However many connections stay silent, whoever speaks is served, those that
# were silent for long too: a waiting connection holds no worker and takes none
# of the MPM's room, and none is closed to make room for another.

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

# None gave way, and nothing was said.
is($log->count(qr/PIP00(?:29|53)/), 0, 'none gave way');
is($log->count(qr/proxyip:(?:error|warn|info)/), 0, '... and no other line');
my $last = $crowd[-1];
$last->send(" 198.51.100.80 4711 443\r\n");
is($last->variables($last->get('/cgi/environment'))->{REMOTE_ADDR}, CLIENT,
    'the newest of the crowd is served when it speaks');
$crowd[0]->send(v2());
is($crowd[0]->variables($crowd[0]->get('/cgi/environment'))->{REMOTE_ADDR},
    CLIENT, '... and so is the oldest');
$_->close for splice @crowd;

# Most workers busy, and clients that need a moment between header and
# request: those are not taken for the silent.
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

is($log->count(qr/PIP00(?:29|53)/), 0, '... none gave way');
$_->close for splice @crowd;

# Many at once, with a child that stands still meanwhile.
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
for my $round (1 .. 40) {
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
is($all, 40, 'often sixty at once: all were accepted');
is($gave_way, 0, '... and none gave way');

done_testing;
