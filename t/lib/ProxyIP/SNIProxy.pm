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


# sniproxy, as a live sender of PROXY headers.
#
#   plan skip_all => 'no sniproxy' if !ProxyIP::SNIProxy->program;
#   my $sniproxy = ProxyIP::SNIProxy->new(config => <<'EOC')->start;
#   listener 127.0.0.1:@port@ {
#       protocol tls
#   }
#   table {
#       shop.example.org 127.0.0.1:8000 proxy_protocol
#   }
#   EOC
#
# ProxyIP::Process says what may stand in the configuration and how it all
# ends.

package ProxyIP::SNIProxy;

use strict;
use warnings;

use parent 'ProxyIP::Process';

sub program { $_[0]->find('sniproxy') }

# Start, and return when all its ports listen.
sub start {
    my ($self) = @_;
    my $config = $self->expand(<<"EOC");
error_log {
    filename \@root\@/errors
    priority debug
}
access_log {
    filename \@root\@/connections
}
$self->{config}
EOC
    my $path = $self->write_file('sniproxy.conf', $config);
    my @ports = $config =~ /^\s*listener\s+\S*:(\d+)/mg;
    return $self->spawn_listening(\@ports, $self->program, '-f', '-c', $path);
}

sub log_tail {
    my ($self) = @_;
    return $self->output . ProxyIP::Log->new($self->root . '/errors')->text;
}

1;
