# An optional peer that begins its header late, in pieces: from the moment
# that it is committed, by `PROXY ` or version 2's signature, it has
# ProxyIPTimeout.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep time);

use ProxyIP::Client;
use ProxyIP::Header qw(v1 v2 SIGNATURE CLIENT);
use ProxyIP::Patience;
use ProxyIP::Server;

my $TIMEOUT = 2;
my $DEFER = 2;

my $server = ProxyIP::Server->new(workers => 12, status => 1,
    config => <<"EOC")->start;
<IfModule mpm_prefork_module>
    StartServers 12
    MinSpareServers 10
</IfModule>
ProxyIP On
ProxyIPPeer optional 127.0.0.0/8
ProxyIPTimeout ${TIMEOUT}s
ProxyIPDefer ${DEFER}s
EOC
my $log = $server->error_log;

# What each sends, by the second after its connection.  Silence ends at
# ProxyIPTimeout + ProxyIPDefer, 4; all of these are committed before.
my ($v1, $v2) = (v1(), v2());
my %peers = (
    'v1, in pieces' => [3.3, substr($v1, 0, 6), 3.9, substr($v1, 6, 9),
        4.6, substr $v1, 15],
    'v2, in pieces' => [3.3, substr($v2, 0, 12), 3.9, substr($v2, 12, 3),
        4.6, substr $v2, 15],
    'v1, commits in two pieces' => [1, 'PRO', 3.3, 'XY ',
        4.6, substr $v1, 6],
    'v2, commits in two pieces' => [1, substr($v2, 0, 3),
        3.3, substr($v2, 3, 10), 4.6, substr $v2, 13],
    'late and whole' => [3.5, $v1],
    # Its first payload byte, too, may come later.
    'late and whole, and pauses' => [3.5, $v2, 4.6, ''],
    'v1, stalls' => [3.3, 'PROXY '],
    'v2, stalls' => [3.3, SIGNATURE],
    'v1, drips' => [3.3, 'PROXY ', 3.9, 'T', 4.5, 'C', 5.1, 'P', 5.7, '4'],
);
my %client;
my @events;
ProxyIP::Client->fetch(port => $server->port);
for my $name (sort keys %peers) {
    $client{$name} = ProxyIP::Client->new(port => $server->port);
    my @script = @{ $peers{$name} };
    while (my ($second, $bytes) = splice @script, 0, 2) {
        push @events, [$client{$name}{since} + $second, $name, $bytes];
    }
    push @events, [$client{$name}{since} + $peers{$name}[-2], $name,
        "GET /cgi/environment HTTP/1.0\r\n\r\n"] if $name !~ /stalls|drips/;
}
my %committed;
for my $event (sort { $a->[0] <=> $b->[0] } @events) {
    my ($at, $name, $bytes) = @$event;
    sleep $at - time if $at > time;
    $client{$name}->send($bytes);
    $committed{$name} //= time if $bytes ne 'PRO' && length $bytes > 3;
}

for my $name (sort grep { !/stalls|drips/ } keys %peers) {
    my $client = $client{$name};
    is($client->variables($client->answer)->{REMOTE_ADDR}, CLIENT,
        "$name: served as the client");
}
for my $name (sort grep { /stalls|drips/ } keys %peers) {
    my $client = $client{$name};
    my $own = $client->port;
    my $end = $client->ending(5);
    my $after = time - $committed{$name};
    isnt($end->{how}, 'open', "$name: it is closed");
    is($end->{bytes}, '', '... without a word');
    cmp_ok($after, '<', $TIMEOUT + patience(1), '... in time');
    my $line = $log->wait_for(qr/PIP0026: .*peer 127\.0\.0\.1:$own /, 5) // '';
    like($line, qr/proxyip:error.*PIP0026.*ProxyIPTimeout/,
        '... PIP0026, with ProxyIPTimeout');
}

# Not before: seen while it lasts.
my $client = ProxyIP::Client->new(port => $server->port);
sleep 3;
my $end = $client->send('PROXY TCP4 ')->ending(5);
cmp_ok($end->{seconds}, '>', $TIMEOUT - 0.2,
    'one that stalls has ProxyIPTimeout from there');
cmp_ok($end->{seconds}, '<', $TIMEOUT + patience(1), '... and no more');
is($server->status->{ProxyIPTimedOut}, 4, '... each is counted, and once');

done_testing;
