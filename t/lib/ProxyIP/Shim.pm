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

# What is loaded into a program to show it a fault: the sources in t/shim, each
# of which says what it does.
#
#   my $shim = ProxyIP::Shim->new('refuse');
#   my $server = ProxyIP::Server->new(environment => $shim->environment);
#   $shim->write('t');      # threads; see t/shim/refuse.c

package ProxyIP::Shim;

use strict;
use warnings;

use Fcntl qw(O_CREAT O_WRONLY);

use ProxyIP::Httpd;

# Build it, and begin without a fault.
sub new {
    my ($class, $name) = @_;
    my $top = ProxyIP::Httpd::top();
    my $folder = "$top/t/run/shim";
    mkdir $_ for "$top/t/run", $folder;
    my $self = bless { name => $name, library => "$folder/$name-$$.so",
        file => "$folder/$name-$$", owner => $$ }, $class;
    system($ENV{CC} // 'cc', qw(-Wall -Wextra -O -fPIC -shared -o),
        $self->{library}, "$top/t/shim/$name.c", '-ldl') == 0
        or die "$name.c cannot be built\n";
    return $self->write($name eq 'clock' ? pack 'q2', 0, 0 : '');
}

sub DESTROY {
    my ($self) = @_;
    unlink $self->{library}, $self->{file} if $self->{owner} == $$;
}

# For the program's option `environment'.
sub environment {
    my ($self) = @_;
    my $preload = join ':', grep { defined } $ENV{LD_PRELOAD},
        $self->{library};
    return { LD_PRELOAD => $preload,
             'PROXYIP_' . uc $self->{name} => $self->{file} };
}

# Say what goes wrong from now on.  In place: the file may be mapped.
sub write {
    my ($self, $bytes) = @_;
    sysopen my $file, $self->{file}, O_WRONLY | O_CREAT
        or die "$self->{file}: $!\n";
    syswrite $file, $bytes;
    truncate $file, length $bytes;
    close $file or die "$self->{file}: $!\n";
    return $self;
}

# Let the clocks be off: the wall clock, and the one that only goes forward.
sub jump {
    my ($self, $wall, $forward) = @_;
    return $self->write(pack 'q2', $wall, $forward // 0);
}

1;
