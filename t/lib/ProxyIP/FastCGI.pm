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

# A FastCGI application that prints its parameters as /cgi/environment does,
# for httpd's mod_proxy_fcgi.
#
#   my $application = ProxyIP::FastCGI->new->start;
#   ... ProxyPass "/app" "fcgi://127.0.0.1:PORT/" ..., PORT being
#   $application->port
#
# One request per connection; bodies are not read.

package ProxyIP::FastCGI;

use strict;
use warnings;

use parent 'ProxyIP::Process';

# Record types (FastCGI specification, section 8).
use constant { TYPE_END_REQUEST => 3, TYPE_PARAMS => 4, TYPE_STDOUT => 6 };

sub start { return $_[0]->spawn_serving(\&serve) }

sub serve {
    my ($self, $listener) = @_;
    $SIG{PIPE} = 'IGNORE';
    while (my $socket = $listener->accept) {
        eval { answer($socket) };
        close $socket;
    }
}

sub take {
    my ($socket, $length) = @_;
    my $bytes = '';
    while (length $bytes < $length) {
        sysread($socket, $bytes, $length - length $bytes, length $bytes)
            or die "the server has closed\n";
    }
    return $bytes;
}

# Read up to the empty PARAMS record, and print what came.
sub answer {
    my ($socket) = @_;
    my $params = '';
    my $id;
    while (1) {
        (undef, my $type, $id, my $length, my $padding)
            = unpack 'CCnnC', take($socket, 8);
        my $content = substr take($socket, $length + $padding), 0, $length;
        next if $type != TYPE_PARAMS;
        last if !$length;
        $params .= $content;
    }
    my %value = pairs($params);
    my $text = join '', "Content-Type: text/plain\r\n\r\n",
        map { "$_=$value{$_}\n" } sort keys %value;
    print $socket record(TYPE_STDOUT, $id, $text),
        record(TYPE_STDOUT, $id, ''), record(TYPE_END_REQUEST, $id, "\0" x 8);
}

sub record {
    my ($type, $id, $content) = @_;
    return pack('CCnnCx', 1, $type, $id, length $content, 0) . $content;
}

# Lengths under 128 are one byte, others four with the first bit set.
sub pairs {
    my ($bytes) = @_;
    my %value;
    while (length $bytes) {
        my @length;
        for (1, 2) {
            my $length = ord $bytes;
            $length = unpack('N', $bytes) & 0x7fffffff if $length & 0x80;
            substr $bytes, 0, $length > 127 ? 4 : 1, '';
            push @length, $length;
        }
        my $name = substr $bytes, 0, $length[0], '';
        $value{$name} = substr $bytes, 0, $length[1], '';
    }
    return %value;
}

1;
