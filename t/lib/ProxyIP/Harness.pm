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

# TAP::Harness that also tells how many tests passed: it appends a line
# `passed failed skipped` to the file $PROXYIP_TALLY.  Test::Harness, and so
# Apache::Test, takes it by $HARNESS_SUBCLASS, prove by --harness.

package ProxyIP::Harness;

use strict;
use warnings;

use parent 'TAP::Harness';

sub aggregate_tests {
    my ($self, $aggregate, @tests) = @_;
    my $result = $self->SUPER::aggregate_tests($aggregate, @tests);
    tally($aggregate->parsers) if $ENV{PROXYIP_TALLY};
    return $result;
}

# A test that was planned and not run has failed; a file that ends badly has
# failed at least once.  Skipped tests count as neither.
sub tally {
    my ($all_passed, $all_failed, $all_skipped) = (0, 0, 0);
    for my $parser (@_) {
        my $skipped = () = $parser->skipped;
        my $passed  = () = $parser->passed;
        my $failed  = () = $parser->failed;
        my $missing = ($parser->tests_planned || 0) - $parser->tests_run;
        $failed += $missing if $missing > 0;
        $failed ||= 1 if $parser->has_problems;
        $all_passed += $passed - $skipped;
        $all_failed += $failed;
        $all_skipped += $skipped;
    }
    open my $file, '>>', $ENV{PROXYIP_TALLY} or die "tally: $!\n";
    print $file "$all_passed $all_failed $all_skipped\n";
    close $file or die "tally: $!\n";
}

1;
