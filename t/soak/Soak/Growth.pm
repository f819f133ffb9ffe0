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

# Whether something grows: by how much per unit, from a row of points.

package Soak::Growth;

use strict;
use warnings;

use Exporter 'import';

our @EXPORT_OK = qw(slope);

# The median of the slopes between any two of the points [x, y] (Theil and
# Sen's): what grows all the time shows, a single step does not.
sub slope {
    my (@points) = @_;
    my @slopes;
    while (my $point = shift @points) {
        push @slopes, map { ($_->[1] - $point->[1]) / ($_->[0] - $point->[0]) }
            grep { $_->[0] != $point->[0] } @points;
    }
    @slopes = sort { $a <=> $b } @slopes;
    return @slopes ? ($slopes[$#slopes / 2] + $slopes[@slopes / 2]) / 2 : 0;
}

1;
