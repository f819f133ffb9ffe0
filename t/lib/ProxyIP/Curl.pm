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

# curl, for HTTP/2 and as a client whose bytes are not ours.
#
#   use ProxyIP::Curl qw(curl);
#   my $answer = curl('--http2', "https://127.0.0.1:$port/");
#   is($answer->{code}, 200);       # 0 when there was no answer
#   is($answer->{version}, '2');
#   $answer->{port}                 # the client's own
#   $answer->{body}
#   $answer->{variables}            # of /cgi/environment, as a hash

package ProxyIP::Curl;

use strict;
use warnings;

use Exporter 'import';

use ProxyIP::Patience;

our @EXPORT_OK = qw(curl);

sub curl {
    my (@arguments) = @_;
    my @command = ('curl', '-q', '-s', '-k', '--noproxy', '*',
        '-m', patience(10), '-w', '\n%{http_code} %{http_version} %{local_port}', @arguments);
    open my $output, '-|', @command or die "curl: $!\n";
    local $/;
    my $text = <$output>;
    close $output;
    my ($body, $code, $version, $port)
        = $text =~ /\A(.*)\n(\d+) (\S+) (-?\d+)\z/s or die "curl: $text\n";
    return { body => $body, code => $code + 0, version => $version,
             port => $port, variables => { $body =~ /^(\w+)=(.*)$/mg } };
}

1;
