# Lines that repeat: of a kind a child logs five within a minute and then
# their number, so that lines and sums together are the connections made.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep time);

use ProxyIP::Client;
use ProxyIP::Header qw(v1 v2 tlv);
use ProxyIP::Server;

my $LINES = 5;
my $ENTRIES = 64;

my $has_ipv6 = eval { IO::Socket::IP->new(LocalHost => '::1', Listen => 1) };
my $six = $has_ipv6 ? "Listen [::1]:\@port:six\@\n" : '';

my $config = <<'EOC' . $six;
<IfModule mpm_prefork_module>
    StartServers 3
    MinSpareServers 3
    MaxRequestWorkers 3
</IfModule>
ProxyIPTimeout 3s
ProxyIP On
ProxyIPPeer require 127.0.0.0/16 ::1
Listen 127.0.0.1:@port:a@
Listen 127.0.0.1:@port:b@
Listen 127.0.0.1:@port:warn@
Listen 127.0.0.1:@port:trace@
Listen 127.0.0.1:@port:debug@
<VirtualHost 127.0.0.1:@port:a@>
</VirtualHost>
<VirtualHost 127.0.0.1:@port:b@>
</VirtualHost>
<VirtualHost 127.0.0.1:@port:warn@>
    LogLevel proxyip:warn
</VirtualHost>
<VirtualHost 127.0.0.1:@port:trace@>
    LogLevel proxyip:trace1
</VirtualHost>
<VirtualHost 127.0.0.1:@port:debug@>
    LogLevel proxyip:debug
</VirtualHost>
EOC

# So many connections, each to its end.
sub flood {
    my ($server, $count, $listener, $bytes, %option) = @_;
    for (1 .. $count) {
        ProxyIP::Client->new(port => $server->port($listener), %option)
            ->send($bytes)->shut_writing->ending(5);
    }
}

sub gone {
    my ($server, @pids) = @_;
    return $server->wait_until(15, sub { !grep { kill 0, $_ } @pids });
}

# Lines and sums of a kind add up, in each child within the limit.
sub add_up {
    my ($log, $count, $line, $sum, $name) = @_;
    my (%lines, %sums);
    for ($log->lines($line)) {
        $lines{$1}++ if /\[pid (\d+)/ && !/PIP0045/;
    }
    for ($log->lines(qr/PIP0045/)) {
        push @{ $sums{ (/\[pid (\d+)/)[0] } }, /PIP0045: (\d+) more/
            if $_ =~ $sum;
    }
    my $total = 0;
    $total += $_ for values %lines, map { @$_ } values %sums;
    is($total, $count, "$name: lines and sums are $count");
    is(scalar(grep { $_ > $LINES } values %lines), 0,
        '... no child logged more than five');
    is(scalar(grep { @$_ > 1 } values %sums), 0, '... or more than one sum');
    is(scalar(grep { ($lines{$_} // 0) != $LINES } keys %sums), 0,
        '... and none before the fifth line');
}

my $request = "GET / HTTP/1.0\r\n\r\n";
my @ends = ('graceful', 'restart');
for my $end (@ends) {
    my $server = ProxyIP::Server->new(loglevel => 'warn proxyip:info',
        config => $config)->start;
    my $log = $server->error_log;
    my %name = map { $_ => '127.0.0.1:' . $server->port($_) }
        qw(a b warn trace debug);
    my @old = $server->children;

    flood($server, 1000, 'a', $request);
    flood($server, 30, 'a', v1(end => "\n"));
    flood($server, 30, 'a', v1(src => '1.2.3.400'));
    flood($server, 30, 'a', $request, from => '127.0.0.2');
    flood($server, 30, 'b', $request);
    flood($server, 40, 'a', '', from => '127.9.0.1');
    flood($server, 40, 'a', v2() . v2(), from => '127.0.0.3');
    flood($server, 30, 'a', v2(tlvs => [tlv(0x20 => "\7")]) . $request,
        from => '127.0.0.5');
    flood($server, 30, 'a', v2(crc => 'bad'));
    flood($server, 30, 'a', 'PROXY TCP4 ');
    flood($server, 5, 'a', $request, from => '127.0.0.4');
    flood($server, 30, 'warn', $request);
    flood($server, 30, 'warn', '', from => '127.9.0.1');
    flood($server, 30, 'trace', $request);
    flood($server, 30, 'debug', '');
    flood($server, 20, 'six', $request, from => '::1') if $has_ipv6;
    is($log->count(qr/PIP0045/), 0, 'no sum before the minute is over');
    $server->$end;
    ok(gone($server, @old), "$end: the old children end");

    add_up($log, 1000, qr/PIP0021.* 127\.0\.0\.1:\d+ .* on $name{a}/,
        qr/error.* peer 127\.0\.0\.1 to $name{a} within \d+s.*: an HTTP /,
        'a request in place of a header');
    add_up($log, 30, qr/PIP0021.* 127\.0\.0\.2:\d+ .* on $name{a}/,
        qr/ peer 127\.0\.0\.2 to $name{a} .*: no PROXY header/,
        'another peer');
    add_up($log, 30, qr/PIP0021.* 127\.0\.0\.1:\d+ .* on $name{b}/,
        qr/ peer 127\.0\.0\.1 to $name{b} .*: no PROXY header/,
        'another listener');
    my @reasons = map { /PIP0022: closed: (bad PROXY header: .*?), found/
        ? $1 : () } $log->lines;
    my %seen;
    @reasons = grep { !$seen{$_}++ } @reasons;
    is(scalar @reasons, 2, 'two ways to be bad');
    add_up($log, 30, qr/PIP0022: closed: \Q$_\E/,
        qr/proxyip:error.* peer 127\.0\.0\.1 to $name{a} .*: \Q$_\E/, $_)
        for @reasons;
    add_up($log, 40, qr/PIP0020.* 127\.9\.0\.1:\d+ .* on $name{a}/,
        qr/proxyip:info.* peer 127\.9\.0\.1 to $name{a} .*: rejected/,
        'rejected, at info');
    add_up($log, 40, qr/PIP0043/,
        qr/ peer 127\.0\.0\.3 to $name{a} .*: another PROXY header/,
        'a second header');
    add_up($log, 30, qr/PIP0055.* 127\.0\.0\.5:\d+ .* on $name{a}/,
        qr/warn.* peer 127\.0\.0\.5 to $name{a} .*: an SSL TLV .* read/,
        'an SSL TLV that is wrong inside');
    add_up($log, 30, qr/PIP0024/, qr/checksum/, 'checksum');
    add_up($log, 30, qr/PIP0026/, qr/closed before a whole header/,
        'half a header');
    add_up($log, 5, qr/PIP0021.* 127\.0\.0\.4:/, qr/127\.0\.0\.4/, 'five');
    is($log->count(qr/PIP0045.*127\.0\.0\.4/), 0, '... without a sum');
    add_up($log, 30, qr/PIP0021.* on $name{warn}/,
        qr/ to $name{warn} .*: no PROXY header/, 'an error at LogLevel warn');
    is($log->count(qr/(?:PIP0020.* on|PIP0045.* to) $name{warn}.*rejected/),
        0, '... and what is not logged has no sum');
    is($log->count(qr/PIP0021.* on $name{trace}/), 30,
        'trace1: each has a line');
    is($log->count(qr/PIP0045.* to $name{trace}/), 0, '... and no sum');
    is($log->count(qr/PIP0025.* on $name{debug}/), 30,
        'lines of debug are not limited');
    is($log->count(qr/PIP0045.* to $name{debug}/), 0, '... and have no sum');
    SKIP: {
        skip 'no IPv6', 4 if !$has_ipv6;
        add_up($log, 20, qr/PIP0021.*peer \[::1\]:\d+ /,
            qr/ peers in ::\/64 to main server .*: no PROXY header/, 'IPv6');
    }
    $server->stop;
}

# Errors are not hidden behind lines of info that say the same.
{
    my $server = ProxyIP::Server->new(loglevel => 'warn proxyip:info',
        config => <<'EOC')->start;
<IfModule mpm_prefork_module>
    StartServers 1
    MaxSpareServers 1
    MaxRequestWorkers 1
</IfModule>
ProxyIP On
ProxyIPPeer optional 127.0.0.0/16
ProxyIPDefer 200ms
ProxyIPTimeout 200ms
EOC
    my $log = $server->error_log;
    my @old = $server->children;
    # An optional peer's first letters may be another protocol's.
    my @clients = map { ProxyIP::Client->new(port => $server->port)
        ->send('P') } 1 .. 7;
    $_->ending(20) for @clients;
    my $client = ProxyIP::Client->new(port => $server->port)
        ->send('PROXY TCP4');
    $client->ending(5);
    ok($log->wait_for(qr/proxyip:error.*PIP0026/, 2),
        'an error after many lines of info has its line');
    $server->graceful;
    ok(gone($server, @old), '... graceful');
    is($log->count(qr/proxyip:info.*PIP0045: 2 more/), 1,
        '... the others are summed up at info');
    $server->stop;
}

# More peers than a child knows: their lines are bounded, their sums exact.
{
    my $server = ProxyIP::Server->new(loglevel => 'warn proxyip:info',
        config => $config)->start;
    my $log = $server->error_log;
    my @old = $server->children;
    for my $n (1 .. 150) {
        flood($server, 8, 'a', $request, from => "127.0.1.$n");
    }
    for my $n (1 .. 50) {
        flood($server, 8, 'b', '', from => "127.9.1.$n");
    }
    $server->graceful;
    ok(gone($server, @old), 'many peers: the old children end');
    my $shared = qr/PIP0045: \d+ more connections of many peers to the server /;
    my (%lines, $sums);
    for ($log->lines(qr/PIP00(?:20|21)/)) {
        $lines{$1}++ if /\[pid (\d+)/;
    }
    $sums += (/PIP0045: (\d+)/)[0] for $log->lines(qr/PIP0045/);
    my $lines = $log->count(qr/PIP00(?:20|21)/);
    is($lines + $sums, 1600, "$lines lines and $sums in sums are 1600");
    my ($most) = sort { $b <=> $a } values %lines;
    cmp_ok($most, '<=', ($ENTRIES + 2) * $LINES, 'a child logs few lines');
    cmp_ok($log->count($shared), '>', 0, '... and a sum of many peers');
    cmp_ok($log->count($shared), '<=', 2 * keys %lines,
        '... each one of info and one of errors');
    cmp_ok($log->count(qr/PIP0045/), '<=', keys(%lines) * ($ENTRIES + 2),
        '... and few others');
    $server->stop;
}

# Strangers, however many, do not silence what is said of trusted peers.
{
    my $server = ProxyIP::Server->new(loglevel => 'warn proxyip:info',
        config => $config)->start;
    my $log = $server->error_log;
    flood($server, 10, 'a', '', from => "127.9.1.$_") for 1 .. 220;
    flood($server, 1, 'a', $request);
    ok($log->wait_for(qr/proxyip:error.*PIP0021/, 2),
        'an error after a flood of strangers has its line');
    $server->stop;
}

done_testing;
