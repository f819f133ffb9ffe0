# proxyip-check decode: one and the same header in each form that people paste,
# and what is no header in none of them.

use strict;
use warnings;

use Test::More;

use ProxyIP::Check qw(check);
use ProxyIP::Client;
use ProxyIP::Header qw(v1 v2 tlv NLB_HEALTH_CHECK);
use ProxyIP::Httpd;
use ProxyIP::Log;
use ProxyIP::Process;
use ProxyIP::Server;

plan skip_all => 'the MPM makes no difference: done with event'
    if ProxyIP::Httpd::mpm() ne 'event';

my $place = ProxyIP::Process->new;

# What decode says, without the line that names the form, and that name.
sub decode {
    my ($input, @arguments) = @_;
    my $run = check({ input => $input }, 'decode', @arguments);
    my ($form) = $run->{out} =~ s/\Aread as +(.*)\n// ? $1 : 'bytes';
    return ($run->{out}, $form, $run);
}

# -- The forms, made here ----------------------------------------------------

sub lines {
    my ($bytes, $line) = @_;
    my ($out, $at) = ('', 0);
    for my $part ($bytes =~ /(.{1,16})/gs) {
        $out .= $line->($at, $part, $part =~ s/[^ -~]/./gr);
        $at += length $part;
    }
    return ($out, $at);
}

sub hex_of { return join $_[1], unpack('H*', $_[0]) =~ /(.{1,$_[2]})/g }

# The same lines once more become one `*`.
sub squeezed {
    my ($out, $text) = @_;
    my ($last, $result, $was) = ('', '', 0);
    for my $line (split /^/, $out) {
        my $same = substr($line, 10) eq $last;
        $result .= $line if !$same;
        $result .= "*\n" if $same && !$was;
        ($last, $was) = (substr($line, 10), $same);
    }
    return $result . $text;
}

sub xxd {
    my ($out) = lines($_[0], sub { sprintf "%08x: %-39s  %s\n", $_[0],
        hex_of($_[1], ' ', 4), $_[2] });
    return $out;
}

sub hexdump {
    my ($out, $at) = lines($_[0], sub { sprintf "%08x  %-48s  |%s|\n", $_[0],
        hex_of(substr($_[1], 0, 8), ' ', 2) . '  '
        . (length $_[1] > 8 ? hex_of(substr($_[1], 8), ' ', 2) : ''), $_[2] });
    return squeezed($out, sprintf "%08x\n", $at);
}

sub od {
    my ($out, $at) = lines($_[0], sub { sprintf "%08x %-47s  >%s<\n", $_[0],
        hex_of($_[1], ' ', 2), $_[2] });
    return squeezed($out, sprintf "%08x\n", $at) =~ s/^00//mgr;
}

# Packets as tcpdump prints them: [from the client?, payload, options].
sub packets {
    my ($version, @packets) = @_;
    my %next = (0 => 1000, 1 => 0xfffffff0);
    my @all;
    for (@packets) {
        my ($from_client, $payload, $again) = @$_;
        my @ends = ([192, 0, 2, 77], [10, 0, 0, 5]);
        my @ports = (4711, 80);
        my $number = $next{$from_client};
        $number = ($number - $again) & 0xffffffff if $again;
        @ends = reverse @ends if !$from_client;
        @ports = reverse @ports if !$from_client;
        my $tcp = pack('nnNN', @ports, $number, 7) . pack('CCnnn', 8 << 4,
            0x18, 512, 0, 0) . "\1\1\10\12" . 'ts-and-s' . $payload;
        push @all, $version == 4
            ? pack('CCnnnCCna4a4', 0x46, 0, 24 + length $tcp, 1, 0x4000, 64, 6,
                0, map { pack 'C4', @$_ } @ends) . "\x94\4\0\0" . $tcp
            : pack('Nnccx15ax15a', 6 << 28, 8 + length $tcp, 0, 64,
                map { chr $_->[3] } @ends) . "\6\0\1\4\0\0\0\0" . $tcp;
        $next{$from_client} = ($next{$from_client} + length $payload)
            & 0xffffffff if !$again;
    }
    return @all;
}

sub tcpdump {
    my ($with_text, @packets) = @_;
    my $out = '';
    for my $packet (@packets) {
        $out .= "10:00:00.000001 IP 192.0.2.77.4711 > 10.0.0.5.80: Flags [P.],"
            . " length 28\n";
        my ($text) = lines($packet, sub { sprintf("\t0x%04x:  ", $_[0])
            . ($with_text ? sprintf '%-39s  %s', hex_of($_[1], ' ', 4), $_[2]
                          : hex_of($_[1], ' ', 4)) . "\n" });
        $out .= $text;
    }
    return $out;
}

sub escaped { return $_[0] =~ s/([^ !#-\[\]-~])/sprintf '\\x%02x', ord $1/gers }

sub percent {
    return $_[0] =~ s/([^ !#\$&-\[\]-~])/sprintf '%%%02x', ord $1/gers;
}

# As C and Go have their short ones.
sub letters {
    my %letter = ("\r" => '\r', "\n" => '\n', "\0" => '\0', "\t" => '\t');
    return $_[0] =~ s/([\r\n\t]|\0(?![0-7]))/$letter{$1}/gr
        =~ s/([^ !#-~])/sprintf '\\%03o', ord $1/gers;
}

# -- Each gives the same answer ----------------------------------------------

my $request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
my @headers = (
    [v1 => v1()], ['v1 and a request' => v1() . $request],
    [v2 => v2(crc => 1, tlvs => [tlv(2 => 'a "b'), tlv(5 => "\0\1\377|<>")])],
    ['v2 and a request' => v2(src => '2001:db8::1', dst => '2001:db8::2')
        . $request],
    ['health check' => NLB_HEALTH_CHECK],
    ['a bad one' => v2(command => 2, tlvs => [tlv(2 => 'a')])],
    ['part of one' => substr v2(tlvs => [tlv(2 => 'abc')]), 0, 30],
    ['no header' => "\x16\3\1\2\0\1\0\1\xfc\3\3"],
);
for my $case (@headers) {
    my ($name, $bytes) = @$case;
    my ($want, $form) = decode($bytes);
    is($form, 'bytes', "$name: as it is");
    my @bytes = unpack 'C*', $bytes;
    my $hex = unpack 'H*', $bytes;
    my $list = join ', ', map { sprintf '0x%02x', $_ } @bytes;
    my $client = [1, substr $bytes, 0, 9];
    my $more = [1, substr $bytes, 9];
    my @tcp = ([0, ''], [1, ''], $client, [0, 'what the server says'],
        [1, substr($bytes, 0, 9), 9], $more);
    my @forms = (
        ['hex', $hex, 'hex'], ['hex, in lines', $hex =~ s/.{1,60}/$&\n/gr,
            'hex'], ['hex with blanks', hex_of($bytes, ' ', 2), 'hex'],
        ['hex with colons', uc hex_of($bytes, ':', 2), 'hex'],
        ['xxd', xxd($bytes), 'xxd'],
        ['hexdump -C', hexdump($bytes), 'hexdump -C'],
        ['od -A x -t x1z', od($bytes), 'od'],
        ['od -A x -t x1', od($bytes) =~ s/ *>.*<$//mgr, 'od'],
        ['behind a prompt', "\$ xxd header.bin\n" . xxd($bytes), 'xxd'],
        ['with CRLF', xxd($bytes) =~ s/\n/\r\n/gr, 'xxd'],
        ['xxd -i', "unsigned char header_bin[] = {\n  "
            . $list =~ s/(.{70}) /$1\n  /gr . "\n};\n"
            . 'unsigned int header_bin_len = ' . @bytes . ";\n",
         'a list of bytes'],
        ['xxd -i of standard input', "  $list\n", 'a list of bytes'],
        ['tcpdump -x', tcpdump(0, packets(4, @tcp)), 'tcpdump'],
        ['tcpdump -X', tcpdump(1, packets(4, @tcp)), 'tcpdump'],
        ['tcpdump -X, IPv6', tcpdump(1, packets(6, @tcp)), 'tcpdump'],
        ['tcpdump -xx', tcpdump(0, map { 'x' x 12 . "\10\0" . $_ . "\0\0" }
            packets(4, @tcp)), 'tcpdump'],
        ['a Go slice', sprintf('%s{%s}', '[]byte', join ', ',
            map { sprintf '0x%x', $_ } @bytes), 'a list of bytes'],
        ['a module\'s trace', join('', map { my $at = $_;
            my $end = $at + 20 > @bytes ? $#bytes : $at + 19;
            "[Sun Nov 29 08:46:25.083853 2026] [proxyip:trace4] [pid 1:tid 2]"
            . " f.c(549): [client 127.0.0.1:5] whole header, bytes $at to $end"
            . ' of ' . @bytes . ' from peer [2001:db8::1]:57020: '
            . unpack('H*', substr $bytes, $at, 20) . "\n" }
            grep { $_ % 20 == 0 } 0 .. $#bytes), 'a trace of mod_proxyip'],
    );
    # Texts, of which only what is meant as a header is taken.
    push @forms, (
        ['a C string', qq(char header[] = ") . escaped($bytes) . '";',
         'a string'],
        ['a C string in pieces', join("\n    ", map { '"' . escaped($_) . '"' }
            $bytes =~ /(.{1,10})/gs), 'a string'],
        ['a C string, octal', '"' . letters($bytes) =~ s/"/\\"/gr . '"',
         'a string'],
        ['a Python string', q(b') . escaped($bytes) . q('), 'a string'],
        ['escapes alone', escaped($bytes), 'a string'],
        ['a Go slice, decimal', '[' . join(' ', @bytes) . ']',
         'a list of bytes'],
        ['a C array with characters', '{' . join(',', map { /[A-Z]/ ? "'$_'"
            : ord } split //, $bytes) . '}', 'a list of bytes'],
        ['percent signs', percent($bytes), 'a log line of mod_proxyip'],
        ['a line of the module', '[proxyip:error] PIP0022: closed: bad PROXY'
            . ' header: x, found at offset 1; bytes so far "' . percent($bytes)
            . '"; peer 127.0.0.1:1 (ProxyIPPeer require 127.0.0.0/24 at'
            . ' /x:111)', 'a log line of mod_proxyip'],
        [q(nginx's error log), '2026/11/29 08:48:24 [error] 1#1: *7 broken'
            . qq( header: "$bytes" while reading PROXY protocol, client:)
            . " 127.0.0.1, server: 127.0.0.1:80\n", 'a log line of nginx'],
    ) if $name ne 'no header';
    for (@forms) {
        my ($what, $text, $want_form) = @$_;
        my ($out, $form) = decode($text);
        is($out, $want, "$name, $what") or diag($text);
        is($form, $want_form, '... is told apart');
    }
    # Where no file has that name.
    my $run = check('decode', $hex);
    is($run->{out} =~ s/\Aread as +hex\n//r, $want, "$name, as an argument");
}

# What the programs themselves print, where they are.
my $bytes = NLB_HEALTH_CHECK . $request;
my $file = $place->write_file('header.bin', $bytes);
my ($want) = decode($bytes);
for my $command ('xxd', 'xxd -a', 'xxd -u -g 1', 'xxd -p', 'xxd -i',
    'hexdump -C', 'od -A x -t x1z', 'od -A x -t x1') {
    SKIP: {
        my ($program) = split / /, $command;
        skip "no $program", 1 if !$place->find($program);
        my ($out) = decode(scalar `$command $file`);
        is($out, $want, "$command itself");
    }
}

# httpd's access log, as it is, of a listener that takes no headers: of the line
# it has the first three words.
my $server = ProxyIP::Server->new(config => <<'EOC')->start;
LogFormat "%h %l %u %t \"%r\" %>s %b \"%{Referer}i\" \"%{User-Agent}i\"" own
CustomLog @root@/own.log own
EOC
ProxyIP::Client->new(port => $server->port)->send(v1() . $request)->ending(5);
my $log = ProxyIP::Log->new($server->root . '/own.log');
my $line = $log->wait_for(qr/PROXY/, 5) // '';
my ($out, $form) = decode($line);
is($out, (decode('PROXY TCP4 192.0.2.77'))[0], q(httpd's access log))
    or diag($line);
is($form, 'a log line', '... is told apart');
($out) = decode('127.0.0.1 - - [29/Nov/2026:08:48:24 +0000] "PROXY UNKNOWN x"'
    . ' 400 157 "-" "-"');
is($out, (decode("PROXY UNKNOWN x\r\n"))[0], q(nginx's access log));
($out) = decode('2026/11/29 08:48:24 [info] 1#1: *1 client sent invalid'
    . ' request while reading client request line, client: 127.0.0.1, server:'
    . ' , request: "PROXY TCP4 192.0.2.77 198.51.100.80 4711 443"');
is($out, (decode(v1()))[0], q(nginx's error log, a request));
($out) = decode('PIP0026: closed: x; first 32 bytes "PROXY TCP4 192.0.2.77'
    . ' 198.51.100"; peer');
like($out, qr/^result +incomplete: 32 bytes came/,
    'the beginning of a header in the module\'s line stays one');

($out, $form) = decode('PIP0021: closed: no PROXY header came, but one is'
    . ' required; first 32 bytes "GET / HTTP/1.1%0d%0aHost: a%22"; peer x');
like($out, qr/^looks like +an HTTP request: GET/m,
    'what is no header in the module\'s line');
is($form, 'a log line of mod_proxyip', '... is told apart');

# What is no header is taken as it is, whatever it holds.
for my $text ("GET / HTTP/1.1\r\nX: \"PROXY \"\r\n\r\n[1, 2]", "hello\n",
    '{"a": [1, 2]}', "SSH-2.0-x\r\n") {
    my ($out, $form) = decode($text);
    is($form, 'bytes', 'as it is: ' . $text =~ s/\r\n/./gr);
}
# A v1 line with what could be escapes is itself.
($out, $form) = decode("PROXY UNKNOWN %41 100%\r\n");
is($form, 'bytes', 'percent signs in a v1 line');
like($out, qr/^ +13  skipped +%41 100%$/m, '... are what they are');

# Capture files are tshark's.
for my $case (['d4c3b2a1', 'pcap'], ['a1b2c3d4', 'pcap'],
    ['4d3cb2a1', 'pcap'], ['a1b23c4d', 'pcap'], ['0a0d0d0a', 'pcapng']) {
    my ($magic, $form) = @$case;
    my $capture = $place->write_file("a capture.$magic",
        pack('H*', $magic) . "\0" x 60);
    my $run = check('decode', $capture);
    is($run->{status}, 2, "$form, $magic: status");
    like($run->{err}, qr/a capture file \($form\)/, "$form, $magic: its name");
    my ($command) = $run->{err} =~ /^  (tshark.*)$/m;
    is($command, 'tshark -r ' . "'$capture'" . q( -Y 'tcp.len > 0')
        . ' -T fields -e tcp.payload | head -n 1 | proxyip-check decode',
        "$form, $magic: the command");
    is($run->{out}, '', "$form, $magic: nothing else");
}

done_testing;
