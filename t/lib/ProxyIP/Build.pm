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

# Programs of the suite's own, compiled when they are first asked for.
#
#   my $path = build('bench/client', "$top/t/lib/peer.c", '-lpthread');
#
# builds t/bench/client.c, the other sources and libraries with it, into
# t/run/bench/client, once in a run, and returns that path.

package ProxyIP::Build;

use strict;
use warnings;

use Exporter 'import';
use File::Basename qw(dirname);
use File::Path qw(make_path);

use ProxyIP::Httpd;

our @EXPORT_OK = qw(build codec);

my %built;

sub build {
    my ($name, @more) = @_;
    my $top = ProxyIP::Httpd::top();
    my $path = "$top/t/run/$name";
    return $path if $built{$name}++;
    make_path(dirname($path));
    my @command = ($ENV{CC} || 'cc', '-std=gnu99', '-O2', '-g', '-Wall',
        '-Wextra', '-o', "$path-$$", "$top/t/$name.c", @more);
    system(@command) == 0 or die "failed: @command\n";
    rename "$path-$$", $path or die "$path: $!\n";
    return $path;
}

# The module's codec, for programs that write headers.
sub codec {
    my $src = ProxyIP::Httpd::top() . '/src';
    return "-I$src", map { "$src/protocol/pp_$_.c" } qw(encode addr tlv decode);
}

1;
