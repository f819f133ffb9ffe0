# The wall clock jumps by an hour, forward or back.
#
# What must happen: deadlines do not notice.  Who waits is neither closed at
# once nor kept for ever, and is served when it speaks in time.  What is said
# once a minute is said a minute later, not an hour.  The last refused is the
# last refused, though its time of day is earlier than another's.
#
# httpd's own times are the wall clock's: on event a jump by more than the
# main server's Timeout makes httpd close what waits in the MPM, connections
# between two requests as well as ours, which are then counted and logged as
# ProxyIP's other ends by Timeout.  So its Timeout here is two hours, but once.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep time);
use Time::Local qw(timegm);

use ProxyIP::Client;
use ProxyIP::Header qw(v1 v2);
use ProxyIP::Server;
use ProxyIP::Shim;

my $HOUR = 3600;
my $LIMIT = 3;
my $clock = ProxyIP::Shim->new('clock');

sub served {
    my ($client, $bytes) = @_;
    my $answer = $client->send($bytes)->get('/client-only',
        Connection => 'close');
    $client->close;
    return $answer ? $answer->code : 'closed';
}

sub server {
    my ($config, %option) = @_;
    return ProxyIP::Server->new(status => 1, environment =>
        $clock->environment, config => <<"EOC", %option)->start;
<IfModule mpm_prefork_module>
    StartServers 6
    MinSpareServers 4
</IfModule>
ProxyIP On
ProxyIPPeer require 127.0.0.0/24
ProxyIPTimeout ${LIMIT}s
ProxyIPDefer ${LIMIT}s
$config
EOC
}

my $server = server("Timeout 7200\n");
my $port = $server->port;
is(served(ProxyIP::Client->new(port => $port), v2()), 200,
    'all is well before');
my %bytes = (silent => '', 'half a header' => 'PROXY TCP4 192.0.2.77 ',
    'a header' => v2());
for my $jump ($HOUR, -$HOUR) {
    my $name = sprintf '%+d s', $jump;
    my %client = map { $_ => ProxyIP::Client->new(port => $port)
        ->send($bytes{$_}) } keys %bytes;
    my $speaker = ProxyIP::Client->new(port => $port)
        ->send($bytes{'half a header'});
    $server->wait_until(10, sub { $server->status->{ProxyIPWaiting} == 4 });
    my $is_late = time > $speaker->{since} + $LIMIT - 1;
    $clock->jump($jump);
    # Whatever is done about it would be done on this occasion, too.
    is(served(ProxyIP::Client->new(port => $port), v1()), 200,
        "$name: who comes is served");
    SKIP: {
        skip 'the machine was too slow', 1 if $is_late;
        is(served($speaker, "198.51.100.80 4711 443\r\n"), 200,
            '... who waited and speaks is served');
    }
    for my $kind (sort keys %client) {
        my $end = $client{$kind}->ending($LIMIT + 10);
        isnt($end->{how}, 'open', "... $kind: closed");
        cmp_ok($end->{age}, '>', $LIMIT - 0.2, '... not before its time');
        cmp_ok($end->{age}, '<', $LIMIT + 8, '... nor an hour later');
    }
    $clock->jump(0);
}
is($server->error_log->count(qr/PIP0030/), 0, 'none of them by httpd');
$server->stop;

# Once a minute
$server = server(<<'EOC', loglevel => 'warn proxyip:info');
Listen 127.0.0.1:@port@
Listen 127.0.0.1:@port:other@
<VirtualHost 127.0.0.1:@port:other@>
</VirtualHost>
<IfModule mpm_prefork_module>
    StartServers 1
    MinSpareServers 1
    MaxSpareServers 1
    MaxRequestWorkers 1
</IfModule>
<IfModule !mpm_prefork_module>
    ServerLimit 1
</IfModule>
EOC
$port = $server->port;
my $log = $server->error_log;

sub refused {
    my ($name, %option) = @_;
    ProxyIP::Client->new(port => $server->port($name), %option)
        ->send("GET / HTTP/1.0\r\n\r\n")->ending(10);
}

sub said { return map { $log->count($_) } qr/PIP0046/, qr/PIP0045/ }

refused(undef, from => '127.9.0.1') for 1 .. 2;
refused(undef) for 1 .. 9;
is_deeply([said()], [1, 0], 'a warning, and lines that are left out');
for my $jump ($HOUR, -$HOUR) {
    $clock->jump($jump);
    refused('other');
    my $status = $server->status;
    is($status->{ProxyIPLastRefusedListener},
        '127.0.0.1:' . $server->port('other'),
        sprintf '%+d s: the last refused is the last', $jump);
    refused(undef);
    refused(undef, from => '127.9.0.1');
    is($server->status->{ProxyIPLastRefusedListener}, 'main server',
        '... and then the next');
    is_deeply([said()], [1, 0], '... a minute has not passed');
    my @date = $status->{ProxyIPLastRefusedTime} =~ /(\d+)/g;
    my $seconds = timegm(@date[5, 4, 3, 2], $date[1] - 1, $date[0]);
    cmp_ok(abs($seconds - time - $jump), '<', 60, '... at the time of day');
}
$clock->jump(-$HOUR, 61);
refused(undef, from => '127.9.0.1');
is_deeply([said()], [2, 1], 'a minute has passed, the hour not: both are said');
$server->stop;
$clock->jump(0);

# httpd's own Timeout, which follows the time of day, has no part in it.
SKIP: {
    skip 'this MPM does not wait without a worker', 6
        if !ProxyIP::Httpd::waits();
    $server = server("Timeout 60\nProxyIPTimeout 60s\n");
    $port = $server->port;
    my $kept = ProxyIP::Client->new(port => $port)->send(v2());
    is($kept->get('/')->code, 200, 'one has an answer and is kept alive');
    my $waiter = ProxyIP::Client->new(port => $port);
    $server->wait_until(10, sub { $server->status->{ProxyIPWaiting} == 1 });
    $clock->jump($HOUR);
    is(served(ProxyIP::Client->new(port => $port), v1()), 200,
        'a jump over Timeout: who comes is served');
    is($kept->ending(10)->{how}, 'eof', '... httpd closes what it keeps');
    is($server->status->{ProxyIPWaiting}, 1, '... who waits goes on to wait');
    is(served($waiter, v2()), 200, '... and is served');
    is(served(ProxyIP::Client->new(port => $port), v2()), 200,
        '... and all goes on');
}

done_testing;
