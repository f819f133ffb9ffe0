# With ListenCoresBucketsRatio connections wait in workers, and the start says
# so, once; whoever speaks is served.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep);

use ProxyIP::Client;
use ProxyIP::Many;
use ProxyIP::Server;

plan skip_all => 'on other MPMs they always do'
    if ProxyIP::Httpd::mpm() ne 'event';

my $config = ProxyIP::Many::CONFIG . <<'EOC';
ServerLimit 16
StartServers 4
MaxRequestWorkers 128
MaxSpareThreads 128
ProxyIP On
ProxyIPPeer require 127.0.0.0/8
ProxyIPTimeout 3s
EOC
my $said = qr/PIP\d{4}: .*ListenCoresBucketsRatio/;

my $server = ProxyIP::Server->new(workers => 8, status => 1,
    config => "ListenCoresBucketsRatio 1\n$config")->start;
my $log = $server->error_log;
ok($log->wait_for($said, 5), 'the start says who waits');
is($log->count($said), 1, '... once');

my %kinds = ('pause behind the header' => [pause => 100],
    'pause before it' => [pause_before => 100],
    'pause within it' => [first => 20, pause => 100],
    'do not pause' => [first => 'all']);
for my $what (sort keys %kinds) {
    my $result = ProxyIP::Many->new(port => $server->port, count => 60,
        @{ $kinds{$what} })->result;
    is($result->{answered}, 60, "sixty that $what: "
        . ProxyIP::Many->how($result));
}

# Deadlines hold, and those that wait are counted.
my $crowd = ProxyIP::Many->new(port => $server->port, count => 3,
    silent => 1, first => 0);
$crowd->ready;
ok($server->wait_until(2, sub { $server->status->{ProxyIPWaiting} == 3 }),
    'three that say nothing wait');
my $result = $crowd->result(15);
is($result->{closed}, 3, '... and are closed');
cmp_ok($result->{first_ms}, '>', 2900, '... not before their time');
is($server->status->{ProxyIPTimedOut}, 3, '... each is counted once');

$log->mark;
$server->graceful;
is(ProxyIP::Many->new(port => $server->port, count => 60, pause => 50)
    ->result->{answered}, 60, 'after a restart sixty that pause');
cmp_ok($log->count($said), '<=', 1, '... and it is said at most once more');
is($log->count(qr/exit signal/), 0, '... no child crashed');
$server->stop;

# httpd cannot restart without it.
$server = ProxyIP::Server->new(workers => 8, config => $config)->start;
is(ProxyIP::Many->new(port => $server->port, count => 60, pause => 50)
    ->result->{answered}, 60, 'without the directive: sixty that pause');
is($server->error_log->count($said), 0, '... and nothing is said');
$server->stop;

done_testing;
