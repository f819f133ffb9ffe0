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

# The results as a table of at most 100 columns.

package Bench::Table;

use strict;
use warnings;

# The bars, as the design has them.
my %BAR = (v1 => 2250, v2 => 1600);
my %EVENT_BAR = (together => 2300, apart => 9000);
my $NEAR_ZERO = 50;
my $CALLS = 1;
my $LOOKUP = 1000;
my %START_BAR = (off => 1.15, on => 1.3, each => 2);
my $MEDIAN_US = 1000;
my $LARGEST_US = 10_000;
my $MEMORY = 1024;
my $RATE = 0.98;
my $KEPT = 1.03;

my $FORMAT = '%-42s%10s%14s%13s%7s%9s%5s';

my %HEADER = (v1 => 'v1', v2 => 'v2', tlv => 'v2 with 500 bytes of TLVs');
my %WAITING = (
    header => 'v2 header', half => 'v1 header, not whole',
    largest => 'v2 header of 65,551 bytes, but one');
my %WHEN = (together => 'in one segment', next => 'in the next packet',
    apart => 'apart');

sub row { (my $line = sprintf $FORMAT, @_) =~ s/ +$//; return "$line\n" }

sub number {
    my ($value) = @_;
    my $text = sprintf '%.0f', $value;
    1 while $text =~ s/^(-?\d+)(\d{3})/$1,$2/;
    return $text eq '-0' ? '0' : $text;
}

sub signed {
    my $text = number($_[0]);
    return $text =~ /^-/ || $text eq '0' ? $text : "+$text";
}

sub holds { $_[0] ? 'yes' : 'NO' }

# What two servers add to the one without, their ratio, and the bar.
sub added {
    my ($name, $none, $remoteip, $ours, $bar) = @_;
    my $other = !defined $remoteip ? ''
        : $remoteip eq 'refused' ? $remoteip : signed($remoteip - $none);
    my $own = $ours - $none;
    my $ratio = $other =~ /^\+/
        ? sprintf('%.2f', $own / ($remoteip - $none)) : '';
    return row("  $name", number($none), $other, signed($own), $ratio,
        defined $bar ? ('<= ' . number($bar), holds(sprintf('%.0f', $own)
            <= $bar)) : ('', ''));
}

sub event_instructions {
    my ($result, $when) = @_;
    my $of = $result->{$when};
    return map { added("$_, header and request $WHEN{$when}",
        $of->{none}{none}, $of->{remoteip}{$_}, $of->{ours}{$_},
        $EVENT_BAR{$when}) } qw(v1 v2);
}

sub instructions {
    my ($result) = @_;
    my ($plain, $kept, $tls) = @$result{qw(plain kept tls)};
    return "user-mode instructions of one connection with one request,"
        . " prefork\n",
        (map { added($HEADER{$_}, $plain->{none}{none}, $plain->{remoteip}{$_},
            $plain->{ours}{$_}, $BAR{$_}) } qw(v1 v2 tlv)),
        added('v2, over TLS (+-500)', $tls->{none}{none},
            $tls->{remoteip}{v2}, $tls->{ours}{v2}),
        (map { added("$_, inside TLS (+-500)", $tls->{none}{none}, undef,
            $tls->{inside}{$_}) } qw(v1 v2)),
        added('each further keep-alive request (v2)', $kept->{none}{none},
            $kept->{remoteip}{v2}, $kept->{ours}{v2}, $NEAR_ZERO),
        "\nthe same, event (+-100)\n",
        map { event_instructions($result, $_) } qw(together apart);
}

# A header beside mod_proxy's pool without one, and beside disablereuse=on.
sub sending {
    my ($result) = @_;
    my %of = (kept => 'each further request', alone => 'connection, request');
    my @rows;
    for my $run ('kept', 'alone') {
        for my $scheme ('http', 'https') {
            my ($pool, $closed, $client, $off)
                = @{ $result->{$run}{$scheme} }{qw(pool closed client off)};
            my $ratio = $client / $pool;
            push @rows, sprintf("%-32s%12s%10s%14s%12s%7.3f%9s%5s\n",
                "  $of{$run}, $scheme",
                map({ number($_) } $pool, $client, $closed, $off), $ratio,
                $run eq 'kept' ? ("<= $KEPT", holds($ratio <= $KEPT))
                               : ('', '')) =~ s/ +$//gmr;
        }
    }
    return "user-mode instructions of requests to a backend, prefork; ratio:"
        . " with a header, kept, to the pool\n",
        sprintf("%-32s%12s%10s%14s%12s\n", '', 'the pool', 'v2, kept',
            'disablereuse', 'v2, Off'), @rows;
}

sub calls {
    my ($of, $what, $bar, @headers) = @_;
    return map { added("$what, $_", $of->{none}{none}, $of->{remoteip}{$_},
        $of->{ours}{$_}, $bar) } @headers;
}

sub syscalls {
    my ($result) = @_;
    my ($prefork, $together, $apart) = @$result{qw(prefork together apart)};
    return "system calls, header and request in one segment, prefork\n",
        calls($prefork->{reading}, 'recv and poll', $CALLS, qw(v1 v2)),
        calls($prefork->{all}, 'all', $CALLS, qw(v1 v2)),
        "\nsystem calls of all threads, event\n",
        calls($together->{all}, "header and request $WHEN{together}", undef,
            'v2'),
        calls($apart->{all}, "header and request $WHEN{apart}", undef, 'v2');
}

sub lookup {
    my ($result) = @_;
    return "instructions to look a peer up\n", map {
        row('  among ' . number($_) . ' ranges', '', '',
            number($result->{$_}), '', '< ' . number($LOOKUP),
            holds($result->{$_} < $LOOKUP))
    } sort { $a <=> $b } keys %$result;
}

my %STARTED = (off => 'loaded, Off', on => 'On in the main server',
    each => 'On in each');

sub start {
    my ($result) = @_;
    return "instructions of httpd -t with " . number($result->{hosts})
        . " virtual hosts\n", map { my $told_by = $_;
        my $none = $result->{$told_by}{none};
        map {
            my $ratio = $result->{$told_by}{$_} / $none;
            row("  by $told_by: $STARTED{$_}", number($none), '',
                signed($result->{$told_by}{$_} - $none),
                sprintf('%.2f', $ratio), "<= $START_BAR{$_}",
                holds($ratio <= $START_BAR{$_}))
        } qw(off on each)
    } qw(names addresses);
}

sub figures {
    my ($one, $limit_ms) = @_;
    return '' if !$one;
    return '> ' . $limit_ms / 1000 . ' s' if !$one->{answered};
    return join '/', map { sprintf '%.2f', $_ / 1000 }
        @$one{qw(median_us max_us)};
}

sub latency {
    my ($result) = @_;
    my @rows;
    my $limit_ms = $result->{limit_ms};
    my %none = map { $_->{size} => $_ } @{ $result->{none} };
    my %remoteip = map { $_->{size} => $_ } @{ $result->{remoteip} };
    for my $ours (@{ $result->{ours} }, @{ $result->{coming} }) {
        my $name = number($ours->{open}) . ' waiting';
        $name .= ' of ' . number($ours->{there})
            if $ours->{open} < $ours->{there};
        $name .= ", and $ours->{rate} more a second" if $ours->{rate};
        my ($none, $other) = $ours->{rate} ? ()
            : ($none{ $ours->{size} }, $remoteip{ $ours->{size} });
        push @rows, row("  $name", figures($none, $limit_ms),
            figures($other, $limit_ms), figures($ours, $limit_ms), '',
            '< 1/10', holds($ours->{answered}
                && $ours->{median_us} < $MEDIAN_US
                && $ours->{max_us} < $LARGEST_US));
    }
    my ($most) = sort { $b <=> $a }
        map { $_->{there} } @{ $result->{remoteip} };
    return "latency of $result->{requests} requests in ms, median/largest,"
        . " event, 8 workers\n", @rows,
        '  mod_proxyip lets as many wait as half of the descriptors that a'
        . " child may open, and closes\n  the oldest beyond them; with"
        . " mod_remoteip no more than $most could connect.\n";
}

sub ratio {
    my ($one) = @_;
    return $one // '' if !ref $one;
    return sprintf '%.3f (%.3f-%.3f)', @$one{qw(ratio low high)};
}

# A bar within the range is neither held nor missed for sure.
sub holds_rate {
    my ($one) = @_;
    return $one->{low} >= $RATE ? 'yes' : $one->{high} < $RATE ? 'NO' : '?';
}

sub throughput {
    my ($result) = @_;
    my @rows;
    for my $row (qw(plain:v1 plain:v2 tls:v2)) {
        my ($port, $header) = split /:/, $row;
        my ($other, $own) = map { $result->{$port}{$_}{$header} }
            qw(remoteip ours);
        push @rows, sprintf("%-25s%10s%22s%22s%16s%5s\n",
            "  $HEADER{$header}" . ($port eq 'tls' ? ', over TLS' : ''),
            number($result->{none}{$port}), ratio($other), ratio($own),
            ">= $RATE", holds_rate($own));
    }
    return "connections per second, event; in $result->{rounds} pairs of runs"
        . " with and without a module the\n  ratio, and the range that holds"
        . " it with a likelihood of 95 of 100\n", @rows;
}

sub herd {
    my ($result) = @_;
    my @rows;
    for my $when (qw(together next apart)) {
        my $of = $result->{$when};
        for my $what (['context switches', 'switches', '%.1f'],
                      ['CPU time in us', 'cpu_us', '%.0f']) {
            my ($name, $key, $format) = @$what;
            my ($none, $other, $own) = map { $of->{$_}{$key} }
                qw(none remoteip ours);
            push @rows, row("  $name, $WHEN{$when}", sprintf($format, $none),
                (map { sprintf "+$format", $_ - $none } $other, $own),
                '', '', '') =~ s/\+-/-/gr;
        }
    }
    return "of a connection, all threads of $result->{children} children, at"
        . " $result->{rate} a second; in one segment, $result->{next_ms} ms or"
        . " $result->{gap_ms} ms apart\n", @rows;
}

sub memory {
    my ($result) = @_;
    my @rows = map {
        my $one = $result->{$_};
        row("  $WAITING{$_}", '', '', number($one->{bytes}), '',
            '< ' . number($MEMORY), holds($one->{bytes} < $MEMORY));
    } qw(header half largest);
    return 'bytes of a waiting connection (+-200), of '
        . number($result->{header}{count}) . ", the kernel's not counted; of a"
        . ' silent keep-alive one ' . number($result->{keepalive}{bytes})
        . "\n", @rows;
}

sub lost {
    my ($done) = @_;
    return number($done->{lost}) . '/' . (defined $done->{max_us}
        ? sprintf '%.2f', $done->{max_us} / 1_000_000 : '-');
}

# One case; the ratio is that of the slowest answers, if none is missing.
sub lost_row {
    my ($name, $case) = @_;
    my ($none, $remoteip, $ours) = @$case{qw(none remoteip ours)};
    my $ratio = $remoteip->{lost} || $ours->{lost} ? ''
        : sprintf '%.2f', $ours->{max_us} / $remoteip->{max_us};
    return row("  $name", lost($none), lost($remoteip), lost($ours), $ratio,
        '0 lost', holds($ours->{lost} == 0));
}

my %END = (refused => 'refused', reset => 'reset', closed => 'closed',
    timeout => 'without an answer in time', bad => 'with a bad answer');

sub total {
    my ($cases, $kind, $name) = @_;
    my $total = 0;
    $total += $_->{$kind}{$name} for @$cases;
    return $total;
}

# How those that were lost ended, and how many of the busy ones were lost.
sub reasons {
    my ($cases) = @_;
    my %name = (none => 'no module', remoteip => 'mod_remoteip',
        ours => 'mod_proxyip');
    my $text = '';
    for my $kind (qw(none remoteip ours)) {
        my @ends = map { my $count = total($cases, $kind, $_);
            $count ? number($count) . " $END{$_}" : () } sort keys %END;
        my $busy = total($cases, $kind, 'busy_lost');
        push @ends, number($busy) . ' of the busy ones' if $busy;
        $text .= "  lost with $name{$kind}: " . join(', ', @ends) . "\n"
            if @ends;
    }
    return $text;
}

my $LOST = 'clients lost, and the slowest answer in s';

sub burst {
    my ($result) = @_;
    my @cases = @{ $result->{cases} };
    return "$LOST: all at once, event, one child of 25 threads\n",
        (map { lost_row(number($_->{size})
            . ", speaking $_->{pause_ms} ms after the header", $_) } @cases),
        (map { '  ' . number($_) . ': not measured, for want of descriptors'
            . " (ulimit -n)\n" } @{ $result->{too_large} }),
        reasons(\@cases);
}

sub pauses {
    my ($result) = @_;
    my @cases = @{ $result->{cases} };
    return "$LOST: $result->{clients} that pause, beside $result->{busy}"
        . " busy ones, event, 25 threads\n",
        (map { lost_row('pausing ' . $_->{pause_ms} / 1000 . ' s'
            . ($_->{restarts} ? ', restarts each second' : ''), $_) }
            @cases),
        reasons(\@cases);
}

sub floods {
    my ($result) = @_;
    my @cases = @{ $result->{cases} };
    return "$LOST: $result->{clients} that pause $result->{pause_ms} ms,"
        . " beside a flood, event, 25 threads\n",
        (map { lost_row(number($_->{flood}) . ' silent a second, '
            . ($_->{sources} eq 'one' ? 'one address' : 'many addresses'),
            $_) } @cases),
        reasons(\@cases);
}

my @ROWS = (
    [instructions => \&instructions], [sending => \&sending],
    [syscalls => \&syscalls],
    [lookup => \&lookup], [start => \&start], [latency => \&latency],
    [throughput => \&throughput], [herd => \&herd], [memory => \&memory],
    [burst => \&burst], [pauses => \&pauses], [floods => \&floods]);

sub title {
    my ($facts) = @_;
    (my $openssl = $facts->{openssl}) =~ s/ \(.*//;
    return <<"EOC";
mod_proxyip beside mod_remoteip (RemoteIPProxyProtocol) and no module, in one run

httpd $facts->{httpd}, $openssl, $facts->{valgrind}, Linux $facts->{kernel}
$facts->{cc}
$facts->{cpu}, $facts->{cores} cores, load $facts->{load} at the start, $facts->{date}

EOC
}

sub text {
    my ($all) = @_;
    my $text = title($all->{facts}) . row('', 'no module', 'mod_remoteip',
        'mod_proxyip', 'ratio', 'bar', 'ok');
    for my $row (@ROWS) {
        my ($name, $make) = @$row;
        $text .= join '', "\n", $make->($all->{rows}{$name})
            if $all->{rows}{$name};
        $text .= "\n$name: not measured, for want of $all->{missing}{$name}\n"
            if $all->{missing}{$name};
    }
    return $text . "\nCounts do not depend on what else the machine does."
        . "  Times and rates do: take the ratios.\n";
}

1;
