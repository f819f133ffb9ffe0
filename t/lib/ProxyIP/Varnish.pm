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


# Varnish, as a live sender of PROXY headers.
#
#   plan skip_all => 'no varnish' if !ProxyIP::Varnish->program;
#   my $varnish = ProxyIP::Varnish->new(vcl => <<'EOC')->start;
#   vcl 4.1;
#   backend httpd {
#       .host = "127.0.0.1"; .port = "8000"; .proxy_header = 2;
#   }
#   EOC
#   my $port = $varnish->port;
#
# Options: vcl; listen, further places, e.g. ['127.0.0.1:@port:behind@,PROXY'].
# ProxyIP::Process says what may stand in them and how it all ends.

package ProxyIP::Varnish;

use strict;
use warnings;

use parent 'ProxyIP::Process';

sub program { $_[0]->find('varnishd') }

# Start, and return when all its ports listen.
sub start {
    my ($self) = @_;
    my $path = $self->write_file('default.vcl', $self->expand($self->{vcl}));
    my @listen = map { $self->expand($_) }
        '127.0.0.1:@port@', @{ $self->{listen} // [] };
    my @ports = map { /:(\d+)(?:,|$)/ } @listen;
    return $self->spawn_listening(\@ports, $self->program, '-F', '-j', 'none',
        '-n', $self->root . '/varnish', '-f', $path, '-T', 'none',
        '-s', 'default,8m', (map { ('-a', $_) } @listen),
        '-p', 'thread_pools=1', '-p', 'thread_pool_min=20');
}

1;
