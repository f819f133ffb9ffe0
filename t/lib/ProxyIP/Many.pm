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


# Many clients at once, each with a client address of its own, which the
# answer must name: t/lib/many.c, where its options are explained.
#
#   my $server = ProxyIP::Server->new(limits => ProxyIP::Many::limits(),
#       config => ProxyIP::Many::CONFIG . ...)->start;
#   my $many = ProxyIP::Many->new(port => $server->port, count => 1000,
#                                 pause => 150);       # milliseconds
#   my $result = $many->result;
#   is($result->{lost}, 0, $many->how($result));
#
#   my $crowd = ProxyIP::Many->new(port => $port, count => 3000, wait => 1);
#   $crowd->ready;              # each has sent its header
#   $result = $crowd->speak->result;
#
#   my $load = ProxyIP::Many->new(port => $port, count => 20, pause => 300,
#                                 goes_on => 1);
#   sleep 5;
#   $result = $load->result;    # begins no more, and waits for the last
#
#   my $flood = ProxyIP::Many->new(port => $port, count => 3000, silent => 1,
#                                  rate => 500, goes_on => 1);
#   $result = $flood->leave;    # they close
#
# Each object's clients have other addresses than the others'.

package ProxyIP::Many;

use strict;
use warnings;

use IO::Handle;
use IO::Select;
use POSIX ();
use Time::HiRes qw(time);

use ProxyIP::Build qw(build);
use ProxyIP::Httpd;
use ProxyIP::Patience;

# The answer names the client.
use constant CONFIG => <<'EOC';
ListenBacklog 4096
Header always set X-Client "expr=%{REMOTE_ADDR}"
EOC

my %OPTION = (version => '-v', sources => '-s', rate => '-r', first => '-f',
    pause_before => '-a', pause => '-b');

my $next_number = 1;

# Options:
#   port, count
#   version       of the header: 1, 2 (the default), or 0 for none
#   sources       how many addresses they come from; default 1
#   rate          at most so many new ones a second
#   goes_on       true: who has ended is followed by another, until result()
#   first         what is sent first: a number of bytes, `header' (the
#                 default) or `all'
#   pause_before  milliseconds between the connection and the first bytes
#   pause         milliseconds between these and the others
#   wait          true: the others wait for speak()
#   silent        true: the others are never sent
sub new {
    my ($class, %option) = @_;
    my $top = ProxyIP::Httpd::top();
    my @command = (build('lib/many', "$top/t/lib/peer.c"),
        '-p', $option{port}, '-n', $option{count}, '-i', $next_number,
        '-l', 20_000 * patience(1),
        (map { defined $option{$_} ? ($OPTION{$_}, $option{$_}) : () }
            sort keys %OPTION),
        ($option{goes_on} ? '-k' : ()), ($option{wait} ? '-w' : ()),
        ($option{silent} ? '-z' : ()));
    # More than any of them makes.
    $next_number += 100_000;
    my $self = bless { read => '', owner => $$,
        goes_on => $option{goes_on} }, $class;
    pipe my $input, $self->{in} or die "pipe: $!\n";
    pipe $self->{out}, my $output or die "pipe: $!\n";
    $self->{pid} = fork // die "fork: $!\n";
    if (!$self->{pid}) {
        open STDIN, '<&', $input;
        open STDOUT, '>&', $output;
        # Else the program's input would not end with this one.
        close $self->{in};
        close $self->{out};
        { no warnings; exec { $command[0] } @command }
        print STDERR "$command[0]: $!\n";
        POSIX::_exit(127);
    }
    close $_ for $input, $output;
    $self->{in}->autoflush(1);
    return $self;
}

# Wait until all have sent their first bytes; returns how many there are.
sub ready {
    my ($self) = @_;
    my $until = time + patience(30);
    while ($self->{read} !~ /^ready (\d+)\n/m) {
        die "many: not ready\n"
            if time > $until || !$self->read_some($until);
    }
    return $self->{read} =~ /^ready (\d+)\n/m ? $1 : 0;
}

# Let those that wait send the rest.
sub speak {
    my ($self) = @_;
    # All of them may have been closed already.
    local $SIG{PIPE} = 'IGNORE';
    print { $self->{in} } "speak\n";
    return $self;
}

# What became of them: { answered => 20, lost => 0, ... }, when all have ended;
# those that go on begin no more.  After so many seconds those that would say
# nothing end by themselves.
sub result {
    my ($self, $seconds) = @_;
    my $until = time + patience($seconds // 60);
    $self->close_input if $self->{goes_on};
    while ($self->read_some($until)) {
        $self->close_input if time >= $until;
    }
    # Clients that speak have a limit of their own.
    $self->close_input;
    1 while $self->read_some(time + patience(60));
    waitpid delete $self->{pid}, 0;
    my %result = $self->{read} =~ /^(\w+) (-?\d+)$/mg;
    die "many: no result\n" if !defined $result{lost};
    return \%result;
}

# The same, and those that say nothing end at once.
sub leave {
    my ($self) = @_;
    $self->close_input;
    return $self->result;
}

sub close_input {
    my ($self) = @_;
    close delete $self->{in} if $self->{in};
}

# For a test's name: what became of them, in words.
sub how {
    my ($class, $result) = @_;
    return join ', ', map { "$result->{$_} $_" } grep { $result->{$_} }
        qw(answered unconnected ended reset late status wrong open closed);
}

# Returns nothing at the program's end, or when nothing came until then.
sub read_some {
    my ($self, $until) = @_;
    my $left = $until - time;
    return if !IO::Select->new($self->{out})->can_read($left > 0 ? $left : 0);
    return sysread $self->{out}, $self->{read}, 4096, length $self->{read};
}

sub DESTROY {
    my ($self) = @_;
    return if $self->{owner} != $$ || !$self->{pid};
    local ($?, $!);
    kill 'KILL', $self->{pid};
    waitpid $self->{pid}, 0;
}

# How many descriptors a program here may have.
sub descriptors {
    chomp(my $most = `sh -c 'ulimit -Hn'`);
    return $most =~ /^\d+$/ && $most < 20_000 ? $most : 20_000;
}

# For the server's option `limits': all of them, because a child lets half of
# what it has wait.
sub limits { return '-n ' . descriptors() }

# So many clients, or as many as can wait in one child here.
sub at_most {
    my ($count) = @_;
    my $room = int(descriptors() / 2) - 200;
    return $count < $room ? $count : $room;
}

1;
