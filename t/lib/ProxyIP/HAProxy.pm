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

# HAProxy, as a live sender of PROXY headers.
#
#   my $haproxy = ProxyIP::HAProxy->new(config => <<'EOC')->start;
#   listen v2
#       bind 127.0.0.1:@port:v2@
#       server httpd 127.0.0.1:8000 source 127.0.0.9 send-proxy-v2
#   EOC
#   my $port = $haproxy->port('v2');
#
# With the option `reloads` a master process has it reload as Debian's service
# does: $haproxy->reload($config).
#
# Global settings and TCP-mode defaults are added, but to a configuration that
# has a `global` of its own.  ProxyIP::Process says what may stand in the
# configuration and how it all ends.

package ProxyIP::HAProxy;

use strict;
use warnings;

use parent 'ProxyIP::Process';

my $SOCKET = '    stats socket @root@/stats.sock level admin';
my $COMMON = <<"EOC";
global
    maxconn 200
$SOCKET
    log stdout format raw local0
defaults
    mode tcp
    log global
    option log-health-checks
    timeout connect 5s
    timeout client 30s
    timeout server 30s
    timeout check 5s
EOC

# The path of its configuration, written anew.
sub write_config {
    my ($self) = @_;
    my $config = $self->{config};
    $config =~ s/^global\n/global\n$SOCKET\n/m or $config = $COMMON . $config;
    return $self->write_file('haproxy.cfg', $self->expand($config));
}

# Start, and return when all its ports listen.
sub start {
    my ($self) = @_;
    my $path = $self->write_config;
    my @ports = $self->expand($self->{config}) =~ /^\s*bind\s+\S*:(\d+)/mg;
    return $self->spawn_listening(\@ports,
        $self->program, $self->{reloads} ? '-W' : '-db', '-f', $path);
}

# Reload with another configuration, and return when a new process takes the
# connections and the old one none.  What the old one has goes on there.
sub reload {
    my ($self, $config) = @_;
    $self->{config} = $config;
    $self->write_config;
    my %is_old = map { $_ => 1 } $self->children;
    $self->signal('USR2');
    my @taking;
    $self->wait_until(20, sub {
        @taking = grep { $self->accepting($_) } $self->children;
        return @taking && !grep { $is_old{$_} } @taking;
    }) or die "haproxy did not reload:\n", $self->output;
    return $self;
}

sub program {
    my ($class) = @_;
    return $class->find('haproxy') // die "haproxy not found\n";
}

# Is it this release, such as 2.9, or a later one?
sub is_at_least {
    my ($class, $release) = @_;
    my $program = $class->program;
    my ($major, $minor) = `$program -v` =~ /version (\d+)\.(\d+)/
        or die "haproxy -v does not say which it is\n";
    my ($want_major, $want_minor) = split /\./, $release;
    return $major * 1000 + $minor >= $want_major * 1000 + $want_minor;
}

# Its own view of its servers: { 'backend/server' => 'UP' | 'DOWN' | ... }; or
# another column of its statistics, as check_status, INI before the first.
sub servers {
    my ($self, $column) = @_;
    require IO::Socket::UNIX;
    my $socket = IO::Socket::UNIX->new(Peer => "$self->{root}/stats.sock")
        or die "haproxy's socket: $!\n";
    print $socket "show stat\n";
    my (%at, %state);
    for (<$socket>) {
        my @field = split /,/;
        %at = map { $field[$_] => $_ } 0 .. $#field if s/^# //;
        next if @field < 18 || /^pxname/ || $field[1] =~ /^(?:FRONT|BACK)END$/;
        $state{"$field[0]/$field[1]"} = $field[ $at{ $column // 'status' } ];
    }
    return \%state;
}

1;
