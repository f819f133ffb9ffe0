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

# What mod_status counts, beside what was sent.

package Soak::Counters;

use strict;
use warnings;

use List::Util qw(sum0);

my @COUNTERS = qw(AcceptedV1 AcceptedV2 Local Unknown Absent Direct Rejected
    Missing Malformed TooLarge BadChecksum TimedOut ClosedEarly Evicted);

sub names { return @COUNTERS }

sub of_status {
    my ($status) = @_;
    return { map { $_ => $status->{"ProxyIP$_"}
        // die "mod_status has no ProxyIP$_\n" } @COUNTERS };
}

sub growth {
    my ($before, $after) = @_;
    return { map { $_ => $after->{$_} - $before->{$_} } @COUNTERS };
}

# What does not add up, in words.  Each connection was made to be counted by
# one counter, or by any of several.  So each set of counters must have grown
# by at least the connections that only they may count, and all of them
# together by the connections made, no more.
sub faults {
    my ($growth, $made) = @_;
    my (%only, @faults);
    for my $row (@$made) {
        my ($count, $counters) = @$row;
        $only{$counters} += $count;
    }
    my $all = sum0 map { $_->[0] } @$made;
    my $counted = sum0 values %$growth;
    push @faults, "$all connections made, $counted counted"
        if $all != $counted;
    my %sets = map { $_ => 1 } @COUNTERS, keys %only;
    for my $set (sort keys %sets) {
        my %in = map { $_ => 1 } split /,/, $set;
        my $grown = sum0 map { $growth->{$_} // die "no counter $_\n" }
            keys %in;
        my ($least, $most) = (0, 0);
        for my $counters (keys %only) {
            my @names = split /,/, $counters;
            my @inside = grep { $in{$_} } @names;
            $least += $only{$counters} if @inside == @names;
            $most += $only{$counters} if @inside;
        }
        push @faults, "$set: "
            . ($least == $most ? $least : "$least to $most")
            . " connections made, $grown counted"
            if $grown < $least || $grown > $most;
    }
    return @faults;
}

1;
