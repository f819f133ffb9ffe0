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

# A file of conf-examples, made fit for this machine:
#
#   my $example = ProxyIP::Example->new('hitch.conf');
#   my $httpd = $example->server->start;      # a ProxyIP::Server
#   $httpd->port(8080);                       # what the example calls 8080
#   my $settings = $example->settings('hitch.conf:');
#   ProxyIP::Hitch->new(config => $example->fit($settings, $httpd))->start;
#
# Nothing is changed but addresses, ports and places of files.  Each IPv4
# address gets 127 as its first number, so that 10.0.1.0/24 is 127.0.1.0/24
# and can be a peer here.  Whatever listens gets a free port of loopback, by
# the name of the example's port; certificates are the suite's.
#
# Options of new():
#   replace   { text => text }, for the rest; each must be there
#   folder    where the certificates are, by the names the example gives them
#   part      '000-default.conf': that entry of a Kubernetes ConfigMap
#
# ProxyIP::Promise has what most of them promise.
#
# One virtual host for a server that has others:
#
#   my $config = ProxyIP::Example::config('cdn', 'cdn-behind-l4.conf',
#       '10.0.0.0/24' => '127.0.0.9');
#   ... $server->port('cdn')
#
# The fragments of a page, by the words of the line above each:
#
#   my %fragment = ProxyIP::Example::fragments('MOVING-IN');
#   $fragment{'Both (the way back)'}

package ProxyIP::Example;

use strict;
use warnings;

use ProxyIP::Httpd;
use ProxyIP::Server;

sub new {
    my ($class, $name, %option) = @_;
    my $path = ProxyIP::Httpd::top() . "/conf-examples/$name";
    my $self = bless { path => $path, replace => {}, %option }, $class;
    my $text = do {
        local (@ARGV, $/) = $path;
        <>;
    } // die "$path: cannot be read\n";
    $text = $self->part($text) if $self->{part};
    for my $old (keys %{ $self->{replace} }) {
        $text =~ s/\Q$old\E/$self->{replace}{$old}/g
            or die "$path: no $old\n";
    }
    $self->{text} = $text;
    ($self->{comment}) = $text =~ /\A((?:#.*\n)*)/;
    return $self;
}

# An entry of a ConfigMap, which is indented.
sub part {
    my ($self, $text) = @_;
    my ($lines) = $text =~ /^  \Q$self->{part}\E: \|\n((?: {4}.*\n|\n)+)/m
        or die "$self->{path}: no $self->{part}\n";
    return $lines =~ s/^ {4}//mgr;
}

sub config {
    my ($port, $name, %replace) = @_;
    return ProxyIP::Example->new($name, replace => \%replace)->directives
        =~ s/\@port:\d+\@/\@port:$port\@/gr;
}

sub fragments {
    my ($name) = @_;
    my $path = ProxyIP::Httpd::top() . "/conf-examples/$name";
    open my $file, '<', $path or die "$path: $!\n";
    local $/;
    my $text = <$file>;
    my %fragment;
    my $title = qr/(?:Before|After|Both|Log) \(.*\)/;
    while ($text =~ /^($title):\n\n((?: {4}.*\n)+)/mg) {
        die "$path: $1 twice\n" if $fragment{$1};
        $fragment{$1} = $2;
    }
    return %fragment;
}

# The modules that it needs beside the usual ones; those that this httpd lacks.
sub needs {
    my ($self) = @_;
    return map { split ' ' } $self->{comment} =~ /^# needs: (.*)/mg;
}

sub lacks {
    my ($self) = @_;
    return grep { !ProxyIP::Httpd::has_module($_) } $self->needs;
}

# The example's httpd.  Options are those of ProxyIP::Server; of configuration,
# first stands before the example's own, and config behind it.
sub server {
    my ($self, %option) = @_;
    return ProxyIP::Server->new(%option,
        modules => [$self->needs, @{ $option{modules} // [] }],
        config => join '', $option{first} // '', $self->directives,
            $option{config} // '');
}

# What httpd reads of the example.
sub directives {
    my ($self) = @_;
    my $text = $self->{text} =~ s/^\s*#.*\n//mgr;
    # Who is named in HTTP headers need be nobody's address.
    $text = join '', map { /^\s*RemoteIP/ ? $_ : on_loopback($_) }
        split /^/, $text;
    $text =~ s{/var/www/html}{\@root\@/htdocs}g;
    $text =~ s{/etc/apache2/}{\@root\@/}g;
    $text =~ s/\$\{APACHE_LOG_DIR\}/\@root\@\/logs/g;
    $text =~ s{/etc/ssl/example/([\w-]+)\.(crt|key)}
        {$self->certificate($1, $2)}ge;
    return with_ports($text);
}

sub certificate {
    my ($self, $name, $kind) = @_;
    return "$self->{folder}/$name.$kind" if $self->{folder};
    return '@tls@/server.' . ($kind eq 'crt' ? 'pem' : 'key');
}

sub on_loopback {
    my ($text) = @_;
    return $text =~ s/(?<![\d.])(?!127|0)\d{1,3}(?=(?:\.\d{1,3}){3}\b)/127/gr;
}

# Each port becomes a free one, by its number as a name.  Those of `*` get the
# Listen that examples expect in httpd.conf or ports.conf.
sub with_ports {
    my ($text) = @_;
    my %has = map { $_ => 1 } $text =~ /^Listen (?:\S+:)?(\d+)$/mg;
    my %wants;
    $text =~ s/^Listen (?:(\S+):)?(\d+)$/
        'Listen ' . ($1 \/\/ '127.0.0.1') . ":\@port:$2\@"/gme;
    $text =~ s{<VirtualHost ([^>]+)>}{
        my $places = $1;
        $has{$_} or $wants{$_} = 1 for $places =~ /\*:(\d+)/g;
        $places =~ s/\*(?=:)/127.0.0.1/g;
        $places =~ s/:(\d+)(?= |$)/:\@port:$1\@/g;
        "<VirtualHost $places>"}ge;
    return join '', (map { "Listen 127.0.0.1:\@port:$_\@\n" }
        sort keys %wants), $text;
}

# The other side's settings: what the comment shows, further in than its text,
# below the first line that has this in it.
sub settings {
    my ($self, $after) = @_;
    my $comment = $self->{comment} =~ s/^# ?//mgr;
    my ($settings) = $comment =~ /^(?!\ ).*\Q$after\E.*\n(?:(?!\ ).*\n)*?
        ((?:\ \ .*\n)(?:\ \ .*\n|\n(?=\ \ ))*)/mx
        or die "$self->{path}: no settings after $after\n";
    my ($indent) = $settings =~ /\A( +)/;
    return $settings =~ s/^$indent//mgr;
}

# Such settings, fit for ProxyIP::HAProxy and the like: what they listen on is
# their own, every other port is that of an example's httpd.
sub fit {
    my ($self, $settings, $httpd) = @_;
    my $pem;
    $settings =~ s{/etc/[^\s"]+\.pem}{$pem //= $httpd->both_pem}ge;
    $settings =~ s{/etc/ssl/example/server\.crt}
        {ProxyIP::Httpd::tls() . '/server.pem'}ge;
    return join '', map { listens($_) // connects($_, $httpd) }
        split /^/, $settings;
}

# A line that says where to listen; undef of another.
sub listens {
    my ($line) = @_;
    my $own = sub {
        my $address = $_[0] // ':';
        return $address eq ':' ? '127.0.0.1:'
            : $address eq '[*]:' ? '[127.0.0.1]:'
            : $address =~ /^\[/ ? '[::1]:' : on_loopback($address);
    };
    return $line =~ s/^(\s*(?:bind\s|listen\s|accept\s*=|frontend\s*=)\s*"?)
        (\S*:)?(\d+)\b/$1 . $own->($2) . "\@port:$3\@"/xe ? $line : undef;
}

# httpd has one address, whatever the examples call it, and the ports that its
# example names.
sub connects {
    my ($line, $httpd) = @_;
    my $known = $httpd->{ports};
    $line =~ s/\b10\.0\.1\.\d+\b/127.0.0.1/g;
    $line =~ s/((?::| port |\.port = "))(\d+)\b/
        $1 . ($known->{$2} \/\/ $2)/ge;
    return on_loopback($line);
}

1;
