# conf-examples/MOVING-IN is true: each of its fragments passes -t and does
# what the page says, and each row of its tables is what the module that is
# left and this one make of the same bytes.
#
# mod_remoteip is httpd's own and is run here. The others are not: where the
# environment has the path of one, built by apxs -c, its column is tried too.
#
#   PROXYIP_MYFIXIP=/path/mod_myfixip.so
#   PROXYIP_PROXY_PROTOCOL=/path/mod_proxy_protocol.so
#       make test TESTS=t/moving-in.t MPMS=event

use strict;
use warnings;

use Test::More;

use ProxyIP::Client;
use ProxyIP::Example;
use ProxyIP::Header qw(v1 v2 tlv SIGNATURE NLB_HEALTH_CHECK CLIENT CLIENT6);
use ProxyIP::Server;

plan skip_all => 'once is enough' if ProxyIP::Httpd::mpm() ne 'event';

# The page

my $path = ProxyIP::Httpd::top() . '/conf-examples/MOVING-IN';
open my $file, '<', $path or die "$path: $!\n";
my @page = <$file>;
close $file;
chomp @page;
is(join(' ', grep { length $page[$_ - 1] > 80 } 1 .. @page), '',
    'the page: no line over 80 columns');

my %fragment = ProxyIP::Example::fragments('MOVING-IN');
my %table;
while (@page) {
    my $line = shift @page;
    if ($line =~ /^(Headers|Peers):$/) {
        my $name = $1;
        shift @page;
        while (@page && length $page[0]) {
            # The words above the columns are indented further.
            my ($what, @outcome) = shift(@page) =~ /^  (\S.*?)\s{2,}(\S.*)$/
                or next;
            push @{ $table{$name} }, [$what, split ' ', $outcome[0]];
        }
    }
}
is(join("\n", sort keys %fragment), join("\n", 'After (mod_myfixip)',
    'After (mod_myfixip, health checks)', 'After (mod_proxy_protocol)',
    (map { my $when = $_; map { "$when (mod_remoteip$_)" }
        '', ', a CDN', ', whole server' } 'After'),
    'Before (mod_myfixip)', 'Before (mod_proxy_protocol)',
    (map { "Before (mod_remoteip$_)" } '', ', a CDN', ', whole server'),
    'Both (the way back)', 'Log (who connects)'), 'the page: its fragments');

# A fragment as it is run here: 10.0 is 127.0, each port a free one.
sub here {
    my ($name) = @_;
    my $text = $fragment{$name} // die "no fragment $name\n";
    $text =~ s/\b10\.0\.(?=\d)/127.0./g;
    my %port = map { $_ => 1 } $text =~ /\*:(\d+)/g;
    $text =~ s/\*:(\d+)/127.0.0.1:\@port:p$1\@/g;
    $port{80} = 1;
    return join '', (map { "Listen 127.0.0.1:\@port:p$_\@\n" } sort keys %port),
        $text, <<'EOC';
Header always set X-Client "expr=%{REMOTE_ADDR}"
Header always set X-Connection "expr=%{CONN_REMOTE_ADDR}"
Header always set X-Told "expr=%{HTTP:X-Cluster-Client-Ip}"
EOC
}

{
    package Theirs;
    use parent -norequire, 'ProxyIP::Server';

    # That others' modules crash is what the page says.
    sub complaints { return }
}

my %THEIRS = (
    mod_remoteip       => '',
    mod_proxy_protocol => $ENV{PROXYIP_PROXY_PROTOCOL},
    mod_myfixip        => $ENV{PROXYIP_MYFIXIP},
);

# Before 2.4.71 mod_remoteip was another: its LOCAL, for one.
my ($major, $minor, $patch) = do {
    my $program = ProxyIP::Httpd::program();
    `$program -v` =~ m{Apache/(\d+)\.(\d+)\.(\d+)};
};
my $tried = $major * 1_000_000 + $minor * 1000 + $patch >= 2_004_071;
delete $THEIRS{mod_remoteip} if !$tried;

# Is there something to compare with?
sub theirs_runs { return defined $THEIRS{ $_[0] } }

sub theirs {
    my ($module, $name, %option) = @_;
    my $load = '';
    if (length $THEIRS{$module}) {
        my $symbol = $module =~ s/^mod_//r;
        $load = "LoadModule ${symbol}_module $THEIRS{$module}\n";
    }
    return Theirs->new(proxyip => 0, loglevel => 'info',
        config => $load . here("Before ($name)"), %option)->start;
}

sub ours {
    my ($name, %option) = @_;
    return ProxyIP::Server->new(loglevel => 'info',
        config => here("After ($name)"), %option)->start;
}

# What a server makes of some bytes and a request: [word of the page, answer].
# A reference to bytes: they are sent one at a time.
my $REQUEST = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";

sub answer {
    my ($server, $bytes, %option) = @_;
    my $client = ProxyIP::Client->new(from => $option{from} // '127.0.0.5',
        port => $server->port($option{port} // 'p80'));
    my $rest = $REQUEST . ($option{fields} // '') . "\r\n";
    ref $bytes ? $client->send_slowly($$bytes, delay => 0.002)->send($rest)
               : $client->send($bytes . $rest);
    return ($client, $client->answer(3));
}

sub outcome {
    my ($server, $bytes, %option) = @_;
    my $log = $server->error_log->mark;
    my ($client, $answer) = answer($server, $bytes, %option);
    if ($answer) {
        return $answer->code if $answer->code != 200;
        my $saw = $answer->header('X-Client');
        my $own = $option{from} // '127.0.0.5';
        return $saw eq CLIENT || $saw eq CLIENT6 ? 'client'
            : $saw eq $own ? 'peer'
            : ${ ref $bytes ? $bytes : \$bytes } =~ /TCP.* \Q$saw\E / ? 'text'
            : 'other';
    }
    my $end = $client->ending(1);
    return 'waits' if $end->{how} eq 'open';
    return $end->{bytes} =~ /^(\w+)\n\z/ ? $1 : 'answered' if $end->{bytes};
    # A child's end takes httpd a second to see.
    return 'crash' if $option{crashes} && $log->wait_for(qr/exit signal/, 1.5);
    return 'closed';
}

# The headers of the page's first table, by their names there.
my @v6 = (src => CLIENT6, dst => '2001:db8::80');
my %HEADER = (
    'v1 TCP4' => v1(),
    'v1 TCP6' => v1(@v6),
    'v1, a byte at a time' => \v1(),
    'v1, IPv6 address in capitals' => v1(@v6, src => '2001:DB8:0:0:0:0:0:77'),
    'v1, ::ffff:192.0.2.77' => v1(@v6, src => '::ffff:192.0.2.77'),
    'v1, ::ffff:c000:24d' => v1(@v6, src => '::ffff:c000:24d'),
    'v1 UNKNOWN' => v1(family => 'UNKNOWN'),
    'v1 UNKNOWN and four fields' => "PROXY UNKNOWN 1.1.1.1 2.2.2.2 1 2\r\n",
    'v1, destination IPv4 in IPv6' => v1(dst => '::ffff:10.0.0.9'),
    'v1, destination "nowhere"' => v1(dst => 'nowhere'),
    'v1, source port 70000' => v1(sport => 70_000),
    'v1, source port +1' => v1(sport => '+1'),
    'v1, source port "http"' => v1(sport => 'http'),
    'v1, destination port "https"' => v1(dport => 'https'),
    'v1, destination port missing' => "PROXY TCP4 192.0.2.77 1.1.1.1 5\r\n",
    'v1, both ports missing' => "PROXY TCP4 192.0.2.77 1.1.1.1\r\n",
    'v1, a seventh field' => v1(end => " 7\r\n"),
    'v1, two spaces' => "PROXY TCP4  192.0.2.77 2.2.2.2 1 2\r\n",
    'v1 TCP4 with IPv6 addresses' => v1(@v6, family => 'TCP4'),
    'v1 TCP6 with IPv4 addresses' => v1(family => 'TCP6'),
    'v1, source 192.0.02.77' => v1(src => '192.0.02.77'),
    'v1, source 192.0.589' => v1(src => '192.0.589'),
    'v1, source 192.0.2.300' => v1(src => '192.0.2.300'),
    'v1, source localhost' => v1(src => 'localhost'),
    'v1 TCP5' => v1(family => 'TCP5'),
    'v1, LF without CR' => v1(end => "\n"),
    'v1, over 107 bytes' => 'PROXY UNKNOWN ' . 'x' x 100 . "\r\n",
    'v2 IPv4' => v2(),
    'v2 IPv6' => v2(@v6),
    'v2, IPv4 as ::ffff:c000:24d' => v2(family => 'INET6'),
    'v2, a byte at a time' => \v2(),
    'v2 datagram' => v2(transport => 'DGRAM'),
    'v2 LOCAL' => v2(command => 'LOCAL'),
    "v2, AWS NLB's health check" => NLB_HEALTH_CHECK,
    'v2 UNSPEC' => v2(family => 'UNSPEC'),
    'v2 UNIX' => v2(src => '/client', dst => '/server'),
    (map { ("v2 with TLVs, $_ bytes" => v2(tlvs => [tlv(0x04 =>
        'n' x ($_ - 31))])) } 232, 233, 600, 4096, 4097),
    'v2, checksum right' => v2(crc => 1),
    'v2, checksum wrong' => v2(crc => 'bad'),
    'v2, a TLV overruns' => v2(tlvs => [tlv(0x02 => 'abc', 4)]),
    'v2, a stray byte' => v2(tail => 'x'),
    'v2, no addresses' => v2(block => ''),
    'v2, undefined family' => v2(family => 4, block => 'x' x 36),
    'v2, undefined command' => v2(command => 2),
    'version 3' => v2(version => 3),
    'no header' => '',
    'neither header nor HTTP' => "\xff\xfe\0\1" . 'x' x 20 . "\r\n",
    'two v1 headers' => v1() . v1(),
    'HELO and four bytes' => "HELO\xc0\0\2\x4d",
    'TEST' => 'TEST',
);
is(length $HEADER{"v2 with TLVs, $_ bytes"}, $_, "a header of $_ bytes")
    for 233, 4097;

my @headers = @{ $table{Headers} // [] };
is_deeply([sort map { $_->[0] } @headers], [sort keys %HEADER],
    'the page: a row for each header');

# What the page's modules make of each, theirs and then ours by the fragment.
my @COLUMNS = qw(mod_remoteip mod_proxy_protocol mod_myfixip);
for my $column (1 .. @COLUMNS) {
    my $module = $COLUMNS[$column - 1];
    my $after = ours($module, status => 1);
    my $port = $module eq 'mod_myfixip' ? 'p443' : 'p80';
    for my $row (@headers) {
        my ($name, @expected) = @$row;
        is(outcome($after, $HEADER{$name}, port => $port), $expected[3],
            "ours, after $module: $name");
    }
    # What the page says to look at.
    my $counts = $after->status;
    my $of = sub { my ($pattern) = @_;
        scalar grep { $_->[4] eq 'client' && $_->[0] =~ $pattern } @headers };
    my %expected = (
        AcceptedV1 => 1 + $of->(qr/^v1/),    # and the first of the two
        AcceptedV2 => $of->(qr/^v2/), Local => 2, Unknown => 4, Rejected => 0,
        BadChecksum => 1, TooLarge => 1, Missing => 4);
    is_deeply({ map { $_ => $counts->{"ProxyIP$_"} } keys %expected },
        \%expected, "... after $module: counted");

    next if !theirs_runs($module);
    my $before = theirs($module, $module);
    for my $row (@headers) {
        my ($name, @expected) = @$row;
        my $got = outcome($before, $HEADER{$name}, port => $port,
            crashes => $module ne 'mod_remoteip');
        my $expected = $expected[$column - 1];
        $got = 'chance'
            if $expected eq 'chance' && $got =~ /^(?:client|other)$/;
        is($got, $expected, "$module: $name");
    }
}

# Who sends.
my %PEER = (balancer => '127.0.0.5', exception => '127.0.9.1',
    stranger => '127.0.7.1');
my @peers = @{ $table{Peers} // [] };
is(join('; ', map { $_->[0] } @peers), join('; ', map { ("$_, v1", "$_, none")
    } qw(balancer exception stranger)), 'the page: a row for each peer');
for my $column (0 .. $#COLUMNS) {
    my $module = $COLUMNS[$column];
    my $port = $module eq 'mod_myfixip' ? 'p443' : 'p80';
    my %server = (ours => ours($module));
    $server{theirs} = theirs($module, $module) if theirs_runs($module);
    for my $row (@peers) {
        my ($what, @outcomes) = @$row;
        my ($who, $header) = split /, /, $what;
        for my $whose (sort keys %server) {
            is(outcome($server{$whose}, $header eq 'v1' ? v1() : '',
                    port => $port, from => $PEER{$who}),
                $outcomes[2 * $column + ($whose eq 'ours')],
                "$module, $whose: $what");
        }
    }
    next if $module ne 'mod_remoteip';

    # What the logs say of a connection without a header, and of a stranger.
    my $log = $server{ours}->error_log->mark;
    answer($server{ours}, '');
    like($log->wait_for(qr/PIP0021/, 3) // '', qr/proxyip:error.*PIP0021: .*
        peer\ 127\.0\.0\.5:\d+\ \(ProxyIPPeer\ require\ 127\.0\.0\.0\/24/x,
        'no header: ours has a line, with the directive');
    $log->mark;
    answer($server{ours}, v1(), from => '127.0.7.2');
    ok($log->wait_for(qr/proxyip:info.*PIP0020: .*127\.0\.7\.2/, 3),
        'a stranger: ours has a line');
    my ($client, $answer) = answer($server{ours}, v1());
    is($answer->header('X-Connection'), CLIENT, '%{c}a: ours, the client');
    $server{ours}->access_log->mark;
    ProxyIP::Client->new(port => $server{ours}->port('p80'),
        from => '127.0.0.5')->send(v1() . "BAD\r\n\r\n")->answer(3);
    like($server{ours}->access_log->wait_for(qr/status=400/, 3) // '',
        qr/^client=192\.0\.2\.77 conn=192\.0\.2\.77 /,
        'a request answered 400: ours logs the client');

    my $theirs = $server{theirs} or next;
    $log = $theirs->error_log->mark;
    answer($theirs, '');
    # Something that has a line, after it.
    answer($theirs, v1(family => 'TCP5'));
    ok($log->wait_for(qr/TCP5/, 3), 'theirs logs some bad headers');
    is($log->count(qr/remoteip/), 1, '... and not that none came');
    ($client, $answer) = answer($theirs, v1());
    is($answer->header('X-Connection'), '127.0.0.5',
        '%{c}a: theirs, the balancer');
    $theirs->access_log->mark;
    ProxyIP::Client->new(port => $theirs->port('p80'), from => '127.0.0.5')
        ->send(v1() . "BAD\r\n\r\n")->answer(3);
    like($theirs->access_log->wait_for(qr/status=400/, 3) // '',
        qr/^client=127\.0\.0\.5 conn=127\.0\.0\.5 /,
        'a request answered 400: theirs logs the balancer');
}

# Four connections that sent a header, or nothing, and four workers.
for my $case (['theirs', ''], ['theirs', v1()], ['ours', ''], ['ours', v1()]) {
    next if $case->[0] eq 'ours' && !ProxyIP::Httpd::waits();
    my ($whose, $bytes) = @$case;
    my $what = "$whose: four " . (length $bytes ? 'with a header' : 'silent');
    for my $module ($whose eq 'ours' ? $COLUMNS[0] : sort keys %THEIRS) {
        next if $whose eq 'theirs' && !theirs_runs($module);
        my $server = $whose eq 'ours' ? ours($module, workers => 4)
            : theirs($module, $module, workers => 4);
        my $port = $module eq 'mod_myfixip' ? 'p443' : 'p80';
        my @four = map { ProxyIP::Client->new(port => $server->port($port),
            from => '127.0.0.5')->send($bytes) } 1 .. 4;
        $server->wait_until(0.3, sub { 0 });
        my $answer = ProxyIP::Client->new(port => $server->port($port),
            from => '127.0.0.5')->send(v1())->request('/')
            ->answer($whose eq 'ours' ? 5 : 1);
        is($answer ? $answer->code : 'not answered',
            $whose eq 'ours' ? 200 : 'not answered', "$module, $what");
        $_->reset for @four;
    }
}

# Fragments

# Ours passes -t as it stands on the page, and as it is run here.
for my $name (sort grep { /^(?:After|Both)/ } keys %fragment) {
    for my $config ($fragment{$name}, here($name)) {
        my ($status, $output) = ProxyIP::Server->config_error($config,
            loglevel => 'warn');
        is($status, 0, "$name: -t") or diag $output;
        unlike($output, qr/PIP\d/, "$name: without a warning");
    }
}
my ($status, $output) = ProxyIP::Server->config_error(here(
    'After (mod_remoteip)'), arguments => ['-D', 'DUMP_PROXYIP']);
like($output, qr/require.*127\.0\.0\.0\/24|127\.0\.0\.0\/24.*require/,
    'DUMP_PROXYIP has the balancers');
like($output, qr/direct.*127\.0\.9\.0\/28|127\.0\.9\.0\/28.*direct/,
    '... and the exceptions');

# Both at once, on one listener.
for my $name (map { "(mod_remoteip$_)" } '', ', whole server', ', a CDN') {
    my ($status, $output) = ProxyIP::Server->config_error(
        here("Before $name") . $fragment{"After $name"}
            =~ s/\*:(\d+)/127.0.0.1:\@port:p$1\@/gr);
    isnt($status, 0, "both $name: does not start");
    like($output, qr/PIP000[14]/, '... and is told so');
}
($status, $output) = ProxyIP::Server->config_error(
    here('After (mod_remoteip)')
        =~ s/ProxyIP On/$&\nRemoteIPProxyProtocol On/r);
isnt($status, 0, 'RemoteIPProxyProtocol beside ProxyIP: does not start');
like($output, qr/PIP0004: .*RemoteIPProxyProtocol/, '... PIP0004');

# The whole server but one port.
{
    my $name = 'mod_remoteip, whole server';
    my @servers = ([ours => ours($name)]);
    push @servers, [theirs => theirs('mod_remoteip', $name)]
        if theirs_runs('mod_remoteip');
    for my $case (@servers) {
        my ($whose, $server) = @$case;
        is(outcome($server, v1()), 'client', "$name, $whose: v1");
        is(outcome($server, ''), 'closed', "$name, $whose: no header");
        is(outcome($server, '', port => 'p8080'), 'peer',
            "$name, $whose: no header, where it is Off");
        is(outcome($server, v1(), port => 'p8080'), 400,
            "$name, $whose: v1, where it is Off");
    }
}

# A CDN: its edge is who the PROXY header names.
{
    my $name = 'mod_remoteip, a CDN';
    my $visitor = 'X-Forwarded-For: 203.0.113.9';
    my $saw = sub { my ($server, %header) = @_;
        my (undef, $answer) = answer($server, v1(%header),
            fields => "$visitor\r\n");
        return $answer && $answer->header('X-Client') };
    my $server = ours($name);
    is($saw->($server), '203.0.113.9', 'a CDN, ours: the visitor');
    is($saw->($server, src => '198.51.100.9'), '198.51.100.9',
        'a CDN, ours: not from a client who is no edge');
    if (theirs_runs('mod_remoteip')) {
        is($saw->(theirs('mod_remoteip', $name)), CLIENT,
            'a CDN, theirs: the edge');
    }
}

# mod_myfixip's HTTP header: what %a is, and what an application is told.
{
    my $forged = "X-Cluster-Client-Ip: 203.0.113.9\r\n";
    my $saw = sub { my ($server, $bytes, %option) = @_;
        my (undef, $answer) = answer($server, $bytes, fields => $forged,
            %option);
        return $answer && join ' ', map { $answer->header($_) // '-' }
            'X-Client', 'X-Told' };
    my @servers = ([ours => ours('mod_myfixip')]);
    push @servers, [theirs => theirs('mod_myfixip', 'mod_myfixip')]
        if theirs_runs('mod_myfixip');
    for my $case (@servers) {
        my ($whose, $server) = @$case;
        is($saw->($server, v1(), port => 'p443'), CLIENT . ' ' . CLIENT,
            "mod_myfixip, $whose: PROXY header and HTTP header");
        is($saw->($server, ''), '203.0.113.9 203.0.113.9',
            "mod_myfixip, $whose: HTTP header of the balancer");
        # Theirs takes the header away, ours says who it is.
        is((split ' ', $saw->($server, '', from => '127.0.7.1'))[0],
            '127.0.7.1', "mod_myfixip, $whose: HTTP header of a stranger");
        isnt((split ' ', $saw->($server, '', from => '127.0.7.1') . ' -')[1],
            '203.0.113.9', "mod_myfixip, $whose: ... nobody is told");
    }
    my $server = ours('mod_myfixip, health checks');
    my %check = (from => '127.0.9.1');
    is(outcome($server, '', %check), 'peer', 'a checker without a header');
    is(outcome($server, v2(command => 'LOCAL'), %check), 'peer',
        'a checker with LOCAL');
    is(outcome($server, v1(), %check), 'client', 'a checker with a header');
    is(outcome($server, ''), 'closed', 'a balancer without one');
    is(outcome($server, 'TEST', %check), 501,
        'TEST is a method that is none, even of an optional peer');
}

# Single statements about mod_remoteip.
if (theirs_runs('mod_remoteip')) {
    my $two = here('Before (mod_remoteip)') . <<'EOC';
<VirtualHost 127.0.0.1:@port:p80@>
    ServerName other.example.org
    RemoteIPProxyProtocol Off
</VirtualHost>
Listen 127.0.0.1:@port:other@
<VirtualHost 127.0.0.1:@port:other@>
    RemoteIPProxyProtocol On
</VirtualHost>
EOC
    my $server = Theirs->new(proxyip => 0, loglevel => 'info',
        config => $two)->start;
    ok($server->error_log->wait_for(qr/AH03491/, 3),
        'theirs: a notice when names disagree');
    is(outcome($server, ''), 'peer', '... the last wins');
    is(outcome($server, '', port => 'other', from => '127.0.9.1'), 'peer',
        "theirs: one virtual host's exceptions are the server's");
    ($status, $output) = Theirs->config_error("RemoteIPProxyProtocol On\n"
        . 'RemoteIPProxyProtocolExceptions 10.0.0.1/8 10.1',
        proxyip => 0, loglevel => 'info');
    is($status, 0, 'theirs: ranges that are none') or diag $output;
}
($status, $output) = ProxyIP::Server->config_error(
    here('After (mod_remoteip)') . "<VirtualHost 127.0.0.1:\@port:p80\@>\n"
        . "ProxyIP Off\n</VirtualHost>");
like($output, qr/PIP0001/, 'ours: names that disagree do not start');

# Who connects, as the page has it logged before the switch.
SKIP: {
    skip 'another mod_remoteip than the page is about', 3
        if !theirs_runs('mod_remoteip');
    my $server = Theirs->new(proxyip => 0, loglevel => 'info', config =>
        here('Before (mod_remoteip)') . $fragment{'Log (who connects)'})->start;
    is(outcome($server, v1()), 'client', 'theirs: a client');
    like(ProxyIP::Log->new($server->root . '/logs/peers')->wait_for(qr/./, 5),
        qr/^127\.0\.0\.5 127\.0\.0\.1:\d+\z/, '... and who connected');

    my ($ss) = ProxyIP::Log->new($path)->text =~ /^ {8}(ss .*)$/m;
    skip 'no ss here', 1 if system('command -v ss >/dev/null') != 0;
    my $silent = ProxyIP::Client->new(port => $server->port('p80'),
        from => '127.0.0.6');
    my $port = $server->port('p80');
    my $shown = `@{[$ss =~ s/:80\b/:$port/r]} 2>&1`;
    like($shown, qr/:$port +127\.0\.0\.6:\d+ *$/m,
        '... and who connects and asks nothing');
}

# The way back, and forth: a graceful restart with and without the module.
{
    my $server = ProxyIP::Server->new(loglevel => 'info',
        config => here('Both (the way back)'))->start;
    for my $proxyip (1, 0, 1) {
        $server->{proxyip} = $proxyip;
        $server->graceful;
        my $which = $proxyip ? 'ours' : 'theirs';
        my (undef, $answer) = answer($server, v1());
        is($answer && join(' ', map { $answer->header($_) } 'X-Client',
            'X-Connection'), CLIENT . ($proxyip ? ' ' . CLIENT
            : ' 127.0.0.5'), "the way back, $which: v1");
        is(outcome($server, ''), 'closed', "the way back, $which: no header");
        is(outcome($server, '', from => '127.0.9.1'), 'peer',
            "the way back, $which: an exception");
        is(outcome($server, v1(), from => '127.0.7.1'),
            $proxyip ? 'closed' : 'client', "the way back, $which: a stranger");
    }
}

done_testing;
