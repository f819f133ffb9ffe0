# Two total deadlines, ProxyIPTimeout for the header and ProxyIPDefer for what
# follows it, exact to a second for silent, dripping and stalled peers, on
# plain and TLS listeners, while the server is idle and while it is busy.

use strict;
use warnings;

use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

use ProxyIP::Client;
use ProxyIP::Header qw(v1 v2 tlv CLIENT);
use ProxyIP::Server;

my $TIMEOUT = 2;
my $DEFER = 3;

# Enough workers from the start: a peer's time begins when it is accepted.
my $server = ProxyIP::Server->new(workers => 24, config => <<"EOC")->start;
<IfModule mpm_prefork_module>
    StartServers 24
    MinSpareServers 20
    MaxSpareServers 24
</IfModule>
ProxyIPTimeout ${TIMEOUT}s
ProxyIPDefer ${DEFER}s
ProxyIP On
ProxyIPPeer require 127.0.0.0/24
ProxyIPPeer optional 127.0.1.0/24
Listen 127.0.0.1:\@port:plain\@
Listen 127.0.0.1:\@port:tls\@
<VirtualHost 127.0.0.1:\@port:plain\@>
</VirtualHost>
<VirtualHost 127.0.0.1:\@port:tls\@>
    SSLEngine On
    SSLCertificateFile \@tls\@/server.pem
    SSLCertificateKeyFile \@tls\@/server.key
</VirtualHost>
EOC
my $log = $server->error_log;
my @listeners = ('plain', 'tls');

# What a peer does, when it is closed, and the line that says so.
my %peers = (
    'silent' => ['', $TIMEOUT, 'debug', 'PIP0025'],
    'stalled in a v1 line' => ['PROXY TCP4 192.0.', $TIMEOUT, 'error',
        'PIP0026'],
    'stalled in a v2 header' => [substr(v2(), 0, 20), $TIMEOUT, 'error',
        'PIP0026'],
    'stalled in TLVs' => [substr(v2(tlvs => [tlv(4 => 'x' x 3000)]), 0, 2000),
        $TIMEOUT, 'error', 'PIP0026'],
    'header alone' => [v1(), $DEFER, 'info', 'PIP0027'],
);

sub watch {
    my ($load) = @_;
    # From here on: an earlier client may have had the same port.
    $log->mark;
    my @open;
    for my $listener (@listeners) {
        for my $name (sort keys %peers) {
            my $client = ProxyIP::Client->new(
                port => $server->port($listener));
            push @open, ["$load, $listener, $name", $client, $client->port,
                         @{ $peers{$name} }];
            $client->send($peers{$name}[0]);
        }
        # Drips through the deadline, without ever pausing long.
        my $dripping = ProxyIP::Client->new(port => $server->port($listener));
        push @open, ["$load, $listener, dripping", $dripping, $dripping->port,
                     undef, $TIMEOUT, 'error', 'PIP0026'];
    }
    my @drips = grep { !defined $_->[3] } @open;
    my $header = v2(tlvs => [tlv(4 => 'x' x 100)]);
    my $until = time + $DEFER + 2;
    my %closed;
    for (my $i = 0; time < $until && keys %closed < @open; $i++) {
        if ($i < length $header) {
            $_->[1]->send(substr $header, $i, 1) for @drips;
        }
        for my $case (@open) {
            my $how = $case->[1]->read_some(0);
            $closed{ $case->[0] } //= time if $how && $how ne 'open';
        }
        sleep 0.05;
    }
    for my $case (@open) {
        my ($name, $client, $own, $bytes, $limit, $level, $number) = @$case;
        my $age = ($closed{$name} // time) - $client->{since};
        cmp_ok($age, '>', $limit - 0.1, "$name: not before ${limit}s");
        cmp_ok($age, '<', $limit + 1, "$name: within a second after");
        # Connections to two listeners may have one port.
        my ($listener) = $name =~ /^\w+, (\w+)/;
        my $there = $server->port($listener);
        like($log->wait_for(qr/PIP002[567]:\ .*peer\ 127\.0\.0\.1:$own\ .*
                \ on\ 127\.0\.0\.1:$there\b/x, 5) // '',
            qr/proxyip:$level.*$number: .*ProxyIP(?:Timeout|Defer) \d/,
            "$name: $number at $level names the directive");
    }
}

# A child may not be there yet when the server has said that it is.
ProxyIP::Client->fetch(port => $server->port('plain'), header => v2());
ProxyIP::Client->fetch(port => $server->port('tls'), header => v2(), tls => 1);
watch('idle');

# Busy: requests all the time.
my $load = fork // die "fork: $!\n";
if (!$load) {
    my $until = time + 10;
    while (time < $until) {
        eval { ProxyIP::Client->fetch(port => $server->port('plain'),
                                      header => v2(), path => '/') };
    }
    POSIX::_exit(0);
}
watch('busy');
kill 'TERM', $load;
waitpid $load, 0;

# Bytes that have come in time are served, late as it may be.
my $client = ProxyIP::Client->new(port => $server->port('plain'));
$client->send('PROXY TCP4 ');
sleep $TIMEOUT - 0.5;
$client->send("192.0.2.77 198.51.100.80 4711 443\r\n");
sleep $DEFER - 0.5;
is($client->variables($client->get('/cgi/environment'))->{REMOTE_ADDR},
    CLIENT, 'a slow peer within both limits is served');

# An optional peer: silence for the two times together.
my $silent = ProxyIP::Client->new(port => $server->port('plain'),
                                  from => '127.0.1.1');
my $late = ProxyIP::Client->new(port => $server->port('plain'),
                                from => '127.0.1.2');
sleep $TIMEOUT + 1;
is($late->variables($late->get('/cgi/environment'))->{REMOTE_ADDR},
    '127.0.1.2', 'an optional peer may be silent longer than ProxyIPTimeout');
my $end = $silent->ending($DEFER + 2);
cmp_ok($end->{age}, '>', $TIMEOUT + $DEFER - 0.1, '... not before both times');
cmp_ok($end->{age}, '<', $TIMEOUT + $DEFER + 1, '... within a second after');

# Committed by `PROXY `, it has ProxyIPTimeout.
$client = ProxyIP::Client->new(port => $server->port('plain'),
                               from => '127.0.1.3');
$end = $client->send('PROXY TCP4')->ending($TIMEOUT + 2);
cmp_ok($end->{age}, '<', $TIMEOUT + 1, 'an optional peer that has begun');
like($log->wait_for(qr/PIP0026: .*peer 127\.0\.1\.3:/, 5) // '',
    qr/; see ProxyIPTimeout ${TIMEOUT}s \([^()]+\)$/,
    '... and is told of that alone');

done_testing;
