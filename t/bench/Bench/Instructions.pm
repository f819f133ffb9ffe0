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

# User-mode instructions of a connection, and of a further request on it:
# callgrind counts a whole run of httpd with -X, and the difference of two runs
# of different length, divided by that difference, is free of the start and of
# what happens once.  On event all threads are counted, and some of them wake by
# the clock: there a count repeats to a hundred.

package Bench::Instructions;

use strict;
use warnings;

use Bench::Server;
use Bench::Tools qw(client header_options in_parallel slurp);

our $NAME = 'instructions';
our @NEEDS = qw(valgrind);

my @KEPT = qw(none:none remoteip:v2 ours:v2);
my @TLS = (@KEPT, qw(inside:v1 inside:v2));
my @PLAIN = qw(none:none remoteip:v1 remoteip:v2 remoteip:tlv ours:v1 ours:v2
    ours:tlv);
my @EVENT = qw(none:none remoteip:v1 remoteip:v2 ours:v1 ours:v2);

# Between header and request, where they come apart: several times what httpd
# needs, under callgrind, to look at the header.
my $GAP_MS = 40;

my %RUNS = (
    tls      => { kinds => \@TLS, port => 'tls', count => [20, 120] },
    plain    => { kinds => \@PLAIN, count => [50, 250] },
    kept     => { kinds => \@KEPT, count => [40, 40], requests => [1, 11] },
    together => { kinds => \@EVENT, mpm => 'event', count => [50, 400] },
    apart    => { kinds => \@EVENT, mpm => 'event', count => [30, 180],
        gap => $GAP_MS },
);

# One whole run.  A job is run:kind:header:0 or 1, the short or the long one.
sub count {
    my ($job) = @_;
    my ($name, $kind, $header, $length) = split /:/, $job;
    my $run = $RUNS{$name};
    my $port = $run->{port} // 'plain';
    my $server = Bench::Server->new(kind => $kind,
        mpm => $run->{mpm} // 'prefork',
        wrap => ['valgrind', '--tool=callgrind',
            '--callgrind-out-file=@root@/callgrind'],
        # A connection comes with its first bytes, and the client ends late:
        # what is counted does not depend on who is faster.
        more => "AcceptFilter http data\nAcceptFilter https data\n")->start;
    my $done = client('-p', $server->port($port), header_options($header),
        '-n', $run->{count}[$length],
        '-k', $run->{requests} ? $run->{requests}[$length] : 1,
        '-g', $run->{gap} // 0, '-z', 5,
        $port eq 'tls' ? '-s' : (), $kind eq 'inside' ? '-i' : ());
    $server->stop;
    return 'refused' if $done->{failed} && !$done->{count};
    die "$job: not every request was answered\n" if $done->{failed};
    my ($total) = slurp($server->root . '/callgrind')
        =~ /^(?:summary|totals): (\d+)/m;
    return $total // die "$job: callgrind wrote nothing\n";
}

sub measure {
    my $total = in_parallel(\&count, map { my $run = $_;
        map { ("$run:$_:0", "$run:$_:1") } @{ $RUNS{$run}{kinds} }
    } qw(apart together tls plain kept));
    my %result;
    for my $name (keys %RUNS) {
        my ($count, $requests) = @{ $RUNS{$name} }{qw(count requests)};
        $requests //= [1, 1];
        my $by = $count->[1] * $requests->[1] - $count->[0] * $requests->[0];
        for my $of (@{ $RUNS{$name}{kinds} }) {
            my ($kind, $header) = split /:/, $of;
            my ($short, $long) = map { $total->{"$name:$of:$_"} } 0, 1;
            $result{$name}{$kind}{$header} = $long eq 'refused' ? 'refused'
                : ($long - $short) / $by;
        }
    }
    return \%result;
}

1;
