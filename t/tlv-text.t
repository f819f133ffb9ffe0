# TLVs of one's own as text, PROXYIP_TLV_NN_TEXT: what a balancer puts into
# 0xE0 to 0xEF, such as a JA4 fingerprint, is a fact where it is UTF-8 without
# control characters, and absent where it is anything else.

use strict;
use warnings;

use Test::More;

use ProxyIP::Client;
use ProxyIP::Header qw(v2 tlv);
use ProxyIP::Server;

my $JA4 = 't13d1516h2_8daaf6152771_b186095e22b6';

# Spellings of one name; in logs the whole name is one too.
my @SPELLINGS = ('TLV_E5_TEXT', 'tlv_e5_text', 'Tlv-E5-Text', 'TLV-e5_TEXT');
my ($headers, $places, $format) = ('', '', '');
for my $i (0 .. $#SPELLINGS) {
    my $name = $SPELLINGS[$i];
    $headers .= qq(Header always set X-F$i "expr=%{PROXYIP:$name}"\n);
    $places .= "<Location \"/r/$i\">\n    Require proxyip-tlv $name"
        . " other $JA4\n</Location>\n";
    $format .= " $i=[%{$name}^PX]";
}

my $server = ProxyIP::Server->new(loglevel => 'warn proxyip:debug',
    config => <<"EOC")->start;
Listen 127.0.0.1:\@port:all\@
Listen 127.0.0.1:\@port:basic\@
ProxyIP On
ProxyIPPeer require 127.0.0.0/8
Header always set X-Variable "expr=%{PROXYIP_TLV_E5_TEXT}"
Header always set X-Lower "expr=%{proxyip_tlv_e5_text}"
$headers
LogFormat "id=%{X-Id}i whole=[%{PROXYIP_TLV_E5_TEXT}^PX]$format" facts
CustomLog "\@root\@/logs/facts" facts
ErrorLogFormat "%M \ttext=%{TLV_E5_TEXT}X \twhole=%{PROXYIP_TLV_E5_TEXT}X"
$places
<Location "/r/expr">
    Require expr %{PROXYIP_TLV_E5_TEXT} =~ /^t13d/
</Location>
AliasMatch "^/r/" "\@root\@/htdocs/index.html"
<VirtualHost 127.0.0.1:\@port:all\@>
    ProxyIPEnv All
</VirtualHost>
<VirtualHost 127.0.0.1:\@port:basic\@>
    ProxyIPEnv Basic
</VirtualHost>
EOC
my $facts_log = ProxyIP::Log->new($server->root . '/logs/facts');

sub connect_with {
    my ($tlvs, $listener) = @_;
    return ProxyIP::Client->new(port => $server->port($listener // 'all'))
        ->send(v2(tlvs => $tlvs));
}

# As a header, httpd leaves it; absent is empty.
my $id = 0;
sub check {
    my ($name, $value, $want) = @_;
    my $client = connect_with([tlv(0xE5 => $value)]);
    $id++;
    my $answer = $client->get('/cgi/environment', 'X-Id' => "<$id>");
    my %seen = map { ($_ => $answer->header("X-$_") // '') }
        'Variable', 'Lower', map { "F$_" } 0 .. $#SPELLINGS;
    is_deeply(\%seen, { map { ($_ => $want // '') } keys %seen },
        "$name: expressions");
    my $saw = $client->variables($answer);
    is($saw->{PROXYIP_TLV_E5_TEXT}, $want, "$name: environment");
    is($saw->{PROXYIP_TLV_E5}, length $value ? unpack('H*', $value) : undef,
        "$name: in hex all the same");

    my $line = $facts_log->wait_for(qr/^id=<$id>/, 5) // '';
    my $escaped = $want // '-';
    $escaped =~ s/([\x80-\xff])/sprintf '\\x%02x', ord $1/ge;
    my @logged = $line =~ /(\w+=\[.*?\])/g;
    is_deeply(\@logged, [map { "$_=[$escaped]" } 'whole', 0 .. $#SPELLINGS],
        "$name: access log");
    my $port = $client->port;
    $line = $server->error_log->wait_for(qr/PIP0042.*:$port /, 5) // '';
    my (undef, @words) = split / \t/, $line;
    is_deeply(\@words, defined $want ? ["text=$escaped", "whole=$escaped"]
        : [], "$name: error log");
    is($client->get('/r/expr')->code, ($want // '') =~ /^t13d/ ? 200 : 403,
        "$name: Require expr");
    for my $i (0 .. $#SPELLINGS) {
        is($client->get("/r/$i")->code, ($want // '') eq $JA4 ? 200 : 403,
            "$name: Require proxyip-tlv $SPELLINGS[$i]");
    }
}

check('a JA4 fingerprint', $JA4, $JA4);
check('another', 't13d1516h2_8daaf6152771_b186095e22b7',
    't13d1516h2_8daaf6152771_b186095e22b7');
check('one character', '0', '0');
check($_->[0], $_->[1], $_->[1]) for
    ['umlauts', "M\xc3\xbcnchen"], ['U+00A0', "a\xc2\xa0b"],
    ['U+07FF', "\xdf\xbf"], ['U+0800', "\xe0\xa0\x80"],
    ['U+FFFD', "\xef\xbf\xbd"], ['U+1F600', "\xf0\x9f\x98\x80"],
    ['U+10FFFF', "\xf4\x8f\xbf\xbf"];

# Anything else is absent, also at the end of what is the right value.
check("$JA4 and $_->[0]", "$JA4$_->[1]") for
    ['a NUL', "\0"], ['a line feed', "\n"], ['U+001F', "\x1f"],
    ['DEL', "\x7f"], ['U+0080', "\xc2\x80"], ['NEL', "\xc2\x85"],
    ['U+009F', "\xc2\x9f"];
check($_->[0], $_->[1]) for
    ['empty', ''], ['Latin-1', "M\xfcnchen"], ['ff', "\xff"],
    ['a byte that follows none', "a\x80"], ['two bytes cut', "a\xc3"],
    ['three bytes cut by one', "a\xe2\x82"],
    ['three bytes cut by two', "a\xe2"],
    ['four bytes cut by one', "a\xf0\x9f\x98"],
    ['cut by the next character', "\xe2\x82a"],
    ['two bytes, not the shortest', "\xc0\xaf"],
    ['three bytes, not the shortest', "\xe0\x80\xaf"],
    ['four bytes, not the shortest', "\xf0\x80\x80\xaf"],
    ['a surrogate', "\xed\xa0\x80"], ['U+110000', "\xf4\x90\x80\x80"],
    ['five bytes', "\xf8\x88\x80\x80\x80"];

# Of two the first counts, whatever it is.
my $client = connect_with([tlv(0xE5 => "\0"), tlv(0xE5 => $JA4)]);
is($client->get('/')->header('X-Variable') // '', '',
    'the first of two is no text: absent');

# ProxyIPEnv All exports types without a name of their own, and no others.
my %value = map { ($_ => "text$_") } 0x01, 0x02, 0x04, 0x05, 0x30, 0x31,
    0xE1, 0xE6, 0xEF, 0xF1;
my @tlvs = map { tlv($_ => $value{$_}) } sort { $a <=> $b } keys %value;
$client = connect_with(\@tlvs);
my $saw = $client->variables($client->get('/cgi/environment'));
my @unnamed = (0x31, 0xE1, 0xE6, 0xEF, 0xF1);
is_deeply({ map { /^PROXYIP_TLV_/ ? ($_ => $saw->{$_}) : () } keys %$saw },
    { map { my $name = sprintf 'PROXYIP_TLV_%02X', $_;
        ($name => unpack('H*', $value{$_}), "${name}_TEXT" => $value{$_}) }
        @unnamed }, 'ProxyIPEnv All: types without a name');
$client = connect_with(\@tlvs, 'basic');
$saw = $client->variables($client->get('/cgi/environment'));
is_deeply([grep { /^PROXYIP_TLV_/ } keys %$saw], [], 'ProxyIPEnv Basic: none');
my $long = 'x' x 3000;
$client = connect_with([tlv(0xE6 => "$long"), tlv(0xE7 => 'y')]);
$saw = $client->variables($client->get('/cgi/environment'));
is($saw->{PROXYIP_TLV_E6_TEXT}, $long, '3000 bytes: in the environment');
is($saw->{PROXYIP_TLV_E7_TEXT}, 'y', '... and what stands behind it');

# Names that are almost one stop the start, where a name can be judged.
for my $name ('TLV_E_TEXT', 'TLV_E5TEXT', 'TLV_E5_TEX', 'TLV_E5_TEXTS',
    'TLV_E5_', 'TLV_G5_TEXT', 'TLV_E5_HEX', 'TLV_TEXT', 'TLVE5_TEXT',
    'TLV_0E5_TEXT', 'E5_TEXT') {
    for my $case (
        ["Require proxyip-tlv $name x", qr/'\Q$name\E' is not/],
        ["Require expr proxyip('$name') == 'x'", qr/'\Q$name\E' is not/],
        ["Require expr %{PROXYIP:$name} == 'x'", qr/'\Q$name\E' is not/],
        ["Require expr %{PROXYIP_$name} == 'x'", qr/PROXYIP_\Q$name\E/]) {
        my ($line, $match) = @$case;
        my ($status, $output) = ProxyIP::Server->config_error(
            "<Location />\n$line\n</Location>");
        isnt($status, 0, "$line: does not start");
        like($output, $match, '... and says why');
    }
}

done_testing;
