# ProxyIPHTTPS: TLS ended at the load balancer, and httpd believes that the
# client's connection is https; in all that asks, and nowhere else.

use strict;
use warnings;

use Test::More;

use ProxyIP::Client;
use ProxyIP::Curl qw(curl);
use ProxyIP::HAProxy;
use ProxyIP::Header qw(v1 v2 tlv ssl_tlv NLB_HEALTH_CHECK);
use ProxyIP::Relay;
use ProxyIP::Patience;
use ProxyIP::Server;

my $h2 = ProxyIP::Httpd::mpm() ne 'prefork';
my @names = qw(on tlv port off unsaid);
my %setting = (on => 'On', tlv => 'TLV', port => 'port=443', off => 'off');

# Every listener's virtual host has the same; all speak h2c where it can be.
my $common = <<'EOC' . ($h2 ? "Protocols h2c http/1.1\n" : '');
ServerName www.example.org
ProxyIP On
ProxyIPPeer require 127.0.0.0/24
ProxyIPPeer optional 127.0.1.0/24
Header always set X-Seen "expr=https=%{HTTPS} scheme=%{REQUEST_SCHEME}"
RequestHeader set X-Forwarded-Proto expr=%{REQUEST_SCHEME}
RequestHeader set X-Early "%{HTTPS}e" early
SetEnvIf HTTPS on SEEN_BY_SETENVIF=yes
Redirect "/redirect" "/elsewhere"
Alias "/tls-only" "@root@/htdocs/index.html"
<Location "/tls-only">
    Require ssl
</Location>
Alias "/tls-by-openssl" "@root@/htdocs/index.html"
<Location "/tls-by-openssl">
    SSLRequireSSL
</Location>
RewriteEngine On
RewriteCond "%{HTTPS}" "=on"
RewriteRule "^/rewritten$" "/index.html" [L]
RewriteCond "%{ENV:HTTPS}" "=on"
RewriteRule "^/rewritten-env$" "/index.html" [L]
RewriteRule "^/internal$" "/cgi/environment" [PT]
RewriteCond "%{REQUEST_SCHEME}" "=http"
RewriteRule "^/only-https$" "https://%{HTTP_HOST}%{REQUEST_URI}" [R,L]
Alias "/only-https" "@root@/htdocs/index.html"
<Location "/ssi.html">
    Options +Includes
    SetOutputFilter INCLUDES
</Location>
ErrorDocument 404 /cgi/environment
ProxyPass        "/app/" "http://127.0.0.1:@port:app@/"
ProxyPassReverse "/app/" "http://127.0.0.1:@port:app@/"
EOC

# The virtual hosts on plain listeners, and the servers beside them.
sub config {
    my $text = join '', map { "Listen 127.0.0.1:\@port:$_\@\n" }
        @names, 'app', 'tls', 'nameless';
    for my $name (@names) {
        my $line = $setting{$name} ? "ProxyIPHTTPS $setting{$name}\n" : '';
        $text .= "<VirtualHost 127.0.0.1:\@port:$name\@>\n$line$common"
            . "</VirtualHost>\n";
    }
    return $text . <<'EOC';
# Without ServerName, or a port in Host, a URL would get the listener's port.
<VirtualHost 127.0.0.1:@port:nameless@>
    ProxyIP On
    ProxyIPPeer require all
    ProxyIPHTTPS on
    Redirect "/redirect" "/elsewhere"
</VirtualHost>
# The application: behind mod_proxy, without a header.
<VirtualHost 127.0.0.1:@port:app@>
    Header always set X-App "expr=https=%{HTTPS} scheme=%{REQUEST_SCHEME}"
    RedirectMatch "^/login$" "http://127.0.0.1:@port:app@/welcome"
</VirtualHost>
# TLS that ends here, where the setting says something else, or nothing new.
<VirtualHost 127.0.0.1:@port:tls@>
    <IfModule mod_http2.c>
        Protocols h2 http/1.1
    </IfModule>
    Redirect "/redirect" "/elsewhere"
    ProxyIP On
    ProxyIPPeer require 127.0.0.0/24
    ProxyIPHTTPS tlv
    SSLEngine On
    SSLCertificateFile @tls@/server.pem
    SSLCertificateKeyFile @tls@/server.key
    Header always set X-Seen "expr=https=%{HTTPS} scheme=%{REQUEST_SCHEME}"
    Alias "/tls-only" "@root@/htdocs/index.html"
    <Location "/tls-only">
        Require ssl
        SSLRequireSSL
    </Location>
</VirtualHost>
EOC
}

my $server = ProxyIP::Server->new(config => config());
mkdir $server->root . '/htdocs/folder';
$server->write_file('htdocs/ssi.html',
    '<!--#include virtual="/cgi/environment" -->');
$server->start;

# One request on a connection of its own.  Options: header, from, host, tls.
sub get {
    my ($name, $path, %option) = @_;
    my $client = ProxyIP::Client->new(port => $server->port($name),
        from => $option{from} // '127.0.0.1');
    $client->send($option{header} // v2());
    $client->start_tls if $option{tls};
    return $client->get($path, Connection => 'close',
        Host => $option{host} // 'www.example.org');
}

sub environment { return { get(@_)->content =~ /^(\w+)=(.*)$/mg } }

my %seen = (1 => 'https=on scheme=https', 0 => 'https=off scheme=http');

# When it holds: [name, header, options]; the listeners where it does.
my $tls = [ssl_tlv(subs => [tlv(0x21 => 'TLSv1.3')])];
my @cases = (
    ['v1', v1(), [], qw(on port)],
    ['v1 IPv6', v1(src => '2001:db8::77', dst => '2001:db8::80'), [],
     qw(on port)],
    ['v1, port 80', v1(dport => 80), [], qw(on)],
    ['v1 UNKNOWN', v1(family => 'UNKNOWN'), [], qw(on)],
    ['v2', v2(), [], qw(on port)],
    ['v2, port 80', v2(dport => 80), [], qw(on)],
    ['v2, port 80, source port 443', v2(sport => 443, dport => 80), [],
     qw(on)],
    ['v2, TLS', v2(dport => 80, tlvs => $tls), [], qw(on tlv)],
    ['v2, TLS, behind others', v2(crc => 1, dport => 80,
        tlvs => [tlv(0x01 => 'h2'), tlv(0x04 => ''), @$tls]), [],
     qw(on tlv)],
    ['v2, an SSL TLV of no TLS', v2(dport => 80,
        tlvs => [ssl_tlv(client => 0x06)]), [], qw(on)],
    ['v2, all bits', v2(dport => 80, tlvs => [ssl_tlv(client => 0xff)]), [],
     qw(on tlv)],
    ['v2, two SSL TLVs: the first counts', v2(dport => 80,
        tlvs => [ssl_tlv(client => 0), @$tls]), [], qw(on)],
    ['v2, another TLV that begins so', v2(dport => 80,
        tlvs => [tlv(0x21 => "\x01\0\0\0\0")]), [], qw(on)],
    ['v2 UNSPEC', v2(family => 'UNSPEC'), [], qw(on)],
    ['v2 UNSPEC, TLS', v2(family => 'UNSPEC', tlvs => $tls), [],
     qw(on tlv)],
    ['v2 LOCAL', v2(command => 'LOCAL'), []],
    ['v2 LOCAL, TLS', v2(command => 'LOCAL', tlvs => $tls), []],
    ['v2 LOCAL with addresses', v2(command => 'LOCAL', family => 'INET',
        tlvs => $tls), []],
    ['an NLB health check', NLB_HEALTH_CHECK, []],
    ['optional, v2', v2(tlvs => $tls), ['from', '127.0.1.1'],
     qw(on tlv port)],
    ['optional, no header', '', ['from', '127.0.1.1']],
);
for my $case (@cases) {
    my ($what, $header, $options, @where) = @$case;
    for my $name (@names) {
        my $holds = grep({ $_ eq $name } @where) ? 1 : 0;
        my $answer = get($name, '/', header => $header, @$options);
        is($answer && $answer->header('X-Seen'), $seen{$holds},
            "$name, $what: $seen{$holds}");
    }
}

# What follows from it: the same requests where it holds and where not.
for my $name ('on', 'off') {
    my $holds = $name eq 'on' ? 1 : 0;
    my $scheme = $holds ? 'https' : 'http';
    my $env = environment($name, '/cgi/environment');
    is($env->{HTTPS}, $holds ? 'on' : undef, "$name: HTTPS for a CGI");
    is($env->{REQUEST_SCHEME}, $scheme, "$name: REQUEST_SCHEME for a CGI");
    is($env->{SERVER_PORT}, $holds ? 443 : 80, "$name: SERVER_PORT");
    is($env->{HTTP_X_EARLY}, $holds ? 'on' : '(null)',
        "$name: RequestHeader early");
    is($env->{HTTP_X_FORWARDED_PROTO}, $scheme, "$name: X-Forwarded-Proto");
    is(environment($name, '/internal')->{HTTPS}, $holds ? 'on' : undef,
        "$name: HTTPS, rewritten");
    $env = environment($name, '/no-such-file');
    is("$env->{REDIRECT_STATUS} " . ($env->{HTTPS} // 'none'),
        $holds ? '404 on' : '404 none', "$name: HTTPS, internal redirect");

    is(environment($name, '/ssi.html')->{HTTPS}, $holds ? 'on' : undef,
        "$name: HTTPS, subrequest");

    my $ok = $holds ? 200 : 404;
    is(get($name, '/rewritten')->code, $ok, "$name: RewriteCond %{HTTPS}");
    is(get($name, '/rewritten-env')->code, $ok, "$name: %{ENV:HTTPS}");
    is(get($name, '/tls-only')->code, $holds ? 200 : 403,
        "$name: Require ssl");
    is(get($name, '/tls-by-openssl')->code, 403,
        "$name: SSLRequireSSL cannot follow");
    is(get($name, '/only-https')->code, $holds ? 200 : 302,
        "$name: the usual redirect to https ends");

    # URLs that the server makes of itself.
    my %location = (
        '/folder'    => ['', '/folder/'],
        '/redirect'  => ['', '/elsewhere'],
        '/app/login' => ['', '/app/welcome'],
    );
    for my $path (sort keys %location) {
        my $target = $location{$path}[1];
        is(get($name, $path)->header('Location'),
            "$scheme://www.example.org$target", "$name: Location of $path");
        is(get($name, $path, host => 'www.example.org:8443')
            ->header('Location'), "$scheme://www.example.org:8443$target",
            "$name: ... with a port in Host");
        is(get($name, $path, host => 'www.example.org:443')
            ->header('Location'), 'http' . ($holds ? 's://www.example.org'
                : '://www.example.org:443') . $target,
            "$name: ... with 443 in Host");
    }

    # mod_proxy's own connection, and what it tells the application.
    my $answer = get($name, '/app/cgi/environment');
    is($answer->header('X-App'), $seen{0}, "$name: the application's side");
    my %app = $answer->content =~ /^(\w+)=(.*)$/mg;
    is($app{HTTP_X_FORWARDED_PROTO}, $scheme, "$name: what it is told");
    is($app{HTTPS}, undef, "$name: ... no more than that");

    # Requests that never become one.
    my $client = ProxyIP::Client->new(port => $server->port($name));
    $answer = $client->send(v2() . "what\x01\r\n\r\n")->answer;
    is($answer->code . ' ' . $answer->header('X-Seen'), "400 $seen{$holds}",
        "$name: no request");

    # For all of a connection's requests.
    $client = ProxyIP::Client->new(port => $server->port($name));
    $client->send(v2());
    is($client->get('/')->header('X-Seen'), $seen{$holds},
        "$name: request $_ of one connection") for 1 .. 3;

    # Absolute URLs, of this scheme and of the other.
    for my $url ('http', 'https') {
        $answer = get($name, "$url://www.example.org/");
        is($answer->code . ' ' . $answer->header('X-Seen'),
            "200 $seen{$holds}", "$name: an absolute $url URL");
    }
}

is(get('nameless', '/redirect', host => 'a.example.org')->header('Location'),
    'https://a.example.org/elsewhere', 'no ServerName: no port of ours');

# TLS that ends here is mod_ssl's, whatever the header says.
for my $header (v1(), v2(), v2(tlvs => $tls), v2(command => 'LOCAL')) {
    my $answer = get('tls', '/tls-only', header => $header, tls => 1);
    is($answer->code . ' ' . $answer->header('X-Seen'), "200 $seen{1}",
        'TLS that ends here');
    is(get('tls', '/redirect', header => $header, tls => 1)
        ->header('Location'), 'https://www.example.org:'
        . $server->port('tls') . '/elsewhere', '... its own port');
    next if !$h2;
    my $relay = ProxyIP::Relay->new(header => $header,
        to => $server->port('tls'))->start;
    $answer = curl('--http2', 'https://127.0.0.1:' . $relay->port
        . '/cgi/environment');
    is("$answer->{version} $answer->{variables}{HTTPS}", '2 on',
        '... with HTTP/2');
}
is(get('tls', '/', header => v2(tlvs => $tls))->code, 400,
    '... and plain HTTP to it stays an error');

# The main server's settings hold for its virtual hosts, and may be taken back.
my $inherited = ProxyIP::Server->new(config => <<'EOC')->start;
Listen 127.0.0.1:@port:main@
Listen 127.0.0.1:@port:back@
ProxyIP On
ProxyIPPeer require 127.0.0.0/8
ProxyIPHTTPS on
Header always set X-Seen "expr=https=%{HTTPS} scheme=%{REQUEST_SCHEME}"
<VirtualHost 127.0.0.1:@port:back@>
    ProxyIPHTTPS off
</VirtualHost>
EOC
for my $case (['main', 1], ['back', 0]) {
    my $client = ProxyIP::Client->new(port => $inherited->port($case->[0]));
    is($client->send(v2())->get('/')->header('X-Seen'), $seen{ $case->[1] },
        "the main server's setting: $case->[0]");
}

# HTTP/2 with prior knowledge.
SKIP: {
    skip 'mod_http2 is not for prefork', 1 if !$h2;
    my @headers = (['v1', v1(), qw(on port)],
        ['v2', v2(), qw(on port)],
        ['v2, TLS', v2(dport => 80, tlvs => $tls), qw(on tlv)],
        ['LOCAL', v2(command => 'LOCAL')]);
    for my $case (@headers) {
        my ($what, $header, @where) = @$case;
        for my $name (@names) {
            my $holds = grep({ $_ eq $name } @where) ? 1 : 0;
            my $relay = ProxyIP::Relay->new(header => $header,
                to => $server->port($name))->start;
            my $url = 'http://127.0.0.1:' . $relay->port;
            my @h2 = ('-i', '--http2-prior-knowledge', '-H',
                'Host: www.example.org');
            my $answer = curl(@h2, "$url/cgi/environment");
            is($answer->{version}, '2', "h2c, $name, $what: HTTP/2");
            like($answer->{body}, qr/^x-seen: \Q$seen{$holds}\E\r$/mi,
                "h2c, $name, $what: $seen{$holds}");
            is($answer->{variables}{HTTPS}, $holds ? 'on' : undef,
                "h2c, $name, $what: HTTPS");
            next if $what ne 'v2';

            is(curl(@h2, "$url/tls-only")->{code}, $holds ? 200 : 403,
                "h2c, $name: Require ssl");
            my $scheme = $holds ? 'https' : 'http';
            like(curl(@h2, "$url/folder")->{body},
                qr{^location: $scheme://www\.example\.org/folder/\r$}mi,
                "h2c, $name: Location");
            my @bodies = `nghttp -y -H':authority: www.example.org' \\
                '$url/cgi/environment?1' '$url/cgi/environment?2' 2>&1`;
            my @schemes = map { /^REQUEST_SCHEME=(\S+)/ ? $1 : () } @bodies;
            is("@schemes", "$scheme $scheme", "h2c, $name: two streams");
        }
    }
    # With :scheme https, as a balancer says that ended TLS: a GET without
    # HPACK's compression.
    my $client = ProxyIP::Client->new(port => $server->port('on'));
    my $block = "\x82\x87" . pack 'C C/a* C C/a*', 0x04, '/cgi/environment',
        0x01, 'www.example.org';
    $client->send(v2() . "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
        . "\0\0\0\x04\0\0\0\0\0" . pack('CnCCN', 0, length $block, 1, 5, 1)
        . $block);
    my $deadline = time + patience(5);
    until ($client->{in} =~ /REQUEST_SCHEME=\w+\n/) {
        last if $client->read_some($deadline);
    }
    like($client->{in}, qr/^HTTPS=on\n/m, 'h2c, :scheme https: HTTPS');
    like($client->{in}, qr/^REQUEST_SCHEME=https\n/m, '... REQUEST_SCHEME');
}

# Wrong values stop the start.
for my $value ('yes', 'port', 'port=', 'port=0', 'port=65536', 'port=443x',
    'port=-1', 'port= 443', '443', 'tls') {
    my ($status, $output) = ProxyIP::Server->config_error(
        'ProxyIPHTTPS ' . ($value =~ / / ? qq("$value") : $value));
    isnt($status, 0, "refused: ProxyIPHTTPS $value");
    like($output, qr/ProxyIPHTTPS: '\Q$value\E'.*off, on, tlv or port=N/,
        '... what is accepted');
}
for my $line ('ProxyIPHTTPS', 'ProxyIPHTTPS ""', 'ProxyIPHTTPS on tlv') {
    my ($status, $output) = ProxyIP::Server->config_error($line);
    isnt($status, 0, "refused: $line");
    like($output, qr/ProxyIPHTTPS takes one argument/, '... for that reason');
}
for my $pair (['on', 'off'], ['tlv', 'on'], ['port=443', 'port=8443']) {
    my ($one, $other) = @$pair;
    my ($status, $output) = ProxyIP::Server->config_error(<<"EOC");
ProxyIP On
ProxyIPPeer require 127.0.0.0/8
<VirtualHost *:\@port\@>
    ServerName one.example.org
    ProxyIPHTTPS $one
</VirtualHost>
<VirtualHost *:\@port\@>
    ServerName other.example.org
    ProxyIPHTTPS $other
</VirtualHost>
EOC
    isnt($status, 0, "refused: $one and $other in one listener");
    like($output, qr/PIP0001: ProxyIPHTTPS differs.*$one \(\S+:\d+\)/,
        '... by which lines');
}

# With the module loaded before mod_ssl and mod_http2.
my $early = ProxyIP::Server->new(proxyip => 0, config => <<'EOC');
Listen 127.0.0.1:@port@
ProxyIP On
ProxyIPPeer require 127.0.0.0/8
ProxyIPHTTPS on
<IfModule mod_http2.c>
    Protocols h2c http/1.1
</IfModule>
<Location "/">
    Require ssl
</Location>
EOC
{
    no warnings 'redefine';
    my $load = \&ProxyIP::Httpd::load_modules;
    *ProxyIP::Httpd::load_modules = sub {
        return ProxyIP::Httpd::load_proxyip() . $load->(@_);
    };
}
$early->start;
for my $how ('started', 'graceful', 'restart') {
    $early->$how if $how ne 'started';
    my %code = map {
        my $client = ProxyIP::Client->new(port => $early->port);
        $_ => $client->send(v2(command => $_))->get('/')->code;
    } 'PROXY', 'LOCAL';
    is("@code{qw(PROXY LOCAL)}", '200 403', "loaded first, $how: Require ssl");
    next if !$h2;
    my $relay = ProxyIP::Relay->new(header => v2(), to => $early->port)->start;
    my $answer = curl('--http2-prior-knowledge',
        'http://127.0.0.1:' . $relay->port . '/');
    is("$answer->{version} $answer->{code}", '2 200', '... with HTTP/2');
}

# Without mod_ssl.
my $bare = ProxyIP::Server->new(config => <<'EOC');
ProxyIP On
ProxyIPPeer require 127.0.0.0/8
ProxyIPHTTPS on
Redirect "/redirect" "/elsewhere"
<Location "/">
    Require expr "%{HTTPS} == 'on'"
</Location>
EOC
{
    no warnings 'redefine';
    my $load = \&ProxyIP::Httpd::load_modules;
    local *ProxyIP::Httpd::load_modules = sub {
        return join '', grep { !/(?:ssl|proxyip)_module/ }
            map { "$_\n" } split /\n/, $load->(@_);
    };
    $bare->start;
}
for my $case (['PROXY', 200, 'https'], ['LOCAL', 403, 'http']) {
    my ($command, $code, $scheme) = @$case;
    my $client = ProxyIP::Client->new(port => $bare->port);
    $client->send(v2(command => $command));
    is($client->get('/')->code, $code, "without mod_ssl: $command");
    is($client->get('/redirect')->header('Location'),
        "$scheme://localhost/elsewhere", '... Location');
}

# A balancer that ends TLS and says so, and passes plain HTTP on as well.
my $haproxy = ProxyIP::HAProxy->new(config => <<'EOC');
listen plain
    bind 127.0.0.1:@port:plain@
    server httpd 127.0.0.1:@port:httpd@ send-proxy-v2 proxy-v2-options ssl
listen tls
    bind 127.0.0.1:@port:tls@ ssl crt @root@/both.pem alpn h2,http/1.1
    server httpd 127.0.0.1:@port:httpd@ send-proxy-v2 proxy-v2-options ssl
EOC
my $pem = join '', map {
    open my $file, '<', ProxyIP::Httpd::tls() . "/$_" or die "$_: $!\n";
    <$file>;
} 'server.pem', 'server.key';
$haproxy->write_file('both.pem', $pem);
$haproxy->{ports}{httpd} = $server->port('tlv');
$haproxy->start;
my ($plain, $ended) = map { $haproxy->port($_) } qw(plain tls);
for my $case (["http://127.0.0.1:$plain", '--http1.1', '1.1', undef],
    ["https://127.0.0.1:$ended", '--http1.1', '1.1', 'on'],
    $h2 ? (["https://127.0.0.1:$ended", '--http2', '2', 'on'],
        ["http://127.0.0.1:$plain", '--http2-prior-knowledge', '2', undef])
    : ()) {
    my ($url, $option, $version, $https) = @$case;
    my $answer = curl($option, "$url/cgi/environment");
    is($answer->{version}, $version, "HAProxy, $url, $option");
    is($answer->{variables}{HTTPS}, $https, '... HTTPS');
    like(curl('-i', $option, "$url/folder")->{body},
        qr{^location: $url/folder/\r$}mi, '... Location');
}

done_testing;
