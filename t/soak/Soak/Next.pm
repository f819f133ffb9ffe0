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

# The next hop: a second httpd with the module, whom the soaked one sends
# headers, and whose page names the client as it has come there.
#
#   my $next = Soak::Next->new(mpm => 'event')->start;
#   my $server = Soak::Server->new(mpm => 'event', next => $next)->start;
#   $next->disturb;      # restart it, in one way or the other
#   my @faults = $next->faults($next->counters);

package Soak::Next;

use strict;
use warnings;

use parent 'ProxyIP::Server';

use Soak::Counters;

# An HTTP/2 client's streams, and as many connections as clients keep.
my $WORKERS = 64;

# What the other sends is right, so that of these there are none.
my @NEVER = qw(AcceptedV1 Local Unknown Absent Direct Rejected Missing
    Malformed TooLarge BadChecksum TimedOut);

# It may take long until a client asks again.  An id that the other has made is
# as good as none: its clients know only of their own.
my $CONFIG = <<'EOC';
Listen 127.0.0.1:@port:plain@
Listen 127.0.0.1:@port:tls@
KeepAliveTimeout 60
ProxyIP On
ProxyIPPeer require 127.0.0.1
ProxyIPFormats v2
ProxyIPChecksum require
ProxyIPEnv All
<Directory "@root@/htdocs">
    Options +Includes
</Directory>
AddOutputFilter INCLUDES .shtml
<VirtualHost 127.0.0.1:@port:plain@>
</VirtualHost>
<VirtualHost 127.0.0.1:@port:tls@>
    SSLEngine On
    SSLCertificateFile @tls@/server.pem
    SSLCertificateKeyFile @tls@/server.key
</VirtualHost>
EOC

my $PAGE = join ' ',
    map({ qq(<!--#echo encoding="none" var="$_" -->) }
        qw(REMOTE_ADDR REMOTE_PORT)),
    q(<!--#if expr='v("PROXYIP_UNIQUE_ID") =~ /^soak-/' -->)
    . q(<!--#echo encoding="none" var="PROXYIP_UNIQUE_ID" -->)
    . q(<!--#else -->(none)<!--#endif -->);

sub new {
    my ($class, %option) = @_;
    my $self = $class->SUPER::new(status => 1, config => $CONFIG,
        workers => $WORKERS, loglevel => 'notice proxyip:info', %option);
    $self->write_file('htdocs/who.shtml', "$PAGE\n");
    return $self;
}

# What the other one needs in its configuration, before its virtual hosts, and
# in that of some name.
sub sending_config {
    return <<'EOC';
ProxyIPSend v2
ProxyIPSendFacts unique-id checksum relay
SSLProxyEngine On
SSLProxyVerify none
SSLProxyCheckPeerName off
SSLProxyCheckPeerCN off
EOC
}

sub pass_config {
    my ($self, $name) = @_;
    my $scheme = $name eq 'tls' ? 'https' : 'http';
    my $url = "$scheme://127.0.0.1:" . $self->port($name);
    return <<"EOC";
    SSLProxyEngine On
    ProxyPass "/who.shtml" "$url/who.shtml" retry=0
EOC
}

# Every other time at once, whatever is under way.
sub disturb {
    my ($self) = @_;
    return $self->{disturbed}++ % 2 ? $self->restart : $self->graceful;
}

sub counters { return Soak::Counters::of_status($_[0]->status) }

# What must not have been counted, if $counters is all that was.
sub faults {
    my ($self, $counters) = @_;
    return ((map { "the next hop counted $counters->{$_} as $_" }
                grep { $counters->{$_} } @NEVER),
            $counters->{AcceptedV2} ? ()
                                    : 'the next hop counted no header');
}

1;
