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

# An Express application that tells what it sees of a client (see
# t/lib/express/app.js), for httpd's mod_proxy.
#
#   plan skip_all => 'no Express' if !ProxyIP::Express->program;
#   my $application = ProxyIP::Express->new(trust => 1)->start;
#   ... ProxyPass "/" "http://127.0.0.1:PORT/" ..., PORT being
#   $application->port('http')      # or h2c, which is not Express's
#
#   my $saw = ProxyIP::Express->seen($content);
#   is($saw->{ip}, CLIENT);         # its req.ip
#
# trust is its setting `trust proxy`: a number or 'true'.  Of what it saw there
# are: ip, version, peer, forwarded_for (undefined when it is), protocol,
# secure, hostname; of a certificate in X-Client-Cert, with blanks for line
# ends, certificate (its subject) and fingerprint.

package ProxyIP::Express;

use strict;
use warnings;

use parent 'ProxyIP::Process';

# Where Debian's packages of modules are.
my $MODULES = '/usr/share/nodejs';

# node's path; empty unless Express is there too.
sub program {
    my ($node) = grep { -x } map { "$_/node" } File::Spec->path;
    my ($express) = grep { -d "$_/express" } $MODULES,
        split /:/, $ENV{NODE_PATH} // '';
    return $node && $express ? $node : ();
}

# Start, and return when both its ports listen.
sub start {
    my ($self) = @_;
    local $ENV{NODE_PATH} = join ':', grep { defined } $ENV{NODE_PATH},
        $MODULES;
    my $node = $self->program or die "no node or no Express\n";
    $self->spawn($node, ProxyIP::Httpd::top() . '/t/lib/express/app.js',
        $self->{trust} // 0);
    $self->wait_until(20, sub {
        %{ $self->{ports} } = $self->output =~ /^(http|h2c) (\d+)$/mg;
        return keys %{ $self->{ports} } == 2 || !$self->running;
    });
    die "Express did not start:\n", $self->output
        if keys %{ $self->{ports} } != 2;
    return $self;
}

sub seen {
    my ($class, $text) = @_;
    my %saw = ($text // '') =~ /^(\w+)=(.*)$/mg;
    $_ eq 'undefined' and $_ = undef for values %saw;
    return \%saw;
}

1;
