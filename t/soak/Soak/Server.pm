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

# The httpd that is soaked: every policy, plain and TLS, HTTP/1.1 and HTTP/2,
# and a page that names the client.
#
#   my $server = Soak::Server->new(mpm => 'event')->start;
#   $server->port('plain'); $server->port('tls');
#
# With next => Soak::Next->new(...)->start the page is the next hop's, to which
# this one sends headers.

package Soak::Server;

use strict;
use warnings;

use parent 'ProxyIP::Server';

# Threads, or processes of prefork; how many peers may be busy and how many
# silent at a time; how many children the server has in the end, with cgid's
# daemon.  Event holds only two waiting connections for each thread, and so
# must close some of the silent to make room; elsewhere each holds a worker.
my %SIZE = (
    event   => { workers => 32, busy => 24, silent => 90, processes => 2 },
    worker  => { workers => 32, busy => 20, silent => 8, processes => 2 },
    prefork => { workers => 24, busy => 16, silent => 6, processes => 24 },
);

# As many processes as there will be, from the start: what each has at first
# is not mistaken for growth.
my $CONFIG = <<'EOC';
<IfModule mpm_prefork_module>
    StartServers @workers@
    MinSpareServers @workers@
    MaxSpareServers @workers@
</IfModule>
Listen 127.0.0.1:@port:plain@
Listen 127.0.0.1:@port:tls@
ProxyIP On
ProxyIPPeer require 127.0.0.0/26
ProxyIPPeer optional 127.0.1.0/24
ProxyIPPeer direct 127.0.2.0/24
ProxyIPTimeout 3s
ProxyIPDefer 3s
ProxyIPEnv All
<Directory "@root@/htdocs">
    Options +Includes
</Directory>
@page@
<VirtualHost 127.0.0.1:@port:plain@>
@pass:plain@
    <IfModule mod_http2.c>
        Protocols h2c http/1.1
    </IfModule>
</VirtualHost>
<VirtualHost 127.0.0.1:@port:tls@>
@pass:tls@
    <IfModule mod_http2.c>
        Protocols h2 http/1.1
    </IfModule>
    SSLEngine On
    SSLCertificateFile @tls@/server.pem
    SSLCertificateKeyFile @tls@/server.key
</VirtualHost>
EOC

my $PAGE = join ' ', map { qq(<!--#echo encoding="none" var="$_" -->) }
    qw(REMOTE_ADDR REMOTE_PORT PROXYIP_UNIQUE_ID);

sub new {
    my ($class, %option) = @_;
    my $size = $SIZE{ $option{mpm} };
    my $next = $option{next};
    my %value = (workers => $size->{workers},
        page => $next ? $next->sending_config
                      : 'AddOutputFilter INCLUDES .shtml',
        map { ("pass:$_" => $next ? $next->pass_config($_) : '') }
            'plain', 'tls');
    (my $config = $CONFIG)
        =~ s/\@([\w:]+)\@/$value{$1} \/\/ "\@$1\@"/ge;
    my $self = $class->SUPER::new(status => 1, config => $config,
        loglevel => 'notice proxyip:info', %$size, %option);
    $self->write_file('htdocs/who.shtml', "$PAGE\n");
    return $self;
}

# How many connections to the peers' ports are not over: those that a process
# still has, and those that none has taken yet.
sub connections {
    my ($self) = @_;
    my %port = map { sprintf('%04X', $self->port($_)) => 1 } qw(plain tls);
    my $count = 0;
    open my $table, '<', '/proc/net/tcp' or die "/proc/net/tcp: $!\n";
    while (my $line = <$table>) {
        my (undef, $local, undef, $state, @rest) = split ' ', $line;
        next if !$port{ substr $local, -4 } || $state eq '0A';
        # Those that are only the kernel's own have no inode.
        $count++ if $rest[5] || $state eq '01' || $state eq '08';
    }
    return $count;
}

# Wait until all peers are gone, and the children of earlier generations;
# returns mod_status's page.
sub come_to_rest {
    my ($self) = @_;
    my ($status, @now);
    $self->wait_until(30, sub {
        $status = $self->status;
        @now = ($status->{BusyWorkers} - 1, $status->{ProxyIPWaiting},
            $self->connections,
            scalar(my @children = $self->children) - $self->{processes});
        return !grep { $_ } @now;
    }) or die 'the server does not come to rest: ', join(', ',
        map { "$now[$_] " . (qw(busy waiting connected))[$_] } 0 .. 2),
        ", $now[3] children too many\n";
    return $status;
}

# Of all children together: KiB of anonymous memory, and descriptors.
sub usage_of_children {
    my ($self) = @_;
    my ($kib, $descriptors) = (0, 0);
    for my $pid ($self->children) {
        my @usage = $self->usage_of($pid);
        $kib += $usage[0];
        $descriptors += $usage[1];
    }
    return ($kib, $descriptors);
}

1;
