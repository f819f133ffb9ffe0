# proxyip-check probe: listeners that hold to the specification, and others.

use strict;
use warnings;

use Test::More;

use ProxyIP::Check qw(check);
use ProxyIP::HAProxy;
use ProxyIP::Httpd;
use ProxyIP::Server;

my $server = ProxyIP::Server->new(config => <<'EOC')->start;
Listen 127.0.0.1:@port:require@
Listen 127.0.0.1:@port:off@
Listen 127.0.0.1:@port:optional@
Listen 127.0.0.1:@port:v2@
Listen 127.0.0.1:@port:tls@
Listen 127.0.0.1:@port:tlsoff@
Listen 127.0.0.1:@port:inside@
Listen 127.0.0.1:@port:remoteip@
Listen 127.0.0.1:@port:checksum@
ProxyIPPeer require 127.0.0.0/24
ProxyIPPeer direct 127.0.2.0/24
<VirtualHost 127.0.0.1:@port:require@>
    ProxyIP On
</VirtualHost>
<VirtualHost 127.0.0.1:@port:off@>
</VirtualHost>
<VirtualHost 127.0.0.1:@port:tlsoff@>
    SSLEngine On
    SSLCertificateFile @tls@/server.pem
    SSLCertificateKeyFile @tls@/server.key
</VirtualHost>
<VirtualHost 127.0.0.1:@port:optional@>
    ProxyIP On
    ProxyIPPeer optional 127.0.0.0/24
</VirtualHost>
<VirtualHost 127.0.0.1:@port:v2@>
    ProxyIP On
    ProxyIPFormats v2
</VirtualHost>
<VirtualHost 127.0.0.1:@port:tls@>
    ProxyIP On
    SSLEngine On
    SSLCertificateFile @tls@/server.pem
    SSLCertificateKeyFile @tls@/server.key
</VirtualHost>
<VirtualHost 127.0.0.1:@port:inside@>
    ProxyIP On
    ProxyIPInTLS On
    SSLEngine On
    SSLCertificateFile @tls@/server.pem
    SSLCertificateKeyFile @tls@/server.key
</VirtualHost>
<VirtualHost 127.0.0.1:@port:checksum@>
    ProxyIP On
    ProxyIPFormats v2
    ProxyIPChecksum require
</VirtualHost>
<VirtualHost 127.0.0.1:@port:remoteip@>
    RemoteIPProxyProtocol On
</VirtualHost>
EOC

sub probe {
    my ($name, @arguments) = @_;
    return check('probe', @arguments, '127.0.0.1:' . $server->port($name));
}

# The table: { case => [bytes, expected, happened, verdict] }.
sub table {
    my ($run) = @_;
    return { map { /^(\S+) +(\d+)  (.{14})(.{24})(\S+)$/
        ? ($1 => [$2, map { s/ +$//r } $3, $4, $5]) : () }
        split /\n/, $run->{out} };
}

# Names of a table's cases whose column is a text.
sub cases {
    my ($table, $column, $text) = @_;
    return join ' ', sort grep { $table->{$_}[$column] eq $text } keys %$table;
}

# mod_proxyip does all that is wanted.
my $run = probe('require');
my $table = table($run);
is($run->{status}, 0, 'mod_proxyip: status') or diag($run->{out});
is(scalar keys %$table, 42, 'mod_proxyip: the battery');
is(cases($table, 3, 'DIFFERS'), '', 'mod_proxyip: nothing differs');
is($run->{fields}{result}, '29 of 29 as the specification wants;'
    . ' 13 more it leaves open', 'mod_proxyip: result');
is($run->{fields}{formats}, 'v1 and v2', 'mod_proxyip: formats');
is($run->{fields}{conclusion}, 'requires a header of this peer',
    'mod_proxyip: conclusion');
# ... and what the specification leaves open as docs/how-it-works.md says.
my %open = map { $_ => 200 } qw(v2-tlvs-4000 v2-unspec v2-udp4 v2-unix
    v1-single-bytes v2-single-bytes v1-cut v2-cut v2-ssl-short);
for my $name (split ' ', cases($table, 3, 'open')) {
    like($table->{$name}[2], $open{$name} ? qr/^answered 200, \d+ ms$/
        : qr/^(?:closed|reset), \d+ ms$/, "mod_proxyip: $name");
}
like($table->{'two-headers'}[2], qr/^answered 400,/, 'two headers');
is($table->{'v1-unknown-107'}[0], 107, 'the longest line');
is($table->{'v1-108-bytes'}[0], 108, '... and a byte more');

# Listeners that take no header: no battery.
for my $case (
    ['off', [], qr/ProxyIP is Off for this listener, or this peer is `direct/],
    ['require', ['--bind', '127.0.2.1'], qr/this peer is `direct`/],
    ['require', ['--bind', '127.0.1.1'], qr/in no ProxyIPPeer range/],
    ['tlsoff', [], qr/^speaks TLS and reads no header before it: .*handshake/],
    ['inside', [], qr/header belongs inside TLS \(ProxyIPInTLS;/],
    ['tls', ['--bind', '127.0.1.1'], qr/in no ProxyIPPeer range/],
) {
    my ($listener, $arguments, $conclusion) = @$case;
    my $run = probe($listener, @$arguments);
    my $name = "$listener @$arguments";
    is($run->{status}, 1, "$name: status");
    like($run->{fields}{conclusion}, $conclusion, "$name: conclusion");
    is($run->{fields}{formats}, 'none', "$name: formats");
    is(scalar keys %{ table($run) }, 0, "$name: no battery");
}

$run = probe('optional');
is($run->{status}, 1, 'optional: status');
is(cases(table($run), 3, 'DIFFERS'), 'no-header v1-lower-case',
    'optional: what differs');
like($run->{fields}{conclusion}, qr/with and without a header.*`optional`/,
    'optional: conclusion');

$run = probe('v2');
is($run->{status}, 1, 'v2 only: status');
is($run->{fields}{formats}, 'v2 only', 'v2 only: formats');
is(cases(table($run), 3, 'DIFFERS'), 'v1-tcp4 v1-tcp6 v1-unknown'
    . ' v1-unknown-107', 'v2 only: what differs');
$run = probe('v2', '--formats', 'v2');
is($run->{status}, 0, 'v2 only, as wanted: status') or diag($run->{out});
is(table($run)->{'v1-tcp4'}[1], 'closed', 'v2 only, as wanted: v1');

$run = probe('checksum');
is($run->{status}, 1, 'checksum required: status');
like($run->{fields}{conclusion}, qr/ProxyIPChecksum require/,
    'checksum required: conclusion');
is(table($run)->{'v2-crc32c'}[3], 'ok', 'checksum required: with one');

$run = probe('tls');
is($run->{status}, 0, 'TLS: status') or diag($run->{out});
is($run->{fields}{conclusion}, 'requires a header of this peer, and TLS behind'
    . ' it', 'TLS: conclusion');

# What --only leaves.
for my $case (['good', 13], ['bad', 16], ['open', 13], ['v2-ssl', 1]) {
    my ($only, $count) = @$case;
    my $run = probe('require', '--only', $only);
    is($run->{status}, 0, "--only $only: status");
    is(scalar keys %{ table($run) }, $count, "--only $only: cases");
}
my $list = check('probe', '--list');
is($list->{status}, 0, '--list: status');
is(join("\n", sort map { (split)[0] } split /\n/, $list->{out}),
    join("\n", sort keys %$table), '--list: cases');

# Others, which do differ.
$run = probe('remoteip');
is($run->{status}, 1, 'mod_remoteip: status');
like(cases(table($run), 3, 'DIFFERS'), qr/v1-port-65536/,
    'mod_remoteip: a port that is none');
like($run->{fields}{result}, qr/^\d+ of 29 as/, 'mod_remoteip: result');

my $pem = $server->write_file('pem', join '', map {
    open my $file, '<', ProxyIP::Httpd::tls() . "/$_" or die "$_: $!\n";
    <$file> } qw(server.pem server.key));
my $haproxy = ProxyIP::HAProxy->new(
    config => <<'EOC' =~ s/PEM/$pem/r)->start;
frontend accepts
    mode http
    bind 127.0.0.1:@port:accepts@ accept-proxy
    http-request return status 200
frontend tls
    mode http
    bind 127.0.0.1:@port:tls@ accept-proxy ssl crt PEM
    http-request return status 200
frontend plain
    mode http
    bind 127.0.0.1:@port:plain@
    http-request return status 200
EOC
$run = check('probe', '127.0.0.1:' . $haproxy->port('accepts'));
like($run->{status}, qr/^[01]$/, 'HAProxy: status');
$table = table($run);
is(scalar(grep { $table->{$_}[3] eq 'ok' } qw(v1-tcp4 v1-tcp6 v1-unknown
    v2-tcp4 v2-tcp6 v2-local v2-local-nlb v2-tlvs v2-ssl v2-crc32c no-header
    v1-two-spaces v2-version-3 v2-too-short)), 14, 'HAProxy: most is right')
    or diag($run->{out});
is($run->{fields}{conclusion}, 'requires a header of this peer',
    'HAProxy: conclusion');
# It closes on a plain request, so a ClientHello has to be sent.
$run = check('probe', '127.0.0.1:' . $haproxy->port('tls'));
$table = table($run);
is($run->{fields}{conclusion}, 'requires a header of this peer, and TLS behind'
    . ' it', 'HAProxy, TLS: conclusion') or diag($run->{out});
like($table->{'v2-tcp4'}[2], qr/^answered, TLS, \d+ ms$/,
    'HAProxy, TLS: a handshake is answered');
is($table->{'no-header'}[3], 'ok', 'HAProxy, TLS: none without a header');
my $send = check('send', '127.0.0.1:' . $haproxy->port('tls'));
like($send->{fields}{hint}, qr/has taken the header, and wants TLS behind/,
    'HAProxy, TLS: what send says');
$run = check('probe', '127.0.0.1:' . $haproxy->port('plain'));
like($run->{fields}{conclusion}, qr/^takes connections without a header/,
    'HAProxy without accept-proxy: conclusion');

# Wrong usage, and no listener.
for my $case (
    [[], qr/HOST:PORT is missing/],
    [['--only', 'all', 'a:1'], qr/--only 'all': accepted is good, bad, open/],
    [['--formats', 'v3', 'a:1'], qr/--formats 'v3': accepted is v1, v2/],
    [['a'], qr/'a': accepted is HOST:PORT/],
    [['127.0.0.1:1'], qr/cannot connect to 127\.0\.0\.1:1/],
) {
    my ($arguments, $message) = @$case;
    my $run = check('probe', @$arguments);
    is($run->{status}, 2, "probe @$arguments: status");
    like($run->{err}, $message, "probe @$arguments: message");
}

done_testing;
