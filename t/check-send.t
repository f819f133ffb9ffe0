# proxyip-check send: each option as httpd sees it, and what is said of answers
# and of listeners that give none.

use strict;
use warnings;

use Test::More;

use ProxyIP::Check qw(check);
use ProxyIP::Header qw(v1 v2 tlv ssl_tlv NLB_HEALTH_CHECK);
use ProxyIP::Server;

my $server = ProxyIP::Server->new(config => <<'EOC')->start;
Listen 127.0.0.1:@port:plain@
Listen 127.0.0.1:@port:off@
Listen 127.0.0.1:@port:tls@
Listen 127.0.0.1:@port:tlsoff@
Listen 127.0.0.1:@port:inside@
ProxyIPEnv All
ProxyIPPeer require 127.0.0.0/24
<VirtualHost 127.0.0.1:@port:plain@>
    ProxyIP On
</VirtualHost>
<VirtualHost 127.0.0.1:@port:off@>
</VirtualHost>
<VirtualHost 127.0.0.1:@port:tlsoff@>
    SSLEngine On
    SSLCertificateFile @tls@/server.pem
    SSLCertificateKeyFile @tls@/server.key
</VirtualHost>
<VirtualHost 127.0.0.1:@port:tls@>
    ProxyIP On
    SSLEngine On
    SSLCertificateFile @tls@/server.pem
    SSLCertificateKeyFile @tls@/server.key
</VirtualHost>
<VirtualHost 127.0.0.1:@port:inside@>
    ProxyIP On
    ProxyIPInTLS On
    SSLEngine On
    SSLCertificateFile @tls@/server.pem
    SSLCertificateKeyFile @tls@/server.key
</VirtualHost>
EOC
my ($plain, $off, $tls, $tlsoff, $inside)
    = map { '127.0.0.1:' . $server->port($_) }
    qw(plain off tls tlsoff inside);

my $der = $server->write_file('cert.der', pack 'H*', '308201');

# The facts a CGI program saw: [name, arguments, facts].  Ports that begin
# with the socket's own are written as OWN and TO.
my @src = ('--src', '192.0.2.77:4711');
my %tcp4 = (PROXYIP => 'on', VERSION => 2, COMMAND => 'PROXY',
    TRANSPORT => 'TCP4', CLIENT_ADDR => '192.0.2.77', CLIENT_PORT => 4711,
    SERVER_ADDR => '127.0.0.1', SERVER_PORT => 'TO');
my %peer = (PEER_ADDR => '127.0.0.1', PEER_PORT => 'OWN');
for my $case (
    ['nothing', [], { %tcp4, CLIENT_ADDR => '127.0.0.1',
        CLIENT_PORT => 'OWN' }],
    ['--src', [@src], \%tcp4],
    ['--src without port', ['--src=192.0.2.77'], { %tcp4,
        CLIENT_PORT => 'OWN' }],
    ['--dst', [@src, '--dst', '198.51.100.80:65535'], { %tcp4,
        SERVER_ADDR => '198.51.100.80', SERVER_PORT => 65535 }],
    ['--v1', ['--v1', @src], { %tcp4, VERSION => 1 }],
    ['IPv6', ['--src', '[2001:db8::77]:1', '--dst', '2001:db8::80'], { %tcp4,
        TRANSPORT => 'TCP6', CLIENT_ADDR => '2001:db8::77', CLIENT_PORT => 1,
        SERVER_ADDR => '2001:db8::80' }],
    ['--v1, IPv6', ['--v1', '--src', '[2001:db8::77]:1'], { %tcp4,
        VERSION => 1, TRANSPORT => 'TCP6', CLIENT_ADDR => '2001:db8::77',
        CLIENT_PORT => 1 }],
    ['--family tcp6', ['--family', 'tcp6', @src], { %tcp4,
        TRANSPORT => 'TCP6' }],
    ['--family udp4', ['--family', 'udp4', @src], { %tcp4,
        TRANSPORT => 'UDP4' }],
    ['--family udp6', ['--family', 'udp6', @src], { %tcp4,
        TRANSPORT => 'UDP6' }],
    ['--family unix', ['--family', 'unix', '--src', '/a'], {
        VERSION => 2, COMMAND => 'PROXY', TRANSPORT => 'UNIX' }],
    ['--family unknown', ['--family', 'unknown'], { VERSION => 2,
        COMMAND => 'PROXY', TRANSPORT => 'UNKNOWN' }],
    ['--v1 --family unknown', ['--v1', '--family', 'unknown'], {
        VERSION => 1, COMMAND => 'PROXY', TRANSPORT => 'UNKNOWN' }],
    ['--local', ['--local'], { VERSION => 2, COMMAND => 'LOCAL' }],
    ['--nlb-health-check', ['--nlb-health-check'], { VERSION => 2,
        COMMAND => 'LOCAL' }],
    ['--tlv', [@src, '--tlv', 'alpn=h2', '--tlv', 'Authority=a.example',
        '--tlv', 'unique_id=hex:00ff', '--tlv', 'netns=blue', '--tlv',
        'noop=', '--tlv', '0xF1=x=y', '--tlv', "tlv_f2=\@$der"], { %tcp4,
        ALPN => 'h2', AUTHORITY => 'a.example', UNIQUE_ID => '0x00ff',
        NETNS => 'blue', TLV_F1 => unpack('H*', 'x=y'),
        TLV_F1_TEXT => 'x=y', TLV_F2 => '308201' }],
    ['cloud ids', [@src, '--tlv', 'aws-vpce-id=vpce-1', '--tlv',
        'azure-link-id=4294967295', '--tlv',
        'gcp-psc-id=18446744073709551615'], { %tcp4,
        AWS_VPCE_ID => 'vpce-1', AZURE_LINK_ID => 4294967295,
        GCP_PSC_ID => '18446744073709551615' }],
    ['cloud ids as bytes', [@src, '--tlv', 'aws-vpce-id=hex:0161', '--tlv',
        'azure-link-id=hex:0102000000'], { %tcp4, AWS_VPCE_ID => 'a',
        AZURE_LINK_ID => 2 }],
    ['--ssl', [@src, '--ssl'], { %tcp4, SSL => 'on', SSL_VERIFY => 'NONE' }],
    ['--ssl-...', [@src, map({ ("--ssl-$_", "$_ 1") } qw(version cn cipher
        sig-alg key-alg group sig-scheme)), '--ssl-cert'], { %tcp4,
        SSL => 'on', SSL_VERIFY => 'SUCCESS', map { ('SSL_' . uc =~ tr/-/_/r,
        "$_ 1") } qw(version cn cipher sig-alg key-alg group sig-scheme) }],
    ['--ssl-verify', [@src, '--ssl-cert', '--ssl-verify', 10], { %tcp4,
        SSL => 'on', SSL_VERIFY => 'FAILED:10' }],
    ['--crc32c', [@src, '--crc32c', '--pad', 100], { %tcp4,
        CRC32C => 'ok' }],
    ['--raw', ['--raw', 'hex:' . unpack 'H*', v1()], { %tcp4, VERSION => 1,
        SERVER_ADDR => '198.51.100.80', SERVER_PORT => 443 }],
    ['--bind', [@src, '--bind', '127.0.0.88'], { %tcp4,
        PEER_ADDR => '127.0.0.88' }],
    ['--split N', [@src, '--crc32c', '--split', 1, '--delay', '2ms'],
        { %tcp4, CRC32C => 'ok' }],
    ['--split N,N', [@src, '--split', '1,30,5'], \%tcp4],
) {
    my ($name, $arguments, $facts) = @$case;
    my $run = check('send', @$arguments, '--path', '/cgi/environment',
        '--host', 'a.example', '--body', $plain);
    is($run->{status}, 0, "$name: status");
    like($run->{fields}{answer}, qr{^HTTP/1\.1 200 OK, after \d+ ms$},
        "$name: answer");
    my ($own, $to) = ($run->{fields}{connected} // '')
        =~ /:(\d+) -> 127\.0\.0\.1:(\d+)$/;
    my %port = (OWN => $own, TO => $to);
    my %saw = $run->{out} =~ /^PROXYIP_?(\w*)=(.*)$/mg;
    $saw{PROXYIP} = delete $saw{''} if exists $saw{''};
    my %want = (%peer, %$facts);
    $_ = $port{$_} // $_ for values %want;
    is_deeply(\%saw, \%want, "$name: facts");
    like($run->{out}, qr/^HTTP_HOST=a\.example$/m, "$name: host");
}

# The client's certificate, byte for byte.
my $run = check('send', '--print-hex', '--ssl-client-cert', "\@$der");
like($run->{out}, qr/20000b0100000001280003308201$/, '--ssl-client-cert');

# What is said.
$run = check('send', '-v', '--src', '192.0.2.77:4711', '--dst',
    '198.51.100.80:443', '--tlv', 'authority=a b', $plain);
my $hex = unpack 'H*', v2(tlvs => [tlv(2 => 'a b')]);
is($run->{fields}{sent}, 'v2 PROXY TCP4 192.0.2.77:4711 -> 198.51.100.80:443,'
    . ' 34 bytes AUTHORITY=a\x20b; then GET /, ' . (length("GET / HTTP/1.1\r\n"
    . "Host: $plain\r\nUser-Agent: proxyip-check\r\nConnection: close\r\n\r\n"))
    . ' bytes; in 1 piece', 'sent, on one line');
like($run->{out}, qr/^hex             $hex$/m, '-v: hex');
is($run->{fields}{AUTHORITY}, '0x02, 3 bytes: a b', '-v: fields');
like($run->{out}, qr/^  Content-Length: \d+$/m, q(-v: the answer's fields));
$run = check('send', '--split', 10, $plain);
like($run->{fields}{sent}, qr/; in 4 pieces$/, 'pieces');

# Listeners that do not answer: [name, arguments, status, answer, hint].
for my $case (
    ['no header', ['--no-header', $plain], 1, qr/^none; (?:closed|reset) after/,
     qr/wants a PROXY header/],
    ['wrong checksum', ['--crc32c=wrong', $plain], 1,
     qr/^none; (?:closed|reset) after \d+ ms$/, qr/refuses the header/],
    ['peer in no range', ['--bind', '127.0.1.1', $plain], 1,
     qr/^none; (?:closed|reset) after/, qr/or this peer/],
    ['cut off', ['--raw', 'hex:0d0a', '--header-only', '--timeout', '300ms',
     $plain], 0, qr/^none; the connection was open and silent for \d+ ms$/,
     undef],
    ['header only', ['--header-only', '--timeout=300ms', $plain], 0,
     qr/open and silent/, undef],
    ['health check', ['--header-only', '--nlb-health-check', '--timeout',
     '300ms', $plain], 0, qr/open and silent/, undef],
    ['header only, bad', ['--header-only', '--raw', 'hex:00', $plain], 1,
     qr/^none; (?:closed|reset)/, qr/refuses/],
    ['Off', [$off], 1, qr/^HTTP\/1\.1 400 /, qr/takes no PROXY header/],
    ['Off, expected', ['--expect', 400, $off], 0, qr/ 400 /, qr/no PROXY/],
    ['found, not expected', ['--expect', 404, $plain], 1, qr/ 200 /, undef],
    ['not found, expected', ['--expect=404', '--path', '/nowhere', $plain], 0,
     qr/ 404 /, undef],
    ['TLS without headers', [$tlsoff], 1, qr/^none; (?:closed|reset)/,
     qr/^the listener speaks TLS and reads no PROXY header/],
    ['... v1', ['--v1', $tlsoff], 1, qr/^none; (?:closed|reset)/,
     qr/^the listener speaks TLS and reads no PROXY header/],
    ['inside TLS', [$inside], 1, qr/^none; (?:closed|reset)/,
     qr/or the header belongs inside TLS \(ProxyIPInTLS;/],
    ['TLS, peer in no range', ['--bind', '127.0.1.1', $tls], 1,
     qr/^none; (?:closed|reset)/, qr/^the listener refuses the header/],
    ['TLS, bad header', ['--raw', 'hex:00', $tls], 1,
     qr/^none; (?:closed|reset)/, qr/^the listener refuses the header/],
    ['Off, no header', ['--no-header', $off], 0, qr/ 200 OK/, undef],
    ['not found', ['--path', '/nowhere', $plain], 0, qr/ 404 /, undef],
    ['TLS', [$tls], 1, qr/ 400 /, qr/wants TLS/],
    ['twice', ['--twice', $plain], 1, qr/ 400 /, qr/as it should be/],
    ['silent', ['--raw', 'hex:' . unpack('H*', 'PROXY TCP4 1'),
     '--header-only', '--split', '2,3', '--timeout', '300ms', $plain], 0,
     qr/open and silent/, undef],
) {
    my ($name, $arguments, $status, $answer, $hint) = @$case;
    my $run = check('send', @$arguments);
    is($run->{status}, $status, "$name: status");
    like($run->{fields}{answer}, $answer, "$name: answer");
    my ($to) = $arguments->[-1];
    like($run->{fields}{connected}, qr/:[1-9]\d* -> \Q$to\E$/,
        "$name: the address dialled");
    defined $hint ? like($run->{fields}{hint}, $hint, "$name: hint")
        : is($run->{fields}{hint}, undef, "$name: no hint");
}

# As docs/in-tls.md has it.
{
    my $program = ProxyIP::Httpd::top() . '/.libs/proxyip-check';
    my $answer = `($program send --print --src 192.0.2.77; \\
        printf 'GET /cgi/environment HTTP/1.1\\r\\nHost: a\\r\\n'; \\
        printf 'Connection: close\\r\\n\\r\\n') \\
        | openssl s_client -quiet -connect $inside 2> /dev/null`;
    like($answer, qr/^REMOTE_ADDR=192\.0\.2\.77$/m,
        '--print into openssl: inside TLS');
}

# Headers without a connection.
sub printed { return check('send', @_, '--print')->{out} }
is(printed('--src', '192.0.2.77:4711', '--dst', '198.51.100.80:443'), v2(),
    '--print: v2');
is(printed('--v1', '--src', '192.0.2.77:4711', '--dst', '198.51.100.80:443'),
    v1(), '--print: v1');
is(printed('--src', '2001:db8::77'), v2(src => '2001:db8::77', sport => 54321,
    dst => '2001:db8::2'), '--print: an example of the same family');
is(printed('--src', '/a', '--dst', '/b c', '--crc32c'), v2(src => '/a',
    dst => '/b c', crc => 1), '--print: UNIX');
is(printed('--nlb-health-check'), NLB_HEALTH_CHECK, '--print: NLB');
is(printed('--local', '--crc32c', '--pad', 74), v2(command => 'LOCAL',
    crc => 1, tlvs => [tlv(4 => "\0" x 74)]), '--print: LOCAL');
is(printed('--src', '192.0.2.77:4711', '--dst', '198.51.100.80:443',
    '--crc32c=wrong'), v2(crc => 'bad'), '--print: wrong checksum');
is(printed('--local', '--twice'), v2(command => 'LOCAL') x 2,
    '--print: twice');
is(check('send', '--print-hex', '--local')->{out},
    unpack('H*', v2(command => 'LOCAL')) . "\n", '--print-hex');
is(length printed('--tlv', 'noop=', '--pad', 65517), 65551,
    '--print: the largest');

# Wrong usage, and what cannot be done.
for my $case (
    [[], qr/HOST:PORT is missing/],
    [['127.0.0.1'], qr/'127\.0\.0\.1': accepted is HOST:PORT or \[IPV6\]:/],
    [['::1:80'], qr/accepted is HOST:PORT/],
    [['a:65536'], qr/accepted is HOST:PORT/],
    [[$plain, $off], qr/one HOST:PORT only/],
    [['--src', 'localhost', $plain], qr/--src 'localhost': accepted is ADDR/],
    [['--src', '1.2.3.4:+1', $plain], qr/--src '1\.2\.3\.4:\+1'/],
    [['--family', 'tcp', $plain], qr/--family 'tcp': accepted is tcp4, tcp6/],
    [['--family', 'tcp4', '--src', '::1', $plain], qr/does not fit/],
    [['--v1', '--local', $plain], qr/version 1 has no LOCAL/],
    [['--v1', '--crc32c', $plain], qr/no TLVs and no checksum/],
    [['--v1', '--family', 'udp4', $plain], qr/version 1 has tcp4, tcp6/],
    [['--crc32c=right', $plain], qr/--crc32c=right: .*takes no value/],
    [['--expect', '99', $plain], qr/a number from 100 to 599/],
    [['--expect', '200', '--header-only', $plain], qr/no status to expect/],
    [['--tlv', 'what=1', $plain], qr/'what=1': accepted is TYPE=VALUE with/],
    [['--tlv', '0x100=1', $plain], qr/accepted is TYPE=VALUE/],
    [['--tlv', 'alpn', $plain], qr/accepted is TYPE=VALUE/],
    [['--tlv', 'alpn=hex:0', $plain], qr/accepted is hex digits/],
    [['--tlv', 'azure-link-id=4294967296', $plain], qr/32 bits/],
    [['--tlv', 'gcp-psc-id=18446744073709551616', $plain], qr/64 bits/],
    [['--tlv', 'alpn=@/nowhere', $plain], qr{/nowhere: No such file}],
    [['--ssl-client-cert', '@' . ProxyIP::Httpd::tls() . '/server.pem',
      $plain], qr/accepted is DER/],
    [['--ssl-verify', '-1', $plain], qr/a number from 0 to 4294967295/],
    [['--pad', 65533, $plain], qr/a number from 0 to 65532/],
    [['--pad', 65532, '--ssl', $plain], qr/larger than a header can be/],
    [['--pad', 65530, $plain], qr/larger than a header can be/],
    [['--split', '1,,2', $plain], qr/'1,,2': accepted is a number of bytes/],
    [['--split', 0, $plain], qr/accepted is a number of bytes/],
    [['--timeout', '0', $plain], qr/accepted is a time from 1ms/],
    [['--timeout', '1h', $plain], qr/'1h': accepted is a time/],
    [['--path', 'a b', $plain], qr/a path without blanks/],
    [['--path', '', $plain], qr/a path without blanks/],
    [['--host', "a\r\nb", $plain], qr/a name without blanks/],
    [['--no-header', '--raw', 'hex:00', $plain], qr/exclude each other/],
    [['--no-header', '--print'], qr/nothing to send or print/],
    [['127.0.0.1:1'], qr/cannot connect to 127\.0\.0\.1:1: /],
    [['[::ffff:127.0.0.1]:1'], qr/cannot connect to \[::ffff/],
    [['--bind', '192.0.2.1', $plain], qr/cannot use --bind's address/],
    [['no..body:80'], qr/no such address: no\.\.body:80/],
) {
    my ($arguments, $message) = @$case;
    my $run = check('send', @$arguments);
    my $name = join(' ', @$arguments) =~ s/[\r\n]/./gr =~ s/$plain//r;
    is($run->{status}, 2, "$name: status");
    like($run->{err}, $message, "$name: message");
    is($run->{out}, '', "$name: no output");
}

done_testing;
