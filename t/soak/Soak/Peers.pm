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

# Running t/soak/peers.c, and what its peers have seen.

package Soak::Peers;

use strict;
use warnings;

use ProxyIP::Build qw(build codec);
use ProxyIP::Httpd;

sub program {
    my $top = ProxyIP::Httpd::top();
    return build('soak/peers',
        (map { "$top/t/soak/$_.c" } qw(link kinds http1 http2)),
        "$top/t/lib/peer.c", codec(), '-lssl', '-lcrypto', '-lpthread');
}

# Start peers for some seconds; finish() waits for their end.
sub start {
    my ($class, $server, $seconds, $may_lose_backend) = @_;
    my @command = (program(), '-p', $server->port('plain'),
        '-s', $server->port('tls'), '-t', $seconds, '-c', $server->{busy},
        '-w', $server->{silent}, '-r', int rand 1_000_000,
        $server->{mpm} eq 'prefork' ? '-1' : (),
        $server->{mpm} eq 'event' ? '-e' : (),
        $may_lose_backend ? '-b' : ());
    open my $pipe, '-|', @command or die "$command[0]: $!\n";
    return bless { pipe => $pipe, mpm => $server->{mpm} }, $class;
}

# Returns what came of it: made, a list of [count, counters, kind]; seen,
# counts by name; lost, the losses that were told in words.
sub finish {
    my ($self) = @_;
    my %result = (made => [], seen => {}, lost => []);
    while (my $line = readline $self->{pipe}) {
        chomp $line;
        if ($line =~ /^made (\d+) (\S+) (.+)$/) {
            push @{ $result{made} }, [$1, $2, $3];
            # Only event closes connections to make room.
            $result{made}[-1][1] =~ s/,Evicted//
                if $self->{mpm} ne 'event';
        }
        elsif ($line =~ /^seen (\d+) (.+)$/) {
            $result{seen}{$2} = $1;
        }
        elsif ($line =~ /^lost (.+)$/) {
            push @{ $result{lost} }, $1;
        }
        else {
            die "peers: $line\n";
        }
    }
    close $self->{pipe} or die "peers ended with status $?\n";
    return \%result;
}

1;
