# Connections wait in a child whose workers are all busy for long: when they
# speak, a child that has time serves them.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep time);

use ProxyIP::Client;
use ProxyIP::Header qw(v2);
use ProxyIP::Many;
use ProxyIP::Patience;
use ProxyIP::Server;

plan skip_all => 'on other MPMs who waits has a worker'
    if ProxyIP::Httpd::mpm() ne 'event';

# Two children of two threads, neither of which httpd ends for being idle.
my $server = ProxyIP::Server->new(workers => 2, status => 1,
    loglevel => 'notice proxyip:info', config => ProxyIP::Many::CONFIG
    . <<'EOC');
LogFormat "%P %a" who
CustomLog logs/who who
StartServers 2
ServerLimit 2
MinSpareThreads 1
MaxSpareThreads 4
MaxRequestWorkers 4
ScriptAlias "/long/" "@root@/long/"
<Directory "@root@/long">
    Options ExecCGI
</Directory>
ProxyIP On
ProxyIPPeer require 127.0.0.0/8
ProxyIPTimeout 60s
ProxyIPDefer 60s
EOC
# Longer than any answer here may take.
my $LONG = patience(20);
mkdir $server->root . '/long';
chmod 0755, $server->write_file('long/answer', <<"EOC");
#!/bin/sh
printf 'Content-Type: text/plain\\r\\n\\r\\n'
exec sleep $LONG
EOC
$server->start;
my $port = $server->port;
my $who = ProxyIP::Log->new($server->root . '/logs/who');

$server->wait_until(10, sub {
    2 == grep { $server->accepting($_) } $server->children });
my @children = grep { $server->accepting($_) } $server->children;
is(scalar @children, 2, 'there are two children');

# One stands still, so that all of this comes to the other: those that wait,
# then two that keep its workers.
my ($busy, $idle) = @children;
kill 'STOP', $idle;
my @waiting = (
    ProxyIP::Many->new(port => $port, count => 20, wait => 1),
    ProxyIP::Many->new(port => $port, count => 20, wait => 1, first => 0),
);
$_->ready for @waiting;
my $are_waiting = $server->wait_until(10, sub {
    $server->status->{ProxyIPWaiting} == 40 });
ok($are_waiting, 'forty wait in one of them');
my @long = map { ProxyIP::Client->new(port => $port)
    ->send(v2())->request('/long/answer') } 1 .. 2;
# Until both have their workers: each has said what its answer is like.
ok($server->wait_until(10, sub {
    !grep { $_->read_some(time), $_->{in} !~ /^HTTP/ } @long }),
    '... whose workers are busy');
kill 'CONT', $idle;

$who->mark;
$_->speak for @waiting;
for my $many (@waiting) {
    my $result = $many->result;
    is($result->{answered}, 20, 'twenty speak: '
        . ProxyIP::Many->how($result));
    cmp_ok($result->{slowest_ms}, '<', 1000 * patience(5),
        '... and are served soon');
}
is(scalar(grep { /^$busy / } $who->lines), 0, '... by the other child');
is(scalar(grep { defined $_->ending(0.1, exactly => 1)->{how}
    && $_->{ended} } @long), 0, 'the long answers are still on their way');
my $good = ProxyIP::Many->new(port => $port, count => 20, pause => 50)
    ->result;
is($good->{answered}, 20, 'new ones are served beside them');
is_deeply([grep { $server->accepting($_) || kill 0, $_ } @children],
    \@children, 'it is still the same two');
$_->reset for @long;

done_testing;
