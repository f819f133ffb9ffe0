# A child is killed (SIGKILL, or by the kernel for its memory) while it holds
# waiting connections.
#
# What must happen: its peers see their connections closed; nobody else's
# answer is wrong; the parent starts another child, which serves; nothing in
# shared memory is left locked or counted for it: ProxyIPWaiting is again what
# waits, the counters stay and go on, in whatever moment it was killed.

use strict;
use warnings;

use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

use ProxyIP::Client;
use ProxyIP::Header qw(v1 v2);
use ProxyIP::Patience;
use ProxyIP::Server;

my $server = ProxyIP::Server->new(workers => 12, status => 1,
    loglevel => 'info', config => <<'EOC')->start;
<IfModule !mpm_prefork_module>
    StartServers 2
    ThreadsPerChild 6
    MinSpareThreads 12
    MaxSpareThreads 12
    MaxRequestWorkers 12
</IfModule>
ProxyIP On
ProxyIPPeer require 127.0.0.0/24
ProxyIPTimeout 60s
ProxyIPDefer 60s
EOC
my $port = $server->port;
my $log = $server->error_log;
my $parent = $server->pid;

# All counters.
sub counts {
    my $status = eval { $server->status } or return {};
    return { map { /^ProxyIP([A-Z]\w+)$/ && !/Last|Version|Waiting|Since/
        ? ($1 => $status->{$_}) : () } keys %$status };
}

sub waiting {
    my ($number) = @_;
    my $seen;
    $server->wait_until(15, sub {
        $seen = (eval { $server->status } // {})->{ProxyIPWaiting};
        return defined $seen && $seen == $number;
    });
    return $seen;
}

# How a connection is answered: 200 as CLIENT, 403 as anybody else, 0 not.
sub code {
    my ($client) = @_;
    my $answer = $client->get('/client-only', Connection => 'close');
    $client->close;
    return $answer ? $answer->code : 0;
}

# Those that take connections; another is the CGI daemon.
my %is_other = map { $_ => 1 }
    grep { !$server->accepting($_) } $server->children;

sub takers { return grep { !$is_other{$_} } $server->children }

# Each way to wait, in children that are killed.
ProxyIP::Client->fetch(port => $port, header => v2());
my $before = counts();
my %waiter = map { $_->[0] => ProxyIP::Client->new(port => $port)
    ->send($_->[1]) } ['silent', ''], ['half a header', 'PROXY TCP4 192.0.2.'],
    ['a header', v2()];
is(waiting(3), 3, 'three wait');
kill 'KILL', takers();
for my $name (sort keys %waiter) {
    my $end = $waiter{$name}->ending(10);
    isnt($end->{how}, 'open', "$name: the connection is closed");
    is($end->{bytes}, '', '... without a word');
}
is(code(ProxyIP::Client->new(port => $port)->send(v2())), 200,
    'another child serves');
is(waiting(0), 0, '... and nobody is thought to wait');
$before->{AcceptedV2}++;
is_deeply(counts(), $before, '... the counters stay, and go on');

# Several kills in a row, while connections come that wait a little in each
# of their stages.
my @loads = map {
    pipe my $from, my $to or die "pipe: $!\n";
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        my ($made, $good, $wrong) = (0, 0, 0);
        for (my $until = time + 4; time < $until; $made++) {
            my $client = ProxyIP::Client->new(port => $port);
            my $header = $made % 2 ? v1() : v2();
            $client->send(substr $header, 0, 10);
            sleep 0.01;
            $client->send(substr $header, 10);
            sleep 0.01;
            my $code = code($client);
            $good++ if $code == 200;
            # 0 when it was in a child that was killed.
            $wrong++ if $code && $code != 200;
        }
        print $to "$made $good $wrong\n";
        close $to;
        POSIX::_exit(0);
    }
    [$pid, $from];
} 1 .. 3;
my @held = map { ProxyIP::Client->new(port => $port)->send(v2()) } 1 .. 2;
my $kills = 0;
for (1 .. 4) {
    sleep 0.4 + rand 0.3;
    my @children = takers();
    $kills += kill 'KILL', @children;
    push @held, ProxyIP::Client->new(port => $port)->send(v2());
    my %is_old = map { $_ => 1 } @children;
    $server->wait_until(5, sub { grep { !$is_old{$_} } takers() });
}
cmp_ok($kills, '>=', 4, "$kills processes were killed under load");
my ($made, $good, $wrong) = (0, 0, 0);
for my $load (@loads) {
    waitpid $load->[0], 0;
    my $line = readline($load->[1]) // '';
    my @numbers = $line =~ /^(\d+) (\d+) (\d+)$/ or next;
    $made += $numbers[0];
    $good += $numbers[1];
    $wrong += $numbers[2];
}
cmp_ok($good, '>', 20 / patience(1),
    "$good of $made connections were served meanwhile");
is($wrong, 0, '... and none as somebody else');
# Each kill cost those that the child had, and no more.
cmp_ok($made - $good, '<=', 3 * $kills, '... ' . ($made - $good) . ' lost');
$_->close for splice @held;
is(waiting(0), 0, 'nobody is thought to wait');
my $after = counts();
my $grown = $after->{AcceptedV1} + $after->{AcceptedV2}
    - $before->{AcceptedV1} - $before->{AcceptedV2};
cmp_ok($grown, '>=', $good, 'all that were served are counted');
cmp_ok($grown, '<=', $made + 6, '... and none twice');

# What is left works as ever: as many as there are workers at once.
my @together = map { ProxyIP::Client->new(port => $port)->send(v2()) } 1 .. 10;
is(waiting(10), 10, 'ten wait');
is(scalar(grep { code($_) == 200 } @together), 10, '... and each is served');
is(waiting(0), 0, '... and gone');
is($server->pid, $parent, 'the parent was there all the time');
is($log->count(qr/exit signal (?!Killed)/), 0, 'no child ended in another way');

done_testing;
