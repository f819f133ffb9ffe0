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

# Latency over waiting connections as SVG, readable on light and on dark.

package Bench::Plot;

use strict;
use warnings;

my ($WIDTH, $HEIGHT) = (760, 420);
my ($LEFT, $RIGHT, $TOP, $BOTTOM) = (70, 130, 64, 56);
my @TICKS_MS = (0.1, 1, 10, 100, 1000, 10_000);

my $STYLE = <<'EOC';
<style>
  svg { color: #1f2328; font: 13px sans-serif }
  .ground { fill: #ffffff }
  text { fill: currentColor }
  .grid { stroke: currentColor; stroke-opacity: 0.15 }
  .bar { stroke: currentColor; stroke-dasharray: 2 3 }
  polyline { fill: none; stroke-width: 2 }
  .most { stroke-dasharray: 5 4 }
  polyline.ours { stroke: #0b6bcb }
  polyline.remoteip { stroke: #c2410c }
  circle.ours, text.ours { fill: #0b6bcb }
  circle.remoteip, text.remoteip { fill: #c2410c }
  @media (prefers-color-scheme: dark) {
    svg { color: #e6edf3 }
    .ground { fill: #0d1117 }
    polyline.ours { stroke: #58a6ff }
    polyline.remoteip { stroke: #ff9d5c }
    circle.ours, text.ours { fill: #58a6ff }
    circle.remoteip, text.remoteip { fill: #ff9d5c }
  }
</style>
EOC

# Both axes are logarithmic; on the first, 0 has a place of its own.
sub x_of {
    my ($count, $most) = @_;
    return $LEFT + ($WIDTH - $LEFT - $RIGHT) * log($count + 1)
        / log($most + 1);
}

sub y_of {
    my ($ms) = @_;
    my ($low, $high) = map { log } @TICKS_MS[0, -1];
    my $at = log($ms < $TICKS_MS[0] ? $TICKS_MS[0] : $ms);
    return $HEIGHT - $BOTTOM
        - ($HEIGHT - $TOP - $BOTTOM) * ($at - $low) / ($high - $low);
}

sub label {
    my ($x, $y, $text, $anchor, $class) = @_;
    return sprintf qq(<text x="%.1f" y="%.1f" text-anchor="%s"%s>%s</text>\n),
        $x, $y, $anchor, $class ? qq( class="$class") : '', $text;
}

sub line {
    my ($class, @at) = @_;
    return sprintf
        qq(<line class="%s" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/>\n),
        $class, @at;
}

sub axes {
    my ($sizes) = @_;
    my $right = $WIDTH - $RIGHT;
    my $svg = '';
    for my $ms (@TICKS_MS) {
        my $y = y_of($ms);
        $svg .= line('grid', $LEFT, $y, $right, $y)
            . label($LEFT - 8, $y + 4,
                $ms < 1000 ? "$ms ms" : $ms / 1000 . ' s', 'end');
    }
    for my $size (@$sizes) {
        my $x = x_of($size, $sizes->[-1]);
        $svg .= line('grid', $x, $TOP, $x, $HEIGHT - $BOTTOM)
            . label($x, $HEIGHT - $BOTTOM + 18, $size, 'middle');
    }
    return $svg . line('bar', $LEFT, y_of(10), $right, y_of(10))
        . label($right + 10, y_of(10) + 4, 'bar: 10 ms', 'start')
        . label(($LEFT + $right) / 2, $HEIGHT - 12,
            'connections that have sent a header and nothing more', 'middle');
}

# A server's medians as points with a line, its largest as a dashed one.
sub series {
    my ($class, $name, $points, $most, $limit_ms) = @_;
    my $svg = '';
    for my $value (qw(max_us median_us)) {
        my @at = map {
            [x_of($_->{size}, $most),
             y_of($_->{answered} ? $_->{$value} / 1000 : $limit_ms)]
        } @$points;
        my $is_most = $value eq 'max_us';
        $svg .= sprintf qq(<polyline class="%s" points="%s"/>\n),
            $is_most ? "$class most" : $class,
            join ' ', map { sprintf '%.1f,%.1f', @$_ } @at;
        next if $is_most;
        $svg .= sprintf qq(<circle class="%s" cx="%.1f" cy="%.1f" r="3.5"/>\n),
            $class, @$_ for @at;
        $svg .= label($at[-1][0] + 10, $at[-1][1] + 4, $name, 'start', $class);
    }
    return $svg;
}

sub svg {
    my ($latency) = @_;
    my @sizes = map { $_->{size} } @{ $latency->{ours} };
    my $limit_ms = $latency->{limit_ms};
    my $title = 'Latency of a request while other connections wait';
    my $under = '8 workers; solid: median of '
        . "$latency->{requests} requests, dashed: largest; at "
        . $limit_ms / 1000 . ' s: not answered';
    return qq(<svg xmlns="http://www.w3.org/2000/svg" width="$WIDTH")
        . qq( height="$HEIGHT" viewBox="0 0 $WIDTH $HEIGHT" role="img">\n)
        . "<title>$title</title>\n$STYLE"
        . qq(<rect class="ground" width="$WIDTH" height="$HEIGHT"/>\n)
        . label($LEFT, 24, qq(<tspan font-weight="bold">$title</tspan>),
            'start')
        . label($LEFT, 44, $under, 'start')
        . axes(\@sizes)
        . series('remoteip', 'mod_remoteip', $latency->{remoteip}, $sizes[-1],
            $limit_ms)
        . series('ours', 'mod_proxyip', $latency->{ours}, $sizes[-1],
            $limit_ms)
        . "</svg>\n";
}

1;
