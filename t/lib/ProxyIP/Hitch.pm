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


# Hitch, as a live sender of PROXY headers.
#
#   plan skip_all => 'no hitch' if !ProxyIP::Hitch->program;
#   my $hitch = ProxyIP::Hitch->new(config => <<'EOC')->start;
#   frontend = { host = "127.0.0.1" port = "@port@" }
#   backend = "[127.0.0.1]:8000"
#   write-proxy-v2 = on
#   EOC
#
# It shows the suite's certificate, unless the configuration has a pem-file.
# ProxyIP::Process says what may stand there and how it all ends.

package ProxyIP::Hitch;

use strict;
use warnings;

use parent 'ProxyIP::Process';

sub program { $_[0]->find('hitch') }

# Start, and return when all its ports listen.
sub start {
    my ($self) = @_;
    my $config = $self->expand(<<"EOC");
workers = 1
ocsp-dir = ""
$self->{config}
EOC
    $config .= 'pem-file = "' . $self->both_pem . qq("\n)
        if $config !~ /^\s*pem-file/m;
    my $path = $self->write_file('hitch.conf', $config);
    my @ports = $config =~ /\bport\s*=\s*"(\d+)"/g;
    push @ports, $config =~ /^frontend\s*=\s*"\S+:(\d+)"/mg;
    return $self->spawn_listening(\@ports, $self->program, "--config=$path");
}

1;
