# Each connection is counted once, under what became of it, for the listener
# it came in on: in all children together, over restarts, whatever happens to
# a child.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep time);

use ProxyIP::Client;
use ProxyIP::Header qw(v1 v2 tlv NLB_HEALTH_CHECK);
use ProxyIP::Server;

my @COUNTERS = qw(AcceptedV1 AcceptedV2 Local Unknown Absent Direct Rejected
    Missing Malformed TooLarge BadChecksum TimedOut ClosedEarly Evicted);

# All counts: { '' => totals, LISTENER => its own }.
sub counts {
    my ($server) = @_;
    my $status = $server->status;
    my %counts = ('' => { map { $_ => $status->{"ProxyIP$_"} } @COUNTERS });
    for (my $n = 0; exists $status->{"ProxyIPListener[$n]Name"}; $n++) {
        my $name = $status->{"ProxyIPListener[$n]Name"};
        ok(!$counts{$name}, "one entry for $name") if $counts{$name};
        $counts{$name} = { map { $_ => $status->{"ProxyIPListener[$n]$_"} }
            @COUNTERS };
    }
    return \%counts;
}

# What has grown: { LISTENER => { COUNTER => by how much } }, totals under ''.
sub growth {
    my ($before, $after) = @_;
    my %growth;
    for my $name (keys %$after) {
        for my $counter (@COUNTERS) {
            my $by = $after->{$name}{$counter}
                - ($before->{$name}{$counter} // 0);
            $growth{$name}{$counter} = $by if $by;
        }
    }
    return \%growth;
}

sub sum {
    my ($counts, $name) = @_;
    my $sum = 0;
    $sum += $_ for values %{ $counts->{ $name // '' } // {} };
    return $sum;
}

# The counts, once so many connections more than before are in them.
sub counts_after {
    my ($server, $before, $more) = @_;
    my $now;
    $server->wait_until(10, sub {
        $now = counts($server);
        return sum($now) >= sum($before) + $more;
    });
    return $now;
}

sub waiting_is {
    my ($server, $count, $name) = @_;
    my $waiting;
    $server->wait_until(10, sub {
        $waiting = $server->status->{ProxyIPWaiting};
        return $waiting == $count;
    });
    is($waiting, $count, $name);
}

my $config = <<'EOC';
ProxyIPTimeout 3s
ProxyIPDefer 3s
ProxyIPMaxHeader 512
ProxyIP On
ProxyIPPeer require 127.0.0.0/24
ProxyIPPeer optional 127.0.1.0/24
ProxyIPPeer direct 127.0.2.0/24
ProxyIPPeer reject 127.0.3.0/24
Listen 127.0.0.1:@port:plain@
Listen 127.0.0.1:@port:tls@
Listen 127.0.0.1:@port:strict@
Listen 127.0.0.1:@port:other@
<VirtualHost 127.0.0.1:@port:plain@>
</VirtualHost>
<VirtualHost 127.0.0.1:@port:tls@>
    SSLEngine On
    SSLCertificateFile @tls@/server.pem
    SSLCertificateKeyFile @tls@/server.key
</VirtualHost>
<VirtualHost 127.0.0.1:@port:strict@>
    ProxyIPFormats v2
    ProxyIPChecksum require
</VirtualHost>
<VirtualHost 127.0.0.1:@port:other@>
</VirtualHost>
EOC
my $server = ProxyIP::Server->new(status => 1, loglevel => 'warn proxyip:info',
    config => $config)->start;
my $made = 0;

sub name_of { return '127.0.0.1:' . $server->port($_[0]) }

# One kind of connection each: what is counted, whence it comes, and what it
# does.
my $served = sub {
    my ($bytes) = @_;
    return sub {
        my ($client, $has_tls) = @_;
        $client->send($bytes);
        $client->start_tls if $has_tls;
        my $answer = $client->get('/', Connection => 'close');
        is($answer && $answer->code, 200, '... it is served');
    };
};
my $sends = sub {
    my ($bytes) = @_;
    return sub { $_[0]->send($bytes) };
};
my $leaves = sub {
    my ($bytes) = @_;
    return sub { $_[0]->send($bytes)->shut_writing };
};
my $long = v2(tlvs => [tlv(4 => 'x' x 600)]);
my @kinds = (
    # Served
    ['v1', 'AcceptedV1', '127.0.0.1', $served->(v1())],
    ['v1 of IPv6', 'AcceptedV1', '127.0.0.1',
        $served->(v1(src => '2001:db8::77', dst => '2001:db8::80'))],
    ['v2', 'AcceptedV2', '127.0.0.1', $served->(v2())],
    ['v2 with a checksum', 'AcceptedV2', '127.0.0.1',
        $served->(v2(crc => 1))],
    ['v1 of an optional peer', 'AcceptedV1', '127.0.1.1', $served->(v1())],
    ['v2 of an optional peer', 'AcceptedV2', '127.0.1.1', $served->(v2())],
    ['LOCAL', 'Local', '127.0.0.1', $served->(v2(command => 'LOCAL'))],
    ['LOCAL of a load balancer', 'Local', '127.0.0.1',
        $served->(NLB_HEALTH_CHECK)],
    ['v1 UNKNOWN', 'Unknown', '127.0.0.1',
        $served->(v1(family => 'UNKNOWN'))],
    ['v2 UNSPEC', 'Unknown', '127.0.0.1', $served->(v2(family => 'UNSPEC'))],
    ['v2 UNIX', 'Unknown', '127.0.0.1',
        $served->(v2(family => 'UNIX', src => '/a', dst => '/b'))],
    ['an optional peer without', 'Absent', '127.0.1.1', $served->('')],
    ['a direct peer', 'Direct', '127.0.2.1', $served->('')],
    # Closed behind the header
    ['LOCAL, then the end', 'Local', '127.0.0.1',
        $leaves->(v2(command => 'LOCAL'))],
    ['v1, then the end', 'AcceptedV1', '127.0.0.1', $leaves->(v1())],
    ['v2, then the end', 'AcceptedV2', '127.0.0.1', $leaves->(v2())],
    ['UNKNOWN, then the end', 'Unknown', '127.0.0.1',
        $leaves->(v1(family => 'UNKNOWN'))],
    # Refused
    ['a peer in no range', 'Rejected', '127.0.4.1', $sends->(v1())],
    ['a peer in a reject range', 'Rejected', '127.0.3.1', $sends->('')],
    ['a request in place of a header', 'Missing', '127.0.0.1',
        $sends->("GET / HTTP/1.0\r\n\r\n")],
    ['any bytes in place of a header', 'Missing', '127.0.0.1',
        $sends->("\x16\x03\x01")],
    ['a bad v1 line', 'Malformed', '127.0.0.1', $sends->(v1(end => "\n"))],
    ['a bad address', 'Malformed', '127.0.0.1',
        $sends->(v1(src => '1.2.3.400'))],
    ['a wrong version', 'Malformed', '127.0.0.1', $sends->(v2(version => 3))],
    ['a wrong command', 'Malformed', '127.0.0.1', $sends->(v2(command => 7))],
    ['a short block', 'Malformed', '127.0.0.1', $sends->(v2(block => 'abc'))],
    ['a TLV that overruns', 'Malformed', '127.0.0.1',
        $sends->(v2(tlvs => [tlv(4 => 'x', 99)]))],
    ['a bad header of an optional peer', 'Malformed', '127.0.1.1',
        $sends->(v1(end => "\n"))],
    ['a header that is too large', 'TooLarge', '127.0.0.1', $sends->($long)],
    ['a wrong checksum', 'BadChecksum', '127.0.0.1',
        $sends->(v2(crc => 'bad'))],
    # Nothing comes
    ['silence', 'TimedOut', '127.0.0.1', $sends->('')],
    ['half a header, then silence', 'TimedOut', '127.0.0.1',
        $sends->('PROXY TCP4')],
    ['a header, then silence', 'TimedOut', '127.0.0.1', $sends->(v2())],
    ['LOCAL, then silence', 'TimedOut', '127.0.0.1',
        $sends->(v2(command => 'LOCAL'))],
    ['silence of an optional peer', 'TimedOut', '127.0.1.1', $sends->('')],
    ['the end at once', 'ClosedEarly', '127.0.0.1', $leaves->('')],
    ['half a header, then the end', 'ClosedEarly', '127.0.0.1',
        $leaves->('PROXY TCP4')],
    ['half a v2 header, then the end', 'ClosedEarly', '127.0.0.1',
        $leaves->(substr v2(), 0, 20)],
    ['the end at once of an optional peer', 'ClosedEarly', '127.0.1.1',
        $leaves->('')],
    ['a reset at once', 'ClosedEarly', '127.0.0.1', sub { $_[0]->reset }],
);

# A count that came late, or twice, shows in the next comparison.
my $before = counts($server);
is(sum($before), 0, 'nothing is counted at first');
is_deeply([sort grep { length } keys %$before],
    [sort map { name_of($_) } qw(plain tls strict other)],
    'the listeners that are On have counters');
for my $kind (@kinds) {
    my ($name, $counter, $from, $act) = @$kind;
    my @clients;
    for my $listener ('plain', 'tls') {
        my $client = ProxyIP::Client->new(from => $from,
            port => $server->port($listener));
        $act->($client, $listener eq 'tls');
        push @clients, $client;
        $made++;
    }
    my $after = counts_after($server, $before, 2);
    is_deeply(growth($before, $after),
        { '' => { $counter => 2 }, name_of('plain') => { $counter => 1 },
          name_of('tls') => { $counter => 1 } }, "$name: $counter");
    $before = $after;
}

# By a listener's own settings.
for my $kind (['v1 where v2 is asked for', 'Malformed', v1()],
              ['a missing checksum', 'BadChecksum', v2()],
              ['the checksum asked for', 'AcceptedV2', v2(crc => 1)]) {
    my ($name, $counter, $bytes) = @$kind;
    ProxyIP::Client->fetch(port => $server->port('strict'),
                           header => $bytes);
    $made++;
    my $after = counts_after($server, $before, 1);
    is_deeply(growth($before, $after), { '' => { $counter => 1 },
        name_of('strict') => { $counter => 1 } }, "$name: $counter");
    $before = $after;
}

# A connection is counted once, not each of its requests.
my $client = ProxyIP::Client->new(port => $server->port('plain'))->send(v2());
$client->get('/') for 1 .. 3;
$client->close;
$made++;
my $after = counts_after($server, $before, 1);
is_deeply($after->{''}, { %{ $before->{''} },
    AcceptedV2 => $before->{''}{AcceptedV2} + 1 }, 'three requests, one count');
is(sum($after), $made, "$made connections made, as many counted");

# The last that was refused.
sub last_refused {
    my ($status) = @_;
    return [@$status{ map { "ProxyIPLastRefused$_" }
        qw(Peer Reason Listener) }];
}
ProxyIP::Client->new(port => $server->port('other'), from => '127.0.4.9')
    ->ending;
is_deeply(last_refused($server->status),
    ['127.0.4.9', 'rejected on accept', name_of('other')],
    'the last refused: rejected');
ProxyIP::Client->new(port => $server->port('plain'), from => '127.0.0.8')
    ->send(v1(src => '1.2.3.400'))->ending;
my $status = $server->status;
is($status->{ProxyIPLastRefusedPeer}, '127.0.0.8', '... a bad header: peer');
like($status->{ProxyIPLastRefusedReason}, qr/^bad PROXY header: \w.*\w$/,
    '... reason');
is($status->{ProxyIPLastRefusedListener}, name_of('plain'), '... listener');
like($status->{ProxyIPLastRefusedTime},
    qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/, '... time');
ProxyIP::Client->new(port => $server->port('tls'), from => '127.0.0.7')
    ->send("GET / HTTP/1.0\r\n\r\n")->ending;
like(last_refused($server->status)->[1],
    qr/^no PROXY header: an HTTP request/, '... no header');
my $peers = last_refused($server->status);
ProxyIP::Client->new(port => $server->port('tls'))->close;
ProxyIP::Client->fetch(port => $server->port('plain'), header => v2());
$made += 5;
$before = counts_after($server, $after, 5);
is_deeply(last_refused($server->status), $peers,
    '... who closed, and who was served, is not refused');

# Pages.
sub page {
    my ($query) = @_;
    my $answer = ProxyIP::Client->fetch(port => $server->port('status'),
        path => "/server-status$query");
    my ($section) = $answer->content
        =~ m{(<h1>PROXY protocol</h1>.*?)(?=<hr|</body>)}s;
    return $section // '';
}

sub is_well_formed {
    my ($text) = @_;
    my @open;
    while ($text =~ m{<(/?)(\w+)[^<>]*?(/?)>|([<>]|&(?!\w+;|\#\d+;))}g) {
        return 0 if defined $4;
        next if $3;
        if (!$1) {
            push @open, $2;
        }
        elsif (($open[-1] // '') ne $2) {
            return 0;
        }
        else {
            pop @open;
        }
    }
    return !@open;
}

sub rows {
    my ($page) = @_;
    $page =~ s{<wbr />}{}g;
    return map { [m{<t[hd][^>]*>(.*?)</t[hd]>}g] }
        $page =~ m{<tr[^>]*>(.*?)</tr>}gs;
}

# A counter's numbers in a row: all listeners', then those of each.
sub numbers_of {
    my ($rows, $counter) = @_;
    my ($row) = grep { $_->[0] eq $counter } @$rows;
    return [@$row[3 .. $#$row]];
}

my $page = page('');
ok(is_well_formed($page), 'the page is well-formed');
my @rows = rows($page);
my @names = map { name_of($_) } qw(plain tls strict other);
is_deeply($rows[0], ['Connections', 'What became of them', 'Log', 'all',
    @names], '... a heading: a column for each listener');
is_deeply([map { $_->[0] } @rows[1 .. $#rows]], [@COUNTERS, 'Waiting'],
    '... a row for each counter');
for my $counter (@COUNTERS) {
    is_deeply(numbers_of(\@rows, $counter),
        [map { $before->{$_}{$counter} } '', @names], "... $counter");
}
is_deeply(numbers_of(\@rows, 'Waiting'), [0, ('') x @names], '... who waits');
like($page, qr/Last refused: 127\.0\.0\.7 on \Q${\name_of('tls')}\E at /,
    '... and who was refused');
$page = page('?notable');
ok(is_well_formed($page), '?notable is well-formed');
unlike($page, qr/<t(?:able|r|d|h)\b/, '... without a table');
like($page, qr/<dt>$_: $before->{''}{$_}</, "... $_") for @COUNTERS;

# Over restarts, with the same and with other listeners.
for my $how ('graceful', 'restart') {
    $server->$how;
    is_deeply(counts($server), $before, "$how: the counts stay");
    ProxyIP::Client->fetch(port => $server->port('plain'), header => v1());
    $made++;
    $after = counts_after($server, $before, 1);
    is_deeply(growth($before, $after), { '' => { AcceptedV1 => 1 },
        name_of('plain') => { AcceptedV1 => 1 } }, '... and go on');
    $before = $after;
}
is_deeply(last_refused($server->status), $peers,
    '... and the last refused');

(my $changed = $config) =~ s/\@port:other\@/\@port:another\@/g;
$changed =~ s/(<VirtualHost \S+port:strict\@>)/$1\nProxyIP Off/;
$server->graceful($changed);
$after = counts($server);
is_deeply([sort keys %$after], [sort '', map { name_of($_) }
    qw(plain tls strict other another)],
    'other listeners: a new one, and those there were');
is_deeply(growth($before, $after), {}, '... with their counts');
ProxyIP::Client->fetch(port => $server->port('another'), header => v2());
ProxyIP::Client->fetch(port => $server->port('strict'));
$made++;
$before = counts_after($server, $after, 1);
is_deeply(growth($after, $before), { '' => { AcceptedV2 => 1 },
    name_of('another') => { AcceptedV2 => 1 } },
    '... the new one counts, one that is Off does not');
$server->graceful($config);
ProxyIP::Client->fetch(port => $server->port('other'), header => v2());
$made++;
$after = counts_after($server, $before, 1);
is_deeply(growth($before, $after), { '' => { AcceptedV2 => 1 },
    name_of('other') => { AcceptedV2 => 1 } },
    '... one that comes back goes on');

# More new listeners than there is room for: as many as ever share one entry.
my $many = join '', map {
    "Listen 127.0.0.$_:\@port:plain\@\n<VirtualHost 127.0.0.$_:\@port:plain\@>"
    . "\nServerName many\n</VirtualHost>\n" } 101 .. 190;
for (1 .. 2) {
    $server->graceful($config . $many);
    $before = counts($server);
    for my $last (101, 189, 190) {
        ProxyIP::Client->fetch(host => "127.0.0.$last",
            port => $server->port('plain'), header => v2());
        $made++;
    }
    $after = counts_after($server, $before, 3);
    is_deeply(growth($before, $after), { '' => { AcceptedV2 => 3 },
        '127.0.0.101:' . $server->port('plain') => { AcceptedV2 => 1 },
        'other listeners' => { AcceptedV2 => 2 } },
        'ninety more listeners: some have counters of their own');
}
is(scalar(grep { /^127\.0\.0\.1\d\d:/ } keys %$after), 64,
    '... 64 of them: one for the listener that is Off, none for `another\'');
is(sum($after), $made, "... $made connections made, as many counted");
$server->stop;

# A virtual host of several addresses: each is a listener.
$server = ProxyIP::Server->new(status => 1, config => <<'EOC')->start;
ProxyIP On
ProxyIPPeer require 127.0.0.0/8
Listen 127.0.0.1:@port:first@
Listen 127.0.0.2:@port:first@
Listen 127.0.0.3:@port:second@
Listen 127.0.0.4:@port:third@
<VirtualHost 127.0.0.1:@port:first@ 127.0.0.2:@port:first@ *:@port:second@>
</VirtualHost>
EOC
$before = counts($server);
my %address = (
    '127.0.0.1:' . $server->port('first') => ['127.0.0.1', 'first', 1],
    '127.0.0.2:' . $server->port('first') => ['127.0.0.2', 'first', 2],
    '*:' . $server->port('second') => ['127.0.0.3', 'second', 3],
    'main server' => ['127.0.0.4', 'third', 4],
);
for my $address (values %address) {
    ProxyIP::Client->fetch(host => $address->[0], header => v1(),
        port => $server->port($address->[1])) for 1 .. $address->[2];
}
is_deeply(growth($before, counts_after($server, $before, 10)),
    { '' => { AcceptedV1 => 10 },
      map { $_ => { AcceptedV1 => $address{$_}[2] } } keys %address },
    'each address of a virtual host counts for itself');
$server->stop;

# ExtendedStatus Off, and several children.
my $children = <<'EOC';
<IfModule mpm_prefork_module>
    StartServers 6
    MinSpareServers 6
</IfModule>
<IfModule !mpm_prefork_module>
    StartServers 3
    ThreadsPerChild 4
    MinSpareThreads 12
    MaxSpareThreads 12
    MaxRequestWorkers 12
</IfModule>
EOC
my $waits = <<'EOC';
ProxyIP On
ProxyIPPeer require 127.0.0.0/24
ProxyIPTimeout 60s
ProxyIPDefer 60s
EOC
$server = ProxyIP::Server->new(status => 1, loglevel => 'info proxyip:debug',
    config => "ExtendedStatus Off\n$children$waits")->start;
my $port = $server->port;
$before = counts($server);
is_deeply([keys %$before], [''], 'ExtendedStatus Off: totals only');
is_deeply((rows(page('')))[0], ['Connections', 'What became of them', 'Log',
    'all'], '... on the page too');

# Eight at once go to more than one child.  None is silent for long: should one
# child have them all, it might close it to make room.
$server->error_log->mark;
my $get = "GET / HTTP/1.0\r\n\r\n";
for my $round (1 .. 6) {
    my @together = map {
        ProxyIP::Client->new(port => $port)->send("$_$get")
    } (v2()) x 4, (v1()) x 3, '';
    $_->answer, $_->close for @together;
}
$after = counts_after($server, $before, 48);
is_deeply(growth($before, $after), { '' => { AcceptedV2 => 24,
    AcceptedV1 => 18, Missing => 6 } }, 'the sum over several children');
my %pid = map { /\[pid (\d+)/ ? ($1 => 1) : () }
    $server->error_log->lines(qr/PIP0042/);
cmp_ok(scalar keys %pid, '>', 1, '... more than one took part');

# Who waits.
waiting_is($server, 0, 'nobody waits');
my %bytes = (silent => '', part => 'PROXY TCP4 192.0.2.77 ', header => v2());
my @waiting;
for my $what (sort keys %bytes) {
    push @waiting, ProxyIP::Client->new(port => $port)->send($bytes{$what});
    waiting_is($server, scalar @waiting, "waiting: $what");
}
$waiting[1]->send("198.51.100.80 4711 443\r\n");
waiting_is($server, 3, '... still, with its header complete');
is($waiting[1]->get('/', Connection => 'close')->code, 200, '... served');
waiting_is($server, 2, 'one spoke');
$waiting[2]->close;
waiting_is($server, 1, 'one left');
$waiting[0]->reset;
waiting_is($server, 0, 'one ended with a reset');

# Over a graceful restart: the lobby's go to the new children, a worker's stay
# with it.
$before = counts($server);
@waiting = map { ProxyIP::Client->new(port => $port)->send($bytes{$_}) }
    sort keys %bytes;
waiting_is($server, 3, 'three wait before a restart');
$server->graceful;
waiting_is($server, 3, '... and after it');
push @waiting, ProxyIP::Client->new(port => $port)->send(v2());
waiting_is($server, 4, '... and a fourth that has come since');
is_deeply(growth($before, counts($server)), {}, '... none is counted yet');
$_->close for splice @waiting;
$after = counts_after($server, $before, 4);
is_deeply(growth($before, $after),
    { '' => { ClosedEarly => 2, AcceptedV2 => 2 } }, '... each once, then');
waiting_is($server, 0, '... nobody waits');

# Killed children: they take their waiters with them, and leave their counts.
# (Event before httpd 2.4.53 may start no others in their place: bug 65769.)
SKIP: {
    skip 'this httpd does not replace killed children', 5
        if ProxyIP::Httpd::mpm() eq 'event' && !ProxyIP::Httpd::is_at_least(53);
    $before = counts($server);
    @waiting = map { ProxyIP::Client->new(port => $port)->send($bytes{$_}) }
        sort keys %bytes;
    waiting_is($server, 3, 'three wait in children that are killed');
    kill 'KILL', $server->children;
    $_->ending for splice @waiting;
    waiting_is($server, 0, '... nobody waits');
    is_deeply(growth($before, counts($server)), {}, '... the counts stay');
    ProxyIP::Client->fetch(port => $port, header => v2());
    is_deeply(growth($before, counts_after($server, $before, 1)),
        { '' => { AcceptedV2 => 1 } }, '... and go on');
    $server->stop;

    # A child's place is free again, however often.  There are few of them here:
    # two for each child that the server may have.
    $server = ProxyIP::Server->new(status => 1, workers => 3,
        loglevel => 'warn', config => <<"EOC")->start;
$waits
ServerLimit 1
<IfModule mpm_prefork_module>
    StartServers 3
    ServerLimit 3
</IfModule>
EOC
    $port = $server->port;
    my $lost = 0;
    for (1 .. 8) {
        my $held = ProxyIP::Client->new(port => $port)->send(v2());
        my $is_seen = $server->wait_until(10, sub {
            $server->status->{ProxyIPWaiting} == 1 });
        kill 'KILL', $server->children;
        my $is_gone = $server->wait_until(10, sub {
            ((eval { $server->status } // {})->{ProxyIPWaiting} // 1) == 0 });
        $lost++ if !$is_seen || !$is_gone;
        $held->close;
    }
    is($lost, 0, 'eight times all children were killed: no place was lost');
}
$server->stop;

SKIP: {
    skip 'this MPM does not wait without a worker', 4
        if !ProxyIP::Httpd::waits();

    # Where the server may be the one to speak first, too.
    $server = ProxyIP::Server->new(status => 1, config => $waits
        . <<'EOC')->start;
Listen 127.0.0.1:@port:now@
Listen 127.0.0.1:@port:later@
ProxyIPPeer optional 127.0.1.0/24
<VirtualHost 127.0.0.1:@port:now@>
    ProxyIPDefer Off
</VirtualHost>
EOC
    my $held = ProxyIP::Client->new(port => $server->port('now'),
        from => '127.0.1.1');
    waiting_is($server, 1, 'one waits where ProxyIPDefer is Off');
    my $other = ProxyIP::Client->new(port => $server->port('later'));
    waiting_is($server, 2, '... and one where it is not');
    $other->close;
    waiting_is($server, 1, '... which leaves');
    $held->close;
    waiting_is($server, 0, '... and so does the other');
    $server->stop;
}

# The main server's Timeout has no part in it.
$server = ProxyIP::Server->new(status => 1, config => <<'EOC')->start;
ProxyIP On
ProxyIPPeer require 127.0.0.0/24
Timeout 1
ProxyIPTimeout 3s
ProxyIPDefer 3s
EOC
$before = counts($server);
@waiting = map { ProxyIP::Client->new(port => $server->port)
    ->send($bytes{$_}) } sort keys %bytes;
is_deeply(growth($before, counts_after($server, $before, 3))->{''},
    { TimedOut => 3 }, 'out of time: TimedOut');

done_testing;
