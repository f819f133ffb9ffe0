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

# Memory that a waiting connection costs: what one child's anonymous memory
# grows by with many more, divided by their number.  What the kernel holds of it, the socket
# and the bytes that have come, is not counted.

package Bench::Memory;

use strict;
use warnings;

use Time::HiRes qw(sleep);

use Bench::Server;
use Bench::Tools qw(client crowd ready close_crowd note);

our $NAME = 'memory';
our @NEEDS = ();

# What is sent, after so many others by how many more, so that what the server
# has used before and kept makes no difference.  The kernel is to have room for
# the bytes that wait.
my @CROWDS = (
    ['keepalive', 500, 1000, '-v', 2, '-q'],
    ['header', 4000, 5000, '-v', 2],
    ['half', 4000, 5000, '-v', 1, '-m', 2],
    ['largest', 2000, 3000, '-v', 2, '-l', 65_551, '-m', 1],
);

sub anonymous {
    my ($server) = @_;
    my $most = 0;
    for my $pid ($server->children) {
        my ($kib) = $server->usage_of($pid);
        $most = $kib if $kib > $most;
    }
    return $most * 1024;
}

# Room for all of them; the pools are not given back while they wait, and each
# server has only one crowd.
sub grown {
    my ($others, $count, @options) = @_;
    my $server = Bench::Server->new(kind => 'ours', mpm => 'event',
        workers => 32, more => <<'EOC')->start;
ServerLimit 1
AsyncRequestWorkerFactor 100
ProxyIPTimeout 60s
ProxyIPDefer 60s
ProxyIPMaxHeader 65551
EOC
    my $port = $server->port('plain');
    client('-p', $port, '-v', 2, '-c', 32, '-n', 20);
    my (@crowds, @bytes);
    for my $size ($others, $count) {
        push @crowds, crowd('-p', $port, '-n', $size, @options);
        ready($crowds[-1]);
        sleep 1;
        push @bytes, anonymous($server);
    }
    # The last first: as one goes, event may end keep-alive connections.
    my ($open) = map { close_crowd($_) } reverse @crowds;
    $server->kill;
    die "memory: only $open of $count stayed\n" if $open != $count;
    return ($bytes[1] - $bytes[0]) / $count;
}

sub measure {
    my %result;
    for my $crowd (@CROWDS) {
        my ($name, $others, $count, @options) = @$crowd;
        $result{$name} = { count => $count,
            bytes => grown($others, $count, @options) };
        note(sprintf '  %-10s %7d bytes', $name, $result{$name}{bytes});
    }
    return \%result;
}

1;
