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

# A request's latency while many connections have sent a header and nothing
# more: event MPM, 8 workers, AsyncRequestWorkerFactor at its default.

package Bench::Latency;

use strict;
use warnings;

use Time::HiRes qw(sleep);

use Bench::Server;
use Bench::Tools qw(client crowd ready close_crowd descriptors
    header_options note);

our $NAME = 'latency';
our @NEEDS = ();

my @CROWDS = (0, 8, 50, 200, 1000, 9000);
my @OTHERS = (0, 8, 1000);    # more do not get in
my $REQUESTS = 200;
my $LIMIT_MS = 10_000;
my $COMING = 500;             # a second
my @BESIDE = (1000, 9000);

# As many as there are descriptors and local ports for, with some to spare.
sub largest {
    my $most = descriptors() - 100;
    return $most > 20_000 ? 20_000 : $most;
}

sub one {
    my ($kind, $size, $rate) = @_;
    my $server = Bench::Server->new(kind => $kind, mpm => 'event',
        workers => 8, more => "ServerLimit 1\n" . ($kind eq 'ours'
            ? "ProxyIPTimeout 60s\nProxyIPDefer 60s\n" : ''))->start;
    my $port = $server->port('plain');
    my @header = header_options($kind eq 'none' ? 'none' : 'v2');
    client('-p', $port, @header, '-n', 20);
    my $crowd = crowd('-p', $port, @header, '-n', $size, '-r', $rate);
    my $there = ready($crowd);
    sleep 0.5;
    my $done = client('-p', $port, @header, '-n', $REQUESTS,
        '-w', $LIMIT_MS);
    my $open = close_crowd($crowd);
    $server->kill;
    note(sprintf '  %-8s %5d waiting: %s', $kind, $there, $done->{failed}
        ? 'no answer' : "$done->{median} us, at most $done->{max} us");
    return {
        size => $size, there => $there, rate => $rate, open => $open,
        answered => $done->{failed} ? 0 : 1,
        median_us => $done->{median}, max_us => $done->{max},
    };
}

sub measure {
    my $largest = largest();
    my @sizes = ((grep { $_ < $largest } @CROWDS), $largest);
    my %result = (limit_ms => $LIMIT_MS, requests => $REQUESTS);
    push @{ $result{none} }, one('none', 0, 0);
    push @{ $result{remoteip} }, one('remoteip', $_, 0) for @OTHERS;
    push @{ $result{ours} }, one('ours', $_, 0) for @sizes;
    push @{ $result{coming} }, one('ours', $_, $COMING)
        for grep { $_ < $largest } @BESIDE;
    return \%result;
}

1;
