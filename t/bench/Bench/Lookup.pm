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

# Instructions to find a peer among many ranges: callgrind counts what is done
# within proxyip_peers_find().

package Bench::Lookup;

use strict;
use warnings;

use File::Temp ();

use Bench::Tools qw(slurp);
use ProxyIP::Build qw(build);
use ProxyIP::Httpd;

our $NAME = 'lookup';
our @NEEDS = qw(valgrind);

my $LOOKUPS = 2000;

# Built as the module is, but linked with APR.
sub program {
    my $apxs = ProxyIP::Httpd::apxs();
    my %q;
    for my $name (qw(EXTRA_CPPFLAGS INCLUDEDIR EXTRA_INCLUDES APR_CONFIG)) {
        chomp($q{$name} = `$apxs -q $name`);
    }
    chomp(my $apr = `$q{APR_CONFIG} --link-ld --libs`);
    my $src = ProxyIP::Httpd::top() . '/src';
    return build('bench/lookup', "-I$src", "-I$q{INCLUDEDIR}",
        split(' ', "$q{EXTRA_CPPFLAGS} $q{EXTRA_INCLUDES}"),
        "$src/settings/proxyip_peers.c", "$src/protocol/pp_addr.c",
        split ' ', $apr);
}

sub measure {
    my $program = program();
    my %result;
    for my $ranges (10, 1000, 10_000) {
        my $out = File::Temp->new;
        system('valgrind', '-q', '--log-file=/dev/null', '--tool=callgrind',
            '--toggle-collect=proxyip_peers_find',
            "--callgrind-out-file=$out", $program, $ranges, $LOOKUPS) == 0
            or die "lookup failed\n";
        my ($total) = slurp("$out") =~ /^(?:summary|totals): (\d+)/m;
        $result{$ranges} = $total / $LOOKUPS;
    }
    return \%result;
}

1;
