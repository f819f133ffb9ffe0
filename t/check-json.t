# proxyip-check --json: what decode, send, probe and listen write, read by a
# parser.

use strict;
use warnings;

use Test::More;

use JSON::PP ();

use ProxyIP::Check qw(check);
use ProxyIP::Client;
use ProxyIP::Header qw(v1 v2 tlv ssl_tlv flip NLB_HEALTH_CHECK);
use ProxyIP::Httpd;
use ProxyIP::Server;

plan skip_all => 'the MPM makes no difference: done with event'
    if ProxyIP::Httpd::mpm() ne 'event';

my $server = ProxyIP::Server->new(config => <<'EOC')->start;
Listen 127.0.0.1:@port:on@
Listen 127.0.0.1:@port:off@
ProxyIPEnv All
ProxyIPPeer require 127.0.0.0/24
<VirtualHost 127.0.0.1:@port:on@>
    ProxyIP On
</VirtualHost>
<VirtualHost 127.0.0.1:@port:off@>
</VirtualHost>
EOC
my ($on, $off) = map { '127.0.0.1:' . $server->port($_) } qw(on off);

# Each line is one object, in ASCII.
sub objects {
    my ($text, $name) = @_;
    unlike($text, qr/[^\x20-\x7e\n]/, "$name: ASCII");
    my @objects = map { eval { JSON::PP->new->decode($_) } // $@ }
        split /\n/, $text;
    my @bad = grep { ref ne 'HASH' } @objects;
    is("@bad", '', "$name: JSON");
    return @objects;
}

sub decode {
    my ($name, $bytes, @arguments) = @_;
    my $run = check({ input => $bytes }, 'decode', '--json', @arguments);
    my @objects = objects($run->{out}, $name);
    return ($run->{status}, @objects);
}

# -- decode ------------------------------------------------------------------

# The facts are the module's: what a CGI program sees of the same header.
my $der = pack 'H*', '3082' . 'ab' x 50;
my $ssl = ssl_tlv(client => 0x07, verify => 0, subs => [tlv(0x21 => 'TLSv1.3'),
    tlv(0x22 => "Al\xc3\xafce \"\\"), tlv(0x22 => 'second'),
    tlv(0x28 => $der)]);
my $bytes = v2(crc => 1, tlvs => [tlv(0x01 => 'h2'), tlv(0x02 => "a\0b"),
    tlv(0x05 => "\1\2"), $ssl, tlv(0x30 => 'blue'), tlv(0xEA => "\1vpce-1"),
    tlv(0xEE => "\1" . pack 'V', 0x89abcdef), tlv(0xEE => "\2abcd"),
    tlv(0xE0 => pack 'H*', '8000000000000001'), tlv(0xF1 => 'ab'),
    tlv(0xF2 => "\xff"), tlv(0x04 => "\0\0"), tlv(0x77 => "\xf0\x9f\x98\x80")]);
my ($status, $object) = decode('right', $bytes . "GET / HTTP/1.1\r\n\r\n");
is($status, 0, 'right: status');
my $answer = ProxyIP::Client->fetch(port => $server->port('on'),
    header => $bytes, path => '/cgi/environment');
my %saw = $answer->content =~ /^PROXYIP_?(\w*)=(.*)$/mg;
$saw{PROXYIP} = delete $saw{''};
delete @saw{qw(PEER_ADDR PEER_PORT SSL_CLIENT_CERT)};
# In the environment what has no name has none, nor has a text that is none.
my %facts = %{ $object->{facts} };
my $pem = delete $facts{SSL_CLIENT_CERT};
is(delete $facts{TLV_02}, '610062', 'a text that is none: its bytes');
utf8::encode($_) for values %facts;
is_deeply(\%facts, \%saw, 'right: the facts are the module\'s')
    or diag($answer->content);
require MIME::Base64;
is($pem, "-----BEGIN CERTIFICATE-----\n" . MIME::Base64::encode($der, "\n")
    =~ s/\n//gr =~ s/.{64}\K(?=.)/\n/gr . "\n-----END CERTIFICATE-----\n",
    'right: the certificate is PEM');
is(JSON::PP::encode_json([map { $_->{type} } @{ $object->{tlvs} }]),
    '["0x01","0x02","0x05","0x20","0x30","0xEA","0xEE","0xEE","0xE0","0xF1",'
    . '"0xF2","0x04","0x77","0x03"]', 'right: each TLV');
is_deeply($object->{tlvs}[1], { offset => 33, type => '0x02',
    name => 'AUTHORITY', length => 3, value => '610062' },
    'right: what is said of one');
is($object->{hex}, unpack('H*', $bytes), 'right: the bytes');
is_deeply($object->{follows}, { length => 18, looks_like =>
    'an HTTP request: GET / HTTP/1.1', second_header => JSON::PP::false },
    'right: what follows');

# Others: [name, bytes, status, members].
my $swapped = v2();
substr($swapped, 14, 2) = pack 'v', 12;
for my $case (
    ['v1', v1(), 0, { result => 'right', length => 46, form => 'bytes' }],
    ['hex', unpack('H*', v1()), 0, { result => 'right', form => 'hex' }],
    ['LOCAL', NLB_HEALTH_CHECK, 0, { result => 'right', length => 100,
        facts => { VERSION => '2', COMMAND => 'LOCAL' } }],
    ['UNKNOWN', "PROXY UNKNOWN\r\n", 0, { facts => { VERSION => '1',
        COMMAND => 'PROXY', TRANSPORT => 'UNKNOWN' } }],
    ['bad', v1(src => '192.0.02.77'), 1, { result => 'bad', version => 1,
        reason => 'v1 source has a leading zero', offset => 17,
        found_at => 46 }],
    ['part', substr(v2(), 0, 20), 1, { result => 'incomplete', needed => 28,
        length => 20, version => 2, facts => undef }],
    ['byte order', $swapped, 1, { result => 'incomplete',
        swapped_length => 28 }],
    ['none', "GET / HTTP/1.1\r\n\r\n", 1, { result => 'absent',
        looks_like => 'an HTTP request: GET / HTTP/1.1', offset => undef }],
    ['nothing', '', 1, { result => 'absent', length => 0,
        looks_like => 'nothing' }],
) {
    my ($name, $bytes, $want, $members) = @$case;
    my ($status, $object, @more) = decode($name, $bytes);
    is($status, $want, "$name: status");
    is_deeply({ map { $_ => $object->{$_} } keys %$members }, $members,
        "$name: members");
    is("@more", '', "$name: one object");
}
($status, my @two) = decode('two headers', v1() . v2());
is($status, 1, 'two headers: status');
is(join(' ', map { "$_->{result} $_->{facts}{VERSION}" } @two),
    'right 1 right 2', 'two headers: an object for each');

# Whatever comes.
srand 11;
for my $round (1 .. 150) {
    my $mutated = flip($bytes, int rand length $bytes, int rand 8);
    $mutated = flip($mutated, int rand length $mutated, int rand 8);
    my $run = check({ input => $mutated }, 'decode', '--json');
    my @bad = grep { !eval { JSON::PP->new->decode($_) } }
        split /\n/, $run->{out};
    fail("JSON of mutated bytes: @bad, " . unpack 'H*', $mutated) if @bad;
}

# -- send --------------------------------------------------------------------

my $run = check('send', '--json', '--src', '192.0.2.77:4711', $on);
is($run->{status}, 0, 'send: status');
($object, my @more) = objects($run->{out}, 'send');
is("@more", '', 'send: one object');
is($object->{to}, $on, 'send: to');
like($object->{from}, qr/^127\.0\.0\.1:\d+$/, 'send: from');
is($object->{sent}{facts}{CLIENT_ADDR}, '192.0.2.77', 'send: the header');
is_deeply({ map { $_ => $object->{$_} } qw(outcome status line not_sent hint)
    }, { outcome => 'http', status => 200, line => 'HTTP/1.1 200 OK',
    not_sent => 0, hint => undef }, 'send: the answer');
$run = check('send', '--json', $off);
is($run->{status}, 1, 'send, 400: status');
($object) = objects($run->{out}, 'send, 400');
is($object->{status}, 400, 'send, 400: it is said');
like($object->{hint}, qr/takes no PROXY header/, 'send, 400: hint');
($object) = objects(check('send', '--json', '--no-header', $on)->{out},
    'send, refused');
like($object->{outcome}, qr/^(?:closed|reset)$/, 'send, refused: outcome');
is($object->{sent}{result}, 'absent', 'send, refused: no header');

# -- probe -------------------------------------------------------------------

$run = check('probe', '--json', $on);
is($run->{status}, 0, 'probe: status') or diag($run->{out});
my @objects = objects($run->{out}, 'probe');
is(join(' ', map { $_->{first} // () } @objects),
    'no header v1 v2 first byte only', 'probe: the first ones');
my @cases = grep { $_->{case} } @objects;
is(scalar @cases, 42, 'probe: an object for each case');
my ($v2) = grep { $_->{case} eq 'v2-tcp4' } @cases;
cmp_ok(delete $v2->{after_ms}, '>=', 0, 'probe: a time');
is_deeply($v2, { case => 'v2-tcp4', length => 28, expected => 'answered',
    outcome => 'http', status => 200, verdict => 'ok' }, 'probe: a case');
is_deeply($objects[-1], { listener => $on, judged => 29, as_specified => 29,
    open => 13, formats => 'v1 and v2', conclusion =>
    'requires a header of this peer' }, 'probe: the conclusion');

# -- listen ------------------------------------------------------------------

my $listen = ProxyIP::Check->new(arguments => ['--json', '--count', 3,
    '--timeout', '1s'])->start;
my $http = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
my @ports;
for my $bytes (v2(tlvs => [tlv(2 => 'a b')]) . $http, $http, '') {
    my $client = ProxyIP::Client->new(port => $listen->port);
    push @ports, $client->port;
    $client->send($bytes)->ending(5);
}
is($listen->ended, 1, 'listen: status');
my ($first, $second, $third) = objects($listen->log->text
    =~ s/^listening on .*\n//r, 'listen');
like(delete $first->{time}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]/,
    'listen: a time');
is($first->{number}, 1, 'listen: a number');
is($first->{segments}, 1, 'listen: segments');
is($first->{facts}{AUTHORITY}, 'a b', 'listen: the facts');
is($first->{facts}{PEER_ADDR}, '127.0.0.1', 'listen: the peer');
is($first->{facts}{PEER_PORT}, $ports[0], 'listen: its port');
is($second->{result}, 'absent', 'listen: no header');
is_deeply($second->{facts}, { PEER_ADDR => '127.0.0.1',
    PEER_PORT => $ports[1] }, 'listen: no header, the peer');
is($third->{ended}, 'silent until the time limit', 'listen: silence');

done_testing;
