# httpd connects to its own listeners to wake children that are to end, prefork
# when too many are idle.  Its request has no header; that is nobody's fault,
# and no error is logged.

use strict;
use warnings;

use Test::More;

use ProxyIP::Client;
use ProxyIP::Server;

my $server = ProxyIP::Server->new(status => 1,
    loglevel => 'notice proxyip:debug', config => <<'EOC')->start;
Listen 127.0.0.1:@port@
Listen 127.0.0.1:@port:tls@ https
Listen 127.0.0.1:@port:all@
ProxyIP On
ProxyIPPeer require 127.0.0.0/8
<VirtualHost 127.0.0.1:@port:tls@>
    SSLEngine On
    SSLCertificateFile @tls@/server.pem
    SSLCertificateKeyFile @tls@/server.key
</VirtualHost>
<VirtualHost 127.0.0.1:@port:all@>
    ProxyIPPeer require all
</VirtualHost>
EOC
my $log = $server->error_log;
my $REQUEST = "OPTIONS * HTTP/1.0\r\nUser-Agent: Apache/2.4.71 (Debian)"
    . " (internal dummy connection)\r\n\r\n";
my $ALERT = pack 'H*', '15030100020100';

# How such bytes are logged, and whether as httpd's own.
sub level {
    my ($port, $from, $bytes) = @_;
    $log->mark;
    my $end = ProxyIP::Client->new(port => $server->port($port),
        from => $from)->send($bytes)->ending(5);
    is($end->{bytes}, '', 'closed without a byte');
    my ($level, $rest) = ($log->wait_for(qr/PIP0021/, 5) // '')
        =~ /proxyip:(\w+)\].*PIP0021(.*)/;
    my $is_itself = ($rest // '')
        =~ /this is httpd itself.* ProxyIPPeer direct 127\.0\.0\.1 /;
    return join ' ', $level // 'no line', $is_itself ? 'itself' : ();
}

sub last_refused { return $server->status->{ProxyIPLastRefusedPeer} }

is(level(undef, '127.0.0.1', $REQUEST), 'debug itself', 'a request');
is(level('tls', '127.0.0.1', $ALERT), 'debug itself', 'an alert');
is(level('all', '127.0.0.1', $REQUEST), 'debug itself',
    'where all are let send');
is($log->count(qr/PIP0046/), 0, '... it is not warned of');
is(last_refused(), undef, '... nor said to be refused');
is(level(undef, '127.0.0.9', $REQUEST), 'error',
    'from another address: whoever says so');
is(last_refused(), '127.0.0.9', '... is refused');
is($server->status->{ProxyIPMissing}, 4, 'all were counted');

SKIP: {
    skip 'only prefork wakes its children so', 2
        if ProxyIP::Httpd::mpm() ne 'prefork';
    # It takes the first listener that it has.
    $server = ProxyIP::Server->new(loglevel => 'notice proxyip:debug',
        config => <<'EOC')->start;
StartServers 6
MaxSpareServers 2
ProxyIP On
ProxyIPPeer require 127.0.0.1
EOC
    $log = $server->error_log;
    ok($log->wait_for(qr/debug.*PIP0021.*this is httpd itself/, 15),
        'it does so where more children are idle than should be');
    is($log->count(qr/proxyip:(?:error|warn|info)/), 0, '... without a fault');
}

done_testing;
