# client -> HAProxy, TCP with a PROXY header -> httpd, which ends TLS, with the
# directives of conf-examples/ -> an Express application that trusts one proxy.
# It sees the client, whatever the client says of itself.

use strict;
use warnings;

use Test::More;

use ProxyIP::Client;
use ProxyIP::Curl qw(curl);
use ProxyIP::Example;
use ProxyIP::Express;
use ProxyIP::HAProxy;
use ProxyIP::Header qw(v1 v2);
use ProxyIP::Server;

plan skip_all => 'no node with Express' if !ProxyIP::Express->program;

my ($CLIENT, $OTHER, $BALANCER)
    = qw(198.51.100.22 198.51.100.23 127.0.0.9);
# Whom a client claims to be.
my $CLAIM = '127.0.0.4, 127.0.0.3, 127.0.0.2';

my $express = ProxyIP::Express->new(trust => 1)->start;
my $trusting = ProxyIP::Express->new(trust => 'true')->start;

sub example {
    my ($port, $name, $application) = @_;
    return ProxyIP::Example::config($port, $name, '10.0.0.0/24' => $BALANCER,
        ':3000/' => ':' . $application->port('http') . '/');
}

# The two examples; the same for an application that trusts every proxy; and
# the first with HTTP/2 to the application, which is not Express.
my $keep = 'tls-reverse-proxy.conf';
my $drop = 'tls-reverse-proxy-client-only.conf';
my $h2c = 'h2c://127.0.0.1:' . $express->port('h2c') . '/';
my $prefork = ProxyIP::Httpd::mpm() eq 'prefork';
my $server = ProxyIP::Server->new(
    modules => [$prefork ? () : 'proxy_http2'],
    config => join '',
        example('keep', $keep, $express),
        example('drop', $drop, $express),
        example('keep_all', $keep, $trusting),
        example('drop_all', $drop, $trusting),
        $prefork ? () : example('h2c', $keep, $express)
            =~ s{"http://[^"]+"( upgrade=\w+)?}{"$h2c"}gr)->start;

# A listener of HAProxy's, which says who the client is, for loopback has no
# such addresses.
sub listener {
    my ($name, $to, $version, $client) = @_;
    my $port = $server->port($to);
    return <<"EOC";
listen $name
    bind 127.0.0.1:\@port:$name\@
    tcp-request connection set-src str(@{[$client // $CLIENT]})
    server httpd 127.0.0.1:$port source $BALANCER send-proxy$version
EOC
}

my $to = $server->port('keep');
my $haproxy = ProxyIP::HAProxy->new(config => join '',
    listener('keep_v1', 'keep', ''), listener('keep_v2', 'keep', '-v2'),
    listener('drop_v1', 'drop', ''), listener('drop_v2', 'drop', '-v2'),
    listener('keep_all', 'keep_all', '-v2'),
    listener('drop_all', 'drop_all', '-v2'),
    listener('other', 'keep', '-v2', $OTHER),
    $prefork ? () : listener('h2c', 'h2c', '-v2'), <<"EOC")->start;
listen told
    bind 127.0.0.1:\@port:told\@ accept-proxy
    server httpd 127.0.0.1:$to source $BALANCER send-proxy-v2
EOC

# ask LISTENER, ARGUMENT OF CURL...: what the application saw
sub ask {
    my ($listener, @arguments) = @_;
    my $url = 'https://127.0.0.1:' . $haproxy->port($listener) . '/';
    my $answer = curl(@arguments, $url);
    return { %{ ProxyIP::Express->seen($answer->{body}) },
        spoken => $answer->{version} };
}

my @claim = ('-H', "X-Forwarded-For: $CLAIM");
my @lies = ('-H', 'X-Forwarded-Host: evil.example',
    '-H', 'X-Forwarded-Proto: http', '-H', 'Forwarded: for=127.0.0.2');
my %kept = (keep => "$CLAIM, $CLIENT", drop => $CLIENT);

my @versions = (['1.1', '--http1.1'], $prefork ? () : ['2', '--http2']);
for my $variant ('keep', 'drop') {
    for my $header ('v1', 'v2') {
        for (@versions) {
            my ($version, $option) = @$_;
            my $what = "${variant}s X-Forwarded-For, $header, HTTP/$version";
            my $saw = ask("${variant}_$header", $option, @claim, @lies);
            is($saw->{spoken}, $version, "$what: answered");
            is($saw->{ip}, $CLIENT, "$what: req.ip");
            is($saw->{forwarded_for}, $kept{$variant},
                "$what: X-Forwarded-For");
            is("$saw->{protocol} $saw->{secure}", 'https true',
                "$what: req.protocol, req.secure");
            is($saw->{hostname}, '127.0.0.1', "$what: req.hostname");

            $saw = ask("${variant}_$header", $option);
            is("$saw->{ip}, $saw->{forwarded_for}", "$CLIENT, $CLIENT",
                "$what: a client that claims nothing");
        }
    }
}

# Another client, another address; and no client, where the balancer speaks of
# itself.
is(ask('other', @claim)->{ip}, $OTHER, 'another client');
my $client = ProxyIP::Client->new(from => $BALANCER,
    port => $server->port('keep'));
$client->send(v2(command => 'LOCAL'))->start_tls;
my $answer = $client->get('/', 'X-Forwarded-For' => $CLAIM);
is(ProxyIP::Express->seen($answer->content)->{ip}, $BALANCER,
    'LOCAL: the balancer itself');

# A balancer before the balancer.
$client = ProxyIP::Client->new(port => $haproxy->port('told'));
$client->send(v1(src => $OTHER))->start_tls;
$answer = $client->get('/', 'X-Forwarded-For' => $CLAIM);
is(ProxyIP::Express->seen($answer->content)->{ip}, $OTHER,
    'HAProxy is told of the client by another');

# A client cannot have the header taken away by calling it the connection's.
my $saw;
SKIP: {
    skip 'before 2.4.54 mod_proxy_http lets it (CVE-2022-31813)', 2
        if !ProxyIP::Httpd::is_at_least(54);
    my @hop = ('-H', 'Connection: close, X-Forwarded-For, X-Forwarded-Host');
    $saw = ask('keep_v2', '--http1.1', @claim, @hop);
    is($saw->{ip}, $CLIENT, 'Connection: X-Forwarded-For: req.ip');
    like($saw->{forwarded_for}, qr/(?:^|, )\Q$CLIENT\E$/,
        '... X-Forwarded-For');
}

# In two lines; with one that is empty.
$saw = ask('keep_v2', '-H', 'X-Forwarded-For: 127.0.0.4',
    '-H', 'X-Forwarded-For: 127.0.0.3, 127.0.0.2');
is("$saw->{ip} of $saw->{forwarded_for}", "$CLIENT of $CLAIM, $CLIENT",
    'X-Forwarded-For in two lines');
$saw = ask('keep_v2', '-H', 'X-Forwarded-For;');
is($saw->{ip}, $CLIENT, 'an empty X-Forwarded-For');

# An application that trusts every proxy is deceived behind one example, and
# not behind the other.
is(ask('keep_all', @claim)->{ip}, '127.0.0.4', 'trust proxy true: deceived');
is(ask('drop_all', @claim)->{ip}, $CLIENT,
    '... not where X-Forwarded-For is dropped');

# httpd's own log.
my @clients = map { /^client=(\S+) conn=(\S+)/ } $server->access_log->lines;
is_deeply([sort { $a cmp $b } keys %{ { map { $_ => 1 } @clients } }],
    [$BALANCER, $CLIENT, $OTHER], 'access log: these clients alone');

# A WebSocket: what the application saw is its first frame.
for my $variant ('keep', 'drop') {
    $client = ProxyIP::Client->new(port => $haproxy->port("${variant}_v2"));
    $client->start_tls->request('/', Connection => 'Upgrade',
        Upgrade => 'websocket', 'Sec-WebSocket-Version' => 13,
        'Sec-WebSocket-Key' => 'dGhlIHNhbXBsZSBub25jZQ==',
        'X-Forwarded-For' => $CLAIM);
    my $bytes = $client->ending(5)->{bytes};
    like($bytes, qr{^HTTP/1\.1 101 .*s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=}s,
        "a WebSocket, ${variant}s: open");
    $saw = ProxyIP::Express->seen($bytes =~ s/.*\r\n\r\n.{4}//sr);
    is($saw->{ip}, $CLIENT, '... its address');
    is($saw->{forwarded_for}, $kept{$variant}, '... its X-Forwarded-For');
}

# HTTP/2 to the application.
SKIP: {
    skip 'mod_proxy_http2 is not for prefork', 6 if $prefork;
    for (@versions) {
        my ($version, $option) = @$_;
        $saw = ask('h2c', $option, @claim);
        is($saw->{version}, '2.0', "HTTP/$version, then h2c: answered");
        is($saw->{ip}, $CLIENT, '... address');
        is($saw->{forwarded_for}, $kept{keep}, '... X-Forwarded-For');
    }
}

done_testing;
