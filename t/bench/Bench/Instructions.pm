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
# callgrind counts a whole run of httpd on prefork with -X, and the difference
# of two runs of different length, divided by that difference, is free of the
# start and of what happens once.

package Bench::Instructions;

use strict;
use warnings;

use Bench::Server;
use Bench::Tools qw(client header_options in_parallel slurp);

our $NAME = 'instructions';
our @NEEDS = qw(valgrind);

my @PLAIN = qw(none:none remoteip:v1 remoteip:v2 remoteip:tlv ours:v1 ours:v2
    ours:tlv);
my @TLS = qw(none:none remoteip:v2 ours:v2);
my @KEPT = qw(none:none remoteip:v2 ours:v2);

# One whole run.  A job is kind:header:port:connections:requests.
sub count {
    my ($job) = @_;
    my ($kind, $header, $port, $connections, $requests) = split /:/, $job;
    my $server = Bench::Server->new(kind => $kind, mpm => 'prefork',
        wrap => ['valgrind', '--tool=callgrind',
            '--callgrind-out-file=@root@/callgrind'],
        # A connection comes with its first bytes, and the client ends late:
        # what is counted does not depend on who is faster.
        more => "AcceptFilter http data\nAcceptFilter https data\n")->start;
    my $done = client('-p', $server->port($port), header_options($header),
        '-n', $connections, '-k', $requests, '-z', 5,
        $port eq 'tls' ? '-s' : ());
    $server->stop;
    return 'refused' if $done->{failed} && !$done->{count};
    die "$job: not every request was answered\n" if $done->{failed};
    my ($total) = slurp($server->root . '/callgrind')
        =~ /^(?:summary|totals): (\d+)/m;
    return $total // die "$job: callgrind wrote nothing\n";
}

sub measure {
    my %runs = (
        plain => [map { ["$_:plain:50:1", "$_:plain:250:1", 200] } @PLAIN],
        tls   => [map { ["$_:tls:20:1", "$_:tls:120:1", 100] } @TLS],
        kept  => [map { ["$_:plain:40:1", "$_:plain:40:11", 400] } @KEPT],
    );
    my $total = in_parallel(\&count,
        map { @$_[0, 1] } map { @$_ } @runs{qw(tls plain kept)});
    my %result;
    for my $run (keys %runs) {
        for my $pair (@{ $runs{$run} }) {
            my ($short, $long, $by) = @$pair;
            my ($kind, $header) = split /:/, $short;
            $result{$run}{$kind}{$header} = $total->{$long} eq 'refused'
                ? 'refused' : ($total->{$long} - $total->{$short}) / $by;
        }
    }
    return \%result;
}

1;
