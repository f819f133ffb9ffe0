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

# ProxyIPInTLS behind real senders: HAProxy sends the header, stunnel (or a
# second HAProxy, which speaks ALPN) makes the TLS connection to httpd.

use strict;
use warnings;

use Digest::MD5 qw(md5_hex);
use Test::More;
use Time::HiRes qw(sleep);

use ProxyIP::Client;
use ProxyIP::Curl qw(curl);
use ProxyIP::HAProxy;
use ProxyIP::Log;
use ProxyIP::Many;
use ProxyIP::Server;
use ProxyIP::Stunnel;

plan skip_all => 'no stunnel' if !ProxyIP::Stunnel->program;

my $has_h2 = ProxyIP::Httpd::mpm() ne 'prefork';

my $config = <<'EOC';
Listen 127.0.0.1:@port:inside@
Listen 127.0.0.1:@port:certificate@
ProxyIP On
ProxyIPEnv All
ProxyIPPeer require 127.0.0.9
<IfModule mod_http2.c>
    Protocols h2 http/1.1
    H2Direct On
</IfModule>
SSLCertificateFile @tls@/server.pem
SSLCertificateKeyFile @tls@/server.key
LogFormat "%a %{c}a %{PEER_ADDR}^PX %H %s %k" chain
CustomLog logs/chain chain
ErrorLogFormat "%M client=%a peer=%{PEER_ADDR}X"
<VirtualHost 127.0.0.1:@port:inside@>
    ProxyIPInTLS On
    SSLEngine On
    <Location /client-only>
        Require ip 127.0.0.77
    </Location>
    <Location /later>
        SSLVerifyClient require
        SSLVerifyDepth 1
    </Location>
    SSLCACertificateFile @tls@/server.pem
    Alias /later "@root@/htdocs/index.html"
    Alias /client-only "@root@/htdocs/index.html"
</VirtualHost>
<VirtualHost 127.0.0.1:@port:certificate@>
    ProxyIPInTLS On
    SSLEngine On
    SSLVerifyClient require
    SSLCACertificateFile @tls@/server.pem
    SSLOptions +StdEnvVars
</VirtualHost>
EOC
my $httpd = ProxyIP::Server->new(status => 1, config => $config)->start;
my $inside = $httpd->port('inside');
my $certificate = $httpd->port('certificate');

my $stunnel = ProxyIP::Stunnel->new(config => <<"EOC")->start;
client = yes
[tunnel]
accept = 127.0.0.1:\@port:tunnel\@
connect = 127.0.0.1:$inside
local = 127.0.0.9
[certificate]
accept = 127.0.0.1:\@port:certificate\@
connect = 127.0.0.1:$certificate
local = 127.0.0.9
[old]
accept = 127.0.0.1:\@port:old\@
connect = 127.0.0.1:$inside
local = 127.0.0.9
sslVersion = TLSv1.2
EOC
my %to = map { $_ => $stunnel->port($_) } qw(tunnel certificate old);

my $haproxy = ProxyIP::HAProxy->new(config => <<"EOC");
frontend v1
    bind 127.0.0.1:\@port:v1\@
    default_backend v1
frontend v2
    bind 127.0.0.1:\@port:v2\@
    default_backend v2
frontend tlvs
    bind 127.0.0.1:\@port:tlvs\@ ssl crt \@root\@/both.pem alpn h2,http/1.1
    default_backend tlvs
frontend certificate
    bind 127.0.0.1:\@port:certificate\@
    default_backend certificate
frontend old
    bind 127.0.0.1:\@port:old\@
    default_backend old
frontend alpn
    bind 127.0.0.1:\@port:alpn\@
    default_backend to_alpn
frontend tunnel_alpn
    bind 127.0.0.1:\@port:tunnel_alpn\@
    default_backend alpn
backend v1
    server one 127.0.0.1:$to{tunnel} send-proxy
backend v2
    server one 127.0.0.1:$to{tunnel} send-proxy-v2
backend tlvs
    server one 127.0.0.1:$to{tunnel} send-proxy-v2 proxy-v2-options ssl,ssl-cipher,authority,crc32c,unique-id
backend certificate
    server one 127.0.0.1:$to{certificate} send-proxy-v2
backend old
    server one 127.0.0.1:$to{old} send-proxy
backend to_alpn
    server one 127.0.0.1:\@port:tunnel_alpn\@ send-proxy-v2
backend alpn
    server one 127.0.0.1:$inside ssl verify none alpn h2 source 127.0.0.9
EOC
$haproxy->both_pem;
$haproxy->start;

my $chain = ProxyIP::Log->new($httpd->root . '/logs/chain');

# One way through: what the application and the log see of the client.
sub arrives {
    my ($name, $front, $protocol, %option) = @_;
    my $scheme = $front eq 'tlvs' ? 'https' : 'http';
    my $url = "$scheme://127.0.0.1:" . $haproxy->port($front);
    my @curl = ('--interface', '127.0.0.77', $protocol eq 'h2'
        ? $scheme eq 'https' ? '--http2' : '--http2-prior-knowledge'
        : '--http1.1');
    $chain->mark;
    my $answer = curl(@curl, @{ $option{curl} // [] },
        "$url/cgi/environment");
    my $saw = $answer->{variables};
    is($answer->{code}, 200, "$name: answered");
    is($answer->{version}, $protocol eq 'h2' ? '2' : '1.1',
        "$name: the protocol");
    is($saw->{REMOTE_ADDR}, '127.0.0.77', "$name: REMOTE_ADDR");
    is($saw->{REMOTE_PORT}, $answer->{port}, "$name: REMOTE_PORT");
    is($saw->{PROXYIP_PEER_ADDR}, '127.0.0.9', "$name: the peer");
    is($saw->{PROXYIP_SERVER_PORT}, $haproxy->port($front),
        "$name: what the client dialled");
    is($saw->{HTTPS}, 'on', "$name: HTTPS");
    like($chain->wait_for(qr/./) // '',
        qr/^127\.0\.0\.77 127\.0\.0\.77 127\.0\.0\.9 HTTP/,
        "$name: the access log");
    is(curl(@curl, "$url/client-only")->{code}, 200, "$name: Require ip")
        if $front ne 'certificate';
    return $answer;
}

for my $protocol ('h1', $has_h2 ? 'h2' : ()) {
    is(arrives("v1, $protocol", 'v1', $protocol)
        ->{variables}{PROXYIP_VERSION}, 1, "v1, $protocol: version 1");
    is(arrives("v2, $protocol", 'v2', $protocol)
        ->{variables}{PROXYIP_VERSION}, 2, "v2, $protocol: version 2");
    my $saw = arrives("TLVs, $protocol", 'tlvs', $protocol,
        curl => ['--connect-to', '::127.0.0.1:'])->{variables};
    is($saw->{PROXYIP_SSL}, 'on', "TLVs, $protocol: the client's TLS");
    is($saw->{PROXYIP_CRC32C}, 'ok', "TLVs, $protocol: the checksum");
    is(arrives("with a client certificate, $protocol", 'certificate',
        $protocol)->{variables}{SSL_CLIENT_VERIFY}, 'SUCCESS',
        "the tunnel's certificate, $protocol");
}
arrives('ALPN to httpd', 'alpn', 'h2') if $has_h2;

# Several requests, one connection; bodies.
my $url = 'http://127.0.0.1:' . $haproxy->port('v2');
$chain->mark;
my $kept = curl('--interface', '127.0.0.77', "$url/", "$url/",
    "$url/cgi/environment");
is($kept->{variables}{REMOTE_ADDR}, '127.0.0.77', 'keep-alive');
ok($chain->wait_for(qr/ 2$/), 'three requests on one connection');
$httpd->write_file('body', 'b' x 1_000_000);
my $posted = curl('--interface', '127.0.0.77', '--data-binary',
    '@' . $httpd->root . '/body', "$url/cgi/digest");
is($posted->{body}, md5_hex('b' x 1_000_000) . "\n", 'POST');

# A certificate asked for later, by renegotiation.
my $old = 'http://127.0.0.1:' . $haproxy->port('old');
is(curl('--interface', '127.0.0.77', '--http1.1', "$old/later")->{code}, 200,
    'renegotiation for a certificate');

# Health checks: connecting and closing, and a header that names nobody.
my $error = ProxyIP::Log->new($httpd->error_log->path);
$error->mark;
ProxyIP::Client->new(port => $to{tunnel})->close;
ok($error->wait_for(qr/PIP00(?:25|28|58)/), 'a check that closes is said');
is($error->count(qr/proxyip:(?:error|warn)/), 0, 'but disturbs nobody');

# Many at once, each with a header of its own, and none is lost or mixed up.
sub all_served {
    my ($name, %option) = @_;
    my $result = ProxyIP::Many->new(port => $to{tunnel}, %option)->result;
    is($result->{answered}, $option{count}, "$name: "
        . ProxyIP::Many->how($result));
}
$httpd->graceful($config . ProxyIP::Many::CONFIG);
for my $version (1, 2) {
    all_served("300 at once, v$version", count => 300, version => $version,
        first => 'all');
    all_served("100 that pause, v$version", count => 100,
        version => $version, pause => 150);
}
all_served('60 of which the header comes in parts', count => 60, first => 13,
    pause_before => 50, pause => 150);

# Restarts, each a second, with requests all the time.
my $load = ProxyIP::Many->new(port => $to{tunnel}, count => 10, pause => 300,
    goes_on => 1);
for (1 .. 4) {
    sleep 1;
    $httpd->graceful;
}
my $result = $load->result;
cmp_ok($result->{answered}, '>', 20, 'restarts: there were clients');
is($result->{lost}, 0, 'restarts: ' . ProxyIP::Many->how($result));
is($httpd->status->{ProxyIPWaiting}, 0, 'nobody waits any more');

done_testing;
