# Other modules meet a connection in their own hooks, in httpd's order, each
# once, as the client's, however long it had waited for its header; one that
# never sends a header they do not meet.  Their connection filters see what the
# client sent, and no byte of the header.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep time);

use ProxyIP::Client;
use ProxyIP::Header qw(v1 v2 CLIENT SIGNATURE);
use ProxyIP::Process;
use ProxyIP::Server;

# t/consumer/mod_witness.c
my $place = ProxyIP::Process->new;
my $folder = $place->root;
my $top = ProxyIP::Httpd::top();
my $apxs = ProxyIP::Httpd::apxs();
my $build = "cd '$folder' && cp '$top/t/consumer/mod_witness.c' . && '$apxs'"
    . " -Wc,-Wall -Wc,-Wextra -Wc,-Werror -c mod_witness.c";
my $output = `( $build ) 2>&1`;
is($?, 0, 'it builds without a warning') or BAIL_OUT($output);
my $load = "LoadModule witness_module $folder/.libs/mod_witness.so\n";

my $mpm = ProxyIP::Httpd::mpm();
my $server = ProxyIP::Server->new(workers => 12, status => 1,
    loglevel => 'info', config => $load . <<'EOC')->start;
<IfModule mpm_prefork_module>
    StartServers 12
</IfModule>
Listen 127.0.0.1:@port:plain@
Listen 127.0.0.1:@port:tls@
Listen 127.0.0.1:@port:off@
ProxyIPPeer require 127.0.0.0/24
ProxyIPPeer optional 127.0.1.0/24
ProxyIPPeer direct 127.0.2.0/24
ProxyIPTimeout 2s
ProxyIPDefer 2s
<VirtualHost 127.0.0.1:@port:plain@>
    ProxyIP On
</VirtualHost>
<VirtualHost 127.0.0.1:@port:tls@>
    ProxyIP On
    SSLEngine On
    SSLCertificateFile @tls@/server.pem
    SSLCertificateKeyFile @tls@/server.key
</VirtualHost>
<VirtualHost 127.0.0.1:@port:off@>
</VirtualHost>
EOC
my $log = $server->error_log;

my @FILTERS = qw(connection connection+7 network-1 network);
# mod_ssl's filter is in front of one of them.
my @ABOVE_TLS = ('connection');

# What was said of the connection whose request this was, in order.
sub said {
    my ($number) = @_;
    return map { /witness \Q$number\E: (.*?)(?:, referer.*)?$/ ? $1 : () }
        $log->lines(qr/witness \Q$number\E: /);
}

# The number of the connection that the log has since the mark.
sub number { return ($log->wait_for(qr/witness \d+: pre_connection first/, 5)
    // '') =~ /witness (\d+)/ ? $1 : 'of none' }

sub check {
    my ($name, $client_ip, $first_word, $act, %option) = @_;
    $log->mark;
    my $client = ProxyIP::Client->new(port => $server->port(
        $option{listener} // 'plain'), from => $option{from});
    my $answer = $act->($client);
    is($answer && $answer->code, 200, "$name: served");
    # A second request, which the connection is suspended for.
    sleep 0.1;
    $answer = $client->get('/', Connection => 'close');
    is($answer && $answer->code, 200, '... twice');
    $client->close;
    my $number = number();
    $log->wait_for(qr/witness $number: pre_close/, 5);
    my @said = said($number);
    # On event process_connection is also run when a request follows.
    my @met_by = grep { /^pre_conn|^process/ } @said;
    is_deeply([@met_by[0 .. 3]], [
        (map { "pre_connection $_ client=$client_ip" } qw(first middle last)),
        "process_connection client=$client_ip"], '... the hooks in order');
    is(scalar(grep { /^pre_conn/ } @said), 3, '... each once');
    is(scalar(grep { /^pre_close/ } @said), 1, '... and its end');
    is(scalar(grep { !/client=\Q$client_ip\E$/ } @said), 0,
        "... all as $client_ip");
    my $suspended = grep { /^suspend/ } @said;
    cmp_ok($suspended, $mpm eq 'event' ? '>=' : '==',
        $mpm eq 'event' ? 1 : 0, '... suspended as the MPM does');
    my %met = map { /^filter (\S+) meets (\S+) / ? ($1 => $2) : () } @said;
    my %want = map { $_ => $first_word } @FILTERS;
    @want{@ABOVE_TLS} = ('GET') x @ABOVE_TLS if $option{listener}
        && $option{listener} eq 'tls';
    if (($met{network} // '') eq 'header') {
        # Of core's own type, it may stand below the module's.
        $want{network} = 'header';
    }
    is_deeply(\%met, \%want, '... filters see what the client sent');
    is(scalar(grep { /witness (\d+)/ && $1 ne $number }
        $log->lines(qr/witness \d+: pre_connection/)), 0,
        '... and no other connection was met');
    is($log->count(qr/witness stranger/), 0, '... or heard of');
}

# How the bytes may come.
my %ways = (
    'header and request together' => sub {
        my ($client, $header) = @_;
        $client->send($header . "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    },
    'a pause behind the header' => sub {
        my ($client, $header) = @_;
        $client->send($header);
        sleep 0.3;
        $client->request('/');
    },
    'a pause before the header' => sub {
        my ($client, $header) = @_;
        sleep 0.3;
        $client->send($header . "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    },
    'header and request in pieces' => sub {
        my ($client, $header) = @_;
        $client->send_slowly("${header}GE", chunk => [5, 12, 3, 5],
            delay => 0.1);
        sleep 0.1;
        $client->send("T / HTTP/1.1\r\nHost: a\r\n\r\n");
    },
);
for my $way (sort keys %ways) {
    for my $header (v1(), v2()) {
        check($way . ($header =~ /^PROXY/ ? ', v1' : ', v2'), CLIENT,
            $way =~ /pieces/ ? 'GE' : 'GET',
            sub { $ways{$way}->($_[0], $header); $_[0]->answer });
    }
}
for my $pause (0, 0.3) {
    check("TLS, a pause of $pause", CLIENT, 'other', sub {
        my ($client) = @_;
        $client->send(v2());
        sleep $pause;
        return $client->start_tls->get('/');
    }, listener => 'tls');
}
check('an optional peer without a header', '127.0.1.1', 'GET',
    sub { sleep 0.3; $_[0]->get('/') }, from => '127.0.1.1');
check('an optional peer with one', CLIENT, 'GET',
    sub { sleep 0.3; $_[0]->send(v1())->get('/') }, from => '127.0.1.1');
check('a direct peer', '127.0.2.1', 'GET', sub { $_[0]->get('/') },
    from => '127.0.2.1');
check('where ProxyIP is Off', '127.0.0.1', 'GET', sub { $_[0]->get('/') },
    listener => 'off');

# Those that no other module is to meet.
my %refused = (
    'silence' => '', 'half a header' => 'PROXY TCP4', 'a header alone' => v2(),
    'a bad header' => v1(end => "\n"), 'no header' => "GET / HTTP/1.0\r\n\r\n",
    'a wrong checksum' => v2(crc => 'bad'),
);
$log->mark;
my %client = map { $_ => ProxyIP::Client->new(
    port => $server->port('plain'))->send($refused{$_}) } sort keys %refused;
$client{rejected} = ProxyIP::Client->new(port => $server->port('plain'),
    from => '127.0.3.1');
$client{'that has left'} = ProxyIP::Client->new(
    port => $server->port('plain'))->shut_writing;
my $before = $log->count(qr/witness/);
for my $name (sort keys %client) {
    my $end = $client{$name}->ending(10);
    isnt($end->{how}, 'open', "$name: closed");
}
sleep 0.3;
my @met = $log->lines(qr/witness/);
is(scalar(grep { /pre_connection|process_connection|filter/ } @met), 0,
    '... none is met');
# httpd itself says good-bye to every connection that it closes lingeringly;
# event before 2.4.53, to each that pre_connection has refused.
SKIP: {
    skip 'this httpd tells of each that is refused', 1
        if $mpm eq 'event' && !ProxyIP::Httpd::is_at_least(53);
    my @heard = grep { /suspend|resume/ || (/pre_close/ && $mpm eq 'event') }
        @met;
    is("@heard", '', '... or heard of');
}

done_testing;
