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

# User-mode instructions of a request to a backend, by callgrind on prefork: of
# one alone on its client's connection, and of each further one; with a header
# (mod_proxyip_send) and without, over plain HTTP and TLS to the backend.

package Bench::Sending;

use strict;
use warnings;

use Bench::Server;
use Bench::Tools qw(client in_parallel slurp);

our $NAME = 'sending';
our @NEEDS = qw(valgrind);

# What the front has beside ProxyPass, and what that says of the backend.
my %WAYS = (
    pool   => ['', ''],
    closed => ['', ' disablereuse=on'],
    client => ["ProxyIPSend v2\n", ''],
    off    => ["ProxyIPSend v2\nProxyIPSendReuse Off\n", ''],
);

# A shorter and a longer run, connections and requests of each; their difference
# is what is counted.
my %RUNS = (
    alone => { count => [20, 70], requests => [1, 1] },
    kept  => { count => [20, 20], requests => [1, 41] },
);

sub count {
    my ($job) = @_;
    my ($name, $scheme, $way, $length) = split /:/, $job;
    my ($settings, $parameters) = @{ $WAYS{$way} };
    my $backend = Bench::Server->new(mpm => 'prefork',
        kind => $settings ? 'ours' : 'none')->start;
    my $port = $backend->port($scheme eq 'https' ? 'tls' : 'plain');
    my $server = Bench::Server->new(mpm => 'prefork', kind => 'none',
        wrap => ['valgrind', '--tool=callgrind',
            '--callgrind-out-file=@root@/callgrind'],
        more => <<"EOC")->start;
SSLProxyEngine On
SSLProxyVerify none
SSLProxyCheckPeerName off
SSLProxyCheckPeerCN off
ProxyPass "/" "$scheme://127.0.0.1:$port/"$parameters
$settings
AcceptFilter http data
EOC
    my $run = $RUNS{$name};
    my $done = client('-p', $server->port('plain'),
        '-n', $run->{count}[$length], '-k', $run->{requests}[$length],
        '-z', 5);
    $server->stop;
    die "$job: not every request was answered\n" if $done->{failed};
    my ($total) = slurp($server->root . '/callgrind')
        =~ /^(?:summary|totals): (\d+)/m;
    return $total // die "$job: callgrind wrote nothing\n";
}

# {alone}{http}{pool}: instructions of a request.
sub measure {
    my @cases = map { my $run = $_;
        map { my $scheme = $_; map { "$run:$scheme:$_" } sort keys %WAYS }
            'http', 'https' } 'alone', 'kept';
    my $total = in_parallel(\&count, map { ("$_:0", "$_:1") } @cases);
    my %result;
    for my $case (@cases) {
        my ($run, $scheme, $way) = split /:/, $case;
        my ($count, $requests) = @{ $RUNS{$run} }{qw(count requests)};
        my $by = $count->[1] * $requests->[1] - $count->[0] * $requests->[0];
        $result{$run}{$scheme}{$way}
            = ($total->{"$case:1"} - $total->{"$case:0"}) / $by;
    }
    return \%result;
}

1;
