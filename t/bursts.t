# Clients that come all at once, many more than there are workers, and need a
# moment between header and request: each is served, as itself.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep);

use ProxyIP::Many;
use ProxyIP::Server;

my $mpm = ProxyIP::Httpd::mpm();

sub start {
    my (%option) = @_;
    my $workers = $option{workers} // 25;
    my $children = $option{children} // 1;
    my $more = $option{config} // '';
    return ProxyIP::Server->new(workers => $workers, status => 1,
        loglevel => 'notice proxyip:info', limits => ProxyIP::Many::limits(),
        config => ProxyIP::Many::CONFIG . <<"EOC" . $more)->start;
<IfModule mpm_prefork_module>
    StartServers $workers
    MaxSpareServers $workers
</IfModule>
<IfModule !mpm_prefork_module>
    ServerLimit $children
</IfModule>
ProxyIP On
ProxyIPPeer require 127.0.0.0/8
EOC
}

# All are served.
sub burst {
    my ($server, $name, %option) = @_;
    my $result = ProxyIP::Many->new(port => $server->port, %option)->result;
    is($result->{answered}, $option{count}, "$name: "
        . ProxyIP::Many->how($result));
}

my $server = start();
# Waiters of an MPM that has them in workers come one after the other.
my @counts = $mpm eq 'event' ? (60, 1000, 3000) : (60, 1000);
for my $count (@counts) {
    for my $version (1, 2) {
        burst($server, "$count that pause, v$version", count => $count,
            version => $version, pause => $count > 60 && $mpm ne 'event'
                ? 50 : 150);
    }
    burst($server, "$count that do not pause", count => $count,
        first => 'all');
}
burst($server, '60 of which the header comes late', count => 60,
    first => 0, pause => 150);
burst($server, '60 of which the header comes in parts', count => 60,
    first => 13, pause_before => 50, pause => 150);

# When the child accepts again they are all there, and a moment later speak.
SKIP: {
    skip 'several children', 2 if $mpm eq 'prefork';
    my ($child) = grep { $server->accepting($_) } $server->children;
    kill 'STOP', $child;
    my $many = ProxyIP::Many->new(port => $server->port, count => 500,
        wait => 1);
    my $count = $many->ready;
    kill 'CONT', $child;
    is($count, 500, 'five hundred while the child stands still');
    sleep 0.15;
    my $result = $many->speak->result;
    is($result->{answered}, 500, '... ' . ProxyIP::Many->how($result));
}

my $status = $server->status;
is($status->{ProxyIPEvicted}, 0, 'none gave way');
is($status->{ProxyIPTimedOut}, 0, '... or was out of time');
is($status->{ProxyIPWaiting}, 0, '... and none is thought to wait');
$server->stop;

# Children that end after so many connections: what waits in them goes on.
$server = start(workers => 25, children => 4,
    config => "MaxConnectionsPerChild 50\n");
burst($server, '200, and a child ends after 50', count => 200, pause => 150);
$server->stop;

$server = start(workers => 1);
burst($server, '30, and one thread', count => 30, pause => 100);
burst($server, '30 that do not pause, and one thread', count => 30,
    first => 'all');
$server->stop;

done_testing;
