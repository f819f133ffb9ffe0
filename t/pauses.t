# Clients that need a second between header and request, or before the header,
# beside others that need no time at all, and over one graceful restart after
# the other: each is served, as itself.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep time);

use ProxyIP::Many;
use ProxyIP::Server;

my $server = ProxyIP::Server->new(workers => 25, status => 1,
    loglevel => 'notice proxyip:info', limits => ProxyIP::Many::limits(),
    config => ProxyIP::Many::CONFIG . <<'EOC')->start;
<IfModule mpm_prefork_module>
    StartServers 25
    MaxSpareServers 25
</IfModule>
ProxyIP On
ProxyIPPeer require 127.0.0.0/8
EOC

# Each name with a count of clients and what they do.
my %busy = ('do not pause' => [60, first => 'all']);
my %pausing = (
    'pause 0.3 s behind the header' => [20, pause => 300],
    'pause 1 s behind the header' => [20, pause => 1000],
    'pause 0.3 s before the header' => [20, pause_before => 300],
    'pause 1 s before the header' => [20, pause_before => 1000],
    'pause 0.3 s within the header' => [10, first => 20, pause => 300],
    'pause before and behind it' => [10, pause_before => 400, pause => 400],
);

# Let them all come while something happens; none is lost.
sub meanwhile {
    my ($name, $act, %clients) = @_;
    my %load;
    for my $what (sort keys %clients) {
        my ($count, @options) = @{ $clients{$what} };
        $load{$what} = ProxyIP::Many->new(port => $server->port,
            count => $count, goes_on => 1, @options);
    }
    $act->();
    for my $what (sort keys %load) {
        my $result = $load{$what}->result;
        cmp_ok($result->{answered}, '>=', $clients{$what}[0],
            "$name, clients that $what: " . ProxyIP::Many->how($result));
        is($result->{lost}, 0, '... none is lost');
    }
}

meanwhile('at the same time', sub { sleep 4 }, %busy, %pausing);
is($server->status->{ProxyIPEvicted}, 0, 'none gave way');

meanwhile('seven restarts', sub {
    for (1 .. 7) {
        my $next = time + 1;
        $server->graceful;
        sleep $next - time if time < $next;
    }
}, %pausing, 'do not pause' => [4, first => 'all']);
my $status = $server->status;
is($status->{"ProxyIP$_"}, 0, "... and none is counted as $_")
    for qw(Evicted TimedOut ClosedEarly Waiting);
is($server->error_log->count(qr/exit signal/), 0, '... no child crashed');

done_testing;
