# Another module asks by the functions of mod_proxyip.h: in each phase from
# pre_connection on it is told what the header said; where there is nothing to
# tell, it is told so.

use strict;
use warnings;

use Test::More;

use ProxyIP::Client;
use ProxyIP::Curl qw(curl);
use ProxyIP::Header qw(v1 v2 tlv ssl_tlv NLB_HEALTH_CHECK CLIENT);
use ProxyIP::Process;
use ProxyIP::Relay;
use ProxyIP::Server;

# t/consumer/mod_consumer.c, built as its author would.
my $place = ProxyIP::Process->new;    # for its folder, which goes with it
my $folder = $place->root;
my $top = ProxyIP::Httpd::top();
my $apxs = ProxyIP::Httpd::apxs();
my $build = "cd '$folder' && cp '$top/t/consumer/mod_consumer.c' . && '$apxs'"
    . " -Wc,-Wall -Wc,-Wextra -Wc,-Werror -I '$top' -c mod_consumer.c";
my $output = `( $build ) 2>&1`;
is($?, 0, 'it builds without a warning') or BAIL_OUT($output);
my $load = "LoadModule consumer_module $folder/.libs/mod_consumer.so\n";

my $config = $load . <<'EOC';
Listen 127.0.0.1:@port:plain@
Listen 127.0.0.1:@port:tls@
Listen 127.0.0.1:@port:off@
<IfModule proxyip_module>
    ProxyIPPeer require 127.0.0.0/24
    ProxyIPPeer optional 127.0.1.0/24
    ProxyIPPeer direct 127.0.2.0/24
</IfModule>
<VirtualHost 127.0.0.1:@port:plain@>
    <IfModule proxyip_module>
        ProxyIP On
    </IfModule>
    <IfModule mod_http2.c>
        Protocols h2c http/1.1
    </IfModule>
    ProxyPass "/backend/" "http://127.0.0.1:@port:off@/"
    <Location "/denied">
        Require all denied
    </Location>
</VirtualHost>
<VirtualHost 127.0.0.1:@port:tls@>
    <IfModule proxyip_module>
        ProxyIP On
    </IfModule>
    SSLEngine On
    SSLCertificateFile @tls@/server.pem
    SSLCertificateKeyFile @tls@/server.key
    <IfModule mod_http2.c>
        Protocols h2 http/1.1
    </IfModule>
</VirtualHost>
<VirtualHost 127.0.0.1:@port:off@>
</VirtualHost>
EOC
my $server = ProxyIP::Server->new(config => $config)->start;

my @NAMES = ('', qw(CLIENT_ADDR CLIENT_PORT SERVER_ADDR PEER_ADDR PEER_PORT
    COMMAND AUTHORITY authority SSL_CN AWS_VPCE_ID TLV_EA NO_SUCH_FACT
    PROXYIP_COMMAND));
my @TYPES = (0x02, 0xEA, 0xF0, 0xF1, -1, 256, 0x102);
my %NOTHING = ((map { $_ => 'absent' } @NAMES), map { $_ => 'none' } @TYPES);

# What the module was told, from a header or a log line.
sub told { my ($text) = @_;
    return { ($text // '') =~ /(?:(?<=^)|(?<= ))([-\w]*)=\[(.*?)\](?= |$)/g } }

# in_each_phase NAME, ANSWER, LOG'S PATTERN, { NAME OR TYPE => VALUE, ... }
sub in_each_phase {
    my ($name, $answer, $uri, $expected) = @_;
    my %want = (%NOTHING, %$expected);
    is_deeply(told(scalar $answer->header('X-Pre-Connection')), \%want,
        "$name: pre_connection");
    is_deeply(told(scalar $answer->header('X-Fixup')), \%want,
        "$name: fixups");
    my $line = $server->error_log->wait_for(
        qr/log_transaction \Q$uri\E: /, 5) // '';
    is_deeply(told($line =~ s/.*log_transaction \S+: //r), \%want,
        "$name: log_transaction");
}

my $count = 0;
sub check {
    my ($name, $bytes, $expected, %option) = @_;
    my $client = ProxyIP::Client->new(from => $option{from},
        port => $server->port($option{listener} // 'plain'));
    $expected = { PEER_PORT => $client->port,
        PEER_ADDR => $option{from} // '127.0.0.1', %$expected };
    $expected = {} if $option{nothing};
    $client->send($bytes);
    $client->start_tls if $option{tls};
    $count++;
    # Twice, for the second request of a connection.
    for my $again (1, 2) {
        my $uri = "/$count-$again";
        in_each_phase("$name, request $again", $client->get($uri), $uri,
            $expected);
    }
}

my $DIRTY = "a\0b\r\n\x01\x7f";
my @tlvs = (tlv(0x02 => 'shop.example.org'), tlv(0xEA => "\1vpce-1"),
    tlv(0xF0 => ''), tlv(0xF1 => $DIRTY), tlv(0xF1 => 'second'),
    ssl_tlv(client => 3, subs => [tlv(0x22 => 'alice')]));
my %client = ('' => 'on', CLIENT_ADDR => CLIENT, CLIENT_PORT => 4711,
    SERVER_ADDR => '198.51.100.80', COMMAND => 'PROXY');
my %all = (%client, AUTHORITY => 'shop.example.org',
    authority => 'shop.example.org', SSL_CN => 'alice',
    AWS_VPCE_ID => 'vpce-1', TLV_EA => unpack('H*', "\1vpce-1"),
    0x02 => unpack('H*', 'shop.example.org'),
    0xEA => unpack('H*', "\1vpce-1"), 0xF0 => 'empty',
    0xF1 => unpack('H*', $DIRTY));

check('v2', v2(tlvs => \@tlvs), \%all);
check('v2 over TLS', v2(tlvs => \@tlvs, crc => 1), \%all,
    listener => 'tls', tls => 1);
check('v1', v1(), \%client);
check('control characters', v2(tlvs => [tlv(0x02 => $DIRTY)]),
    { %client, 0x02 => unpack 'H*', $DIRTY });
check('an empty name', v2(tlvs => [tlv(0x02 => '')]),
    { %client, 0x02 => 'empty' });
check('LOCAL', NLB_HEALTH_CHECK, { COMMAND => 'LOCAL' });
check('UNIX', v2(src => '/a', dst => '/b', tlvs => [tlv(0xF1 => 'x')]),
    { COMMAND => 'PROXY', 0xF1 => '78' });
check('a direct peer', '', {}, from => '127.0.2.1');
check('an optional peer without a header', '', {}, from => '127.0.1.1');
check('a listener that is Off', '', {}, listener => 'off', nothing => 1);

# A request that is refused, and one that is none, are logged with the facts.
my $client = ProxyIP::Client->new(port => $server->port('plain'));
my $answer = $client->send(v2(tlvs => \@tlvs))->get('/denied');
is($answer->code, 403, 'refused');
my $log = $server->error_log;
is_deeply(told(($log->wait_for(qr{log_transaction /denied}, 5) // '')
    =~ s/.*log_transaction \S+: //r), { %NOTHING, %all,
    PEER_ADDR => '127.0.0.1', PEER_PORT => $client->port },
    'refused: log_transaction');

# The connection to a backend is nobody's.
$log->mark;
$client = ProxyIP::Client->new(port => $server->port('plain'));
$answer = $client->send(v2(tlvs => \@tlvs))->get('/backend/');
is($answer->code, 200, 'a backend answers');
my $line = $log->wait_for(qr/pre_connection outgoing=1 /, 5) // '';
is_deeply(told($line =~ s/.*? client=\S+ //r), \%NOTHING,
    'its connection has no facts');
$line = $log->wait_for(qr/pre_connection outgoing=0 .*client=192/, 5) // '';
is(told($line =~ s/.*? client=\S+ //r)->{CLIENT_ADDR}, CLIENT,
    '... and the client\'s has');

# Streams of HTTP/2, one after the other and side by side.
SKIP: {
    skip 'mod_http2 is not for prefork', 8
        if ProxyIP::Httpd::mpm() eq 'prefork';
    for my $how (['plain', '--http2-prior-knowledge', 'http'],
                 ['tls', '--http2', 'https']) {
        my ($listener, $option, $scheme) = @$how;
        my $relay = ProxyIP::Relay->new(to => $server->port($listener),
            header => v2(tlvs => \@tlvs))->start;
        my $url = "$scheme://127.0.0.1:" . $relay->port;
        $log->mark;
        my $answer = curl($option, '-i', "$url/");
        is($answer->{version}, 2, "$listener: HTTP/2");
        my %want = (%NOTHING, %all, PEER_ADDR => '127.0.0.9');
        for my $header ('x-pre-connection', 'x-fixup') {
            my ($value) = $answer->{body} =~ /^$header: (.*?)\r?$/m;
            my $told = told($value);
            is_deeply({ %$told, PEER_PORT => '' }, { %want, PEER_PORT => '' },
                "$listener: a stream's $header");
        }
        my $urls = join ' ', map { "'$url/s$_'" } 1 .. 3;
        system "nghttp -y -n $urls > '$folder/nghttp' 2>&1";
        my @streams = map { my $path = "/s$_";
            $log->wait_for(qr/log_transaction $path: /, 5) // '' } 1 .. 3;
        is_deeply([map { told(s/.*log_transaction \S+: //r)->{AUTHORITY} }
            @streams], [('shop.example.org') x 3],
            "$listener: three streams of one connection");
    }
}

# Without mod_proxyip there is nothing to call.
$server->stop;
my $alone = ProxyIP::Server->new(config => $config, proxyip => 0,
                                 loglevel => 'info')->start;
$answer = ProxyIP::Client->fetch(port => $alone->port('plain'),
                                path => '/index.html');
is($answer->code, 200, 'mod_proxyip not loaded: served');
is($answer->header($_), 'mod_proxyip is not loaded', "... $_")
    for 'X-Pre-Connection', 'X-Fixup';

done_testing;
