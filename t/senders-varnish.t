# Varnish as httpd's client: .proxy_header 1 and 2, what it fetches, what it
# pipes, its probes, and clients that came to it with a header of their own.

use strict;
use warnings;

use Test::More;

use ProxyIP::Behind;
use ProxyIP::Client;
use ProxyIP::Header qw(v1 v2 tlv);
use ProxyIP::Varnish;

plan skip_all => 'no varnish' if !ProxyIP::Varnish->program;
my $httpd = ProxyIP::Behind->new(peers => 'require 127.0.0.1')->start;
my $plain = $httpd->port('plain');

$httpd->write_file("htdocs/probe-$_", "well\n") for 1, 2;
my $backend = qq(.host = "127.0.0.1"; .port = "$plain";);
my $probe = '.interval = 0.2s; .timeout = 2s; .threshold = 1; .window = 1;';
my $varnish = ProxyIP::Varnish->new(
    listen => ['127.0.0.1:@port:behind@,PROXY', '[::1]:@port:six@'],
    vcl => <<"EOC")->start;
vcl 4.1;
backend one {
    $backend .proxy_header = 1;
    .probe = { .url = "/probe-1"; $probe }
}
backend two {
    $backend .proxy_header = 2;
    .probe = { .url = "/probe-2"; $probe }
}
sub vcl_recv {
    set req.backend_hint = two;
    if (req.http.X-Version == "1") {
        set req.backend_hint = one;
    }
    if (req.http.X-Pipe) {
        return (pipe);
    }
    return (pass);
}
EOC
my ($port, $behind, $six) = map { $varnish->port($_) } '', 'behind', 'six';

# Until its first probe is answered Varnish answers 503 itself.
for my $version (1, 2) {
    ok($httpd->access_log->wait_for(qr{status=200 .*GET /probe-$version }, 10),
        "v$version: a probe is answered");
}

my %peer = (peer => '127.0.0.1');
for my $version (1, 2) {
    my %want = (VERSION => $version, SERVER_PORT => $port);
    my @curl = ('-H', "X-Version: $version");
    # Each fetch has a connection of its own: none is kept for the next.
    for my $client ('127.0.0.77', '127.0.0.78', '127.0.0.77') {
        $httpd->arrives("v$version, $client", "http://127.0.0.1:$port", %peer,
            client => $client, curl => \@curl, want => \%want);
    }
    $httpd->arrives("v$version, piped", "http://127.0.0.1:$port", %peer,
        curl => [@curl, '-H', 'X-Pipe: 1'], want => \%want);
    $httpd->arrives("v$version, IPv6", "http://[::1]:$six", %peer,
        client => '::1', curl => \@curl,
        want => { %want, TRANSPORT => 'TCP6', SERVER_ADDR => '::1',
                  SERVER_PORT => $six });
    my $client = ProxyIP::Client->new(port => $behind);
    $client->send($version == 1 ? v1() : v2(tlvs => [tlv(2 => 'a.org')]));
    my $saw = $client->variables($client->get('/cgi/environment',
        'X-Version' => $version));
    is($saw->{REMOTE_ADDR}, '192.0.2.77', "v$version, behind a balancer");
    # The balancer's own TLVs are not handed on.
    $httpd->same_facts("v$version, behind a balancer", $saw, {
        '' => 'on', VERSION => $version, COMMAND => 'PROXY',
        TRANSPORT => 'TCP4', PEER_ADDR => '127.0.0.1',
        CLIENT_ADDR => '192.0.2.77', CLIENT_PORT => 4711,
        SERVER_ADDR => '198.51.100.80', SERVER_PORT => 443 }, 4711);
}

# Probes: version 2 says LOCAL; version 1 names Varnish's own socket as both
# source and destination.  Either way the client is Varnish.
ok($httpd->error_log->wait_for(qr/PIP0041: v2 PROXY header, LOCAL\b/, 5),
    'v2: a probe is LOCAL');
ok($httpd->error_log->wait_for(qr/PIP0042:\ v1\ PROXY\ header\ of\ client
    \ (127\.0\.0\.1:\d+),\ who\ dialled\ \1;\ peer\ \1\ /x, 5),
    'v1: a probe names its own socket twice');
like($httpd->access_log->wait_for(qr{GET /probe-$_ }, 5) // '',
    qr/^client=127\.0\.0\.1 conn=127\.0\.0\.1 .*status=200/,
    "v$_: the probe's client is Varnish") for 1, 2;

done_testing;
