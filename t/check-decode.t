# proxyip-check decode: what headers say, right ones, wrong ones and parts of
# them, and what follows.

use strict;
use warnings;

use Test::More;

use ProxyIP::Check qw(check);
use ProxyIP::Header qw(v1 v2 tlv ssl_tlv crc32c flip SIGNATURE
    NLB_HEALTH_CHECK CLIENT CLIENT6);
use ProxyIP::Httpd;

plan skip_all => 'without a server: once is enough'
    if ProxyIP::Httpd::mpm() ne 'event';

my @v6 = (src => CLIENT6, dst => '2001:db8::80');

# decode BYTES, ARGUMENT...: from standard input.
sub decode {
    my ($bytes, @arguments) = @_;
    my $run = check({ input => $bytes }, 'decode', @arguments);
    unlike($run->{out}, qr/[^\x20-\x7e\n]/, 'no raw bytes') if length $bytes;
    return $run;
}

# The whole output, once.
my $ssl = ssl_tlv(client => 0x07, verify => 0, subs => [
    tlv(0x21 => 'TLSv1.3'), tlv(0x22 => 'Al ice'), tlv(0x28 => "\x30\0"),
    tlv(0x2f => 'x')]);
my $bytes = v2(crc => 1, tlvs => [tlv(0x01 => 'h2'), tlv(0x02 => "a\0\\b"),
    tlv(0x05 => "\1\2"), $ssl, tlv(0x30 => 'blue'), tlv(0xEA => "\1vpce-1"),
    tlv(0xEE => "\1" . pack 'V', 0x89abcdef), tlv(0xEE => "\2abcd"),
    tlv(0xE0 => pack 'H*', '8000000000000001'), tlv(0xF1 => 'ab'),
    tlv(0x04 => "\0\0"), tlv(0x77 => '')]);
my $crc = sprintf '%08x', unpack 'N', substr $bytes, -4;
my $run = decode($bytes . "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
is($run->{out}, <<"EOT", 'every field and TLV');
result          right: a v2 header of 145 bytes
    12  version         2
    12  command         PROXY
    13  transport       TCP4 (0x11)
    14  length          129, so 145 bytes in all
    16  source          192.0.2.77:4711
    20  destination     198.51.100.80:443
    28  ALPN            0x01, 2 bytes: h2
    33  AUTHORITY       0x02, 4 bytes: a\\x00\\x5cb
    40  UNIQUE_ID       0x05, 2 bytes: 0x0102
    45  SSL             0x20, 33 bytes
    48    client bits     0x07: TLS, certificate on this connection, @{[
      ]}certificate in this TLS session
    49    SSL_VERIFY      SUCCESS (verify is 0)
    53    SSL_VERSION     0x21, 7 bytes: TLSv1.3
    63    SSL_CN          0x22, 6 bytes: Al ice
    72    SSL_CLIENT_CERT 0x28, 2 bytes: 0x3000
    77    TLV_2F          0x2F, 1 byte: 0x78
    81  NETNS           0x30, 4 bytes: blue
    88  AWS_VPCE_ID     0xEA, 7 bytes: vpce-1
    98  AZURE_LINK_ID   0xEE, 5 bytes: 2309737967
   106  AZURE_LINK_ID   0xEE, 5 bytes: 0x0261626364 (not an identifier @{[
      ]}known here)
   114  GCP_PSC_ID      0xE0, 8 bytes: 9223372036854775809
   125  TLV_F1          0xF1, 2 bytes: 0x6162 = ab
   130  NOOP            0x04, 2 bytes: padding
   135  TLV_77          0x77, 0 bytes
   138  CRC32C          0x03, 4 bytes: 0x$crc
checksum        right
client          192.0.2.77 port 4711
follows         27 bytes, an HTTP request: GET / HTTP/1.1
bytes           GET / HTTP/1.1\\x0d\\x0aHost: a\\x0d\\x0a\\x0d\\x0a
EOT
is($run->{status}, 0, '... status');

# Right headers: [name, bytes, fields].
my @right = (
    ['v1', v1(), { result => 'right: a v1 header of 46 bytes', version => 1,
        transport => 'TCP4', source => CLIENT, destination => '198.51.100.80',
        'source port' => 4711, 'dest. port' => 443, checksum => 'none',
        client => '192.0.2.77 port 4711', follows => 'nothing' }],
    ['v1 IPv6', v1(@v6), { transport => 'TCP6', source => CLIENT6,
        client => '2001:db8::77 port 4711' }],
    ['v1 UNKNOWN', "PROXY UNKNOWN what ever\r\n", { transport => 'UNKNOWN',
        skipped => ' what ever',
        client => q(the socket's own peer: UNKNOWN names no client) }],
    ['v2 IPv6', v2(@v6), { transport => 'TCP6 (0x21)',
        source => '[2001:db8::77]:4711', destination => '[2001:db8::80]:443' }],
    ['v2 mapped', v2(family => 'INET6'), {
        source => '192.0.2.77:4711 (written as IPv4-mapped IPv6)' }],
    ['v2 datagram', v2(transport => 'DGRAM'), { transport => 'UDP4 (0x12)' }],
    ['v2 UNIX', v2(src => '/run/a b', dst => ''), { source => '/run/a b',
        destination => '(no path)', transport => 'UNIX (0x31)',
        client => q(the socket's own peer: UNIX names no client) }],
    ['v2 UNSPEC', v2(family => 'UNSPEC', tlvs => [tlv(2 => 'a')]), {
        transport => 'UNKNOWN (0x00)', AUTHORITY => '0x02, 1 byte: a',
        client => q(the socket's own peer: UNSPEC names no client) }],
    ['v2 UNSPEC without TLVs', v2(family => 'UNSPEC', block => 'ab'), {
        skipped => '2 bytes: 0x6162', checksum => 'none' }],
    ['LOCAL', v2(command => 'LOCAL'), { command => 'LOCAL', length =>
        '0, so 16 bytes in all' }],
    ['LOCAL with nonsense', v2(command => 'LOCAL', family => 0xF,
        transport => 0xF, block => "\xff" x 7), { skipped =>
        '7 bytes: 0xffffffffffffff' }],
    ['NLB health check', NLB_HEALTH_CHECK, { checksum => 'right',
        transport => 'TCP4 (0x11, of no meaning in LOCAL)',
        NOOP => '0x04, 74 bytes: padding', client =>
        q(the socket's own peer: LOCAL names no client) }],
    ['no certificate', v2(tlvs => [ssl_tlv(verify => 7)]), { SSL_VERIFY =>
        'NONE (verify is 7)', 'client bits' => '0x01: TLS' }],
    ['failed certificate', v2(tlvs => [ssl_tlv(client => 3, verify => 7)]), {
        SSL_VERIFY => 'FAILED:7 (verify is 7)' }],
    ['SSL TLV without TLS', v2(tlvs => [ssl_tlv(client => 0)]), {
        'client bits' => '0x00: no TLS' }],
    ['largest', v2(tlvs => [tlv(4 => 'n' x 65520)]), {
        result => 'right: a v2 header of 65551 bytes',
        note => q(larger than ProxyIPMaxHeader's default, 4096) }],
);
for my $case (@right) {
    my ($name, $header, $fields) = @$case;
    my $run = decode($header);
    is($run->{status}, 0, "$name: status");
    is_deeply({ map { $_ => $run->{fields}{$_} } keys %$fields }, $fields,
        "$name: fields");
    is($run->{err}, '', "$name: no complaint");
}

# Wrong ones: [name, bytes, result without `bad: `, further fields].
my $tlvs_at = 28;
my $mismatch = v2(crc => 'bad', tlvs => [tlv(2 => 'a.example')]);
my $is = unpack 'N', substr $mismatch, -4;
my @bad = (
    ['v1 source', v1(src => '192.0.02.77'), 'v1 source is not an address of'
        . ' the stated family, at byte 12 (offset 11); found at byte 47',
        { source => '192.0.02.77', 'source port' => 4711,
          'near it' => 'PROXY TCP4  >1< 92.0.02.77 1' }],
    ['v1 destination', v1(dst => '1.2.3'), 'v1 destination is not an address'
        . ' of the stated family, at byte 23 (offset 22); found at byte 38',
        {}],
    ['v1 port', v1(dport => 65536), 'v1 port is not a number from 0 to 65535,'
        . ' at byte 42 (offset 41); found at byte 48',
        { 'dest. port' => 65536 }],
    ['v1 first port', v1(sport => '04711'), 'v1 port is not a number from 0'
        . ' to 65535, at byte 37 (offset 36); found at byte 47', {}],
    ['v1 LF', v1(end => "\n"), 'v1 line does not end in CRLF, at byte 45'
        . ' (offset 44)', { 'dest. port' => 443 }],
    ['v1 seven fields', v1(end => " 7\r\n"), 'v1 line does not have six'
        . ' fields with one space between them, at byte 48 (offset 47)',
        { 'too many' => 7 }],
    ['v2 version', v2(version => 3), 'v2 signature with a version other than'
        . ' 2, at byte 13 (offset 12)', { version => '3 (undefined)',
        source => '192.0.2.77:4711' }],
    ['v2 command', v2(command => 2), 'v2 command is neither LOCAL nor PROXY,'
        . ' at byte 13 (offset 12)', { command => '2 (undefined)' }],
    ['v2 family', v2(family => 4, block => 'x' x 36), 'v2 address family is'
        . ' undefined, at byte 14 (offset 13)', { transport =>
        'undefined (0x41)' }],
    ['v2 too short', v2(block => 'x' x 11), 'v2 length is too short for the'
        . ' addresses, at byte 16 (offset 15)', {}],
    ['TLV overrun', v2(tlvs => [tlv(1 => 'h2'), tlv(2 => 'abc', 4)]),
        'a TLV is longer than the header, at byte 34 (offset 33);'
        . ' found at byte 39', { ALPN => '0x01, 2 bytes: h2',
        'no TLV' => '6 bytes: 0x020004616263' }],
    ['TLV stray', v2(tlvs => [tlv(1 => 'h2')], tail => 'x'),
        'stray bytes after the last TLV, at byte 34 (offset 33)',
        { 'no TLV' => '1 byte: 0x78' }],
    ['unique id', v2(tlvs => [tlv(1 => ''), tlv(5 => 'x' x 129)]),
        'the unique id is longer than 128 bytes, at byte 32 (offset 31);'
        . ' found at byte 163', {}],
    ['checksum twice', v2(crc => 1, tlvs => [tlv(3 => 'abcd')]),
        'the CRC32C TLV comes twice, at byte 36 (offset 35);'
        . ' found at byte 42', {}],
    ['checksum wrong', $mismatch, 'the CRC32C checksum is wrong, at byte 44'
        . ' (offset 43); found at byte 47', { checksum => sprintf(
            'WRONG: computed 0x%08x but 0x%08x is written', $is ^ 1, $is),
        AUTHORITY => '0x02, 9 bytes: a.example',
        source => '192.0.2.77:4711' }],
);
for my $case (@bad) {
    my ($name, $header, $result, $fields) = @$case;
    my $run = decode($header . "GET / HTTP/1.1\r\n");
    is($run->{status}, 1, "$name: status");
    is($run->{fields}{result}, "bad: $result", "$name: result");
    is_deeply({ map { $_ => $run->{fields}{$_} } keys %$fields }, $fields,
        "$name: fields");
}

# What is wrong inside the SSL TLV is shown, and refuses nothing.
for my $case (
    ['SSL short', tlv(0x20 => 'abcd'), { SSL => '0x20, 4 bytes',
        unreadable => 'under 5 bytes: it makes no facts' }],
    ['SSL empty', tlv(0x20 => ''), { SSL => '0x20, 0 bytes',
        unreadable => 'under 5 bytes: it makes no facts' }],
    ['SSL overrun', ssl_tlv(subs => [tlv(0x21 => 'a', 2)]),
        { 'no sub-TLV' => '21000261' }],
) {
    my ($name, $tlv, $fields) = @$case;
    my $run = decode(v2(tlvs => [$tlv, tlv(2 => 'a.example')]));
    is($run->{status}, 0, "$name: status");
    like($run->{fields}{result}, qr/^right: /, "$name: result");
    is_deeply({ map { $_ => $run->{fields}{$_} } keys %$fields }, $fields,
        "$name: fields");
    like($run->{fields}{AUTHORITY}, qr/a\.example/, "$name: what follows it");
}

# Every beginning of a header, and what can be read of it.
for my $header (v1(), v2(crc => 1, tlvs => [tlv(2 => 'a'), $ssl])) {
    my @wrong = grep {
        my $run = check({ input => substr $header, 0, $_ }, 'decode');
        $run->{status} ne '1' || $run->{fields}{result}
            !~ /^incomplete: $_ bytes? came, at least \d+ are needed$/;
    } 1 .. length($header) - 1;
    is("@wrong", '', 'each part of ' . length($header) . ' bytes');
}
$run = decode(substr v2(tlvs => [tlv(2 => 'a'), tlv(1 => 'h2')]), 0, 35);
is($run->{fields}{AUTHORITY}, '0x02, 1 byte: a', 'cut off: a TLV before');
is($run->{fields}{'cut off'}, '3 bytes: 0x010002', 'cut off: the rest');
is($run->{fields}{checksum}, 'not known: the header is not whole',
    'cut off: checksum');

# No header at all.
my $hello = pack('Cnn', 22, 0x0301, 4 + 2 + 32 + 1 + 4 + 2 + 2 + 18)
    . pack('Cxn', 1, 61) . "\3\3" . 'r' x 32 . "\0" . pack('nn', 2, 0x1301)
    . "\1\0" . pack('n', 18) . pack('nnnCn', 0, 14, 12, 0, 9) . 'a.example';
for my $case (
    ["GET /x HTTP/1.1\r\n\r\n", 'an HTTP request: GET /x HTTP/1.1',
     qr/^the sender sends no PROXY header$/],
    ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", q(HTTP/2's preface),
     qr/sends no PROXY header$/],
    [$hello, 'a TLS handshake for a.example', qr/inside TLS/],
    [substr($hello, 0, 20), 'a TLS handshake', qr/inside TLS/],
    ["SSH-2.0-x\r\n", 'SSH: SSH-2.0-x', qr/no PROXY header/],
    ["proxy TCP4 1.2.3.4 1.2.3.4 1 1\r\n", 'PROXY not in capitals',
     qr/in capitals/],
    ["\xff\0", 'unknown bytes', qr/first/],
    ['', 'nothing', qr/^nothing came$/],
) {
    my ($bytes, $looks, $meaning) = @$case;
    my $run = decode($bytes);
    is($run->{status}, 1, "$looks: status");
    is($run->{fields}{result}, length $bytes ? 'no PROXY header'
        : 'incomplete: 0 bytes came, at least 15 are needed',
        "$looks: result");
    is($run->{fields}{'looks like'}, $looks, "$looks: what it looks like");
    like($run->{fields}{meaning}, $meaning, "$looks: what that means");
}

# What follows a header.
for my $case ([$hello, 'a TLS handshake for a.example', 0],
    ["\x16\3\1\2\0\1", 'a TLS handshake', 0], ['x', 'unknown bytes', 0],
    [v2(), 'a v2 PROXY header', 1]) {
    my ($payload, $what, $status) = @$case;
    my $run = decode(v1() . $payload);
    like($run->{fields}{follows}, qr/bytes?, \Q$what\E$/, "then $what");
    is($run->{status}, $status, "then $what: status");
}
$run = decode(v1() . v2(src => '192.0.2.9'));
like($run->{out}, qr/^second header: two hops each add one; mod_proxyip takes/m,
    'a second header');
like($run->{out} =~ s/.*second header//sr,
    qr/^result +right: a v2 header .*^ +16 +source +192\.0\.2\.9:4711$/ms,
    '... and what it says');

# The same bytes in other forms.
my $header = v2(tlvs => [tlv(2 => 'a b')]);
my $same = decode($header)->{out};
my $hex = unpack 'H*', $header;
my $file = File::Temp->new;
print $file $header;
$file->flush;
is(check('decode', $file->filename)->{out}, $same, 'a file');
is(decode($header, '-')->{out}, $same, '-');
is(check('decode', '--hex', $hex)->{out}, $same, '--hex');
is(check('decode', "--hex=\U$hex")->{out}, $same, '--hex=, in capitals');
is(check('decode', '--hex', join ' ', $hex =~ /(..)/g)->{out}, $same,
    '... with blanks');
is(check('decode', '--hex', join ':', $hex =~ /(..)/g)->{out}, $same,
    '... with colons');
is(check('decode', '--hex', join ', ', map { "0x$_" } $hex =~ /(..)/g)->{out},
    $same, '... as in C');
is(check({ input => join "\n", $hex =~ /(.{1,60})/g, '' }, 'decode', '--hex',
    '-')->{out}, $same, '... from standard input');
my $log = $header =~ s/([^ !#-\[\]-~])/sprintf '%%%02x', ord $1/gers;
is(check('decode', '--log', $log)->{out}, $same, '--log');
is(check({ input => "$log\n" }, 'decode', '--log', '-')->{out}, $same,
    '... from standard input');

# The receiver's rules.
for my $case (
    [v1(), ['--formats', 'v2'], 1, 'version not accepted'],
    [v1(), ['--formats', 'v1'], 0, ''], [v2(), ['--formats=v1,v2'], 0, ''],
    [v2(), ['--formats', 'v1'], 1, 'version not accepted'],
    [v2(tlvs => [tlv(4 => 'n' x 229)]), ['--max-header', 260], 0, ''],
    [v2(tlvs => [tlv(4 => 'n' x 230)]), ['--max-header', 260], 1,
     'larger than accepted'],
    [v2(), ['--checksum', 'require'], 1, 'checksum is missing'],
    [v2(), ['--checksum', 'verify'], 0, ''],
    [v2(crc => 1), ['--checksum', 'require'], 0, ''],
) {
    my ($bytes, $arguments, $status, $text) = @$case;
    my $run = decode($bytes, @$arguments);
    is($run->{status}, $status, "@$arguments: status");
    like($run->{fields}{result}, qr/\Q$text\E/, "@$arguments: result");
}

# Wrong usage: what is wrong, and what would be right.
for my $case (
    [['--hex', 'abc'], qr/--hex: accepted is hex digits in pairs/],
    [['--log', 'a%0'], qr/--log: accepted is text in which two hex digits/],
    [['--formats', 'v3'], qr/--formats 'v3': accepted is v1, v2, or v1,v2/],
    [['--max-header', '231'], qr/--max-header '231': accepted.*232 to 65551/],
    [['--max-header', '+300'], qr/--max-header '\+300'/],
    [['--max-header', '99999999999999999999'], qr/accepted is a number/],
    [['--checksum', 'no'], qr/--checksum 'no': accepted is verify or require/],
    [['--checksum'], qr/--checksum: its value is missing/],
    [['--help=x'], qr/takes no value/],
    [['--what'], qr/--what: no such option/],
    [['-x'], qr/-x: no such option/],
    [['a', 'b'], qr/'b': accepted is one file only/],
    [['a', '--hex', '00'], qr/one of FILE, --hex and --log/],
    [['/nowhere/at/all'], qr{/nowhere/at/all: No such file}],
    [['/'], qr{/: Is a directory}],
) {
    my ($arguments, $message) = @$case;
    my $run = check('decode', @$arguments);
    is($run->{status}, 2, "@$arguments: status");
    like($run->{err}, $message, "@$arguments: message");
    is($run->{out}, '', "@$arguments: no output");
}
for my $arguments ([], ['what'], ['--what']) {
    my $run = check(@$arguments);
    is($run->{status}, 2, "proxyip-check @$arguments: status");
    like($run->{err}, qr/usage|accepted is decode, send, probe or listen/,
        "proxyip-check @$arguments: message");
}
for my $command ([], ['decode'], ['send'], ['probe'], ['listen']) {
    my $run = check(@$command, '--help');
    is($run->{status}, 0, "@$command --help: status");
    like($run->{out}, qr/^usage: proxyip-check @$command/, '... text');
}
like(check('--version')->{out}, qr/^proxyip-check \d/, '--version');

# Whatever comes, it ends with a status of its own.
my @seeds = (v1(), v1(@v6), $bytes, v2(@v6), NLB_HEALTH_CHECK, v2() . $hello,
    v2(src => '/a', dst => '/b'));
srand 7;
my %statuses;
for my $round (1 .. 300) {
    my $bytes = $seeds[$round % @seeds];
    $bytes = flip($bytes, int rand length $bytes, int rand 8)
        for 0 .. rand 4;
    $bytes = substr $bytes, 0, rand length $bytes if $round % 3 == 0;
    my $status = check({ input => $bytes }, 'decode')->{status};
    $statuses{$status}++;
    diag(unpack 'H*', $bytes) if $status !~ /^[01]$/;
}
is(join(' ', sort keys %statuses), '0 1', 'mutations: right or not');

done_testing;
