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

# System calls of a connection, all threads': strace counts them, with the
# difference of two runs as for instructions.

package Bench::Syscalls;

use strict;
use warnings;

use Bench::Server;
use Bench::Tools qw(client header_options in_parallel slurp);

our $NAME = 'syscalls';
our @NEEDS = qw(strace);

my $SHORT = 20;
my $LONG = 120;
my $READING = qr/^(?:read|readv|recvfrom|recvmsg|poll|ppoll|select)$/;
my @KINDS = qw(none:none remoteip:v1 remoteip:v2 ours:v1 ours:v2);
my @EVENT = qw(none:none remoteip:v2 ours:v2);

# The MPM, and the milliseconds between header and request.
my %RUNS = (
    prefork  => ['prefork', 0, @KINDS],
    together => ['event', 0, @EVENT],
    apart    => ['event', 40, @EVENT],
);

# One whole run: all calls, and those that read or wait for one descriptor.
sub count {
    my ($job) = @_;
    my ($name, $kind, $header, $connections) = split /:/, $job;
    my ($mpm, $gap_ms) = @{ $RUNS{$name} };
    my $server = Bench::Server->new(kind => $kind, mpm => $mpm,
        wrap => ['strace', '-f', '-c', '-o', '@root@/strace'],
        # A connection comes with its first bytes, and the client ends late:
        # what is counted does not depend on who is faster.
        more => "AcceptFilter http data\n")->start;
    my $done = client('-p', $server->port('plain'), header_options($header),
        '-n', $connections, '-g', $gap_ms, '-z', 10);
    die "$job: not every request was answered\n"
        if $done->{count} != $connections;
    $server->stop;
    my ($all, $reading) = (0, 0);
    for my $line (split /\n/, slurp($server->root . '/strace')) {
        my @field = split ' ', $line;
        next if @field < 5 || $field[3] !~ /^\d+$/ || $field[-1] eq 'total';
        $all += $field[3];
        $reading += $field[3] if $field[-1] =~ $READING;
    }
    return "$all $reading";
}

sub measure {
    my @runs = map { my ($name, undef, undef, @kinds) = ($_, @{ $RUNS{$_} });
        map { "$name:$_" } @kinds } sort keys %RUNS;
    my $counts = in_parallel(\&count,
        map { ("$_:$SHORT", "$_:$LONG") } @runs);
    my %result;
    for my $run (@runs) {
        my @short = split ' ', $counts->{"$run:$SHORT"};
        my @long = split ' ', $counts->{"$run:$LONG"};
        my ($name, $kind, $header) = split /:/, $run;
        for my $i (0, 1) {
            $result{$name}{ (qw(all reading))[$i] }{$kind}{$header}
                = ($long[$i] - $short[$i]) / ($LONG - $SHORT);
        }
    }
    return \%result;
}

1;
