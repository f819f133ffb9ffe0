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

# Connections per second, each with one request, in a closed loop: many short
# runs, each with a module beside one without, so that what else the machine
# does falls on both; and with servers that are started anew many times, because
# where things lie in memory makes a difference of 1 % between two of the same
# kind.  The median of the ratios is given with the range that holds it with a
# likelihood of 95 of 100.
#
# The client makes the header in both and sends it in one: to make it costs some
# 1 % of a connection, which is the balancer's part and not the module's.
# AcceptFilter is httpd's own default on Linux; the suite has none.  No file is
# mapped into memory: what that costs depends on what is mapped besides, and so
# on how many modules are loaded, whatever they do (mod_asis, of no use here:
# 0.8 % less).

package Bench::Throughput;

use strict;
use warnings;

use Bench::Server;
use Bench::Tools qw(client header_options median note);

our $NAME = 'throughput';
our @NEEDS = ();

my $ROUNDS = 200;
my $STARTS = 10;
my $SECONDS = 0.15;
my $WARM_SECONDS = 0.03;
my $CONFIG = "AcceptFilter http data\nEnableMMAP Off\n";
my @VARIANTS = qw(plain:remoteip:v2 plain:ours:v1 plain:ours:v2
    tls:remoteip:v2 tls:ours:v2);

sub run {
    my ($seconds, $server, $port, @header) = @_;
    my $done = client('-p', $server->port($port), @header,
        $port eq 'tls' ? '-s' : (), '-c', 6, '-t', $seconds, '-w', 10_000);
    die "throughput: a request was not answered\n" if $done->{failed};
    return $done->{count} / $done->{seconds};
}

# A server that has rested is slower at first.
sub rate {
    run($WARM_SECONDS, @_);
    return run($SECONDS, @_);
}

# Whether a server takes such a header at all; if not, the result says so.
sub serves {
    my ($server, $variant, $result) = @_;
    my ($port, $kind, $header) = split /:/, $variant;
    my $done = client('-p', $server->{$kind}->port($port), '-n', 1,
        header_options($header), $port eq 'tls' ? '-s' : (), '-w', 5000);
    $result->{$port}{$kind}{$header} = 'refused' if $done->{failed};
    return !$done->{failed};
}

# How many of the values are below their true median varies as heads of a coin
# do: by the square root of their number, in 95 of 100 cases.
sub median_range {
    my @sorted = sort { $a <=> $b } @_;
    my $middle = @sorted / 2;
    my $by = sqrt(@sorted) * 1.96 / 2;
    return { ratio => median(@sorted), low => $sorted[$middle - $by],
        high => $sorted[$middle + $by] };
}

sub start_servers {
    my %server = map {
        $_ => Bench::Server->new(kind => $_, mpm => 'event',
            workers => 16, more => $CONFIG)->start
    } qw(none remoteip ours);
    rate($server{$_}, 'plain', $_ eq 'none' ? () : header_options('v2'))
        for keys %server;
    return \%server;
}

# Each variant's ratio, and the rates without a module.
sub one_round {
    my ($round, $server, $variants, $ratios, $rates) = @_;
    for my $variant (@$variants) {
        my ($port, $kind, $header) = split /:/, $variant;
        my @header = header_options($header);
        my @pair = ([$server->{none}, $port, @header, '-d'],
                    [$server->{$kind}, $port, @header]);
        my @rate = $round % 2 ? map { rate(@$_) } @pair
            : reverse map { rate(@$_) } reverse @pair;
        push @{ $ratios->{$variant} }, $rate[1] / $rate[0];
        push @{ $rates->{$port} }, $rate[0];
    }
}

sub measure {
    my (%result, %ratios, %rates, $served);
    for my $start (1 .. $STARTS) {
        my $server = start_servers();
        $served ||= [grep { serves($server, $_, \%result) } @VARIANTS];
        one_round($_, $server, $served, \%ratios, \%rates)
            for 1 .. $ROUNDS / $STARTS;
        note('  round ' . $start * $ROUNDS / $STARTS . " of $ROUNDS");
    }
    $result{rounds} = $ROUNDS;
    $result{none} = { map { $_ => median(@{ $rates{$_} }) } keys %rates };
    for my $variant (@$served) {
        my ($port, $kind, $header) = split /:/, $variant;
        $result{$port}{$kind}{$header} = median_range(@{ $ratios{$variant} });
    }
    return \%result;
}

1;
