# What mod_proxy's parameters of a worker are for connections that begin with a
# header: max=, acquire=, ttl=; what is kept for whom, and for how long; and
# that none of it grows.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep time);

use ProxyIP::Client;
use ProxyIP::Header qw(v2);
use ProxyIP::Receiver;
use ProxyIP::Server;

my $prefork = ProxyIP::Httpd::mpm() eq 'prefork';
my $receiver = ProxyIP::Receiver->new(version => 2, holds => 1)->start;
my $url = 'http://127.0.0.1:' . $receiver->port;
my $server = ProxyIP::Server->new(workers => 12,
    loglevel => 'info proxyip:info proxyip_send:debug', config => <<"EOC")
ProxyIP On
ProxyIPPeer require 127.0.0.0/8
ProxyIPSend v2
MaxKeepAliveRequests 0
ProxyPass "/two/" "$url/two/" max=2 acquire=300
ProxyPass "/one/" "$url/one/" max=1
ProxyPass "/ttl/" "$url/ttl/" ttl=1
ProxyPass "/" "$url/"
<Location "/each">
    ProxyIPSendTLV 0xE0 "%{HTTP:X-Id}"
</Location>
EOC
    ->start;

my $number = 0;

sub client {
    my $src = join '.', 192, 0, 2 + int($number / 250), 1 + $number++ % 250;
    my $client = ProxyIP::Client->new(port => $server->port)
        ->send(v2(src => $src));
    $client->{src} = $src;
    return $client;
}

sub seen {
    my ($client, $path, @headers) = @_;
    my $answer = $client->get($path, @headers) // return {};
    return { code => $answer->code } if $answer->code != 200;
    my $seen = ProxyIP::Receiver::seen($answer->content);
    die "wrong: $seen->{source} for $client->{src}\n"
        if $seen->{source} ne $client->{src};
    return $seen;
}

SKIP: {
    skip 'on prefork each child has one request at a time', 7 if $prefork;

    # All are in use: a wait, and 503.
    my $log = $server->error_log->mark;
    my @slow = map { client()->request('/two/slow') } 1, 2;
    $server->wait_until(10, sub { $log->count(qr/PIP0108/) >= 2 });
    my $late = client();
    my $start = time;
    is(seen($late, '/two/')->{code}, 503, 'max=2, both in use: 503');
    cmp_ok(time - $start, '>=', 0.3, '... behind acquire=');
    like($server->error_log->wait_for(qr/PIP0104/, 5), qr/max=2 .*raise/,
        '... says why');
    $receiver->signal('USR2');
    is(join(' ', map { $_->answer->code } @slow), '200 200',
        '... those are answered');
    $late = client();
    is(seen($late, '/two/')->{source}, $late->{src}, '... then it is served');

    # All are kept: the oldest makes room.
    my ($one, $two) = (client(), client());
    my $first = seen($one, '/one/')->{connection};
    is(seen($two, '/one/')->{request}, 1, 'max=1, kept: another connection');
    is(seen($one, '/one/')->{request}, 1, '... in place of the first');
}

my $client = client();
is(seen($client, '/ttl/')->{request} . seen($client, '/ttl/')->{request},
    '12', 'kept within ttl=');
sleep 1.2;
is(seen($client, '/ttl/')->{request}, 1, '... not beyond');

# A client's end is the end of what was kept for it.
sub open_now { return seen(client(), '/')->{open} }
undef $client;
ok($server->wait_until(5, sub { open_now() <= 3 }), 'all closed by now');
my @clients = map { client() } 1 .. 6;
seen($_, '/') for @clients;
undef @clients;
ok($server->wait_until(5, sub { open_now() <= 3 }),
    'closed with their clients');

# A header that differs each time heaps up nothing.
$client = client();
my $most = 0;
for my $turn (1 .. 30) {
    my $open = seen($client, '/each/', 'X-Id' => "id-$turn")->{open};
    $most = $open if $open > $most;
}
cmp_ok($most, '<=', 8, "a header for each request: $most connections");

# Flat.  On prefork children come and go: what counts is one of them.
sub memory {
    my $most = 0;
    for my $pid ($server->children) {
        my ($kib) = $server->usage_of($pid);
        $most = $kib if $kib > $most;
    }
    return $most;
}
sub burst {
    my ($rounds) = @_;
    for (1 .. $rounds) {
        my @some = map { client() } 1 .. 8;
        for my $path ('/', '/ttl/') {
            $_->request($path) for @some;
            $_->answer for @some;
        }
    }
}
SKIP: {
    skip 'a tool that looks on has memory of its own', 1
        if ProxyIP::Httpd::is_instrumented();
    burst(40);
    my $before = memory();
    burst(120);
    my $grown = memory() - $before;
    cmp_ok($grown, '<', 1500, "960 clients more: $grown KiB more");
}

is(join("\n", $receiver->complaints_of), '', 'nothing to complain of');
done_testing;
