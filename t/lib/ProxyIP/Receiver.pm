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
# A backend that reads PROXY headers, strictly, with a decoder of its own: what
# is not to the letter is refused and noted.
#
#   my $receiver = ProxyIP::Receiver->new(version => 2)->start;
#   # a request's answer: ProxyIP::Receiver::seen($body)
#   #   {connection => 3, request => 1, version => 2, command => 'PROXY',
#   #    source => '192.0.2.77', sport => 4711, destination => ...,
#   #    tlvs => { 2 => 'example.org' }}
#   is_deeply([$receiver->complaints_of], []);
#   is($receiver->counts->{requests}, 100);
#
# A request that says `X-Client: ADDRESS:PORT` on a connection whose header has
# another source is a complaint, and so is one on a connection without a header.
#
# Options:
#   version      1 or 2: another is a complaint; default either
#   no_header    connections begin without one
#   closes       connections are closed behind so many answers that said nothing
#                of it
#   fails        a connection is closed instead of its request of this number
#                being answered
#   hangs        the request of this number is not answered, nor its
#                connection closed
#   delay        seconds before an answer to a path with `slow` in it
#   holds        a request for a path with `slow` in it is not answered before
#                SIGUSR2 comes
#   notes        headers are noted: headers_of()
#   path         listens on this UNIX socket
#   to           a port on 127.0.0.1 that every connection is handed on to, once
#                its header is read (TLS, HTTP/2, WebSockets)
#
# SIGUSR1 closes all connections that are between two requests.

package ProxyIP::Receiver;

use strict;
use warnings;

use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;
use POSIX ();
use Socket qw(AF_INET6 IPPROTO_TCP SOMAXCONN TCP_NODELAY inet_ntop);
use Time::HiRes qw(sleep time);

use ProxyIP::Header qw(SIGNATURE crc32c);

use parent 'ProxyIP::Process';

sub start {
    my ($self) = @_;
    my $port = $self->{port} // 0;
    my $listener = $self->{path}
        ? IO::Socket::UNIX->new(Local => $self->{path}, Listen => SOMAXCONN)
        : IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port,
            Proto => 'tcp', Listen => SOMAXCONN, ReuseAddr => 1);
    die "receiver: $!\n" if !$listener;
    chmod 0777, $self->{path} if $self->{path};
    $self->{port} = $self->{ports}{''} = $listener->sockport
        if !$self->{path};
    $self->{pid} = fork // die "fork: $!\n";
    return $self if $self->{pid};

    POSIX::setsid();
    $SIG{TERM} = sub { $self->{ends} = 1 };
    $SIG{USR1} = sub { $self->{drops} = 1 };
    $SIG{USR2} = sub { $self->{holds} = 0 };
    $SIG{PIPE} = 'IGNORE';
    eval { $self->serve($listener) };
    $self->complain("died: $@") if $@;
    $self->save_counts;
    POSIX::_exit(0);
}

# What it objected to.
sub complaints_of {
    my ($self) = @_;
    return ProxyIP::Log->new("$self->{root}/complaints")->lines;
}

# Each header that was taken: "v2 PROXY 192.0.2.77 4711 198.51.100.80 443".
sub headers_of {
    my ($self) = @_;
    return ProxyIP::Log->new("$self->{root}/headers")->lines;
}

# Of one that was stopped: {connections}, {requests}, {empty}: connections that
# ended without a byte.
sub counts {
    my ($self) = @_;
    $self->stop;
    my $text = ProxyIP::Log->new("$self->{root}/counts")->text;
    return { $text =~ /^(\w+) (\d+)$/mg };
}

# The answer's text as a hash.
sub seen {
    my ($text) = @_;
    my %seen = $text =~ /^(\w+)=(.*)$/mg;
    my %tlvs = $text =~ /^tlv (\d+) ([0-9a-f]*)$/mg;
    $_ = pack 'H*', $_ for values %tlvs;
    return { %seen, tlvs => \%tlvs };
}

sub complain {
    my ($self, $text) = @_;
    open my $file, '>>', "$self->{root}/complaints" or return;
    print $file "$text\n";
    close $file;
}

sub note_header {
    my ($self, $header) = @_;
    open my $file, '>>', "$self->{root}/headers" or return;
    print $file join(' ', "v$header->{version}", map { $_ // '-' }
        @$header{qw(command source sport destination dport)}), "\n";
    close $file;
}

sub save_counts {
    my ($self) = @_;
    my $counts = $self->{counts};
    open my $file, '>', "$self->{root}/counts" or return;
    print $file "$_ $counts->{$_}\n" for sort keys %$counts;
    close $file;
}

sub serve {
    my ($self, $listener) = @_;
    $self->{counts} = { connections => 0, requests => 0, empty => 0 };
    my $select = $self->{select} = IO::Select->new($listener);
    $self->{open} = {};
    $self->{held} = [];
    until ($self->{ends}) {
        for my $socket ($select->can_read(0.2)) {
            if ($socket == $listener) {
                $self->take($listener);
            }
            elsif (my $connection = $self->{open}{$socket}) {
                $self->read_from($connection);
            }
        }
        $self->drop_idle if delete $self->{drops};
        $self->answer_held if !$self->{holds};
    }
}

sub take {
    my ($self, $listener) = @_;
    my $socket = $listener->accept or return;
    $socket->sockopt(TCP_NODELAY, 1) if !$self->{path};
    $self->{open}{$socket} = { socket => $socket, in => '', requests => 0,
        number => ++$self->{counts}{connections} };
    $self->{open}{$socket}{header} = {} if $self->{no_header};
    $self->{select}->add($socket);
}

sub drop {
    my ($self, $connection) = @_;
    my $socket = $connection->{socket};
    $self->{select}->remove($socket);
    delete $self->{open}{$socket};
    close $socket;
    $self->drop($_) for grep { $_ && $self->{open}{ $_->{socket} } }
        delete $connection->{other};
}

sub drop_idle {
    my ($self) = @_;
    $self->drop($_) for grep { $_->{requests} && $_->{in} eq '' }
        values %{ $self->{open} };
}

sub read_from {
    my ($self, $connection) = @_;
    my $read = sysread $connection->{socket}, $connection->{in}, 65536,
        length $connection->{in};
    if (!$read) {
        $self->{counts}{empty}++
            if !$connection->{header} && $connection->{in} eq '';
        $self->complain("ends within a header: "
                . unpack 'H*', $connection->{in})
            if !$connection->{header} && $connection->{in} ne '';
        return $self->drop($connection);
    }
    if (!$connection->{header}) {
        my $header = eval { $self->decode(\$connection->{in}) };
        if (my $why = $@) {
            chomp $why;
            $self->complain("$why: " . unpack 'H*', $connection->{in});
            return $self->drop($connection);
        }
        return if !$header;
        $connection->{header} = $header;
        $self->note_header($header) if $self->{notes};
    }
    return $self->relay($connection) if $self->{to};
    while ($connection->{in} =~ s/\A(.*?\r\n)\r\n//s) {
        $self->answer($connection, $1) or return $self->drop($connection);
    }
}

# Hand on to the real backend, as bytes.
sub relay {
    my ($self, $connection) = @_;
    my $other = $connection->{other};
    if (!$other) {
        my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
            PeerPort => $self->{to}, Proto => 'tcp')
            or return $self->drop($connection);
        $other = { socket => $socket, in => '', requests => 0, header => {},
            other => $connection };
        $connection->{other} = $other;
        $self->{open}{$socket} = $other;
        $self->{select}->add($socket);
    }
    while (length $connection->{in}) {
        my $written = syswrite $other->{socket}, $connection->{in}
            or return $self->drop($connection);
        substr $connection->{in}, 0, $written, '';
    }
}

sub answer_held {
    my ($self) = @_;
    for (splice @{ $self->{held} }) {
        my ($connection, $head) = @$_;
        next if !$self->{open}{ $connection->{socket} };
        $self->answer($connection, $head) or $self->drop($connection);
    }
}

sub answer {
    my ($self, $connection, $head) = @_;
    if ($self->{holds} && $head =~ m{^GET \S*slow}) {
        push @{ $self->{held} }, [$connection, $head];
        return 1;
    }
    my $header = $connection->{header};
    $self->{counts}{requests}++;
    my $number = ++$connection->{requests};
    for my $way ('fails', 'hangs') {
        next if $number != ($self->{$way} // 0);
        $self->{counts}{$way}++;
        return $way eq 'hangs';
    }
    # What mod_proxy asks with ping=.
    if ($head =~ /^Expect: *100-continue/mi) {
        syswrite $connection->{socket}, "HTTP/1.1 100 Continue\r\n\r\n"
            or return 0;
    }
    my ($length) = $head =~ /^Content-Length: *(\d+)/mi;
    my $body = '';
    if ($length) {
        # Bodies here are short.
        while (length $connection->{in} < $length) {
            sysread $connection->{socket}, $connection->{in}, 65536,
                length $connection->{in} or return 0;
        }
        $body = substr $connection->{in}, 0, $length, '';
    }
    my ($claim) = $head =~ /^X-Client: *(\S+)/mi;
    my $source = "$header->{source}:$header->{sport}" if $header->{source};
    $self->complain("$claim came as " . ($source // 'nobody'))
        if $claim && $claim ne ($source // '') && !$self->{no_header};
    sleep $self->{delay} if $self->{delay} && $head =~ m{^GET \S*slow};
    my $text = join '', "connection=$connection->{number}\n",
        "request=$number\n", "open=" . keys(%{ $self->{open} }) . "\n",
        map({ "$_=$header->{$_}\n" }
            grep { $_ ne 'tlvs' && defined $header->{$_} }
            sort keys %$header),
        map { sprintf "tlv %d %s\n", $_, unpack 'H*', $header->{tlvs}{$_} }
        sort { $a <=> $b } keys %{ $header->{tlvs} // {} };
    $text .= "body=$body\n" if length $body;
    my $ends = $head =~ /^Connection:.*\bclose\b/mi
        || $head !~ m{ HTTP/1\.1\r\n};
    my $answer = join "\r\n", 'HTTP/1.1 200 OK', 'Content-Type: text/plain',
        'Content-Length: ' . length $text,
        $ends ? 'Connection: close' : 'Connection: keep-alive', '', $text;
    my $written = syswrite $connection->{socket}, $answer;
    return 0 if !$written || $ends;
    return !$self->{closes} || $number < $self->{closes};
}

# Take a header off; undef while more is to come; dies of a wrong one.
sub decode {
    my ($self, $in) = @_;
    my $header = $$in =~ /\AP/ ? decode_v1($in) : decode_v2($in);
    die "version $header->{version} is not wanted\n"
        if $header && $self->{version}
        && $self->{version} != $header->{version};
    return $header;
}

my $OCTET = qr/(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]\d|\d)/;
my $PORT  = qr/(?:0|[1-9]\d{0,4})/;
my $HEXES = qr/[0-9a-f:]+(?:(?<=:)$OCTET(?:\.$OCTET){3})?/;

sub decode_v1 {
    my ($in) = @_;
    if ($$in !~ /\r\n/) {
        die "a v1 line too long\n" if length $$in >= 107;
        return undef;
    }
    my ($line) = $$in =~ /\A(.*?\r\n)/s;
    die "a v1 line too long\n" if length $line > 107;
    substr $$in, 0, length $line, '';
    return { version => 1, command => 'UNKNOWN' }
        if $line eq "PROXY UNKNOWN\r\n";
    my $v4 = qr/$OCTET(?:\.$OCTET){3}/;
    my ($src, $dst, $sport, $dport)
        = $line =~ /\APROXY TCP4 ($v4) ($v4) ($PORT) ($PORT)\r\n\z/
        ? ($1, $2, $3, $4)
        : $line =~ /\APROXY TCP6 ($HEXES) ($HEXES) ($PORT) ($PORT)\r\n\z/
        ? ($1, $2, $3, $4) : die "a bad v1 line $line";
    for ($src, $dst) {
        next if !/:/;
        my $bytes = Socket::inet_pton(AF_INET6, $_)
            // die "no address: $_\n";
        $_ = ipv6($bytes);
    }
    die "a port over 65535\n" if $sport > 65535 || $dport > 65535;
    return { version => 1, command => 'PROXY', source => $src,
        destination => $dst, sport => $sport, dport => $dport };
}

sub ipv6 {
    my ($bytes) = @_;
    return join '.', unpack 'x12C4', $bytes
        if substr($bytes, 0, 12) eq "\0" x 10 . "\xff\xff";
    return inet_ntop(AF_INET6, $bytes);
}

sub decode_v2 {
    my ($in) = @_;
    my $have = length $$in < 12 ? length $$in : 12;
    die "no header\n"
        if substr($$in, 0, $have) ne substr SIGNATURE, 0, $have;
    return undef if length $$in < 16;
    my ($command, $family, $length) = unpack 'x12CCn', $$in;
    return undef if length $$in < 16 + $length;
    my $whole = substr $$in, 0, 16 + $length, '';
    my $rest = substr $whole, 16;
    die "a bad command\n" if $command != 0x20 && $command != 0x21;
    my %header = (version => 2,
        command => $command == 0x20 ? 'LOCAL' : 'PROXY');
    if ($command == 0x20) {
        die "LOCAL with a family\n" if $family;
    }
    elsif ($family == 0x11) {
        die "too short\n" if $length < 12;
        my @part = unpack 'a4a4nn', substr $rest, 0, 12, '';
        @header{qw(source destination sport dport)} = (
            map({ join '.', unpack 'C4', $_ } @part[0, 1]), @part[2, 3]);
    }
    elsif ($family == 0x21) {
        die "too short\n" if $length < 36;
        my @part = unpack 'a16a16nn', substr $rest, 0, 36, '';
        @header{qw(source destination sport dport)}
            = (map({ ipv6($_) } @part[0, 1]), @part[2, 3]);
    }
    else {
        die "family $family\n" if $family;
    }
    $header{tlvs} = tlvs($rest, $whole);
    return \%header;
}

# Each type once, each length as its type has it, the checksum right.
sub tlvs {
    my ($rest, $whole) = @_;
    my %tlvs;
    while (length $rest) {
        die "a stray byte behind the TLVs\n" if length $rest < 3;
        my ($type, $length) = unpack 'Cn', substr $rest, 0, 3, '';
        die "TLV $type is too long\n" if length $rest < $length;
        die "TLV $type twice\n" if exists $tlvs{$type};
        $tlvs{$type} = substr $rest, 0, $length, '';
        die "TLV $type is empty\n" if !$length && $type != 4;
        die "a checksum of $length bytes\n" if $type == 3 && $length != 4;
        die "a unique id of $length bytes\n" if $type == 5 && $length > 128;
        die "an SSL TLV of $length bytes\n" if $type == 0x20 && $length < 5;
        if ($type == 3) {
            my $at = length($whole) - length($rest) - 4;
            my $zeroed = $whole;
            substr $zeroed, $at, 4, "\0" x 4;
            die "a wrong checksum\n"
                if crc32c($zeroed) != unpack 'N', $tlvs{3};
        }
    }
    ssl_subs($tlvs{32}) if exists $tlvs{32};
    return \%tlvs;
}

sub ssl_subs {
    my ($rest) = @_;
    substr $rest, 0, 5, '';
    my %seen;
    while (length $rest) {
        die "a stray byte within SSL\n" if length $rest < 3;
        my ($type, $length) = unpack 'Cn', substr $rest, 0, 3, '';
        die "SSL's TLV $type is too long\n" if length $rest < $length;
        die "SSL's TLV $type twice\n" if $seen{$type}++;
        substr $rest, 0, $length, '';
    }
    die "SSL without its version\n" if !$seen{0x21};
}

1;
