# Modules that limit clients, behind a load balancer: who asks too much is
# refused, and nobody else that the same balancer speaks for.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep);

use ProxyIP::Client;
use ProxyIP::Header qw(v2);
use ProxyIP::Patience;
use ProxyIP::Server;

my ($BUSY, $EDGE, $BALANCER) = qw(192.0.2.100 198.51.100.7 127.0.0.9);

my $mpm = ProxyIP::Httpd::mpm();
plan skip_all => 'they are alike on worker and event' if $mpm eq 'worker';

# Two listeners: the module's, and for comparison one that is Off.
my $LISTENERS = <<"EOC";
Listen 127.0.0.1:\@port:on\@
Listen 127.0.0.1:\@port:off\@
<VirtualHost 127.0.0.1:\@port:on\@>
    ProxyIP On
    ProxyIPPeer require $BALANCER
    RemoteIPHeader X-Client-IP
    RemoteIPTrustedProxy $EDGE
</VirtualHost>
<VirtualHost 127.0.0.1:\@port:off\@>
</VirtualHost>
EOC

# Connect as the balancer does, for a client.
sub connect_for {
    my ($server, $client) = @_;
    my $connection = ProxyIP::Client->new(from => $BALANCER,
        port => $server->port(defined $client ? 'on' : 'off'));
    return $connection->send(defined $client ? v2(src => $client) : '');
}

# What one request is answered for each client named; undef: without a header,
# where ProxyIP is Off.  0: nothing.
sub codes {
    my ($server, $path, @clients) = @_;
    return map {
        my $answer = connect_for($server, $_)
            ->get($path, Connection => 'close');
        $answer ? $answer->code : 0;
    } @clients;
}

my @everyone = map { "192.0.2.$_" } 1 .. 8;
my @all_good = (200) x @everyone;

# limits NAME, SERVER, PATH, REFUSED, COUNTED: by the client, after some
# requests; behind a CDN by its edge or by the visitor that mod_remoteip finds.
sub limits {
    my ($name, $server, $path, $refused, $counted) = @_;
    is_deeply([codes($server, $path, @everyone)], \@all_good,
        "$name: eight clients, one request each");
    my @codes = codes($server, $path, ($BUSY) x 8);
    is($codes[0], 200, '... one client, its first request');
    is($codes[-1], $refused, '... its last of eight is refused');
    is_deeply([codes($server, $path, @everyone)], \@all_good,
        '... the others are not');
    is((codes($server, $path, (undef) x 8))[-1], $refused,
        '... as the balancer would be, without the module');
    my $last;
    $last = connect_for($server, $EDGE)->get($path, Connection => 'close',
        'X-Client-IP' => "203.0.113.$_") for 1 .. 8;
    is($last ? $last->code : 0, $counted eq 'edge' ? $refused : 200,
        "... eight visitors of a CDN's edge: it is the $counted that counts");
}

# mod_evasive counts in each process, so only where there is one.
SKIP: {
    skip 'mod_evasive counts in each process', 9 if $mpm eq 'prefork';
    my $load = ProxyIP::Httpd::load_neighbour('evasive20')
        or skip 'mod_evasive is not here', 9;
    my $server = ProxyIP::Server->new(config => $load . $LISTENERS . <<'EOC');
DOSHashTableSize 1000
DOSPageCount 4
DOSPageInterval 30
DOSSiteCount 1000
DOSBlockingPeriod 30
DOSLogDir @root@/logs
EOC
    $server->start;
    limits('mod_evasive', $server, '/', 403, 'edge');
    ok(-e $server->root . "/logs/dos-$BUSY", '... who has a file in DOSLogDir');
    my $log = $server->error_log;
    cmp_ok($log->count(qr/\[client $BUSY:4711\] client denied/), '>=', 1,
        '... and a line in the error log');
    is($log->count(qr/\[client 192\.0\.2\.\d:4711\] client denied/), 0,
        '... as nobody else');
}

# mod_qos: QS_SrvMaxConnPerIP is in client-everywhere.t.
SKIP: {
    my $load = ProxyIP::Httpd::load_neighbour('qos', 'libpcre.so.3')
        or skip 'mod_qos is not here', 6;
    my $server = ProxyIP::Server->new(config => $load . $LISTENERS . <<'EOC');
SetEnvIf Request_URI "^/costly" QS_Block
Alias "/costly" "@root@/htdocs/index.html"
QS_ClientEntries 1000
QS_ClientEventBlockCount 3 60
EOC
    $server->start;
    limits('mod_qos, QS_ClientEventBlockCount', $server, '/costly', 0, 'edge');
}

my @SECURITY = ('security2', 'libyajl.so.2', 'liblua5.1.so.0',
    'libcurl-gnutls.so.4');

SKIP: {
    my $load = ProxyIP::Httpd::load_neighbour(@SECURITY)
        or skip 'mod_security is not here', 10;
    my $server = ProxyIP::Server->new(modules => ['unique_id'],
        config => $load . $LISTENERS . <<'EOC');
SecRuleEngine On
SecDataDir @root@/logs
SecAuditEngine RelevantOnly
SecAuditLog @root@/logs/audit
SecAuditLogParts ABHZ
SecAction "id:1,phase:1,nolog,pass,initcol:ip=%{REMOTE_ADDR}"
SecAction "id:2,phase:1,nolog,pass,setvar:ip.requests=+1"
SecRule IP:REQUESTS "@gt 4" "id:3,phase:1,deny,status:429,auditlog"
SecRule REMOTE_ADDR "@ipMatch 192.0.2.66" "id:4,phase:1,deny,status:410"
EOC
    $server->start;
    limits('mod_security, a collection for each address', $server, '/', 429,
        'visitor');
    is_deeply([codes($server, '/', '192.0.2.66', '192.0.2.67')], [410, 200],
        'mod_security: a rule on REMOTE_ADDR');
    my @audit = ProxyIP::Log->new($server->root . '/logs/audit')->lines(
        qr/^\[.*\] \S+ [\d.]+ \d+ [\d.]+ \d+$/);
    cmp_ok(scalar @audit, '>=', 6, '... its audit log');
    my ($on, $off) = map { $server->port($_) } 'on', 'off';
    is_deeply([grep { !/ (?:$BUSY|192\.0\.2\.66) 4711 127\.0\.0\.1 $on$/ }
        grep { !/ $BALANCER \d+ 127\.0\.0\.1 $off$/ } @audit], [],
        '... has clients, with their ports');
    is($server->error_log->count(qr/\[client $BALANCER.*:$on/), 0,
        '... the error log too');
}

# mod_security's limits of workers.
for my $state ('READ', 'WRITE') {
    SKIP: {
        my $load = ProxyIP::Httpd::load_neighbour(@SECURITY)
            or skip 'mod_security is not here', 6;
        my $name = $state eq 'READ' ? 'SecConnReadStateLimit'
            : 'SecConnWriteStateLimit';
        my $server = ProxyIP::Server->new(modules => ['unique_id'],
            workers => 12, config => $load . $LISTENERS . <<"EOC")->start;
SecConnEngine On
$name 3
<IfModule mpm_prefork_module>
    StartServers 12
</IfModule>
EOC
        my $end = $state eq 'READ' ? '' : "\r\n";
        # How many of some connections are refused, all open at once.
        my $refused = sub {
            my @open = map {
                sleep patience(0.05);
                connect_for($server, $_)->send(
                    "GET /cgi/slow HTTP/1.1\r\nHost: localhost\r\n$end");
            } @_;
            sleep patience(0.3);
            my $count = grep { $_->ending(0)->{how} eq 'eof' } @open;
            $_->reset for @open;
            return $count;
        };
        is($refused->(@everyone[0 .. 5]), 0, "$name: six clients");
        my $log = $server->error_log->mark;
        cmp_ok($refused->(($BUSY) x 6), '>=', 2, '... one client six times');
        my @denied = $log->lines(qr/ModSecurity: Access denied.* in $state/);
        cmp_ok(scalar @denied, '>=', 2, '... is said in the error log');
        is_deeply([grep { !/client $BUSY:4711.*state from $BUSY / } @denied],
            [], '... of the client');

        # Connections that have sent no header yet are nobody's.
        my @silent = map { ProxyIP::Client->new(from => $BALANCER,
            port => $server->port('on')) } 1 .. 6;
        sleep patience(0.3);
        is_deeply([codes($server, '/', $everyone[0])], [200],
            '... six that have sent no header: a client');
        my $check = ProxyIP::Client->fetch(from => $BALANCER,
            port => $server->port('on'), header => v2(command => 'LOCAL'));
        is($check && $check->code, 200, '... a health check');
    }
}

done_testing;
