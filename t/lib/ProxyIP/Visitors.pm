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

# Visitors of a site while somebody changes things there: each is a process
# that asks again and again, with pauses.  They are of four kinds: plain or
# TLS, one request for each connection or several.
#
#   my $visitors = ProxyIP::Visitors->new($folder);
#   $visitors->go('before', plain => 8000, tls => 8443);
#   ...
#   $visitors->go('after', plain => 8001, tls => 8444);  # new connections
#   $visitors->arrived;          # all of them have been served there
#   for my $request ($visitors->requests) { ... }        # they stop
#
# As browsers do, a visitor asks once more, on a new connection, where one that
# was idle after an answer turns out to have been closed, and not a byte of
# another answer has come.  Whatever else goes wrong is a lost request.
#
# A request is { visitor, address, stage, query, outcome }: the number of the
# visitor and the address that he comes from; the stage that had been said
# before he connected; what tells the request from all others, for looking it
# up in an access log; and `answered', `again', or how it was lost.

package ProxyIP::Visitors;

use strict;
use warnings;

use POSIX ();
use Time::HiRes qw(sleep time);

use ProxyIP::Client;
use ProxyIP::Log;
use ProxyIP::Patience;

my $COUNT = 8;
my $MOST_ON_ONE = 8;

sub new {
    my ($class, $folder) = @_;
    my $self = bless { folder => $folder, owner => $$, stages => 0 }, $class;
    mkdir $folder or die "$folder: $!\n";
    return $self;
}

# From now on, at this stage, they connect to these ports.
sub go {
    my ($self, $stage, %port) = @_;
    $self->{stage} = $stage;
    $self->{stages}++;
    my $path = "$self->{folder}/where";
    open my $file, '>', "$path.new" or die "$path: $!\n";
    print $file "$self->{stages} $stage $port{plain} $port{tls}\n";
    close $file or die "$path: $!\n";
    rename "$path.new", $path or die "$path: $!\n";
    $self->{pids} //= [map { $self->visitor($_) } 1 .. $COUNT];
    return $self;
}

# Wait until each has been answered on a connection of this stage.
sub arrived {
    my ($self) = @_;
    my $until = time + patience(30);
    for my $number (1 .. $COUNT) {
        my $book = ProxyIP::Log->new("$self->{folder}/$number");
        until ($book->count(qr/^$self->{stages} .* answered$/)) {
            die "visitor $number does not arrive:\n", $book->tail(5)
                if time > $until;
            sleep 0.05;
        }
    }
    return $self;
}

sub count { return $COUNT }

# How many requests were lost so far.
sub lost {
    my ($self) = @_;
    my $lost = 0;
    $lost += ProxyIP::Log->new("$self->{folder}/$_")->count(qr/ lost: /)
        for 1 .. $COUNT;
    return $lost;
}

# They stop; then what became of each request.
sub requests {
    my ($self) = @_;
    $self->stop;
    my @requests;
    for my $number (1 .. $COUNT) {
        for my $line (ProxyIP::Log->new("$self->{folder}/$number")->lines) {
            my %request = (visitor => $number, address => address($number));
            (undef, @request{qw(stage query outcome)}) = split ' ', $line, 4;
            push @requests, \%request;
        }
    }
    return @requests;
}

sub stop {
    my ($self) = @_;
    my $pids = delete $self->{pids} or return;
    kill 'TERM', @$pids;
    waitpid $_, 0 for @$pids;
}

sub address { return "127.0.7.$_[0]" }

# One of them, in a process of his own.
sub visitor {
    my ($self, $number) = @_;
    my $pid = fork // die "fork: $!\n";
    return $pid if $pid;
    my $is_over = 0;
    local $SIG{TERM} = sub { $is_over = 1 };
    srand $number;
    open $self->{book}, '>', "$self->{folder}/$number" or POSIX::_exit(1);
    $self->{book}->autoflush(1);
    my $connections = 0;
    $self->connection($number, ++$connections) until $is_over;
    POSIX::_exit(0);
}

# One connection.  Visitors of odd numbers use TLS; the first half ask several
# times, with pauses in which httpd keeps the connection alive.
sub connection {
    my ($self, $number, $connection) = @_;
    my ($count, $stage, $plain, $tls) = split ' ',
        ProxyIP::Log->new("$self->{folder}/where")->text;
    my $most = $number <= $COUNT / 2 ? 1 + int rand $MOST_ON_ONE : 1;
    my $client;
    for my $request (1 .. $most) {
        my $query = "visitor=$number;connection=$connection;request=$request";
        my $outcome = eval {
            $client //= ProxyIP::Client->new(from => address($number),
                port => $number % 2 ? $tls : $plain);
            sleep rand($request > 1 ? 0.15 : 0.03);
            $client->start_tls if $number % 2 && $request == 1;
            ask($client, $query, $request > 1);
        } // "lost: $@";
        chomp $outcome;
        $self->{book}->print("$count $stage $query $outcome\n");
        return if $outcome ne 'answered' || $client->{is_last};
    }
    $client->close;
}

# What became of one request.
sub ask {
    my ($client, $query, $was_idle) = @_;
    my $answer = $client->get("/index.html?$query");
    return $was_idle && $client->{ended} && !length $client->{in}
        ? 'again' : 'lost: ' . ($client->{ended} // 'no answer in time')
        if !$answer;
    return 'lost: ' . $answer->code if $answer->code != 200;
    return 'lost: not whole' if $answer->content ne "welcome\n";
    $client->{is_last} = ($answer->header('Connection') // '') =~ /close/i;
    return 'answered';
}

sub DESTROY {
    my ($self) = @_;
    return if $self->{owner} != $$;
    local ($?, $@, $!);
    $self->stop;
}

1;
