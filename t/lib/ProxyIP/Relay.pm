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

# A proxy that puts any bytes before what a client sends, so that curl, nghttp
# or h2load can come with a header that no packaged program makes.
#
#   my $relay = ProxyIP::Relay->new(to => $server->port('tls'),
#                                   header => v2(crc => 1))->start;
#   curl('--http2', 'https://127.0.0.1:' . $relay->port . '/');
#
# Options: to, a port on 127.0.0.1; header, the bytes; from, the source
# address towards the server (default 127.0.0.9).

package ProxyIP::Relay;

use strict;
use warnings;

use IO::Select;
use IO::Socket::INET;

use parent 'ProxyIP::Process';

sub start { return $_[0]->spawn_serving(\&serve) }

sub serve {
    my ($self, $listener) = @_;
    $SIG{PIPE} = 'IGNORE';
    my $select = IO::Select->new($listener);
    my %other;
    while (1) {
        for my $socket ($select->can_read) {
            if ($socket == $listener) {
                my $client = $listener->accept or next;
                my $server = $self->connect or next;
                @other{ $client, $server } = ($server, $client);
                $select->add($client, $server);
            }
            elsif (my $other = $other{$socket}) {
                next if move($socket, $other);
                $select->remove($socket, $other);
                delete @other{ $socket, $other };
                close $_ for $socket, $other;
            }
        }
    }
}

# A connection to the server, its header sent.
sub connect {
    my ($self) = @_;
    my $server = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $self->{to}, Proto => 'tcp',
        LocalAddr => $self->{from} // '127.0.0.9') or return;
    return write_all($server, $self->{header}) ? $server : undef;
}

# Hand on what came; false at the end.
sub move {
    my ($from, $to) = @_;
    my $read = sysread $from, my $bytes, 65536;
    return $read && write_all($to, $bytes);
}

sub write_all {
    my ($to, $bytes) = @_;
    while (length $bytes) {
        my $written = syswrite $to, $bytes or return 0;
        substr $bytes, 0, $written, '';
    }
    return 1;
}

1;
