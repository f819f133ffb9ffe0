# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License.  You may obtain
# a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

# ProxyIPInTLS: connections that say nothing, before, in and behind the
# handshake: who waits without a worker, until when, and how it is said.

use strict;
use warnings;

use Net::SSLeay;
use Test::More;
use Time::HiRes qw(sleep);

use ProxyIP::Client;
use ProxyIP::Header qw(v1 v2 CLIENT);
use ProxyIP::Log;
use ProxyIP::Server;

my $is_event = ProxyIP::Httpd::mpm() eq 'event';
# CONN_STATE_ASYNC_WAITIO.
my $waits = $is_event && ProxyIP::Httpd::is_at_least(63);

sub start {
    my ($settings, %option) = @_;
    return ProxyIP::Server->new(status => 1, config => <<"EOC", %option)->start;
Listen 127.0.0.1:\@port:inside\@
ProxyIP On
$settings
ProxyIPPeer require 127.0.0.1
ProxyIPPeer optional 127.0.0.2
<VirtualHost 127.0.0.1:\@port:inside\@>
    ProxyIPInTLS On
    SSLEngine On
    SSLCertificateFile \@tls\@/server.pem
    SSLCertificateKeyFile \@tls\@/server.key
</VirtualHost>
EOC
}

sub connect_to {
    my ($httpd, $from) = @_;
    return ProxyIP::Client->new(port => $httpd->port('inside'),
        from => $from // '127.0.0.1');
}

sub is_served {
    my ($httpd, $name) = @_;
    my $client = connect_to($httpd)->start_tls->send(v2());
    my $saw = $client->variables($client->get('/cgi/environment'));
    is($saw->{REMOTE_ADDR}, CLIENT, $name);
}

# 1. Many that wait, with long deadlines: nobody is kept from being served.
my $httpd = start("ProxyIPTimeout 10min\nProxyIPDefer 10min");
my $count = $is_event ? 40 : 4;
my @silent = map { connect_to($httpd) } 1 .. $count;
is_served($httpd, "$count that have not begun TLS");
if ($is_event) {
    $httpd->wait_until(10, sub { $httpd->status->{ProxyIPWaiting} == $count });
    is($httpd->status->{ProxyIPWaiting}, $count, 'they wait in the lobby');
}
$_->start_tls for splice @silent, 0, 4;
is_served($httpd, 'and four that have shaken hands');
@silent = ();

# As many as workers, and more, that have shaken hands: within what the MPM
# lets a child have.
$count = $waits ? 14 : 4;
my @bare = map { connect_to($httpd)->start_tls } 1 .. $count / 2;
my @header = map { connect_to($httpd)->start_tls->send($_ % 2 ? v1() : v2()) }
    1 .. $count / 2;
is_served($httpd, "$count that have shaken hands and wait");
if ($waits) {
    $httpd->wait_until(10, sub { $httpd->status->{ProxyIPWaiting} == $count });
    is($httpd->status->{ProxyIPWaiting}, $count, 'they wait, and are counted');
    my ($busy) = $httpd->status->{BusyWorkers};
    cmp_ok($busy, '<', 8, "$busy busy workers");
}
# Then they speak: over a restart, too.
$httpd->graceful if $waits;
for my $client (@bare) {
    my $saw = $client->send(v1())->variables(
        $client->get('/cgi/environment'));
    is($saw->{REMOTE_ADDR}, CLIENT, 'who comes late is served');
}
for my $client (@header) {
    my $saw = $client->variables($client->get('/cgi/environment'));
    is($saw->{REMOTE_ADDR}, CLIENT, 'whose request comes late is served');
}
$_->close for @bare, @header;
$httpd->wait_until(10, sub { !$httpd->status->{ProxyIPWaiting} });
is($httpd->status->{ProxyIPWaiting}, 0, 'nobody waits any more');

# A header byte by byte, each time to a worker and back.
my $slow = connect_to($httpd)->start_tls->send_slowly(v1(), delay => 0.005);
my $saw = $slow->variables($slow->get('/cgi/environment'));
is($saw->{REMOTE_ADDR}, CLIENT, 'a slow header');

# A handshake in pieces, with pauses.
sub shake_slowly {
    my ($client) = @_;
    my $ctx = Net::SSLeay::CTX_new();
    my $ssl = Net::SSLeay::new($ctx);
    my ($in, $out) = map { Net::SSLeay::BIO_new(Net::SSLeay::BIO_s_mem()) } 1, 2;
    Net::SSLeay::set_bio($ssl, $in, $out);
    Net::SSLeay::set_connect_state($ssl);
    for (1 .. 1000) {
        my $is_done = Net::SSLeay::do_handshake($ssl) == 1;
        my $bytes = Net::SSLeay::BIO_read($out);
        $client->send_slowly($bytes, chunk => 40, delay => 0.05)
            if defined $bytes && length $bytes;
        return $ssl if $is_done;
        $client->read_some(Time::HiRes::time() + 1);
        Net::SSLeay::BIO_write($in, $client->{in}) if length $client->{in};
        $client->{in} = '';
    }
    die "no handshake\n";
}
my $late = connect_to($httpd);
my $ssl = shake_slowly($late);
for my $piece (v1() . "GET / HTTP/1.0\r\n\r\n") {
    Net::SSLeay::write($ssl, $piece);
    $late->send(Net::SSLeay::BIO_read(Net::SSLeay::get_wbio($ssl)));
}
$late->ending(10);
Net::SSLeay::BIO_write(Net::SSLeay::get_rbio($ssl), $late->{in});
my $answer = '';
for (1 .. 10) { $answer .= Net::SSLeay::read($ssl) // '' }
like($answer, qr{^HTTP/1\.1 200}, 'a slow handshake');

# 2. Deadlines, from the end of the handshake.
$httpd = start("ProxyIPTimeout 2s\nProxyIPDefer 3s");
my $log = ProxyIP::Log->new($httpd->error_log->path);
my @ends = (
    ['no header', 2, sub { connect_to($httpd)->start_tls },
        qr/PIP0025: closed: time was up/],
    ['half a header', 2, sub { connect_to($httpd)->start_tls->send('PROXY T') },
        qr/PIP0026: closed: time was up/],
    ['a trickle', 2, sub { connect_to($httpd)->start_tls
        ->send_slowly('PROXY TCP4', delay => 0.3) }, qr/PIP0026: .*time was up/],
    ['nothing behind the header', 3,
        sub { connect_to($httpd)->start_tls->send(v1()) },
        qr/PIP0027: closed: nothing followed/],
    ['optional, nothing', 5,
        sub { connect_to($httpd, '127.0.0.2')->start_tls },
        qr/PIP0025: closed: time was up/],
    ['no TLS at all', 5, sub { connect_to($httpd) },
        qr/PIP0025: closed: time was up.*ProxyIPTimeout.*and ProxyIPDefer/],
);
for my $case (@ends) {
    my ($name, $seconds, $begin, $line) = @$case;
    $log->mark;
    my $end = $begin->()->ending(20);
    isnt($end->{how}, 'open', "$name: closed");
    is($end->{bytes}, '', "$name: without an answer");
    cmp_ok($end->{age}, '>', $seconds - 0.1, "$name: not before its time");
    like($log->wait_for(qr/PIP00\d\d: closed/) // '', $line, "$name: said");
    is($log->count(qr/PIP00\d\d: closed/), 1, "$name: once");
}

# httpd's own Timeout may be the shorter one: where the MPM waits it ends the
# wait, and that is said, too.
if ($waits) {
    $httpd = start("Timeout 1\nProxyIPTimeout 10min");
    $log = ProxyIP::Log->new($httpd->error_log->path);
    my $end = connect_to($httpd)->start_tls->ending(20);
    isnt($end->{how}, 'open', 'Timeout is shorter: closed');
    like($log->wait_for(qr/PIP00\d\d: closed/) // '', qr/time was up/,
        'Timeout is shorter: said');
    is($httpd->status->{ProxyIPWaiting}, 0, 'and it waits no more');
}

# A child that is to stop at once gives up those that wait, and says so.
{
    $httpd = start("ProxyIPTimeout 10min\nProxyIPDefer 10min");
    $log = ProxyIP::Log->new($httpd->error_log->path);
    my $count = $is_event ? 5 : 2;
    my @waiting = map { connect_to($httpd)->start_tls } 1 .. $count;
    $httpd->wait_until(10, sub { $httpd->status->{ProxyIPWaiting} == $count })
        if $waits;
    $log->mark;
    $httpd->restart;
    for my $client (@waiting) {
        isnt($client->ending(20)->{how}, 'open', 'a hard restart: closed');
    }
    is($log->count(qr/PIP0031: closed/), $count, '... and said, once each')
        if $waits;
    is_served($httpd, '... and others are served');
    $httpd->stop;
    is_deeply([$httpd->complaints], [], '... nothing crashed');
}

done_testing;
