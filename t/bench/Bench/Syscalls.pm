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

# System calls of a connection whose header and request come in one segment:
# strace counts them, with the difference of two runs as for instructions.

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

# One whole run: all calls, and those that read or wait for one descriptor.
sub count {
    my ($job) = @_;
    my ($kind, $header, $connections) = split /:/, $job;
    my $server = Bench::Server->new(kind => $kind, mpm => 'prefork',
        wrap => ['strace', '-f', '-c', '-o', '@root@/strace'],
        # A connection comes with its first bytes, and the client ends late:
        # what is counted does not depend on who is faster.
        more => "AcceptFilter http data\n")->start;
    my $done = client('-p', $server->port('plain'), header_options($header),
        '-n', $connections, '-z', 10);
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
    my @kinds = qw(none:none remoteip:v1 remoteip:v2 ours:v1 ours:v2);
    my $counts = in_parallel(\&count,
        map { ("$_:$SHORT", "$_:$LONG") } @kinds);
    my %result;
    for my $kind (@kinds) {
        my @short = split ' ', $counts->{"$kind:$SHORT"};
        my @long = split ' ', $counts->{"$kind:$LONG"};
        my ($server, $header) = split /:/, $kind;
        for my $i (0, 1) {
            $result{ (qw(all reading))[$i] }{$server}{$header}
                = ($long[$i] - $short[$i]) / ($LONG - $SHORT);
        }
    }
    return \%result;
}

1;
