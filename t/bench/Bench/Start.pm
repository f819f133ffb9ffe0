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

# User-mode instructions of `httpd -t` with many virtual hosts: callgrind
# counts the whole run.

package Bench::Start;

use strict;
use warnings;

use Bench::Tools qw(in_parallel slurp);
use ProxyIP::Server;

our $NAME = 'start';
our @NEEDS = qw(valgrind);

my $HOSTS = 16_000;

my $SETTINGS = "ProxyIP On\nProxyIPPeer require 10.0.0.0/8\n";

# Loaded or not, and what the main server and each virtual host say.
my %KINDS = (
    none => [0, '', ''],
    off  => [1, '', ''],
    on   => [1, $SETTINGS, ''],
    each => [1, '', $SETTINGS],
);

# Virtual hosts told apart by their names, or each with an address.
my %ADDRESS = (
    names     => sub { '*' },
    addresses => sub { join '.', 10, $_[0] >> 16, $_[0] >> 8 & 255,
        $_[0] & 255 },
);

sub count {
    my ($job) = @_;
    my ($kind, $told_by) = split /:/, $job;
    my ($is_loaded, $main, $each) = @{ $KINDS{$kind} };
    my $config = "Listen 127.0.0.1:\@port\@\n$main";
    for my $i (0 .. $HOSTS - 1) {
        my $address = $ADDRESS{$told_by}->($i);
        $config .= "<VirtualHost $address:\@port\@>\nServerName h$i.example\n"
            . "DocumentRoot \@root\@\n$each</VirtualHost>\n";
    }
    my $server = ProxyIP::Server->new(config => $config, loglevel => 'warn',
        proxyip => $is_loaded);
    my $out = $server->root . '/callgrind';
    my @command = map { quotemeta } 'valgrind', '-q', '--log-file=/dev/null',
        '--tool=callgrind', "--callgrind-out-file=$out",
        $server->command('-t');
    my $said = `@command 2>&1`;
    die "$job: $said\n" if $?;
    my ($total) = slurp($out) =~ /^(?:summary|totals): (\d+)/m;
    return $total // die "$job: callgrind wrote nothing\n";
}

sub measure {
    my $total = in_parallel(\&count, map { my $kind = $_;
        map { "$kind:$_" } sort keys %ADDRESS } sort keys %KINDS);
    my %result;
    for my $job (keys %$total) {
        my ($kind, $told_by) = split /:/, $job;
        $result{$told_by}{$kind} = $total->{$job};
    }
    return { hosts => $HOSTS, %result };
}

1;
