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

# An httpd to be measured: without the module, with mod_remoteip's parser, or
# with ours; plain and TLS; all else is the same.
#
#   my $server = Bench::Server->new(kind => 'ours', mpm => 'prefork',
#       wrap => ['valgrind', ...])->start;
#   $server->port('plain'); $server->port('tls');
#
# With wrap it is one process (-X) under that program.

package Bench::Server;

use strict;
use warnings;

use parent 'ProxyIP::Server';

my %TAKES_HEADERS = (
    none     => '',
    remoteip => "RemoteIPProxyProtocol On\n",
    ours     => "ProxyIP On\nProxyIPPeer require 127.0.0.0/8\n",
);
$TAKES_HEADERS{inside} = $TAKES_HEADERS{ours};
# Those with our module, and what they have at port tls.
my %TAKES_OURS = (ours => '', inside => "ProxyIPInTLS On\n");

# Options beside ProxyIP::Server's: kind (none, remoteip, ours, or inside: ours
# with the header inside TLS, at port tls), wrap, and more, lines for the
# configuration.
sub new {
    my ($class, %option) = @_;
    my $takes = $TAKES_HEADERS{ $option{kind} };
    my $inside = $TAKES_OURS{ $option{kind} } // '';
    my $self = $class->SUPER::new(
        loglevel => 'warn', proxyip => defined $TAKES_OURS{ $option{kind} },
        %option, config => '');
    $self->{config} = <<"EOC" . ($option{more} // '');
Listen 127.0.0.1:\@port:plain\@
Listen 127.0.0.1:\@port:tls\@
MaxKeepAliveRequests 0
KeepAliveTimeout 60
<VirtualHost 127.0.0.1:\@port:plain\@>
    $takes
</VirtualHost>
<VirtualHost 127.0.0.1:\@port:tls\@>
    $takes
    $inside
    SSLEngine On
    SSLCertificateFile \@tls\@/server.pem
    SSLCertificateKeyFile \@tls\@/server.key
</VirtualHost>
EOC
    return $self;
}

# Without mod_cgid: its daemon may outlive httpd, and what wraps httpd waits
# for that.
sub whole_config {
    my ($self) = @_;
    return $self->SUPER::whole_config =~ s/^LoadModule cgid_.*\n//mr;
}

sub command {
    my ($self, @arguments) = @_;
    my @command = $self->SUPER::command(@arguments);
    return @command if !$self->{wrap};
    return ((map { $self->expand($_) } @{ $self->{wrap} }), @command, '-X');
}

# The log says nothing of a start at this LogLevel.
sub wait_for_start {
    my ($self) = @_;
    my $up;
    $self->wait_until(120, sub {
        $up = $self->listening($self->port('tls'));
        return $up || !$self->running;
    });
    return $up;
}

# The signal goes to httpd itself, and what wraps it writes its result when
# httpd ends.
sub stop {
    my ($self) = @_;
    if ($self->running && open my $file, '<', "$self->{root}/httpd.pid") {
        chomp(my $pid = <$file>);
        # As the base class does, before the signal.
        $self->{crashes_before_stop} = $self->error_log
            ->count(qr/exit signal/);
        CORE::kill 'TERM', $pid;
        $self->wait_for_end(120);
    }
    return $self->SUPER::stop;
}

1;
