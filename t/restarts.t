# Restarts and stops with connections waiting: what has begun may finish,
# what is silent does not hold an old child, and nobody else notices.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep time);

use ProxyIP::Client;
use ProxyIP::Header qw(v1 v2 CLIENT);
use ProxyIP::Patience;
use ProxyIP::Server;

my $config = <<'EOC';
Listen 127.0.0.1:@port@
Listen 127.0.0.1:@port:status@
<VirtualHost 127.0.0.1:@port:status@>
    ProxyIP Off
    <Location "/">
        SetHandler server-status
    </Location>
</VirtualHost>
ProxyIP On
ProxyIPPeer require 127.0.0.0/8
ProxyIPTimeout 8s
ProxyIPDefer 8s
EOC
my $server = ProxyIP::Server->new(workers => 12, config => $config)->start;
my $port = $server->port;

sub waiters {
    my %waiter = (
        silent => ProxyIP::Client->new(port => $port),
        half => ProxyIP::Client->new(port => $port)->send('PROXY TCP4'),
        header => ProxyIP::Client->new(port => $port)->send(v2()),
    );
    # One that no child has taken yet would be the next generation's.
    $server->wait_until(10, sub { $server->status->{ProxyIPWaiting} >= 3 })
        or die "three connections do not wait\n";
    return %waiter;
}

sub children_end {
    my ($seconds, @pids) = @_;
    my $until = time + patience($seconds);
    while (time < $until) {
        return 1 if !grep { kill 0, $_ } @pids;
        sleep 0.05;
    }
    return 0;
}

# Graceful
my %waiter = waiters();
my @old = $server->children;
$server->graceful;
$waiter{half}->send(" 192.0.2.77 198.51.100.80 4711 443\r\n");
is($waiter{half}->variables(
    $waiter{half}->get('/cgi/environment', Connection => 'close'))
    ->{REMOTE_ADDR}, CLIENT, 'a header begun before is finished after');
is($waiter{header}->variables(
    $waiter{header}->get('/cgi/environment', Connection => 'close'))
    ->{REMOTE_ADDR}, CLIENT, 'so is a connection that had sent its header');
is(ProxyIP::Client->fetch(port => $port, header => v2())->code, 200,
    'new connections are served');
SKIP: {
    skip 'this MPM has no lobby', 2 if !ProxyIP::Httpd::waits();
    ok(children_end(5, @old), 'the old children end at once');
    like($server->error_log->wait_for(qr/PIP0052/, 5) // '',
        qr/proxyip:debug.* 3 were handed to other children, 0 closed/,
        '... after they have handed over who waits');
}
my $end = $waiter{silent}->ending(12);
isnt($end->{how}, 'open', 'a silent one is closed');
cmp_ok($end->{age}, '>', 7.9, '... when its time is up, not before');
cmp_ok($end->{age}, '<', patience(9.5), '... nor much later');
ok(children_end(5, @old), 'the old children have ended');

# Graceful restarts, one after the other, under a load of good connections
# that need a moment between header and request.
my ($load, $result) = (0, '');
pipe my $from, my $to or die "pipe: $!\n";
$load = fork // die "fork: $!\n";
if (!$load) {
    my ($good, $lost, $is_over) = (0, 0, 0);
    local $SIG{TERM} = sub { $is_over = 1 };
    my $until = time + patience(20);
    while (time < $until && !($is_over && $good > 20)) {
        my $client = eval { ProxyIP::Client->new(port => $port) };
        my $header = $good % 2 ? v1() : v2();
        $client->send(substr $header, 0, 10);
        sleep 0.02;
        $client->send(substr $header, 10);
        sleep 0.02;
        # Not of a CGI program: mod_cgid's daemon restarts too.
        my $answer = $client->get('/client-only', Connection => 'close');
        $answer && $answer->code == 200 ? $good++ : $lost++;
    }
    syswrite $to, "$good $lost\n";
    POSIX::_exit(0);
}
for (1 .. 3) {
    sleep 1;
    $server->graceful;
}
kill 'TERM', $load;
$result = <$from>;
waitpid $load, 0;
my ($good, $lost) = split ' ', $result;
cmp_ok($good, '>', 20, "$good good connections through three restarts");
is($lost, 0, '... none was lost');

# Ungraceful, and the end.
%waiter = waiters();
@old = $server->children;
$server->restart;
ok(children_end(10, @old), 'restart: the old children end');
isnt($waiter{$_}->ending(2)->{how}, 'open', "restart: $_ is closed")
    for sort keys %waiter;
is(ProxyIP::Client->fetch(port => $port, header => v2())->code, 200,
    'restart: new connections are served');

%waiter = waiters();
@old = $server->children;
$server->graceful_stop;
ok($server->wait_for_end(12), 'graceful stop: it stops');
isnt($waiter{$_}->ending(2)->{how}, 'open', "graceful stop: $_ is closed")
    for sort keys %waiter;

$server->start;
%waiter = waiters();
$server->stop;
isnt($waiter{$_}->ending(2)->{how}, 'open', "stop: $_ is closed")
    for sort keys %waiter;

# A child that dies takes its waiters with it and no more.  One that no child
# had accepted yet is met by the next, and waits there.
$server = ProxyIP::Server->new(workers => 12, config => $config)->start;
$port = $server->port;
%waiter = waiters();
kill 'KILL', $server->children;
isnt($waiter{$_}->ending(12)->{how}, 'open', "kill: $_ is closed")
    for sort keys %waiter;
my $answer;
for (1 .. 50) {
    $answer = eval { ProxyIP::Client->fetch(port => $port, header => v2()) };
    last if $answer;
    sleep 0.1;
}
is($answer && $answer->code, 200, 'kill: the server goes on');

is($server->error_log->count(qr/exit signal (?!Killed)/), 0, 'no crash');

done_testing;
