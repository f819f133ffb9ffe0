# Memory, threads or descriptors are refused when the server or a child starts,
# or memory is used up later.
#
# What must happen: never is anything served without the protection.
# - No shared memory for counters: PIP0009; the server starts and serves, each
#   child counts for itself.
# - No thread or no descriptor for a child's lobby: PIP0010; this child serves,
#   holds a worker for each waiting connection, and keeps the deadlines.  The
#   next one, when there is enough again, waits without workers.
# - No memory: httpd says so and the process aborts.  A server that starts ends
#   so; for a child the parent starts another.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep time);

use ProxyIP::Client;
use ProxyIP::Header qw(v1 v2 tlv);
use ProxyIP::Server;
use ProxyIP::Shim;

my $refuse = ProxyIP::Shim->new('refuse');
my $LIMIT = 3;
my $config = <<"EOC";
ProxyIP On
ProxyIPPeer require 127.0.0.0/24
ProxyIPTimeout ${LIMIT}s
ProxyIPDefer ${LIMIT}s
EOC

sub server {
    my (%option) = @_;
    return ProxyIP::Server->new(status => 1, loglevel => 'info proxyip:debug',
        environment => $refuse->environment, config => $config, %option);
}

# Strangers, bad headers, forged headers, good ones.
sub is_protected {
    my ($server, $name) = @_;
    my @to = (port => $server->port);
    my $answer = ProxyIP::Client->fetch(@to, header => v2(),
        path => '/client-only');
    is($answer && $answer->code, 200, "$name: a client is served");
    $answer = ProxyIP::Client->fetch(@to, header => v1(),
        from => '127.9.0.1', path => '/client-only');
    is($answer, undef, '... a stranger that claims to be one is not');
    $answer = ProxyIP::Client->fetch(@to, header => v1(end => "\n"));
    is($answer, undef, '... nor one with a bad header');
    $answer = ProxyIP::Client->fetch(@to, header => '');
    is($answer, undef, '... nor one without');
}

# As many as given that wait, silent or with a header.
sub crowd {
    my ($server, $count) = @_;
    my @crowd = map { ProxyIP::Client->new(port => $server->port)
        ->send($_ % 2 ? '' : v2()) } 1 .. $count;
    $server->wait_until($LIMIT, sub {
        $server->status->{ProxyIPWaiting} == $count });
    return @crowd;
}

# Workers that do something; one tells us.
sub busy { return $_[0]->status->{BusyWorkers} }

sub are_closed_in_time {
    my @bad = grep { $_->{how} eq 'open' || $_->{age} < $LIMIT - 0.2 }
        map { $_->ending($LIMIT + 10) } @_;
    is(scalar @bad, 0, '... all are closed, and not before their time');
}

# Shared memory
$refuse->write('s');
my $server = server()->start;
my $log = $server->error_log;
like(($log->lines(qr/PIP0009/))[0] // '',
    qr/proxyip:error.*Cannot allocate memory: .*PIP0009: /,
    'no shared memory: PIP0009 and the reason');
is_protected($server, 'no shared memory');
my $status = $server->status;
is(ref $status, 'HASH', '... the status page comes');
like($status->{ProxyIPAcceptedV2}, qr/^[01]$/, '... with a child\'s counts');
$server->graceful;
is_protected($server, '... after a restart');
is($log->count(qr/PIP0009/), 1, '... it is said once');
$server->stop;
$refuse->write('');
$server = server()->start;
is($server->error_log->count(qr/PIP0009|PIP0010/), 0,
    'nothing refused, nothing said');
$server->stop;

# What the lobby needs
for my $case (['t', 'no thread', 'Resource temporarily unavailable'],
              ['p', 'no descriptor', 'Too many open files']) {
    my ($letter, $name, $reason) = @$case;
    SKIP: {
        skip 'this MPM does not wait without a worker', 13
            if !ProxyIP::Httpd::waits();
        $refuse->write($letter);
        my $server = server(workers => 12)->start;
        my $log = $server->error_log;
        like($log->wait_for(qr/PIP0010/, 5) // '',
            qr/proxyip:error.*$reason: PIP0010: /, "$name: PIP0010, and why");
        is_protected($server, $name);
        my @silent = crowd($server, 5);
        cmp_ok(busy($server), '>', 5, '... five that wait have a worker each');
        are_closed_in_time(@silent);

        # When there is enough again
        $refuse->write('');
        $server->graceful;
        $log->mark;
        @silent = crowd($server, 14);
        cmp_ok(busy($server), '<', 6, '... then fourteen that wait have none');
        is_protected($server, 'enough again');
        is($log->count(qr/PIP0010/), 0, '... and nothing is said');
        $_->close for @silent;
        $server->stop;
    }
}

# Under make asan and make memcheck it is the tool that needs the memory.
if (ProxyIP::Httpd::is_instrumented()) {
    done_testing;
    exit;
}

# A child that may not grow any more
$server = server(crashes => qr/Abort/, environment => {},
    config => $config . <<'EOC')->start;
<IfModule mpm_prefork_module>
    StartServers 1
    MinSpareServers 1
    MaxSpareServers 1
    MaxRequestWorkers 1
</IfModule>
ProxyIPMaxHeader 65551
EOC
$log = $server->error_log;
my ($child) = grep { $server->accepting($_) } $server->children;
is_protected($server, 'memory: before');
is(system('prlimit', '--pid', $child, '--data=1'), 0, 'a child may not grow');
my $large = substr v2(tlvs => [tlv(4 => 'x' x 65_000)]), 0, 60_000;
my $aborted = qr/Memory allocation failed, aborting/;
my @crowd;
while (@crowd < 100 && !$log->count($aborted)) {
    push @crowd, ProxyIP::Client->new(port => $server->port)->send($large);
    sleep 0.05;
}
like(($log->lines($aborted))[0] // '', qr/crit/, '... httpd says so');
ok($server->wait_until(10, sub {
    !grep { $_ == $child } $server->children }), '... the child is gone');
$_->close for splice @crowd;
is_protected($server, '... another takes its place');
$server->stop;

# A server that gets too little for its list, at the start
$server = ProxyIP::Server->new(limits => '-d 30000',
    config => "ProxyIP On\nProxyIPPeerList require \@root\@/list\n");
$server->write_file('list', join '', map { my $n = $_;
    map { "10.$n." . ($_ >> 8) . '.' . ($_ & 255) . "\n" } 0 .. 65_535 } 1, 2);
ok(!eval { $server->start }, 'too little memory for a list: no start');
like($@, $aborted, '... httpd says why');
ok(!$server->running, '... and nothing runs');
$server->write_file('list', "10.0.0.0/8\n");
$server->spawn($server->command('-t'));
ok($server->wait_for_end(20) && $server->{status} == 0,
    '... though it is enough for a shorter one');

done_testing;
