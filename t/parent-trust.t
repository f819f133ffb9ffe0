# The parent, which is root, trusts nothing that its children can write: one
# that was broken into can spoil the counters and nothing else.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep);

use ProxyIP::Client;
use ProxyIP::Header qw(v2);
use ProxyIP::Process;
use ProxyIP::Server;

# Longer than the parent lets pass between two runs of its monitor hooks.
my $MONITOR = 11;

my $place = ProxyIP::Process->new;
my $folder = $place->root;
my $top = ProxyIP::Httpd::top();
my $apxs = ProxyIP::Httpd::apxs();
my $build = "cd '$folder' && cp '$top/t/consumer/mod_vandal.c' . && '$apxs'"
    . " -I'$top/src' -Wc,-Wall -Wc,-Wextra -Wc,-Werror -c mod_vandal.c";
my $output = `( $build ) 2>&1`;
is($?, 0, 'an intruder is built') or BAIL_OUT($output);

my $config = "LoadModule vandal_module $folder/.libs/mod_vandal.so\n" . <<'EOC';
<IfModule mpm_prefork_module>
    StartServers 3
    MinSpareServers 3
    MaxSpareServers 3
</IfModule>
<IfModule !mpm_prefork_module>
    StartServers 2
    ThreadsPerChild 4
    MinSpareThreads 8
    MaxSpareThreads 8
    MaxRequestWorkers 8
</IfModule>
Listen 127.0.0.1:@port@
Listen 127.0.0.1:@port:other@
ProxyIP On
ProxyIPPeer require 127.0.0.1
<Location /vandal>
    SetHandler vandal
</Location>
<VirtualHost 127.0.0.1:@port@>
</VirtualHost>
<VirtualHost 127.0.0.1:@port:other@>
</VirtualHost>
EOC
my $server = ProxyIP::Server->new(workers => 8, status => 1,
    loglevel => 'warn', config => $config)->start;
my $log = $server->error_log;
my $parent = $server->pid;

sub get {
    my ($path) = @_;
    return ProxyIP::Client->fetch(port => $server->port, header => v2(),
        path => $path);
}

sub refuse {
    my $client = ProxyIP::Client->new(port => $server->port,
        from => '127.0.0.77')->send(v2());
    $client->ending(5);
}

sub stands {
    my ($when) = @_;
    my $status = eval { $server->status } // {};
    my @wrong = grep { /^ProxyIP/ && !/Last|Name|Version/
        && $status->{$_} !~ /^\d+$/ } keys %$status;
    is("@wrong", '', "$when: mod_status shows numbers");
    like($status->{ProxyIPLastRefusedReason} // '',
        qr/^(?:|rejected on accept)$/, '... and no refusal that was none');
    is(get('/client-only')->code, 200, '... and requests are served');
    is($server->pid, $parent, '... the parent is who it was');
    ok(kill(0, $parent), '... and runs');
}

for my $how (qw(records ones odd)) {
    refuse() for 1 .. 5;
    cmp_ok(get("/vandal?$how")->content, '>', 0, "$how: written");
    stands("$how");
    sleep $MONITOR;
    stands("$how, the parent has looked for warnings");
    my @children = $server->children;
    kill 'TERM', @children;
    $server->wait_until(10, sub {
        my %is_old = map { $_ => 1 } @children;
        return grep { !$is_old{$_} && $server->accepting($_) }
            $server->children;
    });
    stands("$how, children have ended");
    $server->graceful;
    stands("$how, a graceful restart");
    refuse();
    get("/vandal?$how");
    $server->graceful($config . "Listen 127.0.0.1:\@port:$how\@\n"
        . "<VirtualHost 127.0.0.1:\@port:$how\@>\n</VirtualHost>\n");
    stands("$how, a graceful restart with another listener");
    refuse();
    get('/vandal?zeros');
}

# Every number begins anew, and everything counts again.
my $before = $server->status->{ProxyIPAcceptedV2};
get('/');
is($server->status->{ProxyIPAcceptedV2}, $before + 1, 'who comes is counted');
refuse();
my $status = $server->status;
is($status->{ProxyIPLastRefusedPeer}, '127.0.0.77', 'who is refused is shown');
my @crashes = grep { /exit signal|caught signal|AH00052/ } $log->lines;
is("@crashes", '', 'nobody crashed');

done_testing;
