# What backends see of a client where ProxyIPSend is on, by a receiver that
# takes no header but a right one: both versions, each way to a backend, kept
# connections.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep);

use ProxyIP::Client;
use ProxyIP::Header qw(v1 v2 tlv CLIENT CLIENT6);
use ProxyIP::Receiver;
use ProxyIP::Server;

my ($v1, $v2) = map { ProxyIP::Receiver->new(version => $_)->start } 1, 2;
my $none = ProxyIP::Receiver->new(no_header => 1)->start;
my $closing = ProxyIP::Receiver->new(version => 2, closes => 1)->start;
my $root = $v2->root;
my $unix = ProxyIP::Receiver->new(version => 2, path => "$root/sock")->start;

my ($to_v1, $to_v2, $to_none, $to_closing)
    = map { 'http://127.0.0.1:' . $_->port } $v1, $v2, $none, $closing;

my $none_port = $none->port;
my $server = ProxyIP::Server->new(status => 1, modules => ['proxy_connect'],
    config => <<"EOC")->start;
Listen 127.0.0.1:\@port\@
Listen 127.0.0.1:\@port:direct\@
Listen 127.0.0.1:\@port:forward\@
LogFormat "\%a sent=\%{PROXYIP_SEND}n reused=\%{PROXYIP_SEND_REUSED}n \%U" sent
CustomLog "\@root\@/logs/sent" sent
ProxyPass "/v1" "$to_v1/"
ProxyPass "/v2" "$to_v2/"
ProxyPass "/off" "$to_none/"
ProxyPass "/closing" "$to_closing/"
ProxyPass "/single" "$to_v2/"
ProxyPass "/unix" "unix:$root/sock|http://localhost/"
ProxyPassMatch "^/match/(.*)" "$to_v2/\$1"
<Location "/v1">
    ProxyIPSend v1
</Location>
<Location "/v2/ssi">
    Options +Includes
    SetOutputFilter INCLUDES
</Location>
<LocationMatch "^/(v2|closing|match|unix|handler|rewrite|remote)">
    ProxyIPSend v2
</LocationMatch>
<Location "/single">
    ProxyIPSend v2
    ProxyIPSendReuse Off
</Location>
<Location "/handler">
    SetHandler "proxy:$to_v2"
</Location>
RemoteIPHeader X-Visitor
RemoteIPInternalProxy 192.0.2.0/24
<Location "/remote">
    ProxyPass "$to_v2/"
</Location>
RewriteEngine On
RewriteRule "^/rewrite/(.*)" "$to_v2/\$1" [P]
ProxyIP On
ProxyIPPeer require 127.0.0.9
<VirtualHost 127.0.0.1:\@port:direct\@>
    ProxyIP Off
    ProxyPass "/v2" "$to_v2/"
    ProxyIPSend v2
</VirtualHost>
<VirtualHost 127.0.0.1:\@port:forward\@>
    ProxyIP Off
    ProxyRequests On
    AllowCONNECT $none_port
    ProxyIPSend v2
</VirtualHost>
EOC
my $port = $server->port;

# A client behind a balancer, which has sent a header.
sub client {
    my ($header) = @_;
    return ProxyIP::Client->new(port => $port, from => '127.0.0.9')
        ->send($header);
}

sub seen {
    my ($client, $path, %header) = @_;
    my $answer = $client->get($path, %header);
    return { code => $answer && $answer->code } if !$answer
        || $answer->code != 200;
    return ProxyIP::Receiver::seen($answer->content);
}

sub where {
    my ($seen) = @_;
    return join ' ', map { $seen->{$_} // '-' }
        qw(source sport destination dport);
}

my $WAY = CLIENT . ' 4711 198.51.100.80 443';
my $MIXED = CLIENT6 . ' 4711 198.51.100.80 443';
for my $path (qw(v1 v2)) {
    is(where(seen(client(v1()), "/$path/")), $WAY, "$path of a v1 header");
    is(where(seen(client(v2()), "/$path/")), $WAY, "$path of a v2 header");
    is(where(seen(client(v2(src => CLIENT6, dst => '2001:db8::80')),
        "/$path/")), CLIENT6 . ' 4711 2001:db8::80 443', "$path: IPv6");
}
for my $path (qw(match/a unix/ handler/a rewrite/a closing/ single/)) {
    is(where(seen(client(v1()), "/$path")), $WAY, "/$path");
}

# Whom no header names.
my $client = ProxyIP::Client->new(port => $server->port('direct'),
    from => '127.0.0.33');
is(where(seen($client, '/v2/')), join(' ', '127.0.0.33', $client->port,
    '127.0.0.1', $server->port('direct')), 'no header came in');

# A visitor whom an HTTP header names, from a CDN that is believed; of the
# other family than the destination.
is(where(seen(client(v1()), '/remote/', 'X-Visitor' => '203.0.113.9')),
    '203.0.113.9 0 198.51.100.80 443', 'RemoteIPHeader counts');
is(where(seen(client(v1()), '/remote/', 'X-Visitor' => CLIENT6)),
    CLIENT6 . ' 0 198.51.100.80 443', 'IPv6 to IPv4: mapped');
is(where(seen(client(v1()), '/v2/', 'X-Forwarded-For' => '203.0.113.9')),
    $WAY, 'an HTTP header that is not believed does not');

# Kept connections.
$client = client(v2());
my @seen = map { seen($client, '/v2/') } 1 .. 3;
is(join(' ', map { $_->{request} } @seen), '1 2 3',
    'one connection for a client that asks again');
my $first = $seen[0]{connection};
isnt(seen(client(v2()), '/v2/')->{connection}, $first,
    '... not for another that the same header names');
is(seen($client, '/v2/')->{request}, 4, '... and it is kept');
@seen = map { seen($client, '/remote/', 'X-Visitor' => $_) }
    qw(203.0.113.1 203.0.113.2 203.0.113.2 203.0.113.1);
is(join(' ', map { "$_->{source}/$_->{request}" } @seen),
    '203.0.113.1/1 203.0.113.2/1 203.0.113.2/2 203.0.113.1/2',
    'another header, another connection');
@seen = map { seen($client, '/single/') } 1 .. 2;
is(join(' ', map { $_->{request} } @seen), '1 1', 'ProxyIPSendReuse Off');
# Not at once: what is sent while it closes is lost, here as without us.
is(join(' ', map { sleep 0.1; where(seen($client, '/closing/')) } 1 .. 3),
    "$WAY $WAY $WAY", 'a backend that closes behind each answer');

# Beside it, where it is off.
is(seen($client, '/off/')->{code} // 200, 200, 'Off: without a header');
@seen = map { seen(client(v2(src => $_)), '/off/') } qw(192.0.2.1 192.0.2.2);
is($seen[0]{connection}, $seen[1]{connection},
    '... and of mod_proxy\'s pool, as ever');

# A forward proxy sends none, nor what is taken for a health check's.
my $forward = ProxyIP::Client->new(port => $server->port('forward'));
is($forward->get("$to_none/")->code, 200, 'a forward proxy');
$forward->send("CONNECT 127.0.0.1:$none_port HTTP/1.1\r\n"
    . "Host: 127.0.0.1:$none_port\r\n\r\n");
1 until $forward->{in} =~ s/\A.*?\r\n\r\n//s || $forward->read_some(time + 5);
is($forward->get('/')->code, 200, '... and CONNECT through it');

# A request within a request: each has its own, the outer one again behind it.
$client = client(v2());
my $body = join '', map { qq(<!--#include virtual="/$_/in" -->) }
    qw(v1 off v2 single);
$client->send("POST /v2/ssi HTTP/1.1\r\nHost: localhost\r\nContent-Length: "
    . length($body) . "\r\n\r\n$body");
my $content = $client->answer->content;
is(join(' ', $content =~ /^(?:body=)?version=(\d)/mg), '2 1 2 2',
    'subrequests: each with the header of its own section')
    or diag $content;
is(scalar(() = $content =~ /^connection=/mg)
    + scalar(() = $content =~ /^body=connection=/mg), 5, '... one with none');
is(seen($client, '/v2/')->{source}, CLIENT, '... and the client goes on');

# Notes.
my $log = ProxyIP::Log->new($server->root . '/logs/sent');
like($log->wait_for(qr{ /v1/$}, 5), qr{^192\.0\.2\.77\ sent=v1
    \ 192\.0\.2\.77:4711\ 198\.51\.100\.80:443\ reused=0\ }x, 'the note');
ok($log->wait_for(qr{^192\.0\.2\.77 sent=v2 \S+ \S+ reused=1 /v2/$}, 5),
    '... of a kept connection');
ok($log->wait_for(qr{sent=- reused=- /off/$}, 5), '... none without');

# Counters, over a restart.
my $counts = $server->status;
cmp_ok($counts->{"ProxyIPSent$_"}, '>', 1, "Sent$_: $counts->{qq(ProxyIPSent$_)}")
    for qw(V1 V2 Reused);
is("$counts->{ProxyIPSentChecks} $counts->{ProxyIPSentRefused}", '0 0',
    '... none of the rest');
$server->graceful;
is($server->status->{ProxyIPSentV1}, $counts->{ProxyIPSentV1},
    '... kept over a restart');

# What is said of it.
my (undef, $dump) = ProxyIP::Server->config_error(<<"EOC",
ProxyIPSend v2
ProxyIPSendFacts ssl cn checksum
ProxyIPSendTLV 0xE1 "x"
ProxyPass "/one" "$to_v2/"
ProxyPass "/two" "$to_v1/"
<Location "/two">
    ProxyIPSend v1
    ProxyIPSendFacts none
</Location>
EOC
    arguments => ['-D', 'DUMP_PROXYIP']);
like($dump, qr{^main server: ProxyIPSend v2 \(\S+:\d+\)$}m,
    'DUMP_PROXYIP: the server');
like($dump, qr{^ +ProxyIPSendFacts ssl cn checksum, ProxyIPSendTLV 0xE1 "x", }m,
    '... what it says');
like($dump, qr{^ +/one to \Q$to_v2\E/: v2 \(}m, '... to what');
like($dump, qr{^ +/two to \Q$to_v1\E/: v1 \(}m, '... and how else');

undef $client;
for ($v1, $v2, $none, $closing, $unix) {
    is(join("\n", $_->complaints_of), '', 'nothing to complain of');
}
done_testing;
