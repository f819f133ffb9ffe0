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

# Clients lost that pause between header and request, beside a flood of
# connections that send a header and nothing more.

package Bench::Floods;

use strict;
use warnings;

use Bench::Server;
use Bench::Tools qw(client pausing descriptors header_options note);

our $NAME = 'floods';
our @NEEDS = ();
# Fewer are used up by the larger flood before a client has spoken.
our $DESCRIPTORS = 8192;

my @FLOODS = (500, 2000);    # a second
my $CLIENTS = 150;
my $RATE = 50;               # a second
my $PAUSE_MS = 250;
my $DELAY_MS = 1000;
my $LIMIT_MS = 10_000;

# Each flood has a new server: the last may have left nobody to answer.
sub one {
    my ($kind, $flood, $sources) = @_;
    my @header = header_options($kind eq 'none' ? 'none' : 'v2');
    my $server = Bench::Server->new(kind => $kind, mpm => 'event',
        workers => 25, more => "ServerLimit 1\n")->start;
    client('-p', $server->port('plain'), '-n', 50, @header);
    my $done = pausing(['-p', $server->port('plain'), '-n', $CLIENTS,
        '-r', $RATE, '-z', $PAUSE_MS, '-w', $LIMIT_MS, '-d', $DELAY_MS,
        '-s', $flood, $sources eq 'many' ? '-m' : (), @header]);
    $server->kill;
    note("  $kind: $done->{lost} of $CLIENTS lost, beside $flood a second"
        . " from $sources");
    return $done;
}

sub measure {
    my %result = (clients => $CLIENTS, pause_ms => $PAUSE_MS,
        limit_ms => $LIMIT_MS, cases => []);
    for my $flood (@FLOODS) {
        for my $sources (qw(one many)) {
            push @{ $result{cases} }, { flood => $flood, sources => $sources,
                map { $_ => one($_, $flood, $sources) }
                    qw(none remoteip ours) };
        }
    }
    return \%result;
}

1;
