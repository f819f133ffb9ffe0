# What is wrong with one request's header is no fault of the backend: a
# balancer's members stay in use.

use strict;
use warnings;

use Test::More;

use ProxyIP::Client;
use ProxyIP::Header qw(v2);
use ProxyIP::Receiver;
use ProxyIP::Server;

my @receivers = map { ProxyIP::Receiver->new(version => 2, notes => 1)->start }
    1, 2;
my ($one, $two) = map { 'http://127.0.0.1:' . $_->port } @receivers;
my $server = ProxyIP::Server->new(
    modules => [qw(proxy_balancer lbmethod_byrequests slotmem_shm)],
    config => <<"EOC")->start;
ProxyIP On
ProxyIPPeer require 127.0.0.1
LimitRequestFieldSize 80000
ProxyIPSend v2
ProxyIPSendTLV 0xE0 "%{HTTP:X-Large}"
ProxyPass "/" "balancer://two/"
<Proxy "balancer://two">
    BalancerMember "$one" retry=600
    BalancerMember "$two" retry=600
</Proxy>
EOC

# On prefork each child has members' shares of its own turns: enough of them.
sub each_is_used {
    my ($what) = @_;
    my @before = map { scalar $_->headers_of } @receivers;
    for my $number (1 .. 8) {
        my $source = "192.0.2.$number";
        my $answer = ProxyIP::Client->fetch(port => $server->port,
            header => v2(src => $source));
        my $seen = ProxyIP::Receiver::seen($answer->content);
        is($seen->{source}, $source, "$what, client $number: served");
    }
    cmp_ok(scalar $receivers[$_]->headers_of, '>', $before[$_],
        "... member $_ has some") for 0, 1;
}

each_is_used('at first');
my $client = ProxyIP::Client->new(port => $server->port)->send(v2());
is($client->get('/', 'X-Large' => 'x' x 70_000)->code, 502,
    'a header that cannot be made: 502');
like($server->error_log->wait_for(qr/PIP0103/, 5), qr/longer than a header/,
    '... says why');
each_is_used('then');
is(join("\n", map { $_->complaints_of } @receivers), '',
    'nothing to complain of');
done_testing;
