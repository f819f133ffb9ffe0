# Whatever bytes a balancer sends, a fact in a header is one line: for every
# name and every way to make a header, to an application behind mod_proxy that
# shows the bytes it got, and to the client; in both logs one line too, from
# which a parser gets the value back.

use strict;
use warnings;

use Encode ();
use MIME::Base64 qw(encode_base64);
use Test::More;

use ProxyIP::Backend;
use ProxyIP::Client;
use ProxyIP::Express;
use ProxyIP::Header qw(v2 tlv ssl_tlv CLIENT);
use ProxyIP::Server;

my %TEXTS = (ALPN => 0x01, AUTHORITY => 0x02, NETNS => 0x30);
my %SUBS = (SSL_VERSION => 0x21, SSL_CN => 0x22, SSL_CIPHER => 0x23,
    SSL_SIG_ALG => 0x24, SSL_KEY_ALG => 0x25, SSL_GROUP => 0x26,
    SSL_SIG_SCHEME => 0x27);
# Without PROXYIP itself, which has no name for the function.
my @NAMES = (qw(VERSION COMMAND TRANSPORT PEER_ADDR PEER_PORT CLIENT_ADDR
    CLIENT_PORT SERVER_ADDR SERVER_PORT UNIQUE_ID CRC32C SSL SSL_VERIFY
    SSL_CLIENT_CERT AWS_VPCE_ID AZURE_LINK_ID GCP_PSC_ID),
    sort(keys %TEXTS), sort(keys %SUBS),
    map { ("TLV_$_", "TLV_${_}_TEXT") }
        qw(01 02 05 20 30 E0 E5 EA EE));
# What ProxyIPEnv All exports: of the numbers only one without a name.
my @EXPORTED = grep { !/^TLV_/ || /^TLV_E5/ } @NAMES;

# Lines that make a header of each name, by each way: `V` and `F` are
# expressions, `E` mod_headers' own %{...}e, `R` a variable of mod_rewrite's.
sub header { my ($kind, $name) = @_; return "X-$kind-" . $name =~ tr/_/-/r }
my $text = '';
for my $directive ('RequestHeader', 'Header always') {
    my $set = "$directive set";
    $text .= "$set " . header(V => $_) . qq( "expr=%{PROXYIP_$_}"\n)
        . "$set " . header(F => $_) . qq( "expr=%{PROXYIP:$_}"\n)
        for @NAMES;
    $text .= "$set " . header(E => $_) . qq( "%{PROXYIP_$_}e"\n)
        . "$set " . header(R => $_) . qq( "%{REWRITTEN_$_}e"\n)
        for @EXPORTED;
}
my $rewrite = join ',', map { "E=REWRITTEN_$_:%{ENV:PROXYIP_$_}" } @EXPORTED;
my $access = join ' ', map { qq($_=\\"%{$_}^PX\\") } @NAMES;
# The error log has quotation marks as they are, so a tab ends a value there.
# (What stands before an absent one goes with it, from the blank on.)
my $error = join ' ', map { "\t$_=%{$_}X" }
    grep { $_ ne 'SSL_CLIENT_CERT' } @NAMES;

my $backend = ProxyIP::Backend->new->start;
my $express = ProxyIP::Express->program
    ? ProxyIP::Express->new(trust => 0)->start : undef;
my $application = $express ? 'ProxyPass "/express" "http://127.0.0.1:'
    . $express->port('http') . '/"' : '';

my $server = ProxyIP::Server->new(loglevel => 'warn proxyip:debug',
    config => <<"EOC")->start;
ProxyIP On
ProxyIPPeer require 127.0.0.0/8
ProxyIPMaxHeader 65551
ProxyIPEnv All
LogFormat "$access" facts
CustomLog "\@root\@/logs/facts" facts
ErrorLogFormat "%M $error"
RewriteEngine On
RewriteRule "^/raw" "-" [$rewrite]
ProxyPass "/raw" "http://127.0.0.1:@{[ $backend->port ]}/" disablereuse=on
ProxyPass "/lines" "http://127.0.0.1:@{[ $backend->port ]}/"
$application
<Location "/raw">
$text
    Header always set X-Last last
    RequestHeader set X-Last last
</Location>
<Location "/lines">
    RequestHeader set X-Lines "expr=%{reqenv:PROXYIP_SSL_CLIENT_CERT}"
</Location>
<Location "/express">
    RequestHeader set X-Client-Cert "expr=%{PROXYIP_SSL_CLIENT_CERT}"
</Location>
<Location "/redirect">
    Redirect "http://www.example.org/%{PROXYIP_AUTHORITY}"
</Location>
<Location "/missing">
    ErrorDocument 404 "http://www.example.org/%{PROXYIP_AUTHORITY}"
</Location>
<Location "/said">
    ErrorDocument 404 "%{PROXYIP_SSL_CLIENT_CERT}"
</Location>
RewriteCond "expr" "%{PROXYIP_AUTHORITY} =~ /^(.*)\$/"
RewriteRule "^/rewrite" "http://www.example.org/%1" \\
    [R,CO=name:%1:www.example.org]
RewriteRule "^/by-env" \\
    "http://www.example.org/%{ENV:PROXYIP_AUTHORITY}?%{ENV:PROXYIP_SSL_CN}" \\
    [R,CO=name:%{ENV:PROXYIP_SSL_CN}:www.example.org]
EOC
my $facts_log = ProxyIP::Log->new($server->root . '/logs/facts');

# --- what is sent, and what must come of it ---

# A value in every TLV whose bytes are the sender's choice.
sub everywhere {
    my ($value) = @_;
    my $id = substr $value, 0, 128;
    my $four = substr "$value\0\0\0\0", 0, 4;
    my $eight = substr "$value\0\0\0\0\0\0\0\0", 0, 8;
    return v2(crc => 1, tlvs => [
        (map { tlv($TEXTS{$_} => $value) } sort keys %TEXTS),
        tlv(0x05 => $id), tlv(0xE0 => $eight), tlv(0xE5 => $value),
        tlv(0xEA => "\1$value"), tlv(0xEE => "\1$four"),
        ssl_tlv(client => 7, subs => [tlv(0x28 => $value),
            map { tlv($SUBS{$_} => $value) } sort keys %SUBS])]);
}

sub pem {
    my ($der) = @_;
    return join '', map { "$_\n" } '-----BEGIN CERTIFICATE-----',
        encode_base64($der, '') =~ /(.{1,64})/g, '-----END CERTIFICATE-----';
}

# A text as such, unless it has a control character.
sub text { my ($value) = @_;
    return length $value && $value !~ /[\x00-\x1f\x7f]/ ? $value : undef }

# By Perl's own idea of UTF-8.
sub utf8 {
    my ($value) = @_;
    my $copy = $value;
    my $text = eval { Encode::decode('UTF-8', $copy, Encode::FB_CROAK) };
    return defined $text && length $text && $text !~ /[\x00-\x1f\x7f-\x9f]/
        ? $value : undef;
}

sub hex_of { return length $_[0] ? unpack 'H*', $_[0] : undef }

# The facts of everywhere($value), each as the logs have it.
sub facts {
    my ($value, $port) = @_;
    my $id = substr $value, 0, 128;
    my $four = substr "$value\0\0\0\0", 0, 4;
    my $eight = substr "$value\0\0\0\0\0\0\0\0", 0, 8;
    my %raw = ('01' => $value, '02' => $value, '05' => $id, 30 => $value,
        E0 => $eight, E5 => $value, EA => "\1$value", EE => "\1$four");
    my $ssl_value = pack('CN', 7, 0) . tlv(0x28 => $value)
        . join '', map { tlv($SUBS{$_} => $value) } sort keys %SUBS;
    $raw{20} = $ssl_value;
    my %facts = (VERSION => 2, COMMAND => 'PROXY', TRANSPORT => 'TCP4',
        PEER_ADDR => '127.0.0.1', PEER_PORT => $port, CLIENT_ADDR => CLIENT,
        CLIENT_PORT => 4711, SERVER_ADDR => '198.51.100.80',
        SERVER_PORT => 443, CRC32C => 'ok', SSL => 'on',
        SSL_VERIFY => 'SUCCESS',
        UNIQUE_ID => $id =~ /[^\x20-\x7e]/ ? '0x' . unpack('H*', $id)
            : text($id),
        SSL_CLIENT_CERT => length $value ? pem($value) : undef,
        AWS_VPCE_ID => text($value), AZURE_LINK_ID => unpack('V', $four),
        GCP_PSC_ID => unpack('Q>', $eight),
        (map { ($_ => text($value)) } keys %TEXTS, keys %SUBS),
        map { ("TLV_$_" => hex_of($raw{$_}),
               "TLV_${_}_TEXT" => utf8($raw{$_})) } keys %raw);
    return \%facts;
}

# --- what came ---

# The lines of a head: [name, value]; complains of what no head may have.
sub lines {
    my ($name, $head) = @_;
    my @wrong;
    push @wrong, 'a bare line feed' if $head =~ /(?<!\r)\n/;
    push @wrong, 'a bare carriage return' if $head =~ /\r(?!\n)/;
    push @wrong, sprintf 'byte %02x', ord $1
        if $head =~ /([\x00-\x08\x0b\x0c\x0e-\x1f\x7f])/;
    push @wrong, 'bytes behind its end' if $head !~ s/\r\n\r\n\z//
        || $head =~ /\r\n\r\n/;
    my (undef, @lines) = split /\r\n/, $head, -1;
    push @wrong, map { "a line that is no header: $_" }
        grep { !/^[-A-Za-z]+[-A-Za-z0-9]*:/ } @lines;
    return (\@wrong, [map { [split /: ?/, $_, 2] } @lines]);
}

# The whole answer, as it came.
sub fetch {
    my ($path, $header) = @_;
    my $client = ProxyIP::Client->new(port => $server->port);
    my $port = $client->port;
    my $end = $client->send($header)->request($path, Connection => 'close')
        ->ending(10);
    my ($head, $body) = $end->{bytes} =~ /^(.*?\r\n\r\n)(.*)\z/s;
    return ($head // '', $body // '', $port);
}

# One head against the facts: [kind => name] of wrong values.
sub wrong_values {
    my ($lines, $facts) = @_;
    my %seen;
    push @{ $seen{ lc $_->[0] } }, $_->[1] for @$lines;
    my @wrong;
    for my $case ((map { my $kind = $_; map { [$kind, $_] } @NAMES } qw(V F)),
                  (map { my $kind = $_; map { [$kind, $_] } @EXPORTED }
                      qw(E R))) {
        my ($kind, $name) = @$case;
        my $header = header($kind => $name);
        my @values = @{ $seen{ lc $header } || [] };
        my $want = $facts->{$name};
        # No value over 8 KiB is in the environment.
        $want = undef if defined $want && $kind =~ /[ER]/
            && length $want > 8192;
        $want =~ tr/\n/ / if defined $want;
        $want =~ s/ \z// if defined $want && $name eq 'SSL_CLIENT_CERT';
        $values[0] =~ s/ \z// if @values && $name eq 'SSL_CLIENT_CERT';
        push @wrong, "$header: " . @values . ' lines' if @values != 1;
        push @wrong, "$header: '$values[0]'" if @values
            && $values[0] ne ($want // '')
            && !(!defined $want && $values[0] eq '(null)');
    }
    return @wrong;
}

my @baseline;    # names of headers of the request and of the answer
my @sent;        # each connection's facts, for the logs

# One value by every way.
sub check {
    my ($name, $value, %option) = @_;
    my ($head, $body, $port) = fetch('/raw', everywhere($value));
    my $facts = facts($value, $port);
    push @sent, $facts if !$option{not_logged};
    my @wrong;
    push @wrong, 'status ' . substr $head, 0, 30
        if $head !~ m{^HTTP/1\.1 200 };
    for my $end ([0, 'request', $body], [1, 'answer', $head]) {
        my ($i, $what, $bytes) = @$end;
        my ($faults, $lines) = lines($name, $bytes);
        push @wrong, map { "$what: $_" } @$faults;
        my $names = join "\n", map { $_->[0] } @$lines;
        $baseline[$i] //= $names;
        push @wrong, "$what: other headers:\n$names"
            if $names ne $baseline[$i];
        push @wrong, map { "$what: $_" } wrong_values($lines, $facts);
    }
    is_deeply(\@wrong, [], "$name: one line each") or diag(
        'sent: ', unpack 'H*', substr $value, 0, 60);
}

check('a name', 'www.example.org');
like($baseline[$_], qr/^X-Last$/m, 'the last header came') for 0, 1;

# Every control character, wherever it may be.
my $EVIL = 'X-Evil: 1';
for my $code (0x00 .. 0x1f, 0x7f) {
    my $byte = chr $code;
    my $name = sprintf '%02x', $code;
    check("$name alone", $byte);
    check("$name at the start", $byte . $EVIL);
    check("$name at the end", "www$byte");
    check("$name within", "www$byte$EVIL");
}
check('CRLF and a header', "www\r\n$EVIL");
check('CRLF twice, and a request', "www\r\n\r\nGET /evil HTTP/1.1\r\n$EVIL");
check('LF twice', "www\n\nevil");
check('a folded line', "www\r\n $EVIL");
# Bytes from 0x80: by themselves, as C1 characters, as others.
check(sprintf('byte %02x', $_), 'a' . chr($_) . 'b') for 0x80 .. 0xff;
check(sprintf('U+%04X', $_), 'a' . Encode::encode('UTF-8', chr $_) . 'b')
    for 0x80 .. 0x9f, 0xa0, 0xe9, 0x2028, 0x2029, 0xfeff, 0x1f600;
check('not the shortest form of LF', "a\xc0\x8ab");
check('a cut sequence', "a\xe2\x82");
check('nothing', '');
check('blanks around', '  two words  ');
check('what looks like a header', 'Host: evil.example.org');
check('what expressions and formats are written with',
    '%{HTTP_HOST}e $1 %1 \\r\\n \\x0d\\x0a "quoted\\" %0d%0a ${X}');
check("$_ bytes", 'x' x $_, not_logged => 1) for 1000, 4000;
check('4000 bytes and a line end', ('x' x 3999) . "\n", not_logged => 1);

# The longest there is room for, in one TLV.
{
    my $long = 'y' x 65400;
    my ($head, $body) = fetch('/raw', v2(tlvs => [tlv(0xE5 => $long)]));
    my ($faults, $lines) = lines('long', $body);
    is_deeply($faults, [], 'the longest: one line');
    my %seen = map { ($_->[0] => $_->[1]) } @$lines;
    is($seen{'X-V-TLV-E5-TEXT'}, $long, 'the longest: whole');
    ($faults) = lines('long', $head);
    is_deeply($faults, [], '... in the answer too');
}

# Other headers that can be made of a fact, and a page.
for my $value ("www\r\n$EVIL", "www\n\n$EVIL", "a\0b", "\r", "\x7f",
    "M\xc3\xbcnchen", "a\xc2\x85b", "\xff", 'a b', 'www.example.org') {
    for my $path ('/redirect', '/missing', '/rewrite', '/by-env', '/said') {
        my ($head, $body) = fetch($path, everywhere($value));
        my ($faults, $lines) = lines($path, $head);
        my $name = "$path, " . unpack 'H*', $value;
        is_deeply($faults, [], "$name: whole lines");
        is(scalar(grep { lc $_->[0] eq 'x-evil' } @$lines), 0,
            "$name: no header of the sender's");
        like($head, $path eq '/said' ? qr{^HTTP/1\.1 404 }
            : qr{^HTTP/1\.1 302 }, "$name: the status");
        is(scalar(grep { lc $_->[0] eq 'location' } @$lines),
            $path eq '/said' ? 0 : 1, "$name: one Location");
    }
}

# --- a real certificate ---

my $root = $server->root;
system("openssl req -x509 -newkey rsa:2048 -sha256 -nodes -days 2"
    . " -subj /CN=alice -keyout $root/alice.key -out $root/alice.pem"
    . " 2> /dev/null && openssl x509 -in $root/alice.pem -outform DER"
    . " -out $root/alice.der") == 0 or die "openssl failed\n";
my ($der, $pem) = map { ProxyIP::Log->new("$root/alice.$_")->text } qw(der pem);
my $with_cert = v2(tlvs => [ssl_tlv(client => 7, subs => [
    tlv(0x22 => 'alice'), tlv(0x28 => $der)])]);
{
    my (undef, $body) = fetch('/raw', $with_cert);
    my ($faults, $lines) = lines('certificate', $body);
    is_deeply($faults, [], 'a certificate: whole lines');
    my %seen = map { ($_->[0] => $_->[1]) } @$lines;
    for my $kind (qw(V F E R)) {
        my $line = $seen{ header($kind => 'SSL_CLIENT_CERT') };
        # As Tomcat does it: every blank a line end, but within the borders.
        my $lines = $line =~ s/ \z//r =~ s/ (?!CERTIFICATE-)/\n/gr . "\n";
        is($lines, $pem, "a certificate, $kind: the PEM, with blanks");
    }
    unlike($seen{ header(V => 'SSL_CLIENT_CERT') }, qr/ \z/,
        'an expression: no blank at its end');
}
SKIP: {
    skip 'no node with Express', 3 if !$express;
    my ($head, $body) = fetch('/express', $with_cert);
    like($head, qr{^HTTP/1\.1 200 }, 'Express: answered');
    my $saw = ProxyIP::Express->seen($body);
    is($saw->{certificate}, 'CN=alice', "Express: OpenSSL reads it");
    my ($print) = `openssl x509 -in $root/alice.pem -noout -fingerprint \\
        -sha256` =~ /=(\S+)/;
    is($saw->{fingerprint}, $print, '... and it is the same');
}
# docs/facts.md: what an expression takes from the environment keeps its lines;
# httpd sends them.
{
    my (undef, $body) = fetch('/lines', $with_cert);
    like($body, qr/^X-Lines: -----BEGIN CERTIFICATE-----\n/m,
        'a documented limit: %{reqenv:...} has the lines');
}

# --- the logs ---

my %UNESCAPED = (b => "\b", n => "\n", r => "\r", t => "\t", v => "\x0b");
sub unescape { my ($text) = @_;
    return $text =~ s{\\(?:x([0-9a-f]{2})|(.))}
        {defined $1 ? chr hex $1 : $UNESCAPED{$2} // $2}ger }

# NAME="value" pairs to the end of a line; undef when there is anything else.
sub parse_access {
    my ($text) = @_;
    my %value;
    while ($text =~ s/^ ?([A-Z0-9_]+)="((?:[^"\\]++|\\.)*+)"//s) {
        $value{$1} = $2;
    }
    return length $text ? undef : { map { ($_ => unescape($value{$_})) }
        keys %value };
}

# Pairs with a tab before each.
sub parse_error {
    my ($text) = @_;
    my (undef, @words) = split / \t/, $text, -1;
    my %value = map { /^([A-Z0-9_]+)=(.*)$/ ? ($1 => unescape($2)) : () }
        @words;
    return keys %value == @words ? \%value : undef;
}

$server->stop;
# By the peer's port, of which each connection has one; those in @sent are
# alone with theirs or the last of several.
my %by_port = map { ($_->{PEER_PORT} => $_) } @sent;
my (%logged, @unreadable);
for my $line ($facts_log->lines) {
    my $saw = parse_access($line);
    push @unreadable, $line if !$saw;
    next if !$saw;
    delete @$saw{ grep { $saw->{$_} eq '-' } keys %$saw };
    push @{ $logged{ $saw->{PEER_PORT} } }, $saw;
}
is_deeply(\@unreadable, [], 'access log: each line can be read');
my (%told, @strange);
for my $line ($server->error_log->lines(qr/PIP0042/)) {
    next if length $line > 8000;    # httpd ends it there
    my $saw = parse_error($line);
    push @strange, $line if !$saw;
    push @{ $told{ $saw->{PEER_PORT} } }, $saw if $saw;
}
is_deeply(\@strange, [], 'error log: each line can be read');
for my $port (sort keys %by_port) {
    my %facts = %{ $by_port{$port} };
    delete @facts{ grep { !defined $facts{$_} } keys %facts };
    # Of one byte, a hyphen, the access log cannot tell it from nothing.
    my ($saw) = grep { ($_->{TLV_E5} // '') eq ($facts{TLV_E5} // '') }
        @{ $logged{$port} || [] };
    is_deeply($saw, \%facts, "access log, $port: escapes undone") or last;
    delete $facts{SSL_CLIENT_CERT};
    my @lines = grep { ($_->{TLV_E5} // '') eq ($facts{TLV_E5} // '') }
        @{ $told{$port} || [] };
    is_deeply($lines[0], \%facts, "error log, $port: escapes undone") or last;
}
cmp_ok(scalar keys %by_port, '>', 100, 'many connections were looked at');

done_testing;
