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

# A file of conf-examples, made fit for a test's server:
#
#   my $config = ProxyIP::Example::config('cdn', 'cdn-behind-l4.conf',
#       '10.0.0.0/24' => '127.0.0.9');
#   ... $server->port('cdn')
#
# Its virtual host gets a port of that name, on 127.0.0.1, and the suite's
# certificate.  Other texts are replaced as told, and each must be there.

package ProxyIP::Example;

use strict;
use warnings;

use ProxyIP::Httpd;

sub config {
    my ($port, $name, %replace) = @_;
    my $path = ProxyIP::Httpd::top() . "/conf-examples/$name";
    my $text = do {
        local (@ARGV, $/) = $path;
        <>;
    } // die "$path: cannot be read\n";
    # What the comments say is not for us.
    $text =~ s/^\s*#.*\n//mg;
    for my $old (keys %replace) {
        $text =~ s/\Q$old\E/$replace{$old}/g or die "$path: no $old\n";
    }
    $text =~ s/<VirtualHost \*:\d+>/<VirtualHost 127.0.0.1:\@port:$port\@>/g;
    $text =~ s{(SSLCertificate(Key)?File) .*}
        { "$1 \@tls\@/server." . ($2 ? 'key' : 'pem') }ge;
    return "Listen 127.0.0.1:\@port:$port\@\n$text";
}

1;
