# `-t -D DUMP_PROXYIP`: what holds for each listener, and where it was said.

use strict;
use warnings;

use Test::More;

use ProxyIP::Server;

my $config = <<'EOC';
Listen 127.0.0.1:@port:one@
Listen 0.0.0.0:@port:two@
ProxyIPPeer require 10.0.0.0/24 2001:db8::/32
ProxyIPPeer optional 10.0.0.128/25 10.0.0.130
ProxyIPPeer reject 10.0.0.66
ProxyIPPeerList direct @root@/staff
<VirtualHost 127.0.0.1:@port:one@>
    ServerName one.example.com
    ProxyIP On
    ProxyIPTimeout 2s
</VirtualHost>
<VirtualHost 127.0.0.1:@port:one@>
    ServerName other.example.com
    ProxyIP On
    ProxyIPTimeout 2s
    ProxyIPEnv Basic
</VirtualHost>
<VirtualHost *:@port:two@>
    ServerName two.example.com
    ErrorLog "|/bin/cat -u"
    LogLevel crit
    ProxyIP On
    ProxyIPPeer require all
    ProxyIPFormats v2
    ProxyIPMaxHeader 232
    ProxyIPChecksum require
    ProxyIPDefer Off
    ProxyIPCloud gcp aws
    ProxyIPServerAddr On
    ProxyIPHTTPS port=443
    ProxyIPInTLS On
    SSLEngine On
    SSLCertificateFile @tls@/server.pem
    SSLCertificateKeyFile @tls@/server.key
</VirtualHost>
<VirtualHost *:@port:three@>
    ServerName three.example.com
    ProxyIPPeer require 10.1.1.1
</VirtualHost>
EOC

# config_error() makes a server of its own; its files must be there before.
my $server = ProxyIP::Server->new(config => $config);
$server->write_file('staff', "# staff\n\n192.0.2.0/24\n");
$server->spawn($server->command('-t', '-D', 'DUMP_PROXYIP'));
$server->wait_for_end(20);
my $output = $server->output;
is($server->{status}, 0, 'httpd -t -D DUMP_PROXYIP') or diag $output;

# The line a directive stands on, and the file.
sub place {
    my ($directive) = @_;
    open my $file, '<', $server->root . '/httpd.conf' or die;
    while (<$file>) {
        return $server->root . "/httpd.conf:$." if /^\s*\Q$directive\E/;
    }
    die "no $directive";
}
my %port = map { $_ => $server->port($_) } qw(one two three);

# The entry of a listener: up to the next line that begins in column one.
sub entry {
    my ($name) = @_;
    return $output =~ /^(\Q$name\E .*\n(?: .*\n)*)/m ? $1 : '';
}

my $one = entry("127.0.0.1:$port{one}");
my $on = place('ProxyIP On');
like($one, qr/ ProxyIP On \(\Q$on\E\)$/m, 'a listener and where it was put On');
like($one, qr/virtual host one\.example\.com \(\S+:\d+\)\n/,
    'its first virtual host');
my $env = place('ProxyIPEnv');
like($one, qr/virtual host other\.example\.com \(\S+:\d+\), ProxyIPEnv Basic \(\Q$env\E\)\n/,
    'a name and its own ProxyIPEnv');
my $require = place('ProxyIPPeer require');
my $optional = place('ProxyIPPeer optional');
my $reject = place('ProxyIPPeer reject');
my $staff = $server->root . '/staff';
my ($peers) = $one =~ /decides:\n((?: {11}.*\n)*)/;
is($peers, <<"EOT" =~ s/^/           /gmr, 'peers: a tree, each with its place');
10.0.0.0/24                              require  ($require)
  10.0.0.66                              reject   ($reject)
  10.0.0.128/25                          optional ($optional)
    10.0.0.130                           optional ($optional)
192.0.2.0/24                             direct   ($staff:3)
2001:db8::/32                            require  ($require)
everyone else                            reject
EOT
my $timeout = place('ProxyIPTimeout');
like($one, qr/^ +ProxyIPTimeout +2s \(\Q$timeout\E\)$/m, 'a setting');
like($one, qr/^ +ProxyIPFormats +v1 v2 \(default\)$/m, 'a default');
like($one, qr/^ +ProxyIPInTLS +Off \(default\)$/m, 'another');
like($one, qr/^ +ProxyIPCloud +aws azure gcp \(default\)$/m,
    '... of several words');
my $log = $server->root . '/logs/error_log';
like($one, qr{^ +ErrorLog +\Q$log\E\n +LogLevel +info proxyip:trace4$}m,
    'where lines go, and which: the main server\'s, where it has none');
like($one, qr/^ +warning: PIP0006: ProxyIPTimeout 2s/m, 'a warning');
unlike($one, qr/PIP0005/, '... and none of another listener');

my $two = entry("*:$port{two}");
my @settings = (
    [Formats => 'v2'], [Timeout => '5s', 'default'], [MaxHeader => '232'],
    [Checksum => 'require'], [Defer => 'Off'], [Cloud => 'aws gcp'],
    [ServerAddr => 'On'],
    [HTTPS => 'port=443'], [InTLS => 'On']);
for my $setting (@settings) {
    my ($name, $value, $where) = @$setting;
    $where //= place("ProxyIP$name " . ($name eq 'HTTPS' ? 'p' : ''));
    like($two, qr/^ +ProxyIP$name +$value \(\Q$where\E\)$/m,
        "ProxyIP$name $value");
}
like($two, qr/^ +all IPv4 +require .*\n +all IPv6 +require /m,
    '`all` is both families');
unlike($two, qr/everyone else/, '... and nobody is left');
unlike($two, qr/10\.0\.0\.0/, 'peers of its own are all it has');
like($two, qr{^ +ErrorLog +\|/bin/cat -u\n +LogLevel +crit$}m,
    'an ErrorLog and LogLevel of its own');
like($two, qr/warning: PIP0005/, 'and its warning');

my $three = entry("*:$port{three}");
like($three, qr/ ProxyIP Off \(default\)\n +virtual host three/,
    'a listener that is Off is there too');
unlike($three, qr/10\.1\.1\.1/, '... without its peers');
like($output, qr/^warning: PIP0007: /m, 'a warning that is no listener\'s');
like($output, ProxyIP::Httpd::waits()
    ? qr/^Connections wait .* without a worker, about \d+ in each child/m
    : qr/^A connection holds a worker until .* this MPM cannot/m,
    'how connections wait');

# Without the definition nothing is printed.
my ($status, $plain) = ProxyIP::Server->config_error(<<'EOC');
ProxyIP On
ProxyIPPeer require 10.0.0.0/24
EOC
is($status, 0, 'httpd -t alone');
unlike($plain, qr/PROXY protocol configuration/, '... prints no settings');

# What our own checks stop is shown all the same, with the reason.
my $wrong = <<'EOC';
Listen 127.0.0.1:@port:names@
Listen 127.0.0.1:@port:trust@
<VirtualHost 127.0.0.1:@port:names@>
    ServerName one.example.com
    ErrorLog logs/one
    LogLevel warn proxyip:info
    ProxyIP On
    ProxyIPPeer require 10.0.0.5
</VirtualHost>
<VirtualHost 127.0.0.1:@port:names@>
    ServerName two.example.com
    ErrorLog logs/two
</VirtualHost>
<VirtualHost 127.0.0.1:@port:trust@>
    ProxyIP On
    ProxyIPTimeout 2s
</VirtualHost>
EOC
($status, $output) = ProxyIP::Server->config_error($wrong,
    arguments => ['-D', 'DUMP_PROXYIP']);
isnt($status, 0, 'an error: -t fails as ever');
like($output, qr/proxyip:crit.* PIP0001: /, '... and says why');
my ($shown) = $output =~ /^(127\.0\.0\.1:\d+ .*\n(?: .*\n)*)/m;
like($shown, qr/^\S+ +ProxyIP On .*\n +virtual host one.*\n +virtual host two/,
    '... but the listener is shown');
like($shown, qr/^ +error: PIP0001: ProxyIP differs /m, '... with the error');
like($shown, qr/^ +10\.0\.0\.5 +require /m, '... the first name\'s peers');
like($shown, qr{^ +ErrorLog +\S+/logs/one\n +LogLevel +warn proxyip:info$}m,
    '... and log');
like($output, qr{^ +error: PIP0002: (?:.*\n)+ +warning: PIP0006: }m,
    '... of the other listener too, with what to warn of');
like($output, ProxyIP::Httpd::waits() ? qr/^Connections wait /m
    : qr/^A connection holds /m, '... and how connections wait');
($status, $output) = ProxyIP::Server->config_error($wrong);
unlike($output, qr/PROXY protocol configuration/,
    '... not without the definition');

# Main server alone.
($status, $plain) = ProxyIP::Server->config_error(<<'EOC',
ProxyIP On
ProxyIPPeer require 10.0.0.0/24
EOC
    arguments => ['-D', 'DUMP_PROXYIP']);
like($plain, qr/^main server +ProxyIP On .*\n +the main server \(localhost\)/m,
    'the main server');

done_testing;
