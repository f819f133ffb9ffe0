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

# The server that Apache::Test runs for the whole suite, with the listeners of
# t/conf/extra.conf.in.
#
#   my $port = ProxyIP::Suite->port('require');
#   my $log  = ProxyIP::Suite->error_log;         # a ProxyIP::Log, marked
#
# Other tests' lines are in these logs too: look for what is your own.

package ProxyIP::Suite;

use strict;
use warnings;

use Apache::Test ();

use ProxyIP::Log;

# The port of a <VirtualHost NAME>; without a name the one that is Off.
sub port {
    my ($class, $name) = @_;
    my $variable = defined $name ? "${name}_port" : 'port';
    return Apache::Test::vars($variable) // die "no listener $name\n";
}

sub log {
    my ($class, $name) = @_;
    return ProxyIP::Log->new(Apache::Test::vars('t_logs') . "/$name")->mark;
}

sub error_log { $_[0]->log('error_log') }

sub access_log { $_[0]->log('access_log') }

1;
