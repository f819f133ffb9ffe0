# An SSL TLV that is wrong inside, as HAProxy's set-proxy-v2-tlv-fmt(0x20)
# makes it by ending a value at its first NUL: the connection is served as the
# client's, nothing of that TLV is known anywhere, all else of the header is,
# and one line says so.  What breaks the row of TLVs, the checksum or the
# addresses is refused as ever.

use strict;
use warnings;

use Test::More;

use ProxyIP::Client;
use ProxyIP::Header qw(v2 tlv ssl_tlv CLIENT);
use ProxyIP::Server;

my @SSL = map { "SSL$_" } '', map { "_$_" } qw(VERSION CIPHER SIG_ALG KEY_ALG
    GROUP SIG_SCHEME CN VERIFY CLIENT_CERT);
my @OTHERS = qw(ALPN AUTHORITY UNIQUE_ID CRC32C TLV_E5_TEXT);
my $headers = join "\n", map { 'Header always set X-' . tr/_/-/r
    . qq( "expr=%{PROXYIP_$_}") } @SSL, @OTHERS;
my $format = join ' ', map { "$_=[%{$_}^PX]" } @SSL, @OTHERS;
my $error = join ' ', map { "\t$_=%{$_}X" } @SSL, @OTHERS;

my $server = ProxyIP::Server->new(loglevel => 'warn proxyip:debug',
    config => <<"EOC")->start;
Listen 127.0.0.1:\@port:plain\@
Listen 127.0.0.1:\@port:all\@
ProxyIP On
ProxyIPEnv All
ProxyIPHTTPS tlv
LogFormat "port=%{PEER_PORT}^PX $format" facts
CustomLog "\@root\@/logs/facts" facts
ErrorLogFormat "[%l] %M $error"
$headers
Header always set X-Seen "expr=https=%{HTTPS} scheme=%{REQUEST_SCHEME}"
<Location "/r/cn">
    Require proxyip-tlv SSL-CN alice
</Location>
<Location "/r/version">
    Require proxyip-tlv SSL-VERSION TLSv1.3
</Location>
<Location "/r/ssl">
    Require proxyip-tlv SSL on
</Location>
<Location "/r/tls">
    Require ssl
</Location>
<Location "/r/authority">
    Require proxyip-tlv AUTHORITY shop.example.org
</Location>
AliasMatch "^/r/" "\@root\@/htdocs/index.html"
<VirtualHost 127.0.0.1:\@port:plain\@>
    ProxyIPPeer require 127.0.0.0/8
</VirtualHost>
<VirtualHost 127.0.0.1:\@port:all\@>
    ProxyIPPeer require all
</VirtualHost>
EOC
my $facts_log = ProxyIP::Log->new($server->root . '/logs/facts');
my $log = $server->error_log;

# All that a right one would say, in the order in which HAProxy writes.
my $right = pack('CN', 7, 0) . join '', tlv(0x21 => 'TLSv1.3'),
    tlv(0x22 => 'alice'), tlv(0x23 => 'TLS_AES_128_GCM_SHA256'),
    tlv(0x24 => 'RSA-SHA256'), tlv(0x25 => 'RSA2048'),
    tlv(0x26 => 'X25519'), tlv(0x27 => 'rsa_pss_rsae_sha256'),
    tlv(0x28 => 'certificate');
my %said = (SSL => 'on', SSL_VERSION => 'TLSv1.3', SSL_CN => 'alice',
    SSL_CIPHER => 'TLS_AES_128_GCM_SHA256', SSL_SIG_ALG => 'RSA-SHA256',
    SSL_KEY_ALG => 'RSA2048', SSL_GROUP => 'X25519',
    SSL_SIG_SCHEME => 'rsa_pss_rsae_sha256', SSL_VERIFY => 'SUCCESS',
    SSL_CLIENT_CERT => '-----BEGIN CERTIFICATE----- Y2VydGlmaWNhdGU='
        . ' -----END CERTIFICATE-----');
my %others = (ALPN => 'h2', AUTHORITY => 'shop.example.org',
    UNIQUE_ID => 'id-1', CRC32C => 'ok', TLV_E5_TEXT => 'ja4');
my $SHORT = 'the SSL TLV is shorter than 5 bytes';
my $OVERRUN = 'an SSL sub-TLV is longer than the SSL TLV';

# The row that one of these stands in.
sub header {
    my ($ssl, @more) = @_;
    return v2(crc => 1, tlvs => [tlv(0x01 => 'h2'),
        tlv(0x02 => 'shop.example.org'), $ssl, tlv(0x05 => 'id-1'), @more,
        tlv(0xE5 => 'ja4')]);
}

my $peer = 0;

# A header and what is known of its TLS: facts of %said, or of nothing; number
# of lines PIP0055 and what they say.
sub check {
    my ($name, $bytes, $ssl, $line, %option) = @_;
    my $from = '127.0.7.' . ++$peer;
    my $level = $option{level} // 'warn';
    my %want = (%others, $ssl ? %said : ());
    my $client = ProxyIP::Client->new(from => $from,
        port => $server->port($option{listener} // 'plain'));
    my $port = $client->port;
    my $since = ProxyIP::Log->new($log->path)->mark;
    $client->send($bytes);

    my $answer = $client->get('/client-only');
    is($answer && $answer->code, 200, "$name: served as the client's")
        or return;
    my %seen = map { my $value = $answer->header('X-' . tr/_/-/r);
        length($value // '') ? ($_ => $value) : () } @SSL, @OTHERS;
    is_deeply(\%seen, \%want, "$name: expressions");
    is($answer->header('X-Seen'), $ssl ? 'https=on scheme=https'
        : 'https=off scheme=http', "$name: ProxyIPHTTPS tlv");

    $answer = $client->get('/cgi/environment');
    my $saw = $client->variables($answer);
    is($saw->{REMOTE_ADDR}, CLIENT, "$name: REMOTE_ADDR");
    is_deeply([sort map { /^PROXYIP_((?:SSL|ALPN|AUTH|UNIQ|CRC|TLV_E5_).*)/
        ? $1 : () } keys %$saw], [sort keys %want], "$name: environment");
    is($saw->{HTTPS}, $ssl ? 'on' : undef, "$name: HTTPS");

    # On the first connection's own: it goes on.
    my %code = (cn => $ssl, version => $ssl, ssl => $ssl, tls => $ssl,
        authority => 1);
    for my $path (sort keys %code) {
        $answer = $client->get("/r/$path");
        is($answer && $answer->code, $code{$path} ? 200 : 403,
            "$name: Require, $path");
    }

    my $logged = $facts_log->wait_for(qr/^port=$port /, 5) // '';
    my %logged = $logged =~ /(\w+)=\[(.*?)\](?= |$)/g;
    delete @logged{ grep { $logged{$_} eq '-' } keys %logged };
    $logged{SSL_CLIENT_CERT} =~ s/\\n(?=.)/ /g, $logged{SSL_CLIENT_CERT}
        =~ s/\\n$// if $logged{SSL_CLIENT_CERT};
    is_deeply(\%logged, \%want, "$name: access log");

    my $taken = $since->wait_for(qr/PIP004[12].*peer \Q$from\E:$port /, 5)
        // '';
    is_deeply([sort map { /^(\w+)=/ ? $1 : () } split / \t/, $taken],
        [sort keys %want], "$name: error log");
    my @lines = $since->lines(qr/PIP0055/);
    is(scalar @lines, $line ? 1 : 0, "$name: so many lines of it");
    return if !$line;
    like($lines[0], qr/^\[$level\]\ PIP0055:\ .*\Q$line->[0]\E.*
        \ $line->[1]\ bytes.*peer\ \Q$from\E:$port\ /x,
        "$name: what is wrong, at $level");
    my $is_short = $line->[0] eq $SHORT;
    is(scalar(() = $lines[0] =~ /set-proxy-v2-tlv-fmt\(0x20\).*issue 3489/),
        $is_short ? 1 : 0, $is_short ? "$name: HAProxy's issue is named"
        : "$name: HAProxy is not accused");
}

check('a right one', header(tlv(0x20 => $right)), 1);
check('none', header(''), 0);

# HAProxy's issue 3489: what is left of a value that begins 07 00 00 00 00.
check('cut at its first NUL', header(tlv(0x20 => "\7")), 0, [$SHORT, 1]);
# ... of the manual's own example, where the hop in front sent none.
check('empty', header(tlv(0x20 => '')), 0, [$SHORT, 0]);
check("$_ bytes", header(tlv(0x20 => substr $right, 0, $_)), 0, [$SHORT, $_])
    for 2 .. 4;
check('a sub-TLV that overruns', header(tlv(0x20 => pack('CN', 7, 0)
    . tlv(0x22 => 'alice', 6))), 0, [$OVERRUN, 13]);
check('the last of them overruns', header(tlv(0x20 => substr $right, 0, -1)),
    0, [$OVERRUN, length($right) - 1]);
check('one stray byte', header(tlv(0x20 => "$right\x21")), 0,
    [$OVERRUN, length($right) + 1]);
check('two stray bytes', header(tlv(0x20 => "$right\x21\0")), 0,
    [$OVERRUN, length($right) + 2]);
check('cut, and a right one behind it', header(tlv(0x20 => "\7"),
    tlv(0x20 => $right)), 0, [$SHORT, 1]);
check('a right one, and one cut behind it', header(tlv(0x20 => $right),
    tlv(0x20 => "\7")), 1);
check('of a peer that only all matches', header(tlv(0x20 => "\7")), 0,
    [$SHORT, 1], listener => 'all', level => 'info');

# The very bytes: 127.0.0.1:54321 to port 80, one byte of 0x20.
{
    my $since = ProxyIP::Log->new($log->path)->mark;
    my $bytes = pack 'H*', '0d0a0d0a000d0a515549540a'
        . '21110010' . '7f0000017f000001d4310050' . '20000107';
    my $client = ProxyIP::Client->new(port => $server->port('plain'));
    my $saw = $client->send($bytes)->variables(
        $client->get('/cgi/environment'));
    is("$saw->{REMOTE_ADDR}:$saw->{REMOTE_PORT}", '127.0.0.1:54321',
        "HAProxy's bytes: the client");
    is($saw->{PROXYIP}, 'on', '... by its header');
    is($since->count(qr/PIP0055/), 1, '... and a line');
}

# Headers that name no client, too; but nothing is looked at in LOCAL.
for my $case (['UNSPEC', v2(family => 'UNSPEC', tlvs => [tlv(0x20 => '')]), 1],
    ['UNIX', v2(src => '/a', dst => '/b', tlvs => [tlv(0x20 => "\7")]), 1],
    ['LOCAL', v2(command => 'LOCAL', family => 'INET',
        tlvs => [tlv(0x20 => "\7")]), 0]) {
    my ($name, $bytes, $count) = @$case;
    my $since = ProxyIP::Log->new($log->path)->mark;
    my $answer = ProxyIP::Client->fetch(port => $server->port('plain'),
        from => '127.0.8.' . ++$peer, header => $bytes);
    is($answer && $answer->code, 200, "$name: served");
    is($since->count(qr/PIP0055/), $count, "$name: so many lines");
}

# --- refused as ever, whatever the SSL TLV is ---

my $cut = tlv(0x20 => "\7");
for my $case (
    ['it overruns the header', [tlv(0x20 => $right, 1000)], {}, 'PIP0022'],
    ['another overruns', [$cut, tlv(0x01 => 'h2', 3)], {}, 'PIP0022'],
    ['a stray byte', [$cut], { tail => "\0" }, 'PIP0022'],
    ['two stray bytes', [$cut], { tail => "\0\0" }, 'PIP0022'],
    ['a long unique id', [$cut, tlv(0x05 => 'x' x 129)], {}, 'PIP0022'],
    ['a short checksum', [$cut, tlv(0x03 => "\0\0\0")], {}, 'PIP0022'],
    ['a second checksum', [$cut, tlv(0x03 => "\0" x 4)], { crc => 1 },
     'PIP0022'],
    ['a wrong checksum', [$cut], { crc => 'bad' }, 'PIP0024'],
    ['a short address block', [], { block => "\x7f\0\0\1\x7f\0\0" },
     'PIP0022'],
) {
    my ($name, $tlvs, $options, $number) = @$case;
    my $from = '127.0.9.' . ++$peer;
    my $since = ProxyIP::Log->new($log->path)->mark;
    my $end = ProxyIP::Client->new(from => $from,
        port => $server->port('plain'))->send(v2(tlvs => $tlvs, %$options)
        . "GET / HTTP/1.0\r\n\r\n")->ending(6);
    isnt($end->{how}, 'open', "$name: refused");
    is($end->{bytes}, '', "$name: no answer");
    ok($since->wait_for(qr/$number: .*\b\Q$from\E\b/, 5), "$name: $number");
    is($since->count(qr/PIP0055/), 0, "$name: and nothing else");
}

done_testing;
