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

# Chromium without a window: what a page is after its scripts have run.
#
#   plan skip_all => 'no chromium' if !ProxyIP::Chromium->program;
#   my $browser = ProxyIP::Chromium->new;
#   like($browser->page("http://127.0.0.1:$port/"), qr/.../);   # HTML
#   $browser->picture("http://127.0.0.1:$port/", '/tmp/page.png');

package ProxyIP::Chromium;

use strict;
use warnings;

use parent 'ProxyIP::Process';

sub program { $_[0]->find('chromium') }

# No sandbox: it wants name spaces, which a container does not give away.  All
# that is loaded here is from our own httpd.
sub browse {
    my ($self, $url, @options) = @_;
    my $root = $self->root;
    local $ENV{HOME} = $root;
    unlink "$root/output";
    $self->spawn($self->program, '--headless', '--no-sandbox',
        '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run',
        '--hide-scrollbars', '--no-proxy-server', '--window-size=1024,1900',
        "--user-data-dir=$root/profile", @options, $url);
    $self->wait_for_end(120)
        or die "chromium does not end:\n", $self->output;
    die "chromium failed:\n", $self->output if $self->{status};
    return $self->output;
}

sub page {
    my ($self, $url) = @_;
    return $self->browse($url, '--dump-dom');
}

sub picture {
    my ($self, $url, $path) = @_;
    return $self->browse($url, "--screenshot=$path");
}

1;
