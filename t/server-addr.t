# ProxyIPServerAddr: the destination that the header names becomes the
# server's own address, and the virtual host is chosen by it.  A balancer has
# several addresses; httpd has one listener and none of them.

use strict;
use warnings;

use Test::More;

use ProxyIP::Client;
use ProxyIP::Curl qw(curl);
use ProxyIP::Header qw(v1 v2 CLIENT CLIENT6);
use ProxyIP::Relay;
use ProxyIP::Server;

my $has_http2 = ProxyIP::Httpd::mpm() ne 'prefork';

# <VirtualHost ADDRESSES> with a ServerName and an X-Host; On by the main
# server's word.
sub host {
    my ($addresses, $name, @lines) = @_;
    return join "\n", "<VirtualHost $addresses>",
        "    ServerName $name.example.org",
        "    Header always set X-Host $name",
        (map { "    $_" } @lines), "</VirtualHost>\n";
}

# One over TLS, with a certificate of its own name.
sub tls_host {
    my ($addresses, $name, @lines) = @_;
    return host($addresses, $name, 'SSLEngine On',
        "SSLCertificateFile \@root\@/$name.pem",
        "SSLCertificateKeyFile \@root\@/$name.key",
        $has_http2 ? 'Protocols h2 http/1.1' : (), @lines);
}

my $on = <<'EOC';
ProxyIPPeer require 127.0.0.0/8
ProxyIPServerAddr On
UseCanonicalPhysicalPort On
EOC
my $config = <<'EOC' . $on
Listen 127.0.0.1:@port:plain@
Listen 127.0.0.1:@port:tls@
Listen 127.0.0.1:@port:off@
Listen 127.0.0.1:@port:optional@
EOC
    . host('127.0.0.1:@port:plain@', 'listener', 'ProxyIP On')
    . host('127.0.0.1:@port:plain@', 'listener2', 'ProxyIP On')
    . host('127.0.0.1:@port:off@', 'off', 'ProxyIP On',
        'ProxyIPServerAddr Off')
    . host('127.0.0.1:@port:optional@', 'optional', 'ProxyIP On',
        'ProxyIPPeer optional 127.0.0.0/8')
    . host('203.0.113.10:80', 'ten', $has_http2 ? 'Protocols h2c http/1.1' : (),
        # That the listener's settings hold, and no others.
        'LogLevel proxyip:warn', 'ProxyIP On',
        'ProxyIPPeer require 192.0.2.200', 'ProxyIPFormats v1')
    . host('203.0.113.10:80', 'ten2', 'ServerAlias *.ten.example.org',
        $has_http2 ? 'Protocols h2c http/1.1' : (),
        'ProxyIP On', 'ProxyIPPeer require 192.0.2.200', 'ProxyIPFormats v1')
    . host('203.0.113.20:80', 'twenty', 'KeepAliveTimeout 1', 'Timeout 1')
    . host('203.0.113.30:80', 'thirty', 'ProxyIPServerAddr Off')
    . host('203.0.113.40:*', 'forty')
    . host('[2001:db8::10]:80', 'six')
    . host('*:8081', 'wild')
    . host('*:8082', 'wild-off', 'ProxyIPServerAddr Off')
    . host('203.0.113.50:8081', 'fifty', 'ProxyIPServerAddr Off')
    . tls_host('127.0.0.1:@port:tls@', 'tls-listener', 'ProxyIP On')
    . tls_host('203.0.113.10:443', 'tls-ten')
    . tls_host('203.0.113.10:443', 'tls-ten2')
    . tls_host('203.0.113.20:443', 'tls-twenty',
        'SSLCACertificateFile @root@/client.pem', 'SSLVerifyClient require')
    . tls_host('203.0.113.30:443', 'tls-thirty', 'ProxyIPServerAddr Off');

my $server = ProxyIP::Server->new(config => $config);
my $root = $server->root;
for my $name (qw(client tls-listener tls-ten tls-ten2 tls-twenty tls-thirty)) {
    my $said = `openssl req -x509 -newkey ec -pkeyopt \\
        ec_paramgen_curve:prime256v1 -nodes -days 2 \\
        -subj /CN=$name.example.org -keyout $root/$name.key \\
        -out $root/$name.pem 2>&1`;
    die $said if $?;
}
$server->start;
my $plain = $server->port('plain');
my $access = $server->access_log;

my $asked = 0;    # tells one line of the access log from another

# The answer to /cgi/environment and its variables.
sub ask {
    my ($header, %option) = @_;
    my $host = delete $option{host} // 'localhost';
    my $client = ProxyIP::Client->new(port => $plain, %option);
    my $path = '/cgi/environment?' . ++$asked;
    my $answer = $client->send($header)->get($path, Host => $host,
        Connection => 'close');
    return ($answer, $client->variables($answer));
}

# One answer: the virtual host, SERVER_ADDR, and the access log's server.
sub seen {
    my ($answer, $saw) = ask(@_);
    return 'closed' if !$answer;
    my $line = $access->wait_for(qr/\?$asked /, 5) // '';
    return join ' ', $answer->header('X-Host') // 'none',
        $saw->{SERVER_ADDR} // 'none', $line =~ /server=(\S+)/;
}

sub to { my ($address, $port) = @_; return (dst => $address, dport => $port) }

# Chosen by the destination.
for my $version ('v1', 'v2') {
    my $make = $version eq 'v1' ? \&v1 : \&v2;
    is(seen($make->(to('203.0.113.10', 80))),
        'ten 203.0.113.10 203.0.113.10:80', "$version: an address");
    is(seen($make->(to('203.0.113.20', 80))),
        'twenty 203.0.113.20 203.0.113.20:80', "$version: another");
    is(seen($make->(src => CLIENT6, to('2001:db8::10', 80))),
        'six 2001:db8::10 2001:db8::10:80', "$version: IPv6 over IPv4");
}
is(seen(v2(src => CLIENT6, to('203.0.113.10', 80))),
    'ten 203.0.113.10 203.0.113.10:80', 'an IPv4-mapped destination');
my (undef, $saw) = ask(v2(to('203.0.113.10', 80)));
is($saw->{REMOTE_ADDR}, CLIENT, 'the client is adopted too');
is($saw->{SERVER_PORT}, 80, 'SERVER_PORT, with UseCanonicalPhysicalPort');
(undef, $saw) = ask(v2(to('203.0.113.40', 8444)));
is($saw->{SERVER_PORT}, 8444, '... of a virtual host of any port');
is(seen(v2(to('203.0.113.40', 8444))),
    'forty 203.0.113.40 203.0.113.40:8444', 'a virtual host of any port');
is(seen(v2(transport => 'DGRAM', to('203.0.113.20', 80))),
    'twenty 203.0.113.20 203.0.113.20:80', 'a datagram header');

# Among its names, and no others.
for my $case (['ten2.example.org', 'ten2'], ['x.ten.example.org', 'ten2'],
              ['ten.example.org', 'ten'], ['twenty.example.org', 'ten'],
              ['thirty.example.org', 'ten'], ['listener2.example.org', 'ten'],
              ['203.0.113.20', 'ten'], ['wild.example.org:8081', 'ten']) {
    my ($name, $expected) = @$case;
    is(seen(v2(to('203.0.113.10', 80)), host => $name),
        "$expected 203.0.113.10 203.0.113.10:80", "Host: $name");
}
{
    my $client = ProxyIP::Client->new(port => $plain);
    my $answer = $client->send(v2(to('203.0.113.10', 80)))
        ->get('http://twenty.example.org/');
    is($answer->header('X-Host'), 'ten', 'a whole URL changes nothing');
    $client = ProxyIP::Client->new(port => $plain);
    $client->send(v2(to('203.0.113.10', 80)) . "GET / HTTP/1.0\r\n\r\n");
    is($client->answer->header('X-Host'), 'ten', 'no Host at all');
}

# No virtual host that consents: the address alone.
for my $case (['says Off', '203.0.113.30', 80],
              ['nobody has the address', '203.0.113.99', 80],
              ['nobody has the port', '203.0.113.10', 81],
              ['IPv6 that nobody has', '2001:db8::99', 80],
              ['a wildcard that says Off', '203.0.113.10', 8082],
              ['its own address says Off', '203.0.113.50', 8081],
              ['port 0', '203.0.113.10', 0]) {
    my ($what, $address, $port) = @$case;
    my $header = v2(src => $address =~ /:/ ? CLIENT6 : CLIENT,
        to($address, $port));
    is(seen($header), "listener $address $address:$plain", $what);
    is(seen($header, host => 'listener2.example.org'),
        "listener2 $address $address:$plain", "... the listener's names");
    is(seen($header, host => 'thirty.example.org'),
        "listener $address $address:$plain", '... and no others');
}
(undef, $saw) = ask(v2(to('203.0.113.30', 80)));
is($saw->{SERVER_PORT}, $plain, 'SERVER_PORT stays');

# Wildcards have every address, the listener's own port included.
for my $address ('203.0.113.10', '127.0.0.1', '2001:db8::10') {
    is(seen(v2(src => $address =~ /:/ ? CLIENT6 : CLIENT,
            to($address, 8081))),
        "wild $address $address:8081", "`*`: $address");
}
is(seen(v2(to('127.0.0.1', $plain))), "listener 127.0.0.1 127.0.0.1:$plain",
    'the socket\'s own address');
is(seen(v2(to('127.0.0.1', $plain)), host => 'listener2.example.org'),
    "listener2 127.0.0.1 127.0.0.1:$plain", '... and its names');
is(seen(v2(to('127.0.0.1', $server->port('off')))),
    "listener 127.0.0.1 127.0.0.1:$plain", 'another listener, which says Off');

# Nothing to adopt.
for my $case (['LOCAL', v2(command => 'LOCAL')],
              ['UNKNOWN', v1(family => 'UNKNOWN')],
              ['UNSPEC', v2(family => 'UNSPEC')],
              ['UNIX', v2(src => '/a', dst => '/b')],
              ['LOCAL with addresses', v2(command => 'LOCAL',
                  family => 'INET', to('203.0.113.10', 80))]) {
    my ($what, $header) = @$case;
    is(seen($header), "listener 127.0.0.1 127.0.0.1:$plain", $what);
}
my $optional = $server->port('optional');
is(seen('', port => $optional), "optional 127.0.0.1 127.0.0.1:$optional",
    'no header');
is(seen(v2(to('203.0.113.10', 80)), port => $optional),
    'ten 203.0.113.10 203.0.113.10:80', 'an optional peer with a header');
my $off = $server->port('off');
is(seen(v2(to('203.0.113.10', 80)), port => $off),
    "off 127.0.0.1 127.0.0.1:$off", 'Off');

# The whole connection: keep-alive, pipelining, and who says how long.
{
    my $client = ProxyIP::Client->new(port => $plain);
    my @hosts = map { $_->header('X-Host') }
        $client->send(v2(to('203.0.113.10', 80)))->get('/'),
        $client->get('/', Host => 'ten2.example.org'), $client->get('/');
    is("@hosts", 'ten ten2 ten', 'keep-alive');

    $client = ProxyIP::Client->new(port => $plain);
    $client->send(v2(to('203.0.113.10', 80)) . join '', map {
        "GET /cgi/environment HTTP/1.1\r\nHost: $_.example.org\r\n\r\n" }
        qw(ten2 ten twenty));
    @hosts = map { my $answer = $client->answer; $answer->header('X-Host')
        . ' ' . $client->variables($answer)->{SERVER_ADDR} } 1 .. 3;
    is("@hosts", 'ten2 203.0.113.10 ten 203.0.113.10 ten 203.0.113.10',
        'pipelined');

    # The listener's are 10 and 60.
    $client = ProxyIP::Client->new(port => $plain);
    $client->send(v2(to('203.0.113.20', 80)))->get('/');
    my $end = $client->ending(8);
    is($end->{how}, 'eof', 'KeepAliveTimeout of the virtual host');
    cmp_ok($end->{seconds}, '<', 5, '... in time');
    $end = ProxyIP::Client->new(port => $plain)
        ->send(v2(to('203.0.113.20', 80)) . 'GET / HT')->ending(8);
    cmp_ok($end->{age}, '<', 6, 'Timeout of the virtual host');
}

# The log tells where the connection came in, and it is that listener's
# LogLevel that counts.
{
    my $log = $server->error_log->mark;
    my $client = ProxyIP::Client->new(port => $plain);
    $client->send(v2(to('203.0.113.10', 80)))->get('/');
    like($log->wait_for(qr/PIP0042/, 5) // '',
        qr/dialled 203\.0\.113\.10:80; .* on 127\.0\.0\.1:$plain, virtual host/,
        'PIP0042: destination and listener');
    like($log->wait_for(qr/by ProxyIPServerAddr/, 5) // '',
        qr/203\.0\.113\.10:80 .* virtual host ten\.example\.org/,
        'trace1: what was chosen');
    $client = ProxyIP::Client->new(port => $plain);
    $client->send(v2(to('203.0.113.30', 80)))->get('/');
    ok($log->wait_for(qr{PIP0047: no virtual host .*203\.0\.113\.30:80:}, 5),
        '... that nothing was');
}

# TLS: the virtual host is known before the handshake.
sub shake {
    my ($address, $port, %option) = @_;
    my $client = ProxyIP::Client->new(port => $server->port('tls'));
    $client->send(v2(to($address, $port)));
    my $shaken = eval { $client->start_tls(%option); 1 };
    return { name => 'none', host => 'none' } if !$shaken;
    my $name = $client->socket->peer_certificate('commonName');
    my $answer = $client->get('/', Host => $option{SSL_hostname}
        // 'localhost');
    return { name => $name =~ s/\.example\.org$//r,
             host => $answer ? $answer->header('X-Host') : 'none' };
}

for my $case (['203.0.113.10', 'localhost', 'tls-ten'],
              ['203.0.113.10', 'tls-ten2.example.org', 'tls-ten2'],
              ['203.0.113.10', 'tls-twenty.example.org', 'tls-ten'],
              ['203.0.113.10', 'tls-thirty.example.org', 'tls-ten'],
              ['203.0.113.10', 'tls-listener.example.org', 'tls-ten'],
              ['203.0.113.30', 'localhost', 'tls-listener'],
              ['203.0.113.30', 'tls-thirty.example.org', 'tls-listener'],
              ['203.0.113.99', 'tls-ten2.example.org', 'tls-listener']) {
    my ($address, $sni, $expected) = @$case;
    my $shaken = shake($address, 443, SSL_hostname => $sni);
    is($shaken->{name}, $expected, "TLS to $address, SNI $sni: certificate");
    is($shaken->{host}, $expected, '... virtual host');
}
is(shake('203.0.113.20', 443)->{host}, 'none',
    'TLS: SSLVerifyClient require, no certificate');
my $shaken = shake('203.0.113.20', 443, SSL_cert_file => "$root/client.pem",
    SSL_key_file => "$root/client.key");
is("$shaken->{name} $shaken->{host}", 'tls-twenty tls-twenty',
    '... with one');
is(shake('203.0.113.20', 443, SSL_hostname => 'tls-ten.example.org')->{host},
    'none', '... another\'s name in SNI is no way around');
{
    my $client = ProxyIP::Client->new(port => $server->port('tls'));
    $client->send(v2(to('203.0.113.10', 443)));
    $client->start_tls(SSL_hostname => 'tls-ten.example.org');
    my $answer = $client->get('/', Host => 'tls-twenty.example.org');
    isnt($answer->header('X-Host'), 'tls-twenty', '... nor in Host');
    $client = ProxyIP::Client->new(port => $server->port('tls'));
    $client->send(v2(to('203.0.113.20', 80)));
    is($client->get('/')->header('X-Host'), 'twenty',
        'a TLS listener, a virtual host without');
    $client = ProxyIP::Client->new(port => $plain);
    $client->send(v2(to('203.0.113.10', 443)))->start_tls;
    is($client->get('/')->header('X-Host'), 'tls-ten', '... and the reverse');
}

# HTTP/2: every stream is in its connection's virtual host.
SKIP: {
    skip 'mod_http2 is not for prefork', 12
        if !$has_http2;
    for my $case (['h2c', $plain, 80, 'http', '--http2-prior-knowledge'],
                  ['h2', $server->port('tls'), 443, 'https', '--http2']) {
        my ($what, $port, $dport, $scheme, $option) = @$case;
        my $relay = ProxyIP::Relay->new(to => $port,
            header => v2(to('203.0.113.10', $dport)))->start;
        my $url = "$scheme://127.0.0.1:" . $relay->port . '/cgi/environment';
        my $answer = curl($option, $url);
        is($answer->{version}, '2', "$what: HTTP/2");
        is($answer->{variables}{SERVER_ADDR}, '203.0.113.10',
            "$what: SERVER_ADDR");
        my @bodies = `nghttp -y '$url?1' '$url?2' '$url?3' 2>/dev/null`;
        my @seen = map { /^SERVER_ADDR=(\S+)/ ? $1 : () } @bodies;
        is("@seen", '203.0.113.10 ' x 2 . '203.0.113.10',
            "$what: three streams");
        my $name = ($dport == 443 ? 'tls-ten2' : 'ten2') . '.example.org';
        my @named = ($option, '-i', '--connect-to',
            "$name:$dport:127.0.0.1:" . $relay->port);
        my $base = "$scheme://$name:$dport/";
        like(curl(@named, $base)->{body}, qr/^x-host: (tls-)?ten2\r$/m,
            "$what: a name");
        # Over TLS mod_ssl has a word too: 421.
        for my $other ('twenty', 'tls-twenty') {
            like(curl(@named, '-H', "Host: $other.example.org", $base)->{body},
                qr{^HTTP/2 421|^x-host: (tls-)?ten\r$}m,
                "$what: Host: $other");
        }
    }
}

# The names of one address and port agree, whether it takes headers or not.
my ($status, $output) = ProxyIP::Server->config_error($on
    . host('203.0.113.10:80', 'first')
    . host('203.0.113.10:80', 'second', 'ProxyIPServerAddr Off'));
is($status, 1, 'names that differ stop the start');
like($output, qr/PIP0001: ProxyIPServerAddr differs within 203\.0\.113\.10:80:/,
    '... the message');
($status) = ProxyIP::Server->config_error($on
    . host('203.0.113.10:80', 'first')
    . host('203.0.113.11:80', 'second', 'ProxyIPServerAddr Off'));
is($status, 0, 'addresses may differ');

# Off on the listener: what others say does not matter.
$server->graceful("Listen 127.0.0.1:\@port:plain\@\n" . <<'EOC'
ProxyIP On
ProxyIPPeer require 127.0.0.0/8
EOC
    . host('203.0.113.10:80', 'ten', 'ProxyIPServerAddr On'));
is(seen(v2(to('203.0.113.10', 80))), "none 127.0.0.1 127.0.0.1:$plain",
    'Off in the main server');
$server->graceful('Listen 127.0.0.1:@port:plain@' . "\nProxyIP On\n$on"
    . host('203.0.113.10:80', 'ten'));
is(seen(v2(to('203.0.113.10', 80))), 'ten 203.0.113.10 203.0.113.10:80',
    'On in the main server');
is(seen(v2(to('203.0.113.99', 80))), "none 203.0.113.99 203.0.113.99:$plain",
    '... nobody has the address');

done_testing;
