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

# proxyip-check: one run, or its `listen` or `relay` as a server.
#
#   use ProxyIP::Check qw(check);
#   my $run = check('decode', '--hex', '0d0a');
#   my $run = check({ input => v1() }, 'decode');
#   is($run->{status}, 0);          # or signal SEGV
#   like($run->{out}, qr/^result +right/m);
#   $run->{err}
#   is($run->{fields}{result}, 'right: a v1 header of 40 bytes');
#
#   my $listen = ProxyIP::Check->new(arguments => ['-v'])->start;
#   $listen->port
#   $listen->log->wait_for(qr/#1 /, 5);
#   is($listen->end, 0);            # by SIGTERM; its exit status
#
#   my $relay = ProxyIP::Check->new(command => 'relay', arguments => ['--v1'],
#       target => '127.0.0.1:80')->start;
#
# `fields` are lines with a name, with or without an offset before it:
# { name => rest }; of several the first.

package ProxyIP::Check;

use strict;
use warnings;

use Config;
use Exporter 'import';
use File::Temp ();
use POSIX ();

use parent 'ProxyIP::Process';
use ProxyIP::Httpd;
use ProxyIP::Log;
use ProxyIP::Patience;

our @EXPORT_OK = qw(check);

my @SIGNALS = split ' ', $Config{sig_name};

# No run takes longer, in seconds.
my $LONGEST = 60;

sub program {
    return $ENV{PROXYIP_CHECK}
        || ProxyIP::Httpd::top() . '/.libs/proxyip-check';
}

sub slurp {
    my ($path) = @_;
    open my $file, '<', $path or die "$path: $!\n";
    local $/;
    return <$file> // '';
}

sub check {
    my $option = ref $_[0] ? shift : {};
    my @arguments = @_;
    my ($in, $out, $err) = map { File::Temp->new } 1 .. 3;
    print $in $option->{input} // '';
    $in->flush;
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        open STDIN,  '<',  $in->filename;
        open STDOUT, '>',  $out->filename;
        open STDERR, '>',  $err->filename;
        alarm patience($LONGEST);
        { no warnings; exec { program() } program(), @arguments }
        POSIX::_exit(127);
    }
    waitpid $pid, 0;
    my $status = $? & 127 ? "signal $SIGNALS[$? & 127]" : $? >> 8;
    my ($text, $errors) = map { slurp($_->filename) } $out, $err;
    return { status => $status, out => $text, err => $errors,
             fields => fields($text) };
}

# A name has 15 columns; before it there may be an offset.
sub fields {
    my ($text) = @_;
    my %value;
    for (split /\n/, $text) {
        my ($name, $value) = /^(?: *\d+  (?:  )?)?(?! )(.{15}) (.*)$/ or next;
        $name =~ s/ +$//;
        $value{$name} //= $value;
    }
    return \%value;
}

sub start {
    my ($self) = @_;
    $self->spawn(program(), $self->{command} // 'listen',
        @{ $self->{arguments} // [] }, $self->{place} // 0,
        $self->{target} // ());
    my $line = $self->log->wait_for(qr/^listening on /, 10)
        or die 'proxyip-check did not start: ', $self->output;
    ($self->{ports}{''}) = $line =~ /:(\d+)$/;
    return $self;
}

sub log {
    my ($self) = @_;
    return $self->{log} //= ProxyIP::Log->new($self->root . '/output');
}

# End it, or let it end by itself, and return its exit status.
sub end {
    my ($self, $signal) = @_;
    $self->signal($signal // 'TERM');
    return $self->ended;
}

sub ended {
    my ($self) = @_;
    $self->wait_for_end(10) or return 'runs';
    my $status = $self->{status};
    return $status & 127 ? "signal $SIGNALS[$status & 127]" : $status >> 8;
}

1;
