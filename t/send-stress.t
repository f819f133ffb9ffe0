# Many clients at once, of which some go away in the middle; backends that drop
# kept connections, end and come back; graceful restarts.  No request arrives
# under another client's header, nor without one.
#
# PROXYIP_STRESS=100000 makes it that many requests.

use strict;
use warnings;

use IO::Socket::INET;
use POSIX qw(WNOHANG);
use Socket qw(IPPROTO_TCP TCP_NODELAY SOL_SOCKET SO_LINGER);
use Test::More;
use Time::HiRes qw(sleep time);

use ProxyIP::Header qw(v2);
use ProxyIP::Receiver;
use ProxyIP::Server;

my $WANTED = $ENV{PROXYIP_STRESS} || 4000;
my $CLIENTS = 12;

# One backend closes now and then; two are a balancer's.
my @receivers = map { ProxyIP::Receiver->new(version => 2, @$_)->start }
    [], [closes => 5], [], [closes => 7];
my ($steady, $closing, @members)
    = map { 'http://127.0.0.1:' . $_->port } @receivers;
my $server = ProxyIP::Server->new(workers => 16, loglevel => 'warn',
    modules => [qw(proxy_balancer lbmethod_byrequests slotmem_shm)],
    config => <<"EOC")->start;
ProxyIP On
ProxyIPPeer require 127.0.0.1
MaxKeepAliveRequests 0
RemoteIPHeader X-Visitor
RemoteIPInternalProxy 192.0.0.0/16
ProxyIPSend v2
ProxyPass "/few" "$steady/few/" max=3 retry=0
ProxyPass "/steady" "$steady/" retry=0
ProxyPass "/closing" "$closing/" retry=0
ProxyPass "/pair" "balancer://pair/" maxattempts=3
<Proxy "balancer://pair">
    BalancerMember "$members[0]" retry=0
    BalancerMember "$members[1]" retry=0
</Proxy>
<Location "/closing">
    ProxyIPSendFacts unique-id checksum
</Location>
<Location "/single">
    ProxyPass "$steady/single/" retry=0
    ProxyIPSendReuse Off
</Location>
EOC
my $port = $server->port;

# One client connection: some requests, each of which says who asks.
my $reset = pack 'ii', 1, 0;

sub visit {
    my ($address, $count) = @_;
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $port, Proto => 'tcp', Timeout => 20) or return;
    setsockopt $socket, IPPROTO_TCP, TCP_NODELAY, 1;
    my $sport = 1 + int rand 65535;
    my $bytes = v2(src => $address, sport => $sport);
    my @paths = (qw(/steady /closing /few /pair /single))[
        map { int rand 5 } 0 .. rand 3];
    for my $turn (1 .. 1 + int rand 12) {
        my $path = $paths[rand @paths];
        my $claim = "$address:$sport";
        # Another visitor by the same connection, as from a CDN.
        my $visitor = '';
        if (rand() < 0.2) {
            my $who = join '.', 198, 18, map { int rand 256 } 1, 2;
            $visitor = "X-Visitor: $who\r\n";
            $claim = "$who:0";
        }
        $bytes .= "GET $path/x HTTP/1.1\r\nHost: localhost\r\n$visitor"
            . "X-Client: $claim\r\n\r\n";
        $$count{sent}++;
        syswrite $socket, $bytes or last;
        $bytes = '';
        if (rand() < 0.03) {
            # Gone before the answer.
            setsockopt $socket, SOL_SOCKET, SO_LINGER, $reset
                if rand() < 0.5;
            $$count{aborted}++;
            last;
        }
        my ($code, $body) = read_answer($socket) or last;
        $$count{$code}++;
        next if $code != 200;
        my $seen = ProxyIP::Receiver::seen($body);
        $$count{wrong}++ if "$seen->{source}:$seen->{sport}" ne $claim;
    }
    close $socket;
}

sub read_answer {
    my ($socket) = @_;
    my $in = '';
    until ($in =~ /\r\n\r\n/) {
        sysread $socket, $in, 65536, length $in or return;
    }
    my ($length) = $in =~ /^Content-Length: (\d+)/mi or return;
    my ($head, $body) = split /\r\n\r\n/, $in, 2;
    while (length $body < $length) {
        sysread $socket, $body, 65536, length $body or return;
    }
    return (substr($head, 9, 3), $body);
}

sub client {
    my ($number) = @_;
    srand $number;
    $SIG{$_} = 'DEFAULT' for qw(TERM INT HUP);
    $SIG{PIPE} = 'IGNORE';
    $SIG{ALRM} = sub { POSIX::_exit(1) };
    alarm 600 + $WANTED / 20;
    my %count = map { $_ => 0 } qw(sent aborted wrong 200);
    my $round = 0;
    while ($count{sent} < $WANTED / $CLIENTS) {
        visit(join('.', 192, 0, $number, 1 + $round++ % 250), \%count);
    }
    open my $file, '>', $server->root . "/count-$number" or POSIX::_exit(1);
    print $file "$_ $count{$_}\n" for keys %count;
    close $file;
    POSIX::_exit(0);
}

my %alive;
for my $number (1 .. $CLIENTS) {
    my $pid = fork // die "fork: $!\n";
    client($number) if !$pid;
    $alive{$pid} = 1;
}

# Disturb them until all are through.
my $step = 0;
my $ends_well = 1;
my (@complaints, %served);
while (%alive) {
    sleep 0.3;
    while ((my $pid = waitpid -1, WNOHANG) > 0) {
        $ends_well &&= $? == 0 if delete $alive{$pid};
    }
    $receivers[ $step % 4 ]->signal('USR1');
    if ($step % 7 == 3) {
        $server->graceful;
    }
    if ($step % 5 == 4) {
        # Back at once, on the same port.
        my $which = 2 + $step % 2;
        my $old = $receivers[$which];
        my $its = $old->counts;
        push @complaints, $old->complaints_of;
        $served{$_} += $its->{$_} for keys %$its;
        $receivers[$which] = ProxyIP::Receiver->new(version => 2,
            port => $old->port, $which == 3 ? (closes => 7) : ())->start;
    }
    $step++;
}

my %total;
for my $number (1 .. $CLIENTS) {
    my $text = ProxyIP::Log->new($server->root . "/count-$number")->text;
    my %count = $text =~ /^(\w+) (\d+)$/mg;
    $total{$_} += $count{$_} for keys %count;
}
for my $receiver (@receivers) {
    my $its = $receiver->counts;
    $served{$_} += $its->{$_} for keys %$its;
    push @complaints, $receiver->complaints_of;
}
note join ' ', map { "$_=$total{$_}" } sort keys %total;
note join ' ', map { "$_=$served{$_}" } sort keys %served;
ok($ends_well, 'all clients came to their end');
cmp_ok($total{sent}, '>=', $WANTED, "$total{sent} requests, $served{requests}"
    . " served on $served{connections} connections");
is($total{wrong}, 0, '... none answered as another client\'s');
# What a connection was cut off in is no header of another's.
is(join("\n", grep { !/^ends within a header/ } @complaints), '',
    '... none arrived as another client\'s, or as nobody\'s');
cmp_ok($served{requests}, '>', $served{connections},
    '... and connections were kept');
# Such as were sent while the backend closed, as with mod_proxy's own pool.
my $lost = ($total{502} // 0) + ($total{503} // 0);
cmp_ok($lost, '<', $total{sent} / 10, "... $lost lost with backends");
is($server->error_log->count(qr/PIP0105/), 0, '... the second lock held');
done_testing;
