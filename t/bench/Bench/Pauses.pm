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

# Clients lost that pause between header and request, beside others that are
# busy; and the same while httpd is restarted gracefully each second.

package Bench::Pauses;

use strict;
use warnings;

use Bench::Server;
use Bench::Tools qw(client pausing header_options note);

our $NAME = 'pauses';
our @NEEDS = ();

my @PAUSES_MS = (100, 300, 1000);
my $CLIENTS = 250;
my $RATE = 50;    # a second
my $BUSY = 60;
my $LIMIT_MS = 30_000;

# Room for the children of generations that have not ended yet.
sub start {
    my ($kind) = @_;
    my $server = Bench::Server->new(kind => $kind, mpm => 'event',
        workers => 25, more => "ServerLimit 16\n")->start;
    client('-p', $server->port('plain'), '-n', 50,
        header_options($kind eq 'none' ? 'none' : 'v2'));
    return $server;
}

sub one {
    my ($kind, $server, $pause_ms, $restarts) = @_;
    my $done = pausing(['-p', $server->port('plain'), '-n', $CLIENTS,
        '-r', $RATE, '-z', $pause_ms, '-w', $LIMIT_MS, '-b', $BUSY,
        header_options($kind eq 'none' ? 'none' : 'v2')],
        $restarts ? sub { $server->signal('USR1') } : undef);
    note(sprintf '  %s: %d of %d lost, pausing %d ms%s', $kind, $done->{lost},
        $CLIENTS, $pause_ms, $restarts ? ', over restarts' : '');
    return $done;
}

sub measure {
    my @kinds = qw(none remoteip ours);
    my %server = map { $_ => start($_) } @kinds;
    my %result = (clients => $CLIENTS, busy => $BUSY, cases => []);
    for my $restarts (0, 1) {
        for my $pause_ms (@PAUSES_MS) {
            push @{ $result{cases} },
                { pause_ms => $pause_ms, restarts => $restarts,
                map { $_ => one($_, $server{$_}, $pause_ms, $restarts) }
                    @kinds };
        }
    }
    $_->kill for values %server;
    return \%result;
}

1;
