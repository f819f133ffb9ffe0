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

# A client that decides what goes over the wire, and when.
#
#   my $client = ProxyIP::Client->new(port => $port, from => '127.0.0.77');
#   $client->send(v2());
#   my $answer = $client->get('/cgi/environment');      # HTTP::Response
#   is($answer->code, 200);
#   is($client->variables($answer)->{REMOTE_ADDR}, '192.0.2.77');
#
#   $client->send_slowly(v1(), chunk => 1, delay => 0.05);
#   $client->start_tls;
#
#   my $end = ProxyIP::Client->new(port => $port)->send("x")->ending(6);
#   is($end->{how}, 'eof');       # or: reset, open (after 6 seconds)
#   is($end->{bytes}, '');        # what came before
#   cmp_ok($end->{seconds}, '<', 1);
#
# Everything has a time limit, in seconds; default 10.

package ProxyIP::Client;

use strict;
use warnings;

use Errno qw(EAGAIN ECONNRESET EINTR EPIPE EWOULDBLOCK);
use HTTP::Response;
use IO::Select;
use IO::Socket::IP;
use IO::Socket::UNIX;
use Socket qw(SOCK_STREAM SOL_SOCKET SO_LINGER IPPROTO_TCP TCP_NODELAY);
use Time::HiRes qw(sleep time);

use ProxyIP::Patience;

$SIG{PIPE} = 'IGNORE';

# Connect.  Options: port; host (default 127.0.0.1, or ::1 when from is IPv6);
# from, the source address, any of 127.0.0.0/8 or ::1; from_port.  Or only unix,
# the path of a socket, which for an abstract one begins with a NUL.
sub new {
    my ($class, %option) = @_;
    return connect_unix($class, $option{unix}) if defined $option{unix};
    my $from = $option{from};
    my $host = $option{host}
        // (($from // '') =~ /:/ ? '::1' : '127.0.0.1');
    my $socket = IO::Socket::IP->new(
        PeerHost => $host, PeerPort => $option{port}, Type => SOCK_STREAM,
        (defined $from ? (LocalHost => $from) : ()),
        ($option{from_port} ? (LocalPort => $option{from_port}) : ()),
        Timeout => patience(10))
        or die "connect to $host:$option{port}: $@\n";
    $socket->setsockopt(IPPROTO_TCP, TCP_NODELAY, 1);
    $socket->blocking(0);
    return bless { socket => $socket, in => '', since => time }, $class;
}

# HAProxy's abstract names fill all of the address.
sub connect_unix {
    my ($class, $path) = @_;
    my $socket = IO::Socket::UNIX->new(Type => SOCK_STREAM,
        Peer => $path =~ /^\0/ ? pack 'a108', $path : $path)
        or die "connect to $path: $!\n";
    $socket->blocking(0);
    return bless { socket => $socket, in => '', since => time }, $class;
}

# In one call: connect with the given options, send a header, get a path.
#   my $answer = ProxyIP::Client->fetch(port => $port, header => v1(),
#                                       path => '/', tls => 1);
# undef when there is no answer.
sub fetch {
    my ($class, %option) = @_;
    my $client = $class->new(%option);
    $client->send($option{header} // '');
    $client->start_tls if $option{tls};
    return $client->get($option{path} // '/', Connection => 'close');
}

sub socket { $_[0]{socket} }

# The port this end has.
sub port { $_[0]{socket}->sockport }

# Send bytes, as one segment where the kernel agrees.  A connection that the
# other end has closed is no error here: see ending().
sub send {
    my ($self, $bytes) = @_;
    my $deadline = time + patience(10);
    while (length $bytes) {
        my $sent = syswrite $self->{socket}, $bytes;
        if (defined $sent) {
            substr($bytes, 0, $sent, '');
        }
        elsif ($!{EAGAIN} || $!{EWOULDBLOCK} || $!{EINTR}) {
            IO::Select->new($self->{socket})->can_write(0.1);
            die "sending takes too long\n" if time > $deadline;
        }
        else {
            last;
        }
    }
    return $self;
}

# Send bytes in chunks with pauses between.  Options: chunk, bytes in each,
# default 1, or a list of lengths, the rest in one; delay, in seconds, default
# 0.01.
sub send_slowly {
    my ($self, $bytes, %option) = @_;
    my $chunk = $option{chunk} // 1;
    my @lengths = ref $chunk ? @$chunk : ();
    while (length $bytes) {
        my $length = ref $chunk ? shift @lengths // length $bytes : $chunk;
        $self->send(substr $bytes, 0, $length, '');
        sleep($option{delay} // 0.01) if length $bytes;
    }
    return $self;
}

# Shake hands.  Options go to IO::Socket::SSL, e.g.
# SSL_alpn_protocols => ['http/1.1'].  Dies when it fails.
sub start_tls {
    my ($self, %option) = @_;
    require IO::Socket::SSL;
    $self->{socket}->blocking(1);
    IO::Socket::SSL->start_SSL($self->{socket},
        SSL_verify_mode => IO::Socket::SSL::SSL_VERIFY_NONE(),
        SSL_hostname => 'localhost', Timeout => patience(10), %option)
        or die "TLS: $IO::Socket::SSL::SSL_ERROR\n";
    $self->{socket}->blocking(0);
    $self->{tls} = 1;
    return $self;
}

# Write a GET without waiting for the answer.
sub request {
    my ($self, $path, %header) = @_;
    %header = (Host => 'localhost', %header);
    return $self->send(join "\r\n", "GET $path HTTP/1.1",
        (map { "$_: $header{$_}" } sort keys %header), '', '');
}

# GET a path and return the answer, or undef when there is none.
sub get {
    my ($self, $path, %header) = @_;
    return $self->request($path, %header)->answer;
}

# The next answer on this connection; undef when it ends or nothing comes.
sub answer {
    my ($self, $seconds) = @_;
    my $deadline = time + patience($seconds // 10);
    until ($self->{in} =~ /\r\n\r\n/) {
        return undef if $self->read_some($deadline);
    }
    my ($head) = $self->{in} =~ /^(.*?\r\n\r\n)/s;
    substr $self->{in}, 0, length $head, '';
    my $answer = HTTP::Response->parse($head);
    $answer->protocol($head =~ /^(HTTP\S+)/);
    my $length = $answer->header('Content-Length');
    $answer->content(
        ($answer->header('Transfer-Encoding') // '') =~ /chunked/i
            ? $self->chunks($deadline)
            : $self->bytes($length, $deadline));
    return $answer;
}

# Take so many bytes of what comes, or all up to the end.
sub bytes {
    my ($self, $length, $deadline) = @_;
    while (!defined $length || length $self->{in} < $length) {
        last if $self->read_some($deadline);
    }
    return substr $self->{in}, 0, $length // length $self->{in}, '';
}

sub chunks {
    my ($self, $deadline) = @_;
    my $body = '';
    while (1) {
        if ($self->{in} !~ s/^([0-9a-fA-F]+)[^\n]*\r\n//) {
            return $body if $self->read_some($deadline);
            next;
        }
        my $length = hex $1;
        $body .= substr $self->bytes($length + 2, $deadline), 0, $length;
        return $body if !$length;
    }
}

# The output of /cgi/environment as a hash.
sub variables {
    my ($self, $answer) = @_;
    return { $answer ? $answer->content =~ /^(\w+)=(.*)$/mg : () };
}

# Wait for the connection's end; tells how it ended (eof, reset, or open when
# it did not within the time), what came before, and how long that took from
# this call and since the connection was made.  With exactly => 1 the time is
# no limit of a slow server's, but how long the connection must stay open.
sub ending {
    my ($self, $seconds, %option) = @_;
    my $start = time;
    my $how;
    $seconds //= 10;
    my $deadline = $start
        + ($option{exactly} ? $seconds : patience($seconds));
    1 until $how = $self->read_some($deadline);
    return { how => $how, bytes => $self->{in},
             seconds => time - $start, age => time - $self->{since} };
}

# Read what is there into {in}.  Returns nothing when something came, else
# eof, reset, or open when nothing came until the deadline.
sub read_some {
    my ($self, $deadline) = @_;
    return $self->{ended} if $self->{ended};
    while (1) {
        my $read = sysread $self->{socket}, $self->{in}, 65536,
            length $self->{in};
        return if $read;
        return $self->{ended} = 'eof' if defined $read;
        return $self->{ended} = 'reset' if $!{ECONNRESET} || $!{EPIPE};
        my $waits = $self->{tls}
            ? $IO::Socket::SSL::SSL_ERROR
                == IO::Socket::SSL::SSL_WANT_READ()
            : $!{EAGAIN} || $!{EWOULDBLOCK} || $!{EINTR};
        # An end without TLS's goodbye.
        return $self->{ended} = 'eof' if !$waits;
        my $left = $deadline - time;
        return 'open' if $left <= 0;
        IO::Select->new($self->{socket})->can_read($left);
    }
}

# Say that nothing more will be sent, and go on reading.
sub shut_writing { $_[0]{socket}->shutdown(1); return $_[0] }

# End the connection; with a reset.
sub close { $_[0]{socket}->close }

sub reset {
    my ($self) = @_;
    setsockopt $self->{socket}, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0;
    $self->{socket}->close;
}

1;
