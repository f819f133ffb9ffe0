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

# A log file that is being written.
#
#   $log->mark;                                  # forget what is there so far
#   my $line = $log->wait_for(qr/PIP0012/, 5);   # undef after 5 seconds
#   is($log->count(qr/PIP0012/), 1);

package ProxyIP::Log;

use strict;
use warnings;

use Time::HiRes qw(sleep time);

use ProxyIP::Patience;

sub new {
    my ($class, $path) = @_;
    return bless { path => $path, offset => 0 }, $class;
}

sub path { $_[0]{path} }

# From now on only what is written later counts.
sub mark {
    my ($self) = @_;
    $self->{offset} = -s $self->{path} || 0;
    return $self;
}

# What was written since the mark.
sub text {
    my ($self) = @_;
    open my $file, '<', $self->{path} or return '';
    seek $file, $self->{offset}, 0;
    local $/;
    return <$file> // '';
}

# The whole lines since the mark that match (all, without a pattern).
sub lines {
    my ($self, $pattern) = @_;
    my @lines = grep { s/\n\z// } split /(?<=\n)/, $self->text;
    return $pattern ? grep { $_ =~ $pattern } @lines : @lines;
}

sub count { my @lines = lines(@_); return scalar @lines }

# The first matching line since the mark, waited for; undef when none comes.
sub wait_for {
    my ($self, $pattern, $seconds) = @_;
    my $deadline = time + patience($seconds // 10);
    while (1) {
        my $late = time >= $deadline;
        my ($line) = $self->lines($pattern);
        return $line if defined $line;
        return undef if $late;
        sleep 0.02;
    }
}

# The last lines, for diagnosis.
sub tail {
    my ($self, $count) = @_;
    my @lines = ref($self)->new($self->{path})->lines;
    splice @lines, 0, -$count if @lines > $count;
    return join '', map { "$_\n" } @lines;
}

1;
