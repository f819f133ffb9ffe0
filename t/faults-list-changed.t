# The file of ProxyIPPeerList changes under a running server.
#
# What must happen: nothing, until a restart.  A graceful restart takes the
# new list; what has begun to wait goes on by the rule it was accepted under.
# A list that cannot be used (gone, unreadable, empty, wrong, no regular file,
# too large) stops `httpd -t` and `httpd -k graceful` (so apachectl's, too),
# which name the list and its line; the running server goes on with the list
# it has.  The bare signal ends the server, as any wrong configuration does:
# the error log says why, the exit status is not 0, and what was begun is
# finished.  Nothing that stands in the file's place makes the start hang.

use strict;
use warnings;

use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

use ProxyIP::Client;
use ProxyIP::Header qw(v2);
use ProxyIP::Process;
use ProxyIP::Server;

my $config = <<'EOC';
ProxyIP On
ProxyIPPeerList require @root@/list
ProxyIPTimeout 20s
EOC
my $lists = ProxyIP::Process->new;    # a folder

sub server {
    my $server = ProxyIP::Server->new(status => 1, loglevel => 'info',
        config => $config);
    $server->write_file('list', "127.9.0.0/16\n");
    return $server->start;
}

# How a header of a peer's is answered, from the first byte on or the last.
sub code {
    my ($client, $bytes) = @_;
    my $answer = $client->send($bytes // v2())
        ->get('/client-only', Connection => 'close');
    return $answer ? $answer->code : 'closed';
}

sub client {
    my ($server, $from) = @_;
    return ProxyIP::Client->new(port => $server->port, from => $from);
}

# One that waits with half a header.
sub half {
    my ($server, $from) = @_;
    my $client = client($server, $from)->send(substr v2(), 0, 20);
    $server->wait_until(10, sub { $server->status->{ProxyIPWaiting} == 1 })
        or die "half a header does not wait\n";
    return $client;
}

my $server = server();
my $half = half($server, '127.9.0.1');
my $list = $server->write_file('list', "127.8.0.0/16\n");
is(code(client($server, '127.9.0.2')), 200, 'no restart: the old list holds');
is(code(client($server, '127.8.0.2')), 'closed', '... and not the new');
$server->graceful;
# In the lobby it was handed to a child that has the new list; a worker that
# waits has the old one.
is(code($half, substr v2(), 20), ProxyIP::Httpd::waits() ? 'closed' : 200,
    'a restart: what waited is judged where it waits');
is(code(client($server, '127.8.0.2')), 200, '... what comes goes by the new');
is(code(client($server, '127.9.0.2')), 'closed', '... and not by the old');

# What may stand in the file's place: [how it gets there, what is said].
my $LARGEST = 64 * 1024 * 1024;
my %bad = (
    gone => [sub { 1 }, qr/cannot be read: .*No such file/],
    unreadable => [sub { $lists->write_file('new', "127.9.0.0/16\n");
        chmod 0, $_[0] }, qr/cannot be read: .*Permission denied/],
    empty => [sub { $lists->write_file('new', '') }, qr/holds no range/],
    comments => [sub { $lists->write_file('new', "# none\n\n") },
        qr/holds no range/],
    wrong => [sub { $lists->write_file('new', "127.9.0.0/16\n\n127.9/8\n") },
        qr/new:3: '127\.9\/8' is not an IP address/],
    'cut short' => [sub { $lists->write_file('new', "127.9.0.0/16\n127.8.0") },
        qr/new:2: '127\.8\.0' is not an IP address/],
    binary => [sub { $lists->write_file('new', "127.9.0.0/16\n\0\0\0") },
        qr/is not a text file/],
    folder => [sub { mkdir $_[0] }, qr/cannot be read: it is not a regular/],
    pipe => [sub { POSIX::mkfifo($_[0], 0600) },
        qr/cannot be read: it is not a regular/],
    device => [sub { symlink '/dev/zero', $_[0] },
        qr/cannot be read: it is not a regular/],
    'too large' => [sub { $lists->write_file('new', '');
        truncate $_[0], $LARGEST + 1 }, qr/cannot be read: .*too large/],
);
delete $bad{unreadable} if !$>;

# Put one in the list's place, in one step as careful operators do.
sub replace {
    my ($name) = @_;
    my $new = $lists->root . '/new';
    unlink $new;
    rmdir $new;
    $bad{$name}[0]->($new) or die "$name: $!\n";
    return $new;
}

# httpd -k graceful for a server: its exit status, and what it said.
sub ask_for_graceful {
    my ($server) = @_;
    my $program = ProxyIP::Process->new;
    $program->spawn($server->command('-k', 'graceful'));
    $program->wait_for_end(20) or die "httpd -k graceful does not end\n";
    return ($program->{status} >> 8, $program->output);
}

(my $changed = $config) =~ s/\@root\@\/list/$lists->root . '\/new'/e;
$server->{config} = $changed;
my $log = $server->error_log->mark;
for my $name (sort keys %bad) {
    my $new = replace($name);
    my ($status, $output) = ProxyIP::Server->config_error($changed);
    isnt($status, 0, "$name: -t fails");
    like($output, $bad{$name}[1], '... and says why');
    like($output, qr/error on line \d+ of \S+httpd\.conf:\n.*ProxyIPPeerList/,
        '... and where it is asked for');
    ($status, $output) = ask_for_graceful($server);
    isnt($status, 0, '... so does -k graceful');
    like($output, $bad{$name}[1], '... and says why');
}
is($log->count(qr/graceful/i), 0, 'the server was not asked to restart');
is(code(client($server, '127.8.0.2')), 200, '... and goes on with its list');
$server->stop;

# The signal itself
for my $name ('wrong', 'pipe') {
    my $new = replace($name);
    my $server = server();
    my $half = half($server, '127.9.0.1');
    $server->{config} = $changed;
    $server->command;
    $server->signal('USR1');
    ok($server->wait_for_end(20), "$name: the bare signal ends the server");
    isnt($server->{status} // 0, 0, '... not as if all were well');
    like($server->error_log->wait_for(qr/ProxyIPPeerList: /, 5) // '',
        $bad{$name}[1], '... the error log says why');
    # The lobby has nobody to hand it to.
    is(code($half, substr v2(), 20), ProxyIP::Httpd::waits() ? 'closed' : 200,
        '... what was begun is finished where a worker has it');
    ok($server->wait_until(10, sub {
        !$server->listening($server->port) }), '... and nothing listens');
    $server->stop;
}

# Reading the list does not depend on the MPM.
SKIP: {
    skip 'done on the event MPM', 2 if ProxyIP::Httpd::mpm() ne 'event';
    my ($text, $size) = ("127.9.0.0/16\n", 10 * 1024 * 1024);
    for (my $i = 0; length $text < $size; $i++) {
        $text .= join('.', 10, $i >> 16, $i >> 8 & 255, $i & 255) . "\n";
    }
    my $server = ProxyIP::Server->new(config => $config);
    $server->write_file('list', $text);
    is(code(client($server->start, '127.9.0.2')), 200,
        'a list of 10 MB is taken');
    is(code(client($server, '127.8.0.2')), 'closed', '... and holds');
}

done_testing;
