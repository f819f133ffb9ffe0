# conf-examples/haproxy.cfg: HAProxy runs it as it stands, and each of its
# backends goes with the directives that its comment names for httpd.

use strict;
use warnings;

use Test::More;

use ProxyIP::Client;
use ProxyIP::Example;
use ProxyIP::HAProxy;
use ProxyIP::Header qw(v1);
use ProxyIP::Promise qw(ask client_seen logged $CLIENT);
use ProxyIP::Server;

plan skip_all => 'the MPM makes no difference to the examples'
    if ProxyIP::Httpd::mpm() ne 'event';

# HAProxy with the file as it stands, and a frontend for each backend; httpd with
# a virtual host for each, which has the directives of its comment.
sub all_backends {
    my $example = ProxyIP::Example->new('haproxy.cfg',
        replace => { 'log /dev/log' => 'log stdout format raw' });
    # What belongs to each backend: [comment, lines].
    my %backend = map { /^((?:#.*\n)*)backend (\w+)\n(.*)/s ? ($2 => [$1, $3])
        : () } split /\n\n/, $example->{text};
    my $httpd = ProxyIP::Server->new;
    my $config = $example->fit(own_ports($example->{text}, $httpd), $httpd);
    $httpd->{config} = join '', map { host($_, \%backend) }
        sort keys %{ $httpd->{ports} };
    $httpd->write_file('htdocs/health', "well, 200 OK\n");
    $httpd->start;
    client_certificate($httpd->root);
    for my $backend (sort keys %backend) {
        # Those that tell of certificates and names get what there is to tell.
        my $tls = $backend =~ /_cn|everything/ ? ' ssl crt '
            . $httpd->both_pem . ' verify optional ca-file '
            . $httpd->root . "/alice.pem\n    unique-id-format audit-1" : '';
        $config .= "frontend to_$backend\n"
            . "    bind 127.0.0.1:\@port:$backend\@$tls\n"
            . "    default_backend $backend\n";
    }
    return ($httpd, ProxyIP::HAProxy->new(config => $config)->start);
}

# Each server at a port of httpd's that is its own, backend_PORT, or
# backend_PORT_off without headers.
sub own_ports {
    my ($text, $httpd) = @_;
    my $backend = '';
    return join "\n", map {
        $backend = $1 if /^backend (\w+)/;
        my $off = /no-send-proxy/ ? '_off' : '';
        s/([ .]\d+:| port )(\d+)/$1 . $httpd->port("${backend}_$2$off")/ge
            if /^ +server /;
        $_
    } split(/\n/, $text), '';
}

# A virtual host for such a port, with its backend's directives.
sub host {
    my ($port, $backends) = @_;
    my ($backend, $number, $off) = $port =~ /^(\w+?)_(\d+)(_off)?$/;
    my ($comment, $lines) = @{ $backends->{$backend} };
    my @directives = $comment =~ /^#   (\w+ .*)/mg;
    my @require = grep { /^Require / } @directives;
    my $source = $lines =~ /source 10(\S+)/ ? "127$1" : '127.0.0.1';
    return join "\n    ", "Listen 127.0.0.1:\@port:$port\@\n"
        . "<VirtualHost 127.0.0.1:\@port:$port\@>",
        'ProxyIP ' . ($off || $number == 8081 ? 'Off' : 'On'),
        "ProxyIPPeer require $source", 'ProxyIPEnv All',
        (grep { !/^Require / } @directives),
        $number =~ /^44|^84/ ? ('SSLEngine On',
            'SSLCertificateFile @tls@/server.pem',
            'SSLCertificateKeyFile @tls@/server.key') : (),
        "<Location \"/\">\n@require\n</Location>\n</VirtualHost>\n";
}

sub client_certificate {
    my ($folder) = @_;
    my $said = `openssl req -x509 -newkey rsa:2048 -sha256 -nodes -days 2 \\
        -subj /CN=alice -keyout $folder/alice.key -out $folder/alice.pem 2>&1`;
    die $said if $?;
}

my $name = 'haproxy.cfg';
my ($httpd, $haproxy) = all_backends();
my $alice = $httpd->root . '/alice';
my @cert = ('--tls13-ciphers', 'TLS_AES_256_GCM_SHA384', '--cert', "$alice.pem",
    '--key', "$alice.key");

# Frontend, scheme, arguments, and what httpd knows besides.
my %ssl = (HTTPS => undef, PROXYIP_SSL => 'on',
    PROXYIP_SSL_VERSION => 'TLSv1.3');
my $version = sub { return PROXYIP_VERSION => $_[0] };
for (['v1', 'https', [], { $version->(1) }],
     ['443', 'https', [], { $version->(2) }],
     ['v2_checksum', 'https', [], { PROXYIP_CRC32C => 'ok' }],
     ['8443', 'https', [], { %ssl, HTTPS => 'on' }],
     ['8443', 'https', ['--http1.1'], { %ssl, HTTPS => 'on',
      PROXYIP_ALPN => 'http/1.1' }],
     ['v2_ssl_cn', 'https', \@cert, { %ssl, $version->(2),
      PROXYIP_SSL_CN => 'alice' }],
     ['v2_everything', 'https', \@cert, { %ssl, PROXYIP_SSL_CN => 'alice',
      PROXYIP_SSL_CIPHER => 'TLS_AES_256_GCM_SHA384',
      PROXYIP_SSL_KEY_ALG => 'EC256',
      PROXYIP_SSL_SIG_ALG => 'ecdsa-with-SHA256',
      PROXYIP_AUTHORITY => 'www.example.com', PROXYIP_CRC32C => 'ok',
      PROXYIP_UNIQUE_ID => 'audit-1' }],
     ['v2_reencrypted', 'http', [], { $version->(2) }],
     ['http_checks', 'http', [], { $version->(2) }],
     ['checks_elsewhere', 'https', [], { $version->(2) }],
     ['checks_elsewhere_with_header', 'https', [], { $version->(2) }],
     ['checks_by_steps', 'http', [], { $version->(1) }]) {
    my ($front, $scheme, $curl, $facts) = @$_;
    my $answer = ask($haproxy, $scheme, $front, @$curl);
    client_seen("$name, $front", $answer);
    is($answer->{variables}{$_}, $facts->{$_}, "$name, $front: $_")
        for sort keys %$facts;
}
is(ask($haproxy, 'https', 'v2_ssl_cn')->{code}, 403,
    "$name, v2_ssl_cn: no certificate");

# Behind another balancer.
my $told = ProxyIP::Client->new(port => $haproxy->port(9443))
    ->send(v1())->start_tls->get('/cgi/environment');
like($told && $told->content, qr/^REMOTE_ADDR=192\.0\.2\.77$/m,
    "$name, behind_another: its client");

# A server with headers and one without, from an address of HAProxy's.
my %saw = map { @$_{qw(REMOTE_ADDR PROXYIP_PEER_ADDR)} }
    map { ask($haproxy, 'https', 'mixed')->{variables} } 1, 2;
is_deeply(\%saw, { $CLIENT => '127.0.0.5', '127.0.0.5' => undef },
    "$name, mixed: who comes from where");

# Health checks, each in its way.
my $checks;
$haproxy->wait_until(10, sub {
    $checks = $haproxy->servers('check_status');
    return !grep { /INI|^\*/ } values %$checks;
});
my %want = map { $_ => 'L4OK' } keys %$checks;
@want{qw(http_checks/web1 checks_by_steps/web1)} = qw(L7OK L7OK);
$want{'v2_reencrypted/web1'} = 'L6OK';
is_deeply($checks, \%want, "$name: the checks pass");
my $where = $httpd->port('checks_elsewhere_with_header_8444');
logged("$name, a check elsewhere has a header", $httpd,
    "PIP0028: .* on 127\\.0\\.0\\.1:$where\\b", 'error_log');
logged("$name, a check by $_", $httpd, '^client=127\.0\.0\.1 .*'
    . "status=200 .*\"GET /health HTTP/$_\"") for '1.1', '1.0';

done_testing;
