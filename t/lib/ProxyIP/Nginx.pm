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

# nginx's stream module, as a live sender of PROXY headers.
#
#   skip 'no nginx with its stream module' if !ProxyIP::Nginx->program;
#   my $nginx = ProxyIP::Nginx->new(config => <<'EOC')->start;
#   server {
#       listen 127.0.0.1:@port@;
#       proxy_pass 127.0.0.1:8000;
#       proxy_protocol on;
#   }
#   EOC
#
# The configuration is what stands in `stream`, or that with the `stream` around
# it, or an `http`.  ProxyIP::Process says what it may hold and how it all ends.

package ProxyIP::Nginx;

use strict;
use warnings;

use parent 'ProxyIP::Process';

# The program and its dynamic module; empty unless both are there.
sub program {
    my ($class) = @_;
    my $program = $class->find('nginx');
    my ($module) = grep { -e } map { "$_/ngx_stream_module.so" }
        '/usr/lib/nginx/modules', '/usr/lib64/nginx/modules';
    return $program && $module ? ($program, $module) : ();
}

# Start, and return when all its ports listen.
sub start {
    my ($self) = @_;
    my ($program, $module) = $self->program or die "nginx not found\n";
    my $stream = $self->{config};
    $stream = "stream {\n$stream}\n" if $stream !~ /^(?:stream|http) \{/;
    my $config = $self->expand(<<"EOC");
load_module $module;
daemon off;
master_process off;
pid \@root\@/nginx.pid;
error_log stderr;
events { }
$stream
EOC
    my $path = $self->write_file('nginx.conf', $config);
    my @ports = $config =~ /^\s*listen\s+\S*:(\d+)/mg;
    return $self->spawn_listening(\@ports, $program,
        '-p', $self->root, '-e', 'stderr', '-c', $path);
}

1;
