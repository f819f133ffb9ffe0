# HAProxy as the sender of every fact it can send, over plain HTTP, TLS and
# HTTP/2: each fact reaches expressions, both logs, a CGI's environment and
# Require as HAProxy meant it.

use strict;
use warnings;

use Test::More;

use ProxyIP::Curl qw(curl);
use ProxyIP::HAProxy;
use ProxyIP::Log;
use ProxyIP::Server;

my $CLIENT = '127.0.0.77';
my $NAME = 'shop.example.org';

my @NAMES = ('', qw(VERSION COMMAND TRANSPORT PEER_ADDR PEER_PORT CLIENT_ADDR
    CLIENT_PORT SERVER_ADDR SERVER_PORT ALPN AUTHORITY NETNS UNIQUE_ID CRC32C
    SSL SSL_VERSION SSL_CIPHER SSL_SIG_ALG SSL_KEY_ALG SSL_GROUP
    SSL_SIG_SCHEME SSL_CN SSL_VERIFY SSL_CLIENT_CERT AWS_VPCE_ID AZURE_LINK_ID
    GCP_PSC_ID));

sub variable { my ($name) = @_; return length $name ? "PROXYIP_$name"
                                                     : 'PROXYIP' }

# Headers of the answer, whose names have no underscores, and log items.
my $headers = join "\n", map { my $v = variable($_);
    "Header always set X-" . $v =~ tr/_/-/r . qq( "expr=%{$v}") } @NAMES;
my $access = join ' ', map { variable($_) . "=[%{$_}^PX]" } @NAMES;
my $error = join ' ', map { variable($_) . "=[%{$_}X]" } @NAMES;

my $server = ProxyIP::Server->new(config => <<"EOC")->start;
Listen 127.0.0.1:\@port:plain\@
Listen 127.0.0.1:\@port:tls\@
$headers
LogFormat "$access \\"%U\\"" facts
CustomLog "\@root\@/logs/facts" facts
ErrorLogFormat "%M $error"
ProxyIPEnv All
ProxyIPPeer require 127.0.0.9
AliasMatch "^/r/" "\@root\@/htdocs/index.html"
<Location "/r/alice">
    Require proxyip-tlv SSL-CN alice
</Location>
<Location "/r/verified">
    Require proxyip-tlv ssl_verify SUCCESS
</Location>
<Location "/r/name">
    Require proxyip-tlv AUTHORITY other.example.org $NAME
</Location>
<Location "/r/id">
    Require proxyip-tlv UNIQUE-ID audit-1
</Location>
<Location "/r/named">
    Require proxyip
</Location>
<Location "/r/peer">
    Require proxyip-peer 127.0.0.8/31
</Location>
<Location "/r/other-peer">
    Require proxyip-peer 127.0.0.10 10.0.0.0/8
</Location>
<VirtualHost 127.0.0.1:\@port:plain\@>
    ProxyIP On
    <IfModule mod_http2.c>
        Protocols h2c http/1.1
    </IfModule>
</VirtualHost>
<VirtualHost 127.0.0.1:\@port:tls\@>
    ProxyIP On
    SSLEngine On
    SSLCertificateFile \@tls\@/server.pem
    SSLCertificateKeyFile \@tls\@/server.key
    <IfModule mod_http2.c>
        Protocols h2 http/1.1
    </IfModule>
</VirtualHost>
EOC
my ($plain, $tls) = map { $server->port($_) } qw(plain tls);
my $facts_log = ProxyIP::Log->new($server->root . '/logs/facts');

# An authority that HAProxy knows, its clients, and a stranger.
my $pki = $server->root;

sub openssl {
    my (@arguments) = @_;
    my $output = "$pki/openssl";
    system("cd '$pki' && openssl @arguments > $output 2>&1") == 0
        or die "openssl @arguments:\n", ProxyIP::Log->new($output)->text;
}

my $EC = '-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes';
my $serial = 1;

# client NAME, CN: a key and a certificate of our authority.
sub client {
    my ($name, $cn) = @_;
    $server->write_file("$name.cnf", "[req]\nprompt=no\n"
        . "utf8=yes\nstring_mask=utf8only\ndistinguished_name=dn\n"
        . "[dn]\nO=Example\nCN=$cn\n");
    openssl("req -new $EC -config $name.cnf -keyout $name.key -out $name.csr");
    openssl("x509 -req -in $name.csr -CA ca.pem -CAkey ca.key -days 2",
        '-set_serial', ++$serial, "-out $name.pem");
    return ('--cert', "$pki/$name.pem", '--key', "$pki/$name.key");
}

openssl("req -x509 $EC -days 2 -subj /CN=authority",
    '-keyout ca.key -out ca.pem');
openssl("req -x509 $EC -days 2 -subj /CN=alice",
    '-keyout stranger.key -out stranger.pem');
openssl("req -x509 -newkey rsa:2048 -sha256 -nodes -days 2 -subj /CN=$NAME",
    '-keyout front.key -out front.crt');
my $pem = $server->write_file('front.pem', join '', map {
    ProxyIP::Log->new("$pki/front.$_")->text } qw(crt key));
my @alice = client(alice => 'alice');
my @bob = client(bob => 'bob');
my @joerg = client(joerg => "J\xc3\xb6rg");
my @evil = client(evil => 'alice\r\nSet-Cookie: x=1');
my @stranger = ('--cert', "$pki/stranger.pem", '--key', "$pki/stranger.key");

my $ssl = "ssl crt $pem ca-file $pki/ca.pem verify optional";
my $lax = 'ca-ignore-err all crt-ignore-err all';
my $send = 'source 127.0.0.9 send-proxy-v2 proxy-v2-options '
    . 'ssl,cert-cn,ssl-cipher,cert-sig,cert-key,authority,crc32c,unique-id';
my $haproxy = ProxyIP::HAProxy->new(config => <<"EOC")->start;
    unique-id-format id-%ci-%cp
    log-format "pair %ci:%cp %fp %bi:%bp"
listen clear_plain
    bind 127.0.0.1:\@port:clear_plain\@
    server s 127.0.0.1:$plain $send
listen clear_tls
    bind 127.0.0.1:\@port:clear_tls\@
    server s 127.0.0.1:$tls $send ssl verify none
listen through_tls
    bind 127.0.0.1:\@port:through_tls\@
    server s 127.0.0.1:$tls $send
listen tls_plain
    bind 127.0.0.1:\@port:tls_plain\@ $ssl $lax alpn http/1.1
    server s 127.0.0.1:$plain $send
listen tls_tls
    bind 127.0.0.1:\@port:tls_tls\@ $ssl $lax alpn http/1.1
    server s 127.0.0.1:$tls $send ssl verify none
listen tls_h2c
    bind 127.0.0.1:\@port:tls_h2c\@ $ssl $lax alpn h2
    server s 127.0.0.1:$plain $send
listen tls_h2
    bind 127.0.0.1:\@port:tls_h2\@ $ssl $lax alpn h2
    server s 127.0.0.1:$tls $send ssl verify none alpn h2
listen audited
    bind 127.0.0.1:\@port:audited\@
    unique-id-format audit-1
    server s 127.0.0.1:$plain $send
EOC

# ask LISTENER, PATH, CURL'S ARGUMENT...: the answer, its head included.
sub ask {
    my ($listen, $path, @arguments) = @_;
    my $port = $haproxy->port($listen);
    my $scheme = $listen =~ /^(?:tls|through)/ ? 'https' : 'http';
    # A client that dials an address sends no server name.
    my $host = grep({ $_ eq '--no-alpn' } @arguments) ? '127.0.0.1' : $NAME;
    return curl('-i', '--interface', $CLIENT, @arguments, '--resolve',
        "$NAME:$port:127.0.0.1", "$scheme://$host:$port$path");
}

sub present {
    my ($values) = @_;
    return { map { $_ => $values->{$_} } grep { defined $values->{$_}
        && $values->{$_} !~ /^(?:-|\(null\))?$/ } keys %$values };
}

# The items of a log's line, and where it has a client's and HAProxy's port.
sub items {
    my ($line) = @_;
    return present({ ($line // '') =~ /(PROXYIP\w*)=\[(.*?)\](?= |$)/g });
}

sub ports {
    my ($client, $front) = @_;
    return qr/CLIENT_PORT=\[$client\].*SERVER_PORT=\[$front\]/;
}

# check NAME, LISTENER, [CURL'S ARGUMENTS], { FACT => VALUE, ... }: beside the
# facts that every connection has, exactly those, in every place.
sub check {
    my ($name, $listen, $arguments, $facts) = @_;
    $name = "$listen, $name";
    # From here on: an earlier connection may have had the same port.
    $_->mark for $facts_log, $server->error_log;
    my $said = length $haproxy->output;
    my $answer = ask($listen, '/cgi/environment', @$arguments);
    is($answer->{code}, 200, "$name: answered");
    my $port = $answer->{port};
    my $front = $haproxy->port($listen);
    my $peer;
    $haproxy->wait_until(5, sub { ($peer) = substr($haproxy->output, $said)
        =~ /pair $CLIENT:$port $front 127\.0\.0\.9:(\d+)/ });
    my %want = (PROXYIP => 'on', PROXYIP_VERSION => 2,
        PROXYIP_COMMAND => 'PROXY', PROXYIP_TRANSPORT => 'TCP4',
        PROXYIP_PEER_ADDR => '127.0.0.9', PROXYIP_PEER_PORT => $peer,
        PROXYIP_CLIENT_ADDR => $CLIENT, PROXYIP_CLIENT_PORT => $port,
        PROXYIP_SERVER_ADDR => '127.0.0.1',
        PROXYIP_SERVER_PORT => $front,
        PROXYIP_UNIQUE_ID => "id-$CLIENT-$port", PROXYIP_CRC32C => 'ok',
        map { variable($_) => $facts->{$_} } keys %$facts);

    my $saw = $answer->{variables};
    is_deeply({ map { $_ => $saw->{$_} } grep { /^PROXYIP/ } keys %$saw },
        \%want, "$name: environment");
    my ($head) = $answer->{body} =~ /\A(.*?)\r\n\r\n/s;
    my %header = map { /^x-(proxyip\S*?): *(.*?)\r?$/i
        ? (uc $1 =~ tr/-/_/r => $2) : () } split /\n/, $head;
    is_deeply(present(\%header), \%want, "$name: expressions");
    unlike($head, qr/^set-cookie/im, "$name: no header of its own");

    # Of the connection (PIP0042) and of a request.  Logs escape bytes.
    my %logged = map { $_ => $want{$_} =~ s/([^ -~])/
        sprintf '\x%02x', ord $1/egr } keys %want;
    my $ours = ports($port, $front);
    my $line = $facts_log->wait_for(qr/$ours.*environment"/, 5);
    is_deeply(items($line), \%logged, "$name: access log");
    $line = $server->error_log->wait_for(qr/PIP0042.*$ours/, 5);
    is_deeply(items($line), \%logged, "$name: error log, connection");

    my $proven = ($facts->{SSL_VERIFY} // '') eq 'SUCCESS';
    my %code = (named => 200, peer => 200, 'other-peer' => 403,
        alice => $proven && ($facts->{SSL_CN} // '') eq 'alice' ? 200 : 403,
        verified => $proven ? 200 : 403,
        name => $facts->{AUTHORITY} ? 200 : 403,
        id => ($facts->{UNIQUE_ID} // '') eq 'audit-1' ? 200 : 403);
    for my $path (sort keys %code) {
        $answer = ask($listen, "/r/$path", @$arguments);
        is($answer->{code}, $code{$path}, "$name: Require, $path");
    }
    $answer = ask($listen, '/r/other-peer', @$arguments);
    $ours = ports($answer->{port}, $front);
    $line = $server->error_log->wait_for(qr/AH01630.*$ours/, 5);
    # The client's port and what has it are those of another connection.
    $logged{PROXYIP_CLIENT_PORT} = $answer->{port};
    $logged{PROXYIP_UNIQUE_ID} =~ s/-$port$/-$answer->{port}/;
    my $other = items($line);
    delete $_->{PROXYIP_PEER_PORT} for $other, \%logged;
    is_deeply($other, \%logged, "$name: error log, request");
}

my %ssl = (SSL => 'on', SSL_VERSION => 'TLSv1.3', SSL_VERIFY => 'NONE',
    SSL_CIPHER => 'TLS_AES_128_GCM_SHA256', SSL_KEY_ALG => 'RSA2048',
    SSL_SIG_ALG => 'RSA-SHA256', AUTHORITY => $NAME, ALPN => 'http/1.1');
my @cipher = ('--tls13-ciphers', 'TLS_AES_128_GCM_SHA256');

check('no TLS', 'clear_plain', [], {});
check('a unique id', 'audited', [], { UNIQUE_ID => 'audit-1' });
check('TLS to httpd alone', 'clear_tls', [], {});
check('the client\'s TLS is httpd\'s', 'through_tls', ['--http1.1'], {});

for my $listen ('tls_plain', 'tls_tls') {
    check('no certificate', $listen, [@cipher], \%ssl);
    check('a certificate', $listen, [@cipher, @alice],
        { %ssl, SSL_VERIFY => 'SUCCESS', SSL_CN => 'alice' });
}
check('another certificate', 'tls_plain', [@cipher, @bob],
    { %ssl, SSL_VERIFY => 'SUCCESS', SSL_CN => 'bob' });
check('a stranger\'s certificate', 'tls_plain', [@cipher, @stranger],
    { %ssl, SSL_VERIFY => 'FAILED:18', SSL_CN => 'alice' });
check('a name in UTF-8', 'tls_plain', [@cipher, @joerg],
    { %ssl, SSL_VERIFY => 'SUCCESS', SSL_CN => "J\xc3\xb6rg" });
check('a name with a line\'s end', 'tls_plain', [@cipher, @evil],
    { %ssl, SSL_VERIFY => 'SUCCESS' });

my %plain_ssl = %ssl;
delete @plain_ssl{qw(AUTHORITY ALPN)};
check('neither server name nor ALPN', 'tls_plain',
    [@cipher, '--no-alpn'], \%plain_ssl);
check('TLS 1.2', 'tls_plain', ['--tls-max', '1.2', '--ciphers',
    'ECDHE-RSA-AES128-GCM-SHA256', @alice], { %ssl, SSL_VERIFY => 'SUCCESS',
    SSL_CN => 'alice', SSL_VERSION => 'TLSv1.2',
    SSL_CIPHER => 'ECDHE-RSA-AES128-GCM-SHA256' });

if (ProxyIP::Httpd::mpm() ne 'prefork') {
    for my $listen ('tls_h2c', 'tls_h2') {
        my @http2 = (@cipher, '--http2');
        is(ask($listen, '/', @http2)->{version}, 2, "$listen: HTTP/2");
        check('no certificate', $listen, \@http2, { %ssl, ALPN => 'h2' });
        check('a certificate', $listen, [@http2, @alice], { %ssl,
            ALPN => 'h2', SSL_VERIFY => 'SUCCESS', SSL_CN => 'alice' });
    }
}

done_testing;
