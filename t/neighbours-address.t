# Modules that read a client's address see the client that the header names:
# access control by name, scripts in the server, logs, and what each kind of
# backend is told.

use strict;
use warnings;

use IO::Socket::INET;
use Test::More;

use ProxyIP::Client;
use ProxyIP::Header qw(v2 CLIENT);
use ProxyIP::Relay;
use ProxyIP::Server;

plan skip_all => 'what they see is the same on every MPM'
    if ProxyIP::Httpd::mpm() ne 'event';

my ($OTHER, $BALANCER) = qw(192.0.2.78 127.0.0.9);

sub is_there { -e ProxyIP::Httpd::query('LIBEXECDIR') . "/mod_$_[0].so" }
my @optional = grep { is_there($_) } qw(perl lua);

# A backend of each kind: a listener here, which answers nothing.
my @BACKENDS = qw(scgi uwsgi ajp ws);
my %backend = map {
    $_ => IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0,
        Proto => 'tcp', Listen => 4) // die "listen: $!\n"
} @BACKENDS;
my $passes = join '', map {
    qq(    ProxyPass "/$_" "$_://127.0.0.1:@{[$backend{$_}->sockport]}")
        . " retry=0 timeout=5\n"
} @BACKENDS;

my $server = ProxyIP::Server->new(
    modules => [@optional, qw(access_compat log_forensic unique_id
        proxy_scgi proxy_uwsgi proxy_ajp proxy_wstunnel)],
    config => <<"EOC");
Listen 127.0.0.1:\@port:on\@
Listen 127.0.0.1:\@port:names\@
ProxyIPPeer require 127.0.0.0/8
ForensicLog \@root\@/logs/forensic
LogFormat "%{forensic-id}n %a %{c}a %h %U %>s" wide
CustomLog \@root\@/logs/wide wide
<VirtualHost 127.0.0.1:\@port:on\@>
    ProxyIP On
    ProxyIPServerAddr On
    <IfModule mod_http2.c>
        Protocols h2c http/1.1
    </IfModule>
    AliasMatch "^/(forward|not|range|old)\$" "\@root\@/htdocs/index.html"
    <Location "/forward">
        Require forward-dns localhost
    </Location>
    <Location "/not">
        <RequireAll>
            Require all granted
            Require not ip 192.0.2.77
        </RequireAll>
    </Location>
    <Location "/range">
        Require expr "%{REMOTE_ADDR} -ipmatch '192.0.2.77/32'"
    </Location>
    <Location "/old">
        Order deny,allow
        Deny from all
        Allow from 192.0.2.77
        Satisfy any
        Require all denied
    </Location>

    SetEnvIf Remote_Addr "^192\\.0\\.2\\.77\$" by_setenvif=yes
    RewriteEngine On
    RewriteCond expr "-R '192.0.2.77'"
    RewriteRule "^/cgi/" "-" [E=by_rewrite:yes]
    AddOutputFilter INCLUDES .shtml
    <Directory "\@root\@/htdocs">
        Options Includes
    </Directory>
$passes
    <IfModule mod_lua.c>
        LuaMapHandler "^/lua\$" "\@root\@/address.lua"
    </IfModule>
    <IfModule mod_perl.c>
        PerlPostConfigRequire \@root\@/address.pl
        PerlPreConnectionHandler Address::of_connection
        <Location "/perl">
            SetHandler modperl
            PerlResponseHandler Address::of_request
        </Location>
    </IfModule>
</VirtualHost>
# Clients here are 127.0.0.1, whose name is known without asking anybody.
<VirtualHost 127.0.0.1:\@port:names\@>
    ProxyIP On
    HostnameLookups On
    AliasMatch "^/(host|no-host)\$" "\@root\@/htdocs/index.html"
    <Location "/host">
        Require host localhost
    </Location>
    <Location "/no-host">
        Require host client.example.org
    </Location>
</VirtualHost>
EOC
$server->write_file('address.lua', <<'EOC');
function handle(r)
    r.content_type = "text/plain"
    r:puts(r.useragent_ip)
    return apache2.OK
end
EOC
$server->write_file('address.pl', <<'EOC');
package Address;
use strict;
use warnings;
use Apache2::Connection ();
use Apache2::Const -compile => 'OK';
use Apache2::RequestIO ();
use Apache2::RequestRec ();
use APR::SockAddr ();
sub of_connection {
    my ($c) = @_;
    warn 'perl meets ', $c->client_ip, "\n";
    return Apache2::Const::OK;
}
sub of_request {
    my ($r) = @_;
    my $c = $r->connection;
    $r->content_type('text/plain');
    $r->print(join ' ', $r->useragent_ip, $c->client_ip,
        $c->client_addr->port);
    return Apache2::Const::OK;
}
1;
EOC
$server->write_file('htdocs/echo.shtml',
    '<!--#echo var="REMOTE_ADDR" --> <!--#echo var="REMOTE_PORT" -->');
$server->start;
my $wide = ProxyIP::Log->new($server->root . '/logs/wide');

sub connect_for {
    my ($client, $listener) = @_;
    my $connection = ProxyIP::Client->new(from => $BALANCER,
        port => $server->port($listener // 'on'));
    return $connection->send(v2(src => $client));
}

sub answer {
    my ($client, $path, $listener) = @_;
    return connect_for($client, $listener)->get($path, Connection => 'close');
}

# mod_log_forensic: each request has its two lines, by an id that the access
# log has too.  Before all others, whose requests may be logged late.
my $forensic = ProxyIP::Log->new($server->root . '/logs/forensic');
my $connection = connect_for(CLIENT);
$connection->get("/first-$_") for 1 .. 5;
answer("192.0.2.$_", "/other-$_") for 1 .. 5;
my $relay = ProxyIP::Relay->new(to => $server->port('on'),
    header => v2(src => $OTHER))->start;
my $url = 'http://127.0.0.1:' . $relay->port;
system "nghttp -n $url/stream-1 $url/stream-2 $url/stream-3 > /dev/null 2>&1";
# No request.
ProxyIP::Client->new(port => $server->port('on'))->send("x")->ending(5);
$server->wait_until(5, sub {
    return $forensic->count(qr/^-/) == 13 && $wide->count == 13 });

my (%path_of, %ended);
for ($forensic->lines) {
    $path_of{$1} = $2 if /^\+([^|]+)\|GET (\S+) HTTP/;
    $ended{$1}++ if /^-(\S+)/;
}
my @paths = ((map { "/first-$_" } 1 .. 5), (map { "/other-$_" } 1 .. 5),
    map { "/stream-$_" } 1 .. 3);
is_deeply([sort values %path_of], \@paths,
    'mod_log_forensic: every request, and no other');
is_deeply(\%ended, { map { $_ => 1 } keys %path_of }, '... has its end');
my %client_of = map { m{^(\S+) (\S+) \S+ \S+ (/\S+)} ? ("$1 $3" => $2) : () }
    $wide->lines;
my %expected = map {
    my $path = $path_of{$_};
    my ($kind, $number) = $path =~ m{/(\w+)-(\d)};
    my %client = (first => CLIENT, other => "192.0.2.$number",
        stream => $OTHER);
    "$_ $path" => $client{$kind};
} keys %path_of;
is_deeply(\%client_of, \%expected,
    '... and its id in the access log, with the client');

# Access control.
for my $case (
    ['/forward', '127.0.0.1', 200], ['/forward', CLIENT, 403],
    ['/not', CLIENT, 403], ['/not', $OTHER, 200],
    ['/range', CLIENT, 200], ['/range', $OTHER, 403],
    ['/old', CLIENT, 200], ['/old', $OTHER, 403],
) {
    my ($path, $client, $code) = @$case;
    is(answer($client, $path)->code, $code, "$path by $client: $code");
}

# By name: it is the client's that is looked up.
is(answer('127.0.0.1', '/host', 'names')->code, 200, 'Require host');
is(answer('127.0.0.1', '/no-host', 'names')->code, 403, '... of another name');
ok($wide->wait_for(qr{ 127\.0\.0\.1 127\.0\.0\.1 localhost /no-host 403$}, 5),
    'HostnameLookups: %h');

# What reads the address while a request is made ready.
for my $case ([CLIENT, 'yes'], [$OTHER, undef]) {
    my ($client, $value) = @$case;
    my $saw = ProxyIP::Client->variables(answer($client, '/cgi/environment'));
    is($saw->{by_setenvif}, $value, "mod_setenvif, $client");
    is($saw->{by_rewrite}, $value, "mod_rewrite's expr, $client");
}
for my $client (CLIENT, $OTHER) {
    is(answer($client, '/echo.shtml')->content, "$client 4711",
        "mod_include, $client");
    SKIP: {
        skip 'no mod_lua', 1 if !is_there('lua');
        is(answer($client, '/lua')->content, $client, "mod_lua, $client");
    }
    SKIP: {
        skip 'no mod_perl', 2 if !is_there('perl');
        $server->error_log->mark;
        is(answer($client, '/perl')->content, "$client $client 4711",
            "mod_perl, $client");
        my @met = $server->error_log->lines(qr/^perl meets/);
        is("@met", "perl meets $client", '... in pre_connection');
        $server->error_log->mark;
    }
}

# What each kind of backend is told, in its own protocol.
my %told = (
    scgi => sub { "\0REMOTE_ADDR\0$_[0]\0" },
    uwsgi => sub { pack 'v/a* v/a*', 'REMOTE_ADDR', $_[0] },
    # Protocol, URI, then the address.
    ajp => sub { pack 'n/a* x n/a* x n/a* x', 'HTTP/1.1', '/', $_[0] },
    ws => sub { "X-Forwarded-For: $_[0]\r\n" },
);
for my $kind (@BACKENDS) {
    for my $client (CLIENT, $OTHER) {
        my $connection = connect_for($client)->request("/$kind",
            $kind eq 'ws' ? (Connection => 'Upgrade', Upgrade => 'websocket')
                : ());
        my $bytes = '';
        local $SIG{ALRM} = sub { die "$kind: nobody comes\n" };
        alarm 10;
        my $backend = $backend{$kind}->accept;
        sysread $backend, $bytes, 65536;
        alarm 0;
        like($bytes, qr/\Q@{[$told{$kind}->($client)]}\E/,
            "mod_proxy_$kind, $client");
        close $backend;
        $connection->close;
    }
}

done_testing;
