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

# A web server behind httpd's mod_proxy that answers with the very bytes of the
# request, which no parser has touched.
#
#   my $backend = ProxyIP::Backend->new->start;
#   ... ProxyPass "/raw" "http://127.0.0.1:PORT/raw" ..., PORT being
#   $backend->port
#
# A request ends with its first empty line, CR LF CR LF; bytes that came with
# it are in the answer too.  Each connection has one request.

package ProxyIP::Backend;

use strict;
use warnings;

use parent 'ProxyIP::Process';

sub start { return $_[0]->spawn_serving(\&serve) }

sub serve {
    my ($self, $listener) = @_;
    $SIG{PIPE} = 'IGNORE';
    while (my $socket = $listener->accept) {
        answer($socket);
    }
}

sub answer {
    my ($socket) = @_;
    my $bytes = '';
    while ($bytes !~ /\r\n\r\n/) {
        sysread $socket, $bytes, 1 << 20, length $bytes or return;
    }
    my $answer = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
        . "Connection: close\r\nContent-Length: " . length($bytes)
        . "\r\n\r\n$bytes";
    while (length $answer) {
        my $written = syswrite $socket, $answer or return;
        substr $answer, 0, $written, '';
    }
}

1;
