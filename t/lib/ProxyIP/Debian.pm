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

# A Debian machine of its own: a folder that dpkg, a2enmod and the like take for
# one (t/lib/debian-root.sh), in a user namespace; never the system's state.
#
#   plan skip_all => $reason if $reason = ProxyIP::Debian->why_not;
#   my $debian = ProxyIP::Debian->new(packages => ['libc6']);
#   $debian->does('dpkg', 'dpkg -i /tmp/package.deb');    # a test
#   $debian->write('/etc/apache2/conf-available/x.conf', $text);
#   $debian->serves(sub {                    # while apache2 runs
#       ... ProxyIP::Client->new(port => $debian->port) ...
#   });
#
# Its httpd is as Debian ships it, with the event MPM, but for the port and for
# one CustomLog, `combined', of the main server.

package ProxyIP::Debian;

use strict;
use warnings;

use parent 'ProxyIP::Process';

use Test::More ();

use ProxyIP::Log;

my $WWW_DATA = 33;

sub apache2 { return ProxyIP::Httpd::top() . '/t/neighbours/apache2.deb' }

# Why there can be none here; undef where there can.
sub why_not {
    my $apxs = ProxyIP::Httpd::apxs();
    chomp(my $sysconfdir = `$apxs -q SYSCONFDIR`);
    return "this is not Debian's own httpd" if $sysconfdir ne '/etc/apache2';
    return "Debian's package apache2, with a2enmod, could not be had"
        if !-e apache2() || system('command -v dpkg-deb >/dev/null');
    my $probe = q(unshare --user --map-root-user --mount)
        . q( sh -c 'mount --rbind / /mnt');
    my $refused = `$probe 2>&1 </dev/null`;
    return $? ? "no user namespace here: $refused" : undef;
}

# Options: packages, those that its dpkg knows of as installed.
sub new {
    my ($class, %option) = @_;
    my $self = $class->SUPER::new(%option);
    $self->{debian} = "$self->{root}/debian";
    my $top = ProxyIP::Httpd::top();
    system("$top/t/lib/debian-root.sh", $self->{debian}, apache2(),
        @{ $option{packages} // [] }) == 0 or die "no Debian\n";
    $self->write('/etc/apache2/ports.conf', 'Listen 127.0.0.1:' . $self->port
        . "\nServerName localhost\nDocumentRoot /var/www/html\n"
        . "CustomLog /var/log/apache2/access.log combined\n");
    $self->write('/var/www/html/served', "served\n");
    $self->does('httpd as Debian ships it',
        'a2enmod -q mpm_event authz_core && apache2ctl configtest');
    return $self;
}

# Where a path of it is here.
sub path { return $_[0]{debian} . $_[1] }

sub write {
    my ($self, $path, $text) = @_;
    return $self->write_file("debian$path", $text);
}

# The whole of a file; '' when it is not there.
sub read { return ProxyIP::Log->new($_[0]->path($_[1]))->text }

# The command that runs another in there as root, or as another user.
sub inside {
    my ($self, $user, @command) = @_;
    my @as = $user ? ("--map-user=$user", "--map-group=$user", '--keep-caps')
                   : '--map-root-user';
    return ('unshare', '--user', @as, '--mount', 'env', 'HOME=/tmp',
        'DEBIAN_FRONTEND=noninteractive', 'TMPDIR=/tmp', 'sh', '-c',
        'mount --rbind / "$0/host" && exec chroot "$0" "$@"',
        $self->{debian}, @command);
}

# Run a shell command in there as root, and return what it says, which is shown
# when it fails.
sub does {
    my ($self, $name, $command) = @_;
    my ($output, $status) = $self->says($command);
    Test::More::is($status, 0, $name) or Test::More::diag($output);
    return $output;
}

# What a shell command says, and its exit status.
sub says {
    my ($self, $command) = @_;
    my $words = join ' ', map { "'" . s/'/'\\''/gr . "'" }
        $self->inside(0, 'sh', '-c', "umask 022; $command");
    my $output = `exec 2>&1 </dev/null; $words`;
    return ($output, $? >> 8);
}

# Run apache2 as its service does, and meanwhile a function.
sub serves {
    my ($self, $function) = @_;
    $self->spawn($self->inside($WWW_DATA, 'sh', '-c',
        '. /etc/apache2/envvars; exec apache2 -D FOREGROUND'));
    $self->wait_until(20,
        sub { !$self->running || $self->listening($self->port) });
    my @results = $function->();
    $self->stop;
    return wantarray ? @results : $results[0];
}

# What services were asked, since the last time.
sub asked {
    my ($self) = @_;
    my $asked = $self->read('/tmp/services');
    unlink $self->path('/tmp/services');
    return $asked;
}

sub log_tail {
    my ($self) = @_;
    return $self->output
        . ProxyIP::Log->new($self->path('/var/log/apache2/error.log'))
            ->tail(20);
}

1;
