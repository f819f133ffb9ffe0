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


# stunnel, as a live sender of PROXY headers.
#
#   plan skip_all => 'no stunnel' if !ProxyIP::Stunnel->program;
#   my $stunnel = ProxyIP::Stunnel->new(config => <<'EOC')->start;
#   [front]
#   accept = 127.0.0.1:@port@
#   connect = 127.0.0.1:8000
#   protocol = proxy
#   EOC
#
# Every service has the suite's certificate.  ProxyIP::Process says what may
# stand in the configuration and how it all ends.

package ProxyIP::Stunnel;

use strict;
use warnings;

use parent 'ProxyIP::Process';

sub program { $_[0]->find('stunnel') // $_[0]->find('stunnel4') }

# Start, and return when all its ports listen.
sub start {
    my ($self) = @_;
    my $config = $self->expand(<<"EOC");
foreground = yes
pid =
syslog = no
cert = \@tls\@/server.pem
key = \@tls\@/server.key
$self->{config}
EOC
    my $path = $self->write_file('stunnel.conf', $config);
    my @ports = $config =~ /^\s*accept\s*=\s*\S*?(\d+)$/mg;
    return $self->spawn_listening(\@ports, $self->program, $path);
}

1;
