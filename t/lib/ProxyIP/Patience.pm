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


# Time limits of the tests, for programs that run slower than by themselves:
# under `make asan` and `make memcheck`, $PROXYIP_PATIENCE says how many times.
#
#   my $deadline = time + patience(10);
#   cmp_ok($end->{seconds}, '<', patience(5), 'in time');
#
# What waits for a condition here (ProxyIP::Log, Process, Client, Curl) has
# it already.  Times that the configuration sets are not stretched.

package ProxyIP::Patience;

use strict;
use warnings;

use Exporter 'import';

our @EXPORT = qw(patience);

sub patience { $_[0] * ($ENV{PROXYIP_PATIENCE} || 1) }

1;
