# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License.  You may obtain
# a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

# A server program in a folder of its own, on free loopback ports: what
# ProxyIP::Server and ProxyIP::HAProxy have in common.
#
# Configuration text may hold these, in any case:
#   @port@ @port:NAME@   a free loopback port; port(NAME) tells which
#   @root@               the program's own temporary folder
#   @top@                the top folder of the source tree
#   @tls@                a folder with server.pem and server.key (localhost)
#
# Options of new() for a program that is to meet a fault:
#   limits       options of the shell's ulimit, e.g. '-n 64'
#   environment  further variables, e.g. those of ProxyIP::Shim
#
# Whatever happens to the test, even die or Ctrl-C, the program is stopped and
# its folder removed at the end; with $PROXYIP_KEEP set the folder stays.  If
# tests failed, the end of its log is shown.

package ProxyIP::Process;

use strict;
use warnings;

use File::Spec;
use File::Temp ();
use IO::Socket::INET;
use POSIX qw(WNOHANG setsid);
use Scalar::Util qw(refaddr weaken);
use Time::HiRes qw(sleep time);

use ProxyIP::Httpd;
use ProxyIP::Log;
use ProxyIP::Patience;

my %alive;    # every object, weakly, for END

# Without a handler END is not run.
for my $signal (qw(HUP INT TERM)) {
    $SIG{$signal} ||= sub { exit 1 };
}

sub new {
    my ($class, %self) = @_;
    my $self = bless { ports => {}, %self, owner => $$ }, $class;
    $self->{root} = File::Temp::tempdir('proxyip-XXXXXX', TMPDIR => 1);
    # As root, children run as nobody.
    chmod 0755, $self->{root};
    weaken($alive{ refaddr $self } = $self);
    return $self;
}

sub root { $_[0]{root} }

sub pid { $_[0]{pid} }

# The first of a row of ports that nothing on 127.0.0.1 has; one by default.
# Below those that the kernel gives to clients, which come and go.
my %given;

sub free_port {
    my ($count) = @_;
    for (1 .. 1000) {
        my $first = 20_000 + int rand 12_000;
        my @ports = $first .. $first + ($count // 1) - 1;
        next if grep { $given{$_} || !is_free($_) } @ports;
        @given{@ports} = @ports;
        return $first;
    }
    die "no free port\n";
}

sub is_free {
    my ($port) = @_;
    return defined IO::Socket::INET->new(LocalAddr => '127.0.0.1',
        LocalPort => $port, Proto => 'tcp', Listen => 1, ReuseAddr => 1);
}

# The port that a name stands for.
sub port {
    my ($self, $name) = @_;
    return $self->{ports}{ $name // '' } //= free_port();
}

sub expand {
    my ($self, $text) = @_;
    my $top = ProxyIP::Httpd::top();
    $text =~ s/\@port(?::(\w+))?\@/$self->port($1)/gei;
    $text =~ s/\@root\@/$self->{root}/gi;
    $text =~ s/\@top\@/$top/gi;
    $text =~ s/\@tls\@/ProxyIP::Httpd::tls()/gei;
    return $text;
}

# Write a file in the program's folder and return its path.
sub write_file {
    my ($self, $name, $text) = @_;
    my $path = "$self->{root}/$name";
    open my $file, '>', $path or die "$path: $!\n";
    print $file $text;
    close $file or die "$path: $!\n";
    return $path;
}

# Certificate and key of @tls@ in one file, as some programs want them.
sub both_pem {
    my ($self) = @_;
    local @ARGV = map { ProxyIP::Httpd::tls() . "/server.$_" } qw(pem key);
    local $/;
    return $self->write_file('both.pem', join '', <>);
}

# A command that runs another within the limits, and in the environment.
sub surround {
    my ($self, @command) = @_;
    my $environment = $self->{environment} || {};
    unshift @command, 'env',
        map { "$_=$environment->{$_}" } sort keys %$environment
        if %$environment;
    unshift @command, 'sh', '-c', qq(ulimit $self->{limits} && exec "\$@"),
        'sh' if $self->{limits};
    return @command;
}

# Start a program that stays in the foreground; its output goes to a file.
sub spawn {
    my ($self, @command) = @_;
    @command = $self->surround(@command);
    my $output = "$self->{root}/output";
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        setsid();
        open STDIN,  '<',  '/dev/null';
        open STDOUT, '>>', $output;
        open STDERR, '>&', \*STDOUT;
        { no warnings; exec { $command[0] } @command }
        print STDERR "$command[0]: $!\n";
        POSIX::_exit(127);
    }
    return $self->{pid} = $pid;
}

# In place of a program: a process that listens on a free loopback port and
# serves by a function, called with $self and the listener, until it is stopped.
sub spawn_serving {
    my ($self, $serve) = @_;
    my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
        LocalPort => 0, Proto => 'tcp', Listen => 128)
        or die ref($self) . ": $!\n";
    $self->{ports}{''} = $listener->sockport;
    $self->{pid} = fork // die "fork: $!\n";
    return $self if $self->{pid};

    setsid();
    $SIG{TERM} = 'DEFAULT';
    eval { $self->$serve($listener) };
    POSIX::_exit(1);
}

# Where a program is, undef when it is not there.  Debian has some in folders
# that users' paths may lack.
sub find {
    my ($class, $name) = @_;
    for my $dir (File::Spec->path, '/usr/sbin', '/usr/local/sbin') {
        return "$dir/$name" if -x "$dir/$name";
    }
    return undef;
}

# Start a server, and return when all of the ports listen.
sub spawn_listening {
    my ($self, $ports, @command) = @_;
    $self->spawn(@command);
    my $serves;
    $self->wait_until(20, sub {
        $serves = !grep { !$self->listening($_) } @$ports;
        return $serves || !$self->running;
    });
    die "$command[0] did not start:\n", $self->log_tail
        if !$serves || !$self->running;
    return $self;
}

# What the program said on its standard output and error.
sub output { ProxyIP::Log->new("$_[0]{root}/output")->text }

sub running {
    my ($self) = @_;
    return 0 if !$self->{pid};
    return 1 if waitpid($self->{pid}, WNOHANG) == 0;
    $self->{status} = $?;
    delete $self->{pid};
    return 0;
}

# Wait for something; 1 when it came true in time.
sub wait_until {
    my ($self, $seconds, $condition) = @_;
    my $deadline = time + patience($seconds);
    while (1) {
        my $late = time >= $deadline;
        return 1 if $condition->();
        return 0 if $late;
        sleep 0.02;
    }
}

sub signal {
    my ($self, $signal) = @_;
    CORE::kill $signal, $self->{pid} if $self->running;
    return $self;
}

# Wait for the program to end by itself; 1 when it did.
sub wait_for_end {
    my ($self, $seconds) = @_;
    return $self->wait_until($seconds // 10, sub { !$self->running });
}

# End it, politely first, and all that it started.
sub stop {
    my ($self) = @_;
    my $pid = $self->{pid} or return $self;
    $self->signal('TERM');
    $self->kill if !$self->wait_for_end(10);
    CORE::kill 'KILL', -$pid;
    return $self;
}

# End it at once.
sub kill {
    my ($self) = @_;
    my $pid = $self->{pid} or return $self;
    CORE::kill 'KILL', -$pid;
    $self->wait_for_end(10);
    return $self;
}

# The kernel's listening TCP sockets: { inode => port }.
sub listeners {
    my %port;
    for my $table ('/proc/net/tcp', '/proc/net/tcp6') {
        open my $file, '<', $table or next;
        while (my $line = <$file>) {
            my (undef, $local, undef, $state, @rest) = split ' ', $line;
            $port{ $rest[5] } = hex substr $local, -4 if $state eq '0A';
        }
    }
    return \%port;
}

# Is something listening on a port?  Asked of the kernel, so that the program
# sees no connection.
sub listening {
    my ($self, $port) = @_;
    return scalar grep { $_ == $port } values %{ $self->listeners };
}

# Has a process a listening socket?
sub accepting {
    my ($self, $pid) = @_;
    my $listeners = $self->listeners;
    return scalar grep { /^socket:\[(\d+)\]$/ && $listeners->{$1} }
        map { readlink // () } glob "/proc/$pid/fd/*";
}

# The process ids of the program's children; with httpd's cgid one is a daemon.
sub children {
    my ($self) = @_;
    my @children;
    for my $path (glob '/proc/[0-9]*/stat') {
        open my $file, '<', $path or next;
        my ($pid, $parent) = (<$file> // '') =~ /^(\d+) \(.*\) \S (\d+) /;
        push @children, $pid if ($parent // 0) == ($self->{pid} // -1);
    }
    return sort { $a <=> $b } @children;
}

# A process's anonymous memory in KiB, and how many descriptors it has open;
# zeros for one that has ended.
sub usage_of {
    my ($self, $pid) = @_;
    my @descriptors = glob "/proc/$pid/fd/*";
    my $kib = 0;
    if (open my $file, '<', "/proc/$pid/smaps_rollup") {
        ($kib) = join('', <$file>) =~ /^Anonymous:\s+(\d+)/m;
    }
    return ($kib // 0, scalar @descriptors);
}

# For subclasses: complaints about what the program did, if any.
sub complaints { return }

# For subclasses: its log, for diagnosis.
sub log_tail { $_[0]->output }

sub finish {
    my ($self) = @_;
    return if $self->{finished}++ || $self->{owner} != $$;
    $self->stop;
    my @complaints = $self->complaints;
    my $failed = $INC{'Test/Builder.pm'}
        && !Test::Builder->new->is_passing;
    if ($failed || @complaints) {
        my $text = join '', @complaints, ref $self, " log:\n", $self->log_tail;
        print STDERR map { "# $_\n" } split /\n/, $text;
    }
    $self->{broken} = @complaints;
    if ($ENV{PROXYIP_KEEP}) {
        print STDERR "# kept: $self->{root}\n";
    }
    else {
        File::Temp::cleanup();
        require File::Path;
        File::Path::remove_tree($self->{root});
    }
}

my $broken = 0;

sub DESTROY {
    my ($self) = @_;
    local ($?, $@, $!);
    $self->finish;
    $broken = 1 if $self->{broken};
    delete $alive{ refaddr $self };
}

END {
    my $status = $?;
    for my $process (grep { defined } values %alive) {
        $process->finish;
        $broken = 1 if $process->{broken};
    }
    $? = $status || ($broken ? 1 : 0);
}

1;
