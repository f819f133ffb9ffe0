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

# TAP::Harness that says which file of how many it is at, and that tells
# run.sh what became of the tests.  To the file $PROXYIP_TALLY it appends
#
#   - t/smoke.t:33: plain, v1: REMOTE_ADDR (event)     one line a failed test
#       got: '127.0.0.1'                               why, a few lines
#   41 1 0                                             passed failed skipped
#
# Test::Harness, and so Apache::Test, takes it by $HARNESS_SUBCLASS, prove by
# --harness.

package ProxyIP::Harness;

use strict;
use warnings;

use parent 'TAP::Harness';

# Of why a test failed, so many lines of so many characters are told.
use constant { LINES => 4, LINE => 160 };

# What the tests' processes said on standard error, all in one.
my $said = '';

# By parser: the place in $said where its test began; its failed tests, each
# with number, name and the comments that came before it.
my (%began, %failed);

sub aggregate_tests {
    my ($self, $aggregate, @tests) = @_;
    my $file = 0;
    for my $test (@tests) {
        my ($path, $name) = ref $test ? @$test : ($test, $test);
        $test = [$path, sprintf '[%d/%d] %s', ++$file, scalar @tests, $name];
    }

    tie *STDERR, 'ProxyIP::Harness::Said', \$said or die "tie: $!\n";
    my $result = eval { $self->SUPER::aggregate_tests($aggregate, @tests) };
    my $error = $@;
    untie *STDERR;
    die $error if $error;

    tally($aggregate) if $ENV{PROXYIP_TALLY};
    return $result;
}

sub make_parser {
    my ($self, $job) = @_;
    my ($parser, $session) = $self->SUPER::make_parser($job);
    my @comments;
    $began{$parser} = length $said;
    $failed{$parser} = [];
    $parser->callback(comment => sub { push @comments, $_[0]->comment });
    $parser->callback(test => sub {
        my ($test) = @_;
        push @{ $failed{$parser} }, { number => $test->number,
            name => $test->description =~ s/^- //r, why => [@comments] }
            unless $test->is_ok;
        @comments = ();
    });
    return ($parser, $session);
}

# A test that was planned and not run has failed; a file that ends badly has
# failed at least once.  Skipped tests count as neither.
sub tally {
    my ($aggregate) = @_;
    my ($all_passed, $all_failed, $all_skipped) = (0, 0, 0);
    open my $file, '>>', $ENV{PROXYIP_TALLY} or die "tally: $!\n";
    my @tests = map { [$_, $aggregate->parsers($_)] } $aggregate->descriptions;
    for my $i (0 .. $#tests) {
        my ($description, $parser) = @{ $tests[$i] };
        my $skipped = () = $parser->skipped;
        my $passed  = () = $parser->passed;
        my $failed  = () = $parser->failed;
        my $missing = ($parser->tests_planned || 0) - $parser->tests_run;
        $failed += $missing if $missing > 0;
        $failed ||= 1 if $parser->has_problems;
        $all_passed += $passed - $skipped;
        $all_failed += $failed;
        $all_skipped += $skipped;
        my $next = $i < $#tests ? $began{ $tests[$i + 1][1] } : length $said;
        print $file failures($description =~ s/^\S+ //r, $parser, $next)
            if $failed;
    }
    print $file "$all_passed $all_failed $all_skipped\n";
    close $file or die "tally: $!\n";
}

# The lines about one file: each failed test, then how the file itself ended
# badly.  Until $end of $said it was the last that began.
sub failures {
    my ($path, $parser, $end) = @_;
    my $mpm = $ENV{PROXYIP_MPM} ? " ($ENV{PROXYIP_MPM})" : '';
    my $own = substr $said, $began{$parser}, $end - $began{$parser};
    my @failed = @{ $failed{$parser} };
    my $lines = '';
    for my $test (@failed) {
        my ($place, @why) = of_perl($test->{name}, \$own);
        $place = !$place ? "$path: test $test->{number}"
            : $place =~ /^\Q$path\E:/ ? $place
            : "$path: $place";
        $place .= ": $test->{name}" if length $test->{name};
        $lines .= failure("$place$mpm", @{ $test->{why} }, @why);
    }
    my @errors = $parser->parse_errors;
    push @errors, 'exit status ' . ($parser->exit || $parser->wait)
        if $parser->wait && !@failed;
    $lines .= failure("$path: " . join('; ', @errors) . $mpm,
        grep { defined } (split /\n/, $own)[-LINES() .. -1]) if @errors;
    return $lines;
}

# Where Test::More says that a test failed, FILE:LINE, and what else it says
# of it; which is taken from the text.
sub of_perl {
    my ($name, $text) = @_;
    $$text =~ s{^\#\s+Failed\ test\ (?:'\Q$name\E'\n\#\s+)?
        at\ (\S+)\ line\ (\d+)\.\n
        ((?:\#(?!\s+Failed\ test|\ Looks\ like).*\n)*)}{}mx
        or return;
    return ("$1:$2", map { s/^#\s*//r } split /\n/, $3);
}

sub failure {
    my ($line, @why) = @_;
    splice @why, LINES;
    return join '', map { tr/\n\r/  /r . "\n" }
        map { length > LINE ? substr($_, 0, LINE - 3) . '...' : $_ }
        "- $line", map { "    $_" } grep { /\S/ } @why;
}

# A handle that prints what it is given, and keeps it.
package ProxyIP::Harness::Said;

use strict;
use warnings;

sub TIEHANDLE {
    my ($class, $text) = @_;
    open my $handle, '>&', \*STDERR or die "standard error: $!\n";
    $handle->autoflush;
    return bless { handle => $handle, text => $text }, $class;
}

sub PRINT {
    my ($self, @strings) = @_;
    ${ $self->{text} } .= join '', @strings;
    return print { $self->{handle} } @strings;
}

sub PRINTF {
    my ($self, $format, @arguments) = @_;
    return $self->PRINT(sprintf $format, @arguments);
}

sub FILENO { return fileno $_[0]{handle} }

1;
