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

# What a connection costs where there are several children: context switches
# and CPU time of all of them, per connection, at a modest rate.  Each child
# that the kernel wakes for another's connection shows in it.  The servers take
# turns, so that what else the machine does falls on all.

package Bench::Herd;

use strict;
use warnings;

use Bench::Server;
use Bench::Tools qw(client header_options median note slurp);

our $NAME = 'herd';
our @NEEDS = ();

my $CHILDREN = 6;
my $RATE = 200;    # a second
my $ROUNDS = 4;
my $CONNECTIONS = 320;    # each round
my $GAP_MS = 30;
my $NEXT_MS = 1;    # in the next packet
my $CLIENTS = 16;

my $SIZE = <<"EOC";
StartServers $CHILDREN
ServerLimit $CHILDREN
ThreadsPerChild 4
MaxRequestWorkers @{[4 * $CHILDREN]}
MinSpareThreads 1
MaxSpareThreads @{[4 * $CHILDREN]}
EOC

# What all threads of the children have used.
sub used {
    my ($server) = @_;
    my ($switches, $run_ns) = (0, 0);
    for my $pid ($server->children) {
        for my $task (glob "/proc/$pid/task/*") {
            $switches += $_
                for slurp("$task/status") =~ /ctxt_switches:\s*(\d+)/g;
            $run_ns += (split ' ', slurp("$task/schedstat"))[0];
        }
    }
    return ($switches, $run_ns);
}

sub run {
    my ($server, $kind, $gap_ms) = @_;
    my $done = client('-p', $server->port('plain'),
        header_options($kind eq 'none' ? 'none' : 'v2'), '-c', $CLIENTS,
        '-r', $RATE, '-g', $gap_ms, '-n', $CONNECTIONS / $CLIENTS);
    die "herd: a request was not answered\n" if $done->{failed};
    return $done->{count};
}

sub one {
    my ($server, $kind, $gap_ms) = @_;
    my @before = used($server);
    my $count = run($server, $kind, $gap_ms);
    my @after = used($server);
    return { switches => ($after[0] - $before[0]) / $count,
        cpu_us => ($after[1] - $before[1]) / $count / 1000 };
}

sub start {
    my ($kind) = @_;
    my $server = Bench::Server->new(kind => $kind, mpm => 'event',
        workers => 4, more => $SIZE)->start;
    run($server, $kind, 0);
    my @children = $server->children;
    die "herd: not $CHILDREN children\n" if @children != $CHILDREN;
    return $server;
}

sub measure {
    my @kinds = qw(none remoteip ours);
    my %server = map { $_ => start($_) } @kinds;
    my %gap = (together => 0, next => $NEXT_MS, apart => $GAP_MS);
    my %result = (children => $CHILDREN, rate => $RATE, gap_ms => $GAP_MS,
        next_ms => $NEXT_MS);
    for my $when (qw(together next apart)) {
        my %each;
        for my $round (1 .. $ROUNDS) {
            push @{ $each{$_} }, one($server{$_}, $_, $gap{$when})
                for $round % 2 ? @kinds : reverse @kinds;
        }
        for my $kind (@kinds) {
            for my $what (qw(switches cpu_us)) {
                $result{$when}{$kind}{$what}
                    = median(map { $_->{$what} } @{ $each{$kind} });
            }
            note(sprintf '  %-8s %-8s %.1f switches, %.0f us', $kind, $when,
                @{ $result{$when}{$kind} }{qw(switches cpu_us)});
        }
    }
    $_->kill for values %server;
    return \%result;
}

1;
