# What becomes of waiting connections when httpd restarts with other settings or
# without the module, restarts at once, or stops: the new settings decide,
# nobody is kept for longer than his time, nothing hangs or crashes.

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

my $LISTENERS = ProxyIP::Many::CONFIG . <<'EOC';
Listen 127.0.0.1:@port:a@
Listen 127.0.0.1:@port:b@
EOC
my $VHOSTS = <<'EOC';
<VirtualHost 127.0.0.1:@port:a@>
%s
</VirtualHost>
<VirtualHost 127.0.0.1:@port:b@>
%s
</VirtualHost>
EOC
my $ON = "ProxyIP On\nProxyIPPeer require 127.0.0.0/8\n";
my $LONG = "ProxyIPTimeout 60s\nProxyIPDefer 60s\n";

sub config {
    my ($server, $in_a, $in_b) = @_;
    return $LISTENERS . $server . sprintf $VHOSTS, $in_a // '', $in_b // '';
}

my $server = ProxyIP::Server->new(workers => 12, status => 1,
    loglevel => 'notice proxyip:debug', limits => ProxyIP::Many::limits(),
    config => config($ON . $LONG))->start;
my ($port_a, $port_b) = map { $server->port($_) } 'a', 'b';
my $log = $server->error_log;

# Connections that wait, by name: on which port, and what they have sent.
sub wait_for_all {
    my (%what) = @_;
    my %waiter = map { $_ => ProxyIP::Client->new(port => $what{$_}[0])
        ->send($what{$_}[1]) } keys %what;
    $server->wait_until(10, sub {
        $server->status->{ProxyIPWaiting} == keys %waiter })
        or diag('not all wait: ', $server->status->{ProxyIPWaiting});
    return %waiter;
}

sub restarts {
    my ($name, $how, $config) = @_;
    my @old = $server->children;
    $log->mark;
    my $start = time;
    $server->$how($config);
    ok($server->wait_until(15, sub { !grep { kill 0, $_ } @old }),
        "$name: the old children end");
    return $start;
}

sub served_as {
    my ($address, $answer, $name) = @_;
    is($answer && $answer->code, 200, "$name is served");
    is($answer && $answer->header('X-Client'), $address, '... as itself');
}

# A peer that is rejected now, a format that is not accepted any more.
my %waiter = wait_for_all(silent => [$port_a, ''], header => [$port_a, v2()],
    half => [$port_a, substr v2(), 0, 14], v1 => [$port_b, v1()],
    'half of v2' => [$port_b, substr v2(), 0, 14], v2 => [$port_b, v2()],
    'silent too' => [$port_b, '']);
my %port = map { $_ => $waiter{$_}->port } keys %waiter;
restarts('other peers and formats', 'graceful', config($ON . $LONG,
    "ProxyIPPeer require 10.0.0.0/8\n", "ProxyIPFormats v1\n"));
for my $name ('silent', 'header', 'half') {
    my $end = $waiter{$name}->ending(10);
    isnt($end->{how}, 'open', "$name, rejected now: closed");
    is($end->{bytes}, '', '... without a word');
    ok($log->wait_for(qr/PIP0020: .*peer 127\.0\.0\.1:$port{$name} /, 5),
        '... PIP0020');
}
for my $name ('v2', 'half of v2') {
    isnt($waiter{$name}->ending(10)->{how}, 'open',
        "$name, not accepted now: closed");
    ok($log->wait_for(qr/PIP0022: .*peer 127\.0\.0\.1:$port{$name} /, 5),
        '... PIP0022');
}
served_as(CLIENT, $waiter{v1}->get('/'), 'v1, accepted still,');
served_as(CLIENT, $waiter{'silent too'}->send(v1())->get('/'),
    'a silent one that sends v1');

# Back, and then a peer that need send no header, or never does.
restarts('back', 'graceful', config($ON . $LONG));
$_->close for values %waiter;
%waiter = wait_for_all(silent => [$port_a, ''], header => [$port_a, v2()],
    'silent too' => [$port_b, '']);
restarts('less strict', 'graceful', config($ON . $LONG,
    "ProxyIPPeer optional 127.0.0.0/8\n",
    "ProxyIPPeer direct 127.0.0.0/8\nProxyIPPeer require 10.0.0.0/8\n"));
served_as('127.0.0.1', $waiter{silent}->get('/'), 'optional: a silent one');
served_as(CLIENT, $waiter{header}->get('/'), 'optional: one with a header');
served_as('127.0.0.1', $waiter{'silent too'}->get('/'), 'direct: one');

# One of two listeners is Off.
restarts('back', 'graceful', config($ON . $LONG));
$_->close for values %waiter;
%waiter = wait_for_all(silent => [$port_a, ''], header => [$port_a, v2()],
    'silent too' => [$port_b, ''], 'header too' => [$port_b, v2()]);
restarts('one listener is Off', 'graceful',
    config($ON . $LONG, "ProxyIP Off\n"));
served_as('127.0.0.1', $waiter{silent}->get('/'),
    'a silent one of the listener that is Off');
# Its header is no request.
my $answer = $waiter{header}->get('/');
ok(!$answer || $answer->code == 400, '... one with a header is not');
served_as(CLIENT, $waiter{'silent too'}->send(v2())->get('/'),
    'a silent one of the other');
served_as(CLIENT, $waiter{'header too'}->get('/'), '... one with a header');

# All are Off.
my %kinds = (silent => [first => 0], header => [first => 'header'],
    half => [first => 20]);
restarts('back, with short times', 'graceful',
    config($ON . "ProxyIPTimeout 3s\nProxyIPDefer 3s\n"));
$_->close for values %waiter;
my %crowd = map { $_ => ProxyIP::Many->new(port => $port_a, count => 100,
    silent => 1, @{ $kinds{$_} }) } keys %kinds;
$_->ready for values %crowd;
ok($server->wait_until(10, sub { $server->status->{ProxyIPWaiting} == 300 }),
    'three hundred wait');
restarts('all are Off', 'graceful', config(''));
served_as('127.0.0.1', ProxyIP::Client->new(port => $port_a)->get('/'),
    'one without a header');
for my $name (sort keys %crowd) {
    my $result = $crowd{$name}->result(10);
    is($result->{closed}, 100, "all are Off: $name: all are closed");
    is($result->{talked}, 0, '... without a word');
}
is($log->count(qr/exit signal/), 0, '... no child crashed');
restarts('back', 'graceful', config($ON . $LONG));
served_as(CLIENT, ProxyIP::Client->new(port => $port_a)->send(v2())->get('/'),
    'one with a header');

# The way back: the module is not loaded any more.  What is on its way to other
# children is closed with the last end of the pair that it is in; the parent
# keeps none, and what it has opened meanwhile is not taken for one.
sub pairs_of_parent {
    open my $table, '<', '/proc/net/unix' or die "/proc/net/unix: $!\n";
    my %seqpacket = map { (split)[4] eq '0005' ? ((split)[6] => 1) : () }
        <$table>;
    my $fds = '/proc/' . $server->pid . '/fd';
    return grep { (readlink // '') =~ /^socket:\[(\d+)\]/ && $seqpacket{$1} }
        glob "$fds/*";
}

is(pairs_of_parent(), 2, 'the parent has a pair');
my $loglevel = $server->{loglevel};
for my $round (1, 2) {
    %crowd = map { $_ => ProxyIP::Many->new(port => $port_a, count => 100,
        silent => 1, @{ $kinds{$_} }) } keys %kinds;
    $_->ready for values %crowd;
    ok($server->wait_until(10, sub {
        $server->status->{ProxyIPWaiting} == 300 }), 'three hundred wait');
    @{$server}{qw(proxyip loglevel)} = (0, 'notice');
    restarts('unloaded', 'graceful', config(''));
    for my $name (sort keys %crowd) {
        my $result = $crowd{$name}->result(10);
        is($result->{closed}, 100, "unloaded: $name: all are closed");
        is($result->{talked}, 0, '... without a word');
    }
    is(pairs_of_parent(), 0, '... and the parent has no pair');
    served_as('127.0.0.1', ProxyIP::Client->new(port => $port_a)->get('/'),
        'one without a header');
    is($log->count(qr/exit signal/), 0, '... no child crashed');
    @{$server}{qw(proxyip loglevel)} = (1, $loglevel);
    restarts('loaded again', 'graceful', config($ON . $LONG));
    is(pairs_of_parent(), 2, '... the parent has a pair');
    %waiter = wait_for_all(silent => [$port_a, ''], header => [$port_a, v2()]);
    restarts('with the module still', 'graceful', config($ON . $LONG));
    is(pairs_of_parent(), 2, '... the parent has one pair');
    served_as(CLIENT, $waiter{header}->get('/'), 'one with a header');
    served_as(CLIENT, $waiter{silent}->send(v1())->get('/'), 'a silent one');
}

# At once.
for my $how ('restart', 'stop') {
    %crowd = map { $_ => ProxyIP::Many->new(port => $port_a, count => 200,
        silent => 1, @{ $kinds{$_} }) } keys %kinds;
    $_->ready for values %crowd;
    ok($server->wait_until(10, sub {
        $server->status->{ProxyIPWaiting} == 600 }), "$how: six hundred wait");
    my $start = time;
    if ($how eq 'stop') {
        $server->graceful_stop;
        ok($server->wait_for_end(15), '... gracefully: httpd ends');
    }
    else {
        restarts($how, $how);
    }
    cmp_ok(time - $start, '<', patience(15), '... soon');
    for my $name (sort keys %crowd) {
        my $result = $crowd{$name}->result(5);
        is($result->{closed}, 200, "$how: $name: all are closed");
        is($result->{talked}, 0, '... without a word');
    }
    served_as(CLIENT, ProxyIP::Client->fetch(port => $port_a,
        header => v2()), 'then one with a header') if $how eq 'restart';
}
$server->start;
my $crowd = ProxyIP::Many->new(port => $port_a, count => 500, silent => 1);
$crowd->ready;
$server->wait_until(10, sub { $server->status->{ProxyIPWaiting} == 500 });
my $start = time;
$server->stop;
cmp_ok(time - $start, '<', patience(9), 'TERM: httpd ends by itself');
is($crowd->result(5)->{closed}, 500, '... all are closed');

done_testing;
