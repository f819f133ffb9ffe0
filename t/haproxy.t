# HAProxy in front of httpd: what it sends as a proxy, and as a health checker.

use strict;
use warnings;

use Test::More;

use ProxyIP::Curl qw(curl);
use ProxyIP::HAProxy;
use ProxyIP::Server;

my $CLIENT = '127.0.0.77';

my $server = ProxyIP::Server->new(config => <<'EOC')->start;
Listen 127.0.0.1:@port:require@
Listen 127.0.0.1:@port:tls@
Listen 127.0.0.1:@port:optional@
<VirtualHost 127.0.0.1:@port:require@>
    ProxyIP On
    ProxyIPPeer require 127.0.0.0/8
</VirtualHost>
<VirtualHost 127.0.0.1:@port:tls@>
    ProxyIP On
    ProxyIPPeer require 127.0.0.0/8
    SSLEngine On
    SSLCertificateFile @tls@/server.pem
    SSLCertificateKeyFile @tls@/server.key
    <IfModule mod_http2.c>
        Protocols h2 http/1.1
    </IfModule>
</VirtualHost>
<VirtualHost 127.0.0.1:@port:optional@>
    ProxyIP On
    ProxyIPPeer optional 127.0.0.0/8
</VirtualHost>
EOC
my ($require, $tls, $optional) = map { $server->port($_) }
    qw(require tls optional);

my $pem = $server->both_pem;
my $all = 'ssl,cert-cn,ssl-cipher,cert-sig,cert-key,authority,crc32c,unique-id';
# Checks of another port than the one for traffic come without a header unless:
my $check_alone = 'check-send-proxy';
my $haproxy = ProxyIP::HAProxy->new(config => <<"EOC")->start;
listen v1
    bind 127.0.0.1:\@port:v1\@
    server s 127.0.0.1:$require source 127.0.0.9 send-proxy
listen v2
    bind 127.0.0.1:\@port:v2\@
    server s 127.0.0.1:$require source 127.0.0.9 send-proxy-v2
listen tls_v1
    bind 127.0.0.1:\@port:tls_v1\@
    server s 127.0.0.1:$tls source 127.0.0.9 send-proxy
listen tls_v2
    bind 127.0.0.1:\@port:tls_v2\@
    server s 127.0.0.1:$tls source 127.0.0.9 send-proxy-v2
listen tls_ends_here
    bind 127.0.0.1:\@port:tls_ends_here\@ ssl crt $pem
    unique-id-format %{+X}o%ci:%cp
    server s 127.0.0.1:$require send-proxy-v2 proxy-v2-options $all
listen checks
    bind 127.0.0.1:\@port:checks\@
    option httpchk GET /
    http-check expect status 200
    default-server check inter 200ms fall 1 rise 1
    server v1 127.0.0.1:$require send-proxy
    server v2 127.0.0.1:$require send-proxy-v2
    server v1_alone 127.0.0.1:$optional port $require $check_alone send-proxy
    server v2_alone 127.0.0.1:$optional port $require $check_alone send-proxy-v2
    server none_to_optional 127.0.0.1:$optional
    server none_to_require 127.0.0.1:$require
listen connects
    bind 127.0.0.1:\@port:connects\@
    default-server check inter 200ms fall 1 rise 1
    server v2 127.0.0.1:$require send-proxy-v2
    server none_to_optional 127.0.0.1:$optional
EOC

# seen NAME, VERSION, ARGUMENT...: a request through one of the listeners.
sub seen {
    my ($name, $version, $scheme, @arguments) = @_;
    my $port = $haproxy->port($name);
    my $log = $server->access_log->mark;
    my $answer = curl('--interface', $CLIENT, @arguments,
        "$scheme://127.0.0.1:$port/cgi/environment");
    my $saw = $answer->{variables};
    my $what = "$name, HTTP/$version";
    is($answer->{version}, $version, "$what: answered");
    is($saw->{REMOTE_ADDR}, $CLIENT, "$what: REMOTE_ADDR");
    is($saw->{REMOTE_PORT}, $answer->{port}, "$what: REMOTE_PORT");
    ok($log->wait_for(qr/client=\Q$CLIENT\E .*port=$answer->{port}\b/, 5),
        "$what: access log");
}

seen('v1', '1.1', 'http');
seen('v2', '1.1', 'http');
seen('tls_v1', '1.1', 'https', '--http1.1');
seen('tls_v2', '1.1', 'https', '--http1.1');
seen('tls_ends_here', '1.1', 'https', '--http1.1');
SKIP: {
    skip 'mod_http2 is not for prefork', 8
        if ProxyIP::Httpd::mpm() eq 'prefork';
    seen('tls_v1', '2', 'https', '--http2');
    seen('tls_v2', '2', 'https', '--http2');
}

# Checks: HAProxy says what it thinks of each.
my %expected = (
    'checks/v1'                 => 'UP',
    'checks/v2'                 => 'UP',
    'checks/v1_alone'           => 'UP',
    'checks/v2_alone'           => 'UP',
    'checks/none_to_optional'   => 'UP',
    'checks/none_to_require'    => 'DOWN',
    'connects/v2'               => 'UP',
    'connects/none_to_optional' => 'UP',
);
my $states;
$haproxy->wait_until(8, sub {
    $states = $haproxy->servers;
    return !grep { $states->{$_} ne $expected{$_} } keys %expected;
});
is($states->{$_}, $expected{$_}, "$_ is $expected{$_}") for sort keys %expected;

done_testing;
