# A load balancer that nobody has named does not go unseen: at LogLevel warn
# a listener that refused strangers says so, once a minute, with their number.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep time);

use ProxyIP::Client;
use ProxyIP::Header qw(v1 v2);
use ProxyIP::Server;

my $event = ProxyIP::Httpd::mpm() eq 'event';

my $server = ProxyIP::Server->new(status => 1, loglevel => 'warn',
    config => <<'EOC')->start;
<IfModule mpm_prefork_module>
    StartServers 6
    MinSpareServers 6
</IfModule>
<IfModule !mpm_prefork_module>
    StartServers 3
    ThreadsPerChild 4
    MinSpareThreads 12
    MaxSpareThreads 12
    MaxRequestWorkers 12
</IfModule>
ProxyIP On
ProxyIPPeer require 127.0.0.0/24
ProxyIPPeer reject 127.0.3.0/24
Listen 127.0.0.1:@port:first@
Listen 127.0.0.1:@port:all@
Listen 127.0.0.1:@port:one@
Listen 127.0.0.1:@port:named@
Listen 127.0.0.1:@port:quiet@
<VirtualHost 127.0.0.1:@port:first@>
</VirtualHost>
<VirtualHost 127.0.0.1:@port:all@>
    ProxyIPPeer require all
</VirtualHost>
<VirtualHost 127.0.0.1:@port:one@>
</VirtualHost>
<VirtualHost 127.0.0.1:@port:named@>
</VirtualHost>
<VirtualHost 127.0.0.1:@port:quiet@>
    LogLevel proxyip:error
</VirtualHost>
EOC
my $log = $server->error_log;
my $start = time;
my $request = "GET / HTTP/1.0\r\n\r\n";

sub warnings_of {
    my ($name) = @_;
    my $listener = '127.0.0.1:' . $server->port($name);
    return $log->lines(qr/PIP0046: $listener \(/);
}

sub refused {
    my ($count, $name, $from, $bytes) = @_;
    ProxyIP::Client->new(port => $server->port($name), from => $from)
        ->send($bytes // '')->ending(5) for 1 .. $count;
}

# For the end: how many lines are left out within a minute.
my $flooded;
if ($event) {
    $flooded = ProxyIP::Server->new(loglevel => 'warn proxyip:info',
        config => "ProxyIP On\nProxyIPPeer require 127.0.0.0/8\n")->start;
    ProxyIP::Client->new(port => $flooded->port)->send($request)->ending(5)
        for 1 .. 20;
}

# The first is said at once.
refused(1, 'first', '127.0.9.1');
my $line = $log->wait_for(qr/PIP0046/, 5) // '';
like($line, qr/proxyip:warn/, 'the first refused stranger is warned of');
like($line, qr/: 1 connection refused, /, '... it is one');
like($line, qr/: 127\.0\.9\.1, rejected on accept; .*say ProxyIPPeer/,
    '... with the address, and what to do');
is($log->count(qr/PIP0020/), 0, '... at LogLevel warn there is no other line');

# Further ones are not, though other children refuse them.
my @pids;
for my $n (1 .. 4) {
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        refused(12, 'first', "127.0.9.$n");
        POSIX::_exit(0);
    }
    push @pids, $pid;
}
waitpid $_, 0 for @pids;
is(scalar warnings_of('first'), 1, 'within the minute it is not said again');
is($server->status->{ProxyIPRejected}, 49, '... but all are counted');

# Who is a stranger
refused(3, 'named', '127.0.3.1');
is(scalar warnings_of('named'), 0,
    'peers of a reject range are not warned of');
refused(3, 'named', '127.0.0.1', $request);
is($log->count(qr/proxyip:error.*PIP0021/), 3,
    'a trusted peer at fault has its error');
is(scalar warnings_of('named'), 0, '... and no warning');
refused(1, 'named', '127.0.9.6');
my $named = (warnings_of('named'))[0] // '';
like($named, qr/: 1 connection refused, .*: 127\.0\.9\.6, rejected on accept/,
    'a stranger among them has one');
unlike($named, qr/others/, '... which does not name the others');
refused(1, 'all', '127.0.9.7', v2());
refused(1, 'all', '127.0.9.7');
is(scalar warnings_of('all'), 0,
    'one that `require all` lets in, or that says nothing, is none');
refused(1, 'all', '127.0.9.8', $request);
is(scalar warnings_of('all'), 1, 'one that sends no header is');
like((warnings_of('all'))[0] // '',
    qr/ 127\.0\.9\.8, no PROXY header: an HTTP request; .*turn the header on/,
    '... with what came, and what to do');
refused(3, 'all', '127.0.9.9', v1(end => "\n"));
is(scalar warnings_of('all'), 1, '... and the next are not, at once');
refused(2, 'quiet', '127.0.9.1');
is(scalar warnings_of('quiet'), 0, 'LogLevel error: nothing');
refused(1, 'one', '127.0.9.1');
is(scalar warnings_of('one'), 1, 'a listener with one');

# The minute goes on through restarts.
for my $how ('graceful', 'restart') {
    $server->$how;
    refused(5, 'first', '127.0.9.5');
    is(scalar warnings_of('first'), 1, "$how: not said again at once");
}
is(scalar $log->lines(qr/PIP0046/), 4, 'four warnings so far');

# The next warning is of strangers, whoever else came after them.
refused(5, 'first', '127.0.0.1', $request);
is($server->status->{ProxyIPLastRefusedPeer}, '127.0.0.1',
    'mod_status names whoever was last');

# Who refuses says it at once; what came later the parent says, though
# nothing more comes.
SKIP: {
    skip 'waiting for a minute once is enough', 10 if !$event;
    my $parent = $server->pid;
    $server->wait_until(80 - (time - $start),
        sub { warnings_of('first') > 1 && warnings_of('all') > 1 });
    my $seconds = time - $start;
    cmp_ok($seconds, '>', 59, 'not before a minute');
    my @first = warnings_of('first');
    is(scalar @first, 2, 'the next warning');
    like($first[1] // '', qr/: 58 connections refused since .*: 127\.0\.9\.5, /,
        '... has the number of all that came since the first');
    like($first[1] // '', qr/\[pid $parent\b/, '... of the parent');
    my @all = warnings_of('all');
    is(scalar @all, 2, 'each listener for itself');
    like($all[1] // '',
        qr/: 3 connections refused since .*: 127\.0\.9\.9, bad PROXY header: \w/,
        '... has its own number');
    is(scalar warnings_of('one'), 1, 'where nothing came nothing is said');
    is(scalar warnings_of('quiet'), 0, 'LogLevel error: still nothing');

    # What was left out of a flood: whoever comes next.
    is($flooded->error_log->count(qr/PIP0045/), 0,
        'no sum of lines while nobody comes');
    ProxyIP::Client->fetch(port => $flooded->port, header => v2());
    like($flooded->error_log->wait_for(qr/PIP0045/, 5) // '',
        qr/PIP0045: 15 more connections of peer 127\.0\.0\.1 .*: no PROXY/,
        'the sum of a minute comes with the next connection');
}

done_testing;
