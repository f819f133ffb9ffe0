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


# An httpd behind one sender of PROXY headers, and what arrives there.
#
#   my $httpd = ProxyIP::Behind->new->start;      # skips but on event
#   my $port = $httpd->port('plain');             # or tls
#   $httpd->arrives('Hitch, v2', "https://127.0.0.1:$front/",
#       want => { VERSION => 2, SSL => 'on', SERVER_PORT => $front });
#   $httpd->arrives('Varnish', $url, client => '127.0.0.78',
#       curl => ['--http1.1'], peer => '127.0.0.1', want => { ... });
#
# What stands in `want` are the facts of docs/facts.md without PROXYIP_;
# the client's, the peer's address and command PROXY by TCP4 need not be said.
# All that is exported is compared, so a fact that is not said must be absent.

package ProxyIP::Behind;

use strict;
use warnings;

use Test::More ();

use parent 'ProxyIP::Server';
use ProxyIP::Curl qw(curl);

my $CONFIG = <<'EOC';
Listen 127.0.0.1:@port:plain@
Listen 127.0.0.1:@port:tls@
ProxyIP On
ProxyIPEnv All
<IfModule mod_http2.c>
    Protocols h2 h2c http/1.1
</IfModule>
<VirtualHost 127.0.0.1:@port:tls@>
    SSLEngine On
    SSLCertificateFile @tls@/server.pem
    SSLCertificateKeyFile @tls@/server.key
</VirtualHost>
EOC

# Options: peers, of ProxyIPPeer; default `require 127.0.0.9`.  config is
# added to what is there.
sub new {
    my ($class, %option) = @_;
    # Which MPM serves does not matter to who sends.
    Test::More::plan(skip_all => 'on the event MPM only')
        if ProxyIP::Httpd::mpm() ne 'event';
    my $peers = delete $option{peers} // 'require 127.0.0.9';
    my $config = "${CONFIG}ProxyIPPeer $peers\n" . ($option{config} // '');
    return $class->SUPER::new(%option, config => $config);
}

# One request through the sender: answered, and everything httpd knows of its
# client is right.  Options: want; client, its address, default 127.0.0.77;
# peer, default 127.0.0.9; curl, arguments; named, whom the header names,
# default the client's [address, port].  A port in want may be 'client': the
# client's own.  Returns the answer.
sub arrives {
    my ($self, $name, $url, %option) = @_;
    my $client = $option{client} // '127.0.0.77';
    my $log = ProxyIP::Log->new($self->access_log->path)->mark;
    my $answer = curl('--interface', $client, @{ $option{curl} // [] },
        "$url/cgi/environment");
    Test::More::is($answer->{code}, 200, "$name: answered");
    my ($address, $port)
        = @{ $option{named} // [$client, $answer->{port}] };
    my $saw = $answer->{variables};
    Test::More::is($saw->{REMOTE_ADDR}, $address, "$name: REMOTE_ADDR");
    Test::More::is($saw->{REMOTE_PORT}, $port, "$name: REMOTE_PORT");
    my $line = $log->wait_for(qr/ port=$port .*\/cgi\/environment/, 5) // '';
    Test::More::like($line, qr/^client=\Q$address\E conn=\Q$address\E /,
        "$name: access log");
    my %want = %{ $option{want} };
    $_ eq 'client' and $_ = $answer->{port} for values %want;
    $self->same_facts($name, $saw, {
        '' => 'on', COMMAND => 'PROXY', TRANSPORT => 'TCP4',
        PEER_ADDR => $option{peer} // '127.0.0.9', CLIENT_ADDR => $address,
        CLIENT_PORT => $port, SERVER_ADDR => '127.0.0.1',
        %want }, $port);
    return $answer;
}

# All facts that are exported.  The peer's port is whatever the sender had; a
# client that sends its own header is its own peer.
sub same_facts {
    my ($self, $name, $saw, $want, $port) = @_;
    my %facts = map { /^PROXYIP_?(.*)/ ? ($1 => $saw->{$_}) : () } keys %$saw;
    my $peer_port = delete $facts{PEER_PORT} // '';
    my $own = $want->{PEER_ADDR} eq $want->{CLIENT_ADDR};
    Test::More::like($peer_port, $own ? qr/^$port$/ : qr/^\d+$/,
        "$name: the peer's port");
    Test::More::is_deeply(\%facts, $want, "$name: facts");
}

1;
