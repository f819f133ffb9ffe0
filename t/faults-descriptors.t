# A child's descriptors run out.
#
# What must happen: waiting connections alone never use them up, however few
# there are; whoever speaks is served by the same child.  When others use them
# up (kept-alive ones on event, any on worker), httpd says so once, in a line
# of its own, ends the child gracefully and starts another: nothing crashes,
# nothing spins, every connection is counted, and when the crowd has left all
# are served again without a restart.

use strict;
use warnings;

use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

use ProxyIP::Client;
use ProxyIP::Header qw(v2 CLIENT);
use ProxyIP::Server;

my $mpm = ProxyIP::Httpd::mpm();
plan skip_all => 'a child of prefork has one connection' if $mpm eq 'prefork';

my $config = <<'EOC';
ProxyIP On
ProxyIPPeer require 127.0.0.0/8
ProxyIPTimeout 60s
ProxyIPDefer 60s
EOC
my $out_of_them = qr/Too many open files: AH02179/;

sub serves {
    my ($server) = @_;
    my $client = ProxyIP::Client->new(port => $server->port)->send(v2());
    my $answer = $client->get('/client-only', Connection => 'close');
    $client->close;
    return $answer && $answer->code == 200;
}

# All connections that were counted, whatever became of them.
sub counted {
    my ($server) = @_;
    my $status = eval { $server->status } or return -1;
    my $sum = 0;
    $sum += $status->{"ProxyIP$_"} for qw(AcceptedV1 AcceptedV2 Local Unknown
        Absent Direct Rejected Missing Malformed TooLarge BadChecksum TimedOut
        ClosedEarly Evicted);
    return $sum;
}

# Seconds of processor time that each child has used: { pid => seconds }.
sub used {
    my ($server) = @_;
    my %used;
    for my $pid ($server->children) {
        open my $file, '<', "/proc/$pid/stat" or next;
        my @field = split ' ', (<$file> // '') =~ s/^.*\) //r;
        $used{$pid} = (($field[11] // 0) + ($field[12] // 0))
            / POSIX::sysconf(POSIX::_SC_CLK_TCK());
    }
    return \%used;
}

# Waiting connections: without the limit there would be 128.
if (ProxyIP::Httpd::waits()) {
    my $server = ProxyIP::Server->new(workers => 64, status => 1,
        loglevel => 'info', limits => '-n 100', config => $config)->start;
    my @children = $server->children;
    my $served = 0;
    my @crowd;
    for (1 .. 15) {
        push @crowd, map {
            ProxyIP::Client->new(port => $server->port)->send($_)
        } (v2(), '') x 5;
        $served++ if serves($server);
    }
    is($served, 15, 'among 150 that wait, whoever speaks is served');
    is_deeply([$server->children], \@children, '... by the same child');
    is($server->error_log->count($out_of_them), 0,
        '... which does not run out of descriptors');
    my $status;
    $server->wait_until(10, sub {
        $status = $server->status;
        return $status->{ProxyIPWaiting} + $status->{ProxyIPEvicted} == 150;
    });
    cmp_ok($status->{ProxyIPWaiting}, '>', 15, '... and many still wait');
    is($status->{ProxyIPWaiting} + $status->{ProxyIPEvicted}, 150,
        '... the others gave way');
    $server->stop;
}

# A crowd that takes them all.  A thread that ends makes glibc look for
# libgcc_s, if it is not there yet, and abort when it has no descriptor for it.
my $server = ProxyIP::Server->new(workers => 64, status => 1,
    loglevel => 'info', limits => '-n 64', config => $config,
    environment => { LD_PRELOAD => join ':',
        grep { defined } $ENV{LD_PRELOAD}, 'libgcc_s.so.1' })->start;
my $log = $server->error_log;
my $parent = $server->pid;
my $bytes = $mpm eq 'event'
    ? v2() . "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" : '';
my @crowd = map { ProxyIP::Client->new(port => $server->port)->send($bytes) }
    1 .. 70;
ok($log->wait_for($out_of_them, 10), 'a crowd takes all: httpd says so');
my $before = used($server);
sleep 1;
my $after = used($server);
my @spinning = grep { $after->{$_} - ($before->{$_} // 0) > 0.5 } keys %$after;
is("@spinning", '', '... no child spins');
cmp_ok($log->count($out_of_them), '<=', 4, '... nor fills the log');
$_->close for splice @crowd;
my $more = 0;
ok($server->wait_until(15, sub { $more++; serves($server) }),
    'the crowd has left: a good connection is served');
my $good = grep { serves($server) } 1 .. 20;
is($good, 20, '... and so are the next');
is($server->pid, $parent, '... without a restart');
my $made = 70 + $more + 20;
$server->wait_until(10, sub { counted($server) == $made });
is(counted($server), $made, 'every connection was counted, and once');
ok($server->wait_until(10, sub { $server->status->{ProxyIPWaiting} == 0 }),
    '... and none is thought to wait');
is($log->count(qr/exit signal/), 0, '... no child crashed');

done_testing;
