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

# Clients lost of a burst: all connect at once to one child of 25 threads, and
# each speaks some time after its header.

package Bench::Burst;

use strict;
use warnings;

use Bench::Server;
use Bench::Tools qw(client pausing descriptors header_options note);

our $NAME = 'burst';
our @NEEDS = ();

my @SIZES = (60, 250, 1000, 4000);
my @PAUSES_MS = (30, 150, 400);
my $LIMIT_MS = 30_000;
my $SPARE = 200;    # descriptors of httpd's own

# The kernel has a limit of its own for the queue (somaxconn).  What does not
# fit connects a second or three later.
sub start {
    my ($kind) = @_;
    my $server = Bench::Server->new(kind => $kind, mpm => 'event',
        workers => 25, more => "ServerLimit 1\nListenBacklog 8192\n")->start;
    client('-p', $server->port('plain'), '-n', 50,
        header_options($kind eq 'none' ? 'none' : 'v2'));
    return $server;
}

sub one {
    my ($kind, $server, $size, $pause_ms) = @_;
    my $done = pausing(['-p', $server->port('plain'), '-n', $size,
        '-z', $pause_ms, '-w', $LIMIT_MS,
        header_options($kind eq 'none' ? 'none' : 'v2')]);
    note("  $kind: $done->{lost} of $size lost, speaking after $pause_ms ms");
    return $done;
}

sub measure {
    my @kinds = qw(none remoteip ours);
    my %server = map { $_ => start($_) } @kinds;
    my $most = descriptors() - $SPARE;
    my %result = (cases => [], too_large => [grep { $_ > $most } @SIZES]);
    for my $size (grep { $_ <= $most } @SIZES) {
        for my $pause_ms (@PAUSES_MS) {
            push @{ $result{cases} }, { size => $size, pause_ms => $pause_ms,
                map { $_ => one($_, $server{$_}, $size, $pause_ms) } @kinds };
        }
    }
    $_->kill for values %server;
    return \%result;
}

1;
