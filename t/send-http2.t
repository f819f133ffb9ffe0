# Clients by HTTP/2, whose streams run in threads of their own, many at once,
# some of them cut off: what is kept for one client is not used for another.

use strict;
use warnings;

use POSIX qw(WNOHANG);
use Test::More;
use Time::HiRes qw(sleep);

use ProxyIP::Header qw(v2);
use ProxyIP::Process;
use ProxyIP::Receiver;
use ProxyIP::Relay;
use ProxyIP::Server;

plan skip_all => 'mod_http2 is not for prefork'
    if ProxyIP::Httpd::mpm() eq 'prefork';
plan skip_all => 'no h2load' if !ProxyIP::Process->find('h2load');

my $STREAMS = ($ENV{PROXYIP_STRESS} || 4000) / 8;

my $receiver = ProxyIP::Receiver->new(version => 2, closes => 50)->start;
my $bare = ProxyIP::Server->new(workers => 40, config => <<'EOC')->start;
ProxyIP Off
Protocols h2c http/1.1
EOC
my $strict = ProxyIP::Receiver->new(version => 2, notes => 1,
    to => $bare->port)->start;
my $server = ProxyIP::Server->new(workers => 40, loglevel => 'warn',
    modules => ['proxy_http2'], config => <<"EOC")->start;
Protocols h2c http/1.1
ProxyIP On
ProxyIPPeer require 127.0.0.9
ProxyIPSend v2
ProxyIPSendFacts unique-id checksum
ProxyPass "/http/" "http://127.0.0.1:@{[$receiver->port]}/" retry=0
ProxyPass "/h2c/" "h2c://127.0.0.1:@{[$strict->port]}/" retry=0
EOC

# Each client by a relay that says who it is.
my @relays = map { ProxyIP::Relay->new(to => $server->port,
    header => v2(src => "192.0.2.$_", sport => 1000 + $_))->start } 1 .. 4;
my (%alive, @outputs);
for my $number (1 .. 4) {
    my $port = $relays[ $number - 1 ]->port;
    for my $path ('http', 'h2c') {
        my $output = $server->root . "/h2load-$number-$path";
        push @outputs, $output;
        my $pid = fork // die "fork: $!\n";
        if (!$pid) {
            open STDOUT, '>', $output;
            exec('h2load', '-n', int $STREAMS, '-c', 3, '-m', 12,
                '-H', "X-Client: 192.0.2.$number:" . (1000 + $number),
                "http://127.0.0.1:$port/$path/") or POSIX::_exit(127);
        }
        $alive{$pid} = 1;
    }
}

# Beside them such as are cut off in the middle.
for (1 .. 8) {
    my $port = $relays[ $_ % 4 ]->port;
    my $number = 1 + $_ % 4;
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        open STDOUT, '>', '/dev/null';
        exec('h2load', '-D', 60, '-c', 2, '-m', 20, '-H',
            "X-Client: 192.0.2.$number:" . (1000 + $number),
            "http://127.0.0.1:$port/http/") or POSIX::_exit(127);
    }
    sleep 0.25;
    kill 'KILL', $pid;
    waitpid $pid, 0;
}
while (%alive) {
    my $pid = waitpid -1, 0;
    delete $alive{$pid};
}

my $done = 0;
for (@outputs) {
    my $text = ProxyIP::Log->new($_)->text;
    note join " ", $text =~ m{^(requests:.*|status codes:.*)$}mg;
    my ($ok) = $text =~ /(\d+) 2xx/;
    $done += $ok // 0;
}
# A busy server ends idle HTTP/2 connections, with a header or without.
cmp_ok($done, '>=', 8 * int($STREAMS) * 0.2, "$done streams answered");
is(join("\n", grep { !/^ends within a header/ } $receiver->complaints_of,
    $strict->complaints_of), '', '... each under its own client\'s header');
my %sources = map { (split)[2] => 1 } $strict->headers_of;
is(join(' ', sort keys %sources), join(' ', map { "192.0.2.$_" } 1 .. 4),
    '... by HTTP/2 to the backend too');
my $counts = $receiver->counts;
cmp_ok($counts->{requests}, '>', $counts->{connections},
    "... $counts->{requests} on $counts->{connections} connections");
is($server->error_log->count(qr/PIP0105/), 0, '... the second lock held');
done_testing;
