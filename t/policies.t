# Who may send: the most specific range decides what a peer may and must do.

use strict;
use warnings;

use Test::More;

use ProxyIP::Client;
use ProxyIP::Header qw(v1 v2 CLIENT);
use ProxyIP::Server;

my $config = <<'EOC';
Listen 127.0.0.1:@port@
Listen [::1]:@port:six@
# Ranges in any order, with spaces or commas, in either letter case.
Define OFFICE "127.3.0.0/16, 127.4.0.0/16"
<VirtualHost 127.0.0.1:@port@>
    ProxyIP On
    ProxyIPPeer direct 127.1.2.0/24 ${OFFICE}
    ProxyIPPeer Require 127.1.0.0/16 ::ffff:127.5.0.0/112
    ProxyIPPeer optional 127.1.2.128/25,127.2.0.1
    ProxyIPPeer reject 127.1.2.129
    ProxyIPPeer require 127.1.2.130
    # More arguments than httpd itself would split.
    ProxyIPPeer direct @MANY@ 127.7.0.0/16
</VirtualHost>
<VirtualHost [::1]:@port:six@>
    ProxyIP On
    ProxyIPPeer require ::/0
</VirtualHost>
EOC
my $many = join ' ', map { "192.0.2.$_" } 1 .. 200;
$config =~ s/\@MANY\@/$many/;
my $server = ProxyIP::Server->new(config => $config)->start;
my $port = $server->port;
my $log = $server->error_log;

# What becomes of a peer that sends a header, and of one that sends none:
# `client` (the header's), `peer` (its own), or `closed`.
my @cases = (
    # peer           with      without   policy by range
    ['127.1.0.1',   'client', 'closed', 'require 127.1.0.0/16'],
    ['127.1.2.1',   'bad',    'peer',   'direct 127.1.2.0/24'],
    ['127.1.2.127', 'bad',    'peer',   'direct, last of its range'],
    ['127.1.2.128', 'client', 'peer',   'optional 127.1.2.128/25'],
    ['127.1.2.129', 'closed', 'closed', 'reject 127.1.2.129'],
    ['127.1.2.130', 'client', 'closed', 'require 127.1.2.130'],
    ['127.1.2.255', 'client', 'peer',   'optional, last of its range'],
    ['127.1.3.0',   'client', 'closed', 'require behind a nested range'],
    ['127.2.0.1',   'client', 'peer',   'optional 127.2.0.1'],
    ['127.2.0.2',   'closed', 'closed', 'no range'],
    ['127.3.0.1',   'bad',    'peer',   'direct by ${OFFICE}'],
    ['127.4.255.9', 'bad',    'peer',   'direct by ${OFFICE}, second'],
    ['127.5.0.1',   'client', 'closed', 'require ::ffff:127.5.0.0/112'],
    ['127.6.0.1',   'closed', 'closed', 'no range above'],
    ['127.7.0.1',   'bad',    'peer',   'direct, the 201st of its line'],
    ['127.0.0.1',   'closed', 'closed', 'no range below'],
);

sub outcome {
    my ($peer, $header) = @_;
    my $client = ProxyIP::Client->new(port => $port, from => $peer);
    my $own = $client->port;
    my $answer = $client->send($header)->get('/cgi/environment');
    return 'closed' if !$answer;
    return 'bad' if $answer->code == 400;
    my $saw = $client->variables($answer);
    my $address = "$saw->{REMOTE_ADDR}:$saw->{REMOTE_PORT}";
    return $address eq CLIENT . ':4711' ? 'client'
        : $address eq "$peer:$own" ? 'peer' : $address;
}

for my $case (@cases) {
    my ($peer, $with, $without, $name) = @$case;
    is(outcome($peer, v1()), $with, "$peer with v1: $name");
    is(outcome($peer, v2()), $with, "$peer with v2: $name");
    is(outcome($peer, ''), $without, "$peer without: $name");
}

# Rejected peers are closed before they have said anything, in one line.
my $client = ProxyIP::Client->new(port => $port, from => '127.6.0.1');
my $own = $client->port;
isnt($client->ending(3)->{how}, 'open', 'a peer in no range is closed');
like($log->wait_for(qr/peer 127\.6\.0\.1:$own /, 5) // '',
    qr/proxyip:info.*PIP0020: .*in no ProxyIPPeer range.*127\.0\.0\.1:$port/,
    'PIP0020 names peer and listener');
$client = ProxyIP::Client->new(port => $port, from => '127.1.2.129');
isnt($client->ending(3)->{how}, 'open', 'a peer by `reject` is closed');
like($log->wait_for(qr/peer 127\.1\.2\.129:/, 5) // '',
    qr/PIP0020: .*ProxyIPPeer reject 127\.1\.2\.129 at \S+:\d+/,
    'PIP0020 names the rule and its place');

# What only a range without bounds trusts is a stranger: info, not error.
SKIP: {
    $client = eval { ProxyIP::Client->new(host => '::1', from => '::1',
                                          port => $server->port('six')) }
        or skip 'no IPv6 here', 3;
    is($client->variables($client->send(v2())->get('/cgi/environment'))
        ->{REMOTE_ADDR}, CLIENT, 'an IPv6 peer');
    $client = ProxyIP::Client->new(host => '::1', from => '::1',
                                   port => $server->port('six'));
    isnt($client->send('x')->ending(3)->{how}, 'open', '... without a header');
    like($log->wait_for(qr/PIP0021.*peer \[::1\]:/, 5) // '', qr/proxyip:info/,
        '... is logged at info');
}

done_testing;
