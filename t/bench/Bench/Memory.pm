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

# Memory that a waiting connection holds: what one child's anonymous memory
# grows by, divided by their number.

package Bench::Memory;

use strict;
use warnings;

use Time::HiRes qw(sleep);

use Bench::Server;
use Bench::Tools qw(client crowd ready close_crowd note);

our $NAME = 'memory';
our @NEEDS = ();

my $COUNT = 200;
my $TRIES = 5;

# What is sent, and the length announced.
my @CROWDS = (
    ['keepalive', 0, '-v', 2, '-q'],
    ['header', 28, '-v', 2],
    ['tlv', 528, '-v', 2, '-l', 528],
    ['half', 108, '-v', 1, '-m', 2],
    ['dripped', 4096, '-v', 2, '-l', 4096, '-b', '-m', 1],
    ['largest', 65_551, '-v', 2, '-l', 65_551, '-m', 1],
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
# server has only one crowd.  Returns how many stayed, too.
sub try_crowd {
    my ($options) = @_;
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
    my $before = anonymous($server);
    my $crowd = crowd('-p', $port, '-n', $COUNT, @$options);
    ready($crowd);
    sleep 1;
    my $after = anonymous($server);
    my $open = close_crowd($crowd);
    $server->kill;
    return (($after - $before) / $COUNT, $open);
}

# Where the machine is so busy that for a moment all workers are, some of the
# crowd give way, as they should; then it is not what is to be measured.
sub grown {
    my ($options) = @_;
    my $open;
    for my $try (1 .. $TRIES) {
        (my $bytes, $open) = try_crowd($options);
        return $bytes if $open == $COUNT;
        note("  only $open of $COUNT stayed");
    }
    die "memory: only $open of $COUNT stayed\n";
}

sub measure {
    my %result = (count => $COUNT);
    for my $crowd (@CROWDS) {
        my ($name, $announced, @options) = @$crowd;
        my $bytes = grown(\@options);
        note(sprintf '  %-10s %7d bytes', $name, $bytes);
        $result{$name} = { bytes => $bytes, announced => $announced };
    }
    return \%result;
}

1;
