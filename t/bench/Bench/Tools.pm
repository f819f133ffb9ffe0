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

# Running the bench's own programs, and small arithmetic.

package Bench::Tools;

use strict;
use warnings;

use Exporter 'import';
use IO::Select;
use IPC::Open2 qw(open2);

use ProxyIP::Build qw(build codec);
use ProxyIP::Httpd;

our @EXPORT_OK = qw(client crowd ready close_crowd pausing descriptors
    in_parallel header_options is_there median note slurp);

my $top = ProxyIP::Httpd::top();

# What is said while measuring, to standard error.
sub note { print STDERR "$_[0]\n" }

sub sources {
    return ("$top/t/bench/common.c", "$top/t/lib/peer.c", codec());
}

# How a kind of header is asked of these programs.
sub header_options {
    my ($header) = @_;
    return $header eq 'v1' ? qw(-v 1)
        : $header eq 'v2' ? qw(-v 2)
        : $header eq 'tlv' ? qw(-v 2 -l 528)
        : $header eq 'none' ? ()
        : die "no such header: $header\n";
}

sub client_program {
    return build('bench/client', sources(), '-lssl', '-lcrypto', '-lpthread');
}

# Run t/bench/client.c; returns what it prints, by name.
sub client {
    my (@options) = @_;
    my $path = client_program();
    open my $pipe, '-|', $path, @options or die "$path: $!\n";
    my %result;
    @result{qw(count failed seconds min median max)} = split ' ', <$pipe>;
    close $pipe;
    return \%result;
}

# Start t/bench/crowd.c; ready() waits until all have sent and returns how
# many could, close_crowd() returns how many the server had not closed.
sub crowd {
    my (@options) = @_;
    my %self;
    my $path = build('bench/crowd', sources());
    $self{pid} = open2($self{out}, $self{in}, $path, @options);
    return \%self;
}

sub ready {
    my ($crowd) = @_;
    my ($count) = readline($crowd->{out}) =~ /ready (\d+)/;
    return $count;
}

sub close_crowd {
    my ($crowd) = @_;
    close $crowd->{in};
    my ($open) = (readline($crowd->{out}) // '') =~ /open (\d+)/;
    waitpid $crowd->{pid}, 0;
    return $open;
}

# Run t/bench/pausing.c; returns what it prints, by name.  Each second of its
# run a function is called, if there is one.
sub pausing {
    my ($options, $meanwhile) = @_;
    my $path = build('bench/pausing', sources());
    open my $pipe, '-|', $path, @$options or die "$path: $!\n";
    my $select = IO::Select->new($pipe);
    until ($select->can_read(1)) {
        $meanwhile->() if $meanwhile;
    }
    my %result = map { split } <$pipe>;
    close $pipe or die "pausing: failed\n";
    return \%result;
}

# How many descriptors a process may have here.
sub descriptors {
    chomp(my $descriptors = `sh -c 'ulimit -n'`);
    return $descriptors =~ /^\d+$/ ? $descriptors : 1_000_000;
}

# Call a function with each job, in two processes; returns its results by job.
sub in_parallel {
    my ($function, @jobs) = @_;
    my %result;
    my @pipes;
    client_program();    # not by both
    for my $half (0, 1) {
        my $pid = open(my $pipe, '-|') // die "fork: $!\n";
        push @pipes, $pipe if $pid;
        next if $pid;
        srand;    # or both would choose the same ports
        for my $i (grep { $_ % 2 == $half } 0 .. $#jobs) {
            print "$jobs[$i]\t", $function->($jobs[$i]), "\n";
        }
        close STDOUT;
        exit 0;
    }
    for my $pipe (@pipes) {
        while (my $line = <$pipe>) {
            chomp $line;
            my ($job, $value) = split /\t/, $line;
            $result{$job} = $value;
        }
        close $pipe or die "measuring failed\n";
    }
    return \%result;
}

sub is_there {
    my ($program) = @_;
    return scalar grep { -x "$_/$program" } File::Spec->path;
}

sub median {
    my @sorted = sort { $a <=> $b } @_;
    return @sorted % 2 ? $sorted[$#sorted / 2]
        : ($sorted[@sorted / 2 - 1] + $sorted[@sorted / 2]) / 2;
}

sub slurp {
    my ($path) = @_;
    open my $file, '<', $path or die "$path: $!\n";
    local $/;
    return scalar <$file>;
}

1;
