# The files of conf-examples whose other side is HAProxy: it has the settings
# that the file shows, and the file does what it says.

use strict;
use warnings;

use JSON::PP qw(decode_json);
use Test::More;

use ProxyIP::Client;
use ProxyIP::Curl qw(curl);
use ProxyIP::Example;
use ProxyIP::Express;
use ProxyIP::HAProxy;
use ProxyIP::Header qw(v1 v2 tlv ssl_tlv NLB_HEALTH_CHECK CLIENT);
use ProxyIP::Promise qw(ask client_seen client_logged logged refused
    $CLIENT $STRANGER $asked);

plan skip_all => 'the MPM makes no difference to the examples'
    if ProxyIP::Httpd::mpm() ne 'event';

# 10.0.1.9 in an example is 127.0.1.9 here: see ProxyIP::Example.  HAProxy
# connects from 127.0.0.1, which 127.0.0.0/24 has.
my %BALANCER = ('10.0.0.5' => '127.0.0.1');

# The same for an example with HAProxy's settings below a line that has this.
# One without a frontend gets one at the port 1.
sub haproxy {
    my ($example, $httpd, $below, %option) = @_;
    my $settings = $example->settings($below // 'HAProxy');
    $settings = "listen httpd\n    bind :1\n$settings"
        if $settings !~ /^frontend/m;
    return ProxyIP::HAProxy->new(%option,
        config => $example->fit($settings, $httpd))->start;
}

my %EXAMPLES = (
    'minimal.conf' => sub {
        my ($name) = @_;
        my $example = ProxyIP::Example->new($name, replace => \%BALANCER);
        my $httpd = $example->server->start;
        my $haproxy = haproxy($example, $httpd);
        client_logged($name, $httpd, ask($haproxy, 'http', 1));
        # "Version 1 or 2".
        my $answer = ProxyIP::Client->fetch(from => '127.0.0.1',
            port => $httpd->port(80), header => v2());
        is($answer && $answer->code, 200, "$name: version 2");
        refused("$name, a stranger", $httpd, 80, $STRANGER, v1(), 'PIP0020');
        refused("$name, no header", $httpd, 80, '127.0.0.1', '', 'PIP0021');
    },

    'all-directives.conf' => sub {
        my ($name) = @_;
        my $example = ProxyIP::Example->new($name);
        my $httpd = $example->server;
        $httpd->write_file('load-balancers.txt', "127.0.8.0/24\n");
        $httpd->start;
        my $haproxy = haproxy($example, $httpd);
        client_logged($name, $httpd, ask($haproxy, 'http', 1));
        my $answer = ProxyIP::Client->fetch(from => '127.0.8.9',
            port => $httpd->port(80), header => v1());
        is($answer && $answer->code, 200, "$name: a range of the file");
        refused("$name, the one rejected", $httpd, 80, '127.0.0.66', v2(),
            'PIP0020');
        refused("$name, a stranger", $httpd, 80, $STRANGER, v2(), 'PIP0020');
        # Leaving out what has a default changes nothing.
        my $dump = sub {
            my ($config) = @_;
            my ($status, $text) = ProxyIP::Server->config_error(
                $config =~ s{\@root\@(?=/load)}{$httpd->root}er,
                arguments => ['-D', 'DUMP_PROXYIP']);
            is($status, 0, "$name: DUMP_PROXYIP");
            return $text =~ s/\S*httpd\.conf:\d+|:\d{5}\b|\(default\)//gr
                =~ s/ \(?\)?$//gmr =~ s{(ErrorLog +)\S*/logs}{$1}gr;
        };
        my $all = $example->directives;
        my $least = $all =~ s/^\s+ProxyIP(?!Peer| On).*\n//mgr;
        isnt($least, $all, "$name: there are defaults");
        is($dump->($least), $dump->($all), "$name: they are the defaults");
    },

    'peers-from-a-file.conf' => sub {
        my ($name) = @_;
        my $example = ProxyIP::Example->new($name);
        my $httpd = $example->server;
        $httpd->write_file('load-balancers.txt',
            ProxyIP::Example->new('load-balancers.txt')->directives);
        $httpd->start;
        my $haproxy = haproxy($example, $httpd);
        client_logged($name, $httpd, ask($haproxy, 'http', 1));
        for my $peer ('127.0.1.9', '127.0.9.17') {
            my $answer = ProxyIP::Client->fetch(from => $peer,
                port => $httpd->port(80), header => v1());
            is($answer && $answer->code, 200, "$name: $peer");
        }
        my $answer = ProxyIP::Client->fetch(from => '127.51.100.9',
            port => $httpd->port(80), path => '/cgi/environment');
        is(ProxyIP::Client->variables($answer)->{REMOTE_ADDR},
            '127.51.100.9', "$name: a direct client");
        refused("$name, a stranger", $httpd, 80, '127.0.9.18', v2(),
            'PIP0020');
    },

    'haproxy-v2.conf' => sub {
        my ($name) = @_;
        my $example = ProxyIP::Example->new($name, replace => \%BALANCER);
        my $httpd = $example->server->start;
        my $haproxy = haproxy($example, $httpd, 'haproxy.cfg:');
        for my $version ('1.1', '2') {
            my $answer = ask($haproxy, 'https', 443, "--http$version");
            is($answer->{version}, $version, "$name: HTTP/$version");
            client_logged("$name, HTTP/$version", $httpd, $answer);
        }
        logged("$name, a header's size", $httpd, 'whole header, .* of 35 ',
            'error_log');
        logged("$name, a check", $httpd, 'PIP0028: .*peer 127\.0\.0\.1:',
            'error_log');
        is((values %{ $haproxy->servers })[0], 'UP', "$name: HAProxy's view");
        refused("$name, no checksum", $httpd, 443, '127.0.0.1', v2(),
            'PIP0024');
        refused("$name, v1", $httpd, 443, '127.0.0.1', v1(), 'PIP0022');
        refused("$name, a large one", $httpd, 443, '127.0.0.1',
            v2(crc => 1, tlvs => [tlv(0xE5 => 'x' x 500)]), 'PIP0023');
        refused("$name, a stranger", $httpd, 443, $STRANGER, v2(crc => 1),
            'PIP0020');
    },

    'http2.conf' => sub {
        my ($name) = @_;
        my $example = ProxyIP::Example->new($name, replace => \%BALANCER);
        my $httpd = $example->server->start;
        my $haproxy = haproxy($example, $httpd, 'haproxy.cfg:');
        # Passed through, and out of the balancer's TLS: the log's last fields.
        # An older mod_http2's tag is without the child.
        for ([443, '443', '-'], [8443, '8443', 'h2']) {
            my ($port, $way, $alpn) = @$_;
            my $answer = ask($haproxy, 'https', $port, '--http2');
            is($answer->{version}, '2', "$name, $way: it is");
            client_seen("$name, $way", $answer);
            logged("$name, $way", $httpd, "^$CLIENT \\[.*\\?$asked HTTP/2\\.0"
                . "\" 200 (?:\\d+-)?\\d+-1 $alpn\$");
            is($answer->{variables}{HTTPS}, 'on', "$name, $way: https");
            $answer = ask($haproxy, 'https', $port, '--http1.1');
            is($answer->{version}, '1.1', "$name, $way: HTTP/1.1");
            client_seen("$name, $way, HTTP/1.1", $answer);
        }
        refused("$name, a stranger, $_", $httpd, $_, $STRANGER, v2(),
            'PIP0020') for 80, 443;
    },

    'health-check-port.conf' => sub {
        my ($name) = @_;
        my $example = ProxyIP::Example->new($name);
        my $httpd = $example->server->start;
        my ($server) = $example->settings('checks port 8081')
            =~ /^HAProxy +(server .*)/m;
        my $haproxy = ProxyIP::HAProxy->new(config => $example->fit(<<"EOC",
listen httpd
    bind :1
    option httpchk GET /health
    $server
EOC
            $httpd))->start;
        client_logged($name, $httpd, ask($haproxy, 'https', 1));
        logged("$name, a check", $httpd, '^client=127\.0\.0\.1 .*'
            . 'status=200 .*"GET /health ');
        is($haproxy->servers->{'httpd/web1'}, 'UP', "$name: HAProxy's view");
        # The port of checks has nothing else, and nothing for others.
        for (['127.0.0.9', '/health', 200], ['127.0.0.9', '/', 403],
             [$STRANGER, '/health', 403]) {
            my ($from, $path, $code) = @$_;
            my $answer = ProxyIP::Client->fetch(from => $from, path => $path,
                port => $httpd->port(8081));
            is($answer && $answer->code, $code, "$name: $path from $from");
        }
        # A checker that does send a header.
        for ([v1(), 'PROXY '], [NLB_HEALTH_CHECK, '"$']) {
            my ($header, $logged) = @$_;
            my $answer = ProxyIP::Client->fetch(from => '127.0.0.9',
                port => $httpd->port(8081), header => $header);
            is($answer && $answer->code, 400, "$name: a header");
            logged("$name, a header", $httpd,
                "^client=127\\.0\\.0\\.9 .*status=400 .*\"$logged");
        }
        refused("$name, no header", $httpd, 443, '127.0.0.9', '', 'PIP0021');
        refused("$name, a stranger", $httpd, 443, $STRANGER, v1(), 'PIP0020');
    },

    'mixed-port.conf' => sub {
        my ($name) = @_;
        my $example = ProxyIP::Example->new($name);
        my $httpd = $example->server->start;
        $httpd->write_file('htdocs/internal', "ours\n");
        my $haproxy = haproxy($example, $httpd);
        client_logged($name, $httpd, ask($haproxy, 'https', 1));
        is(ask($haproxy, 'https', 1, '/internal')->{code}, 403,
            "$name: /internal for a client");
        # Staff, by either way; a checker, by either.
        for (['staff', '127.0.2.9', '', '127.0.2.9', 200],
             ['staff, by the balancer', '127.0.0.9', v1(src => '127.0.2.9'),
              '127.0.2.9', 200],
             ['a checker', '127.0.0.201', '', '127.0.0.201', 403],
             ['a checker, LOCAL', '127.0.0.201', v2(command => 'LOCAL'),
              '127.0.0.201', 403],
             ['a checker, with a header', '127.0.0.201', v2(), CLIENT, 403]) {
            my ($who, $from, $header, $client, $internal) = @$_;
            my @to = (from => $from, header => $header, tls => 1,
                port => $httpd->port(443));
            my $answer = ProxyIP::Client->fetch(@to,
                path => '/cgi/environment');
            is(ProxyIP::Client->variables($answer)->{REMOTE_ADDR}, $client,
                "$name: $who");
            $answer = ProxyIP::Client->fetch(@to, path => '/internal');
            is($answer && $answer->code, $internal, '... /internal');
        }
        refused("$name, the one rejected", $httpd, 443, '127.0.2.66', '',
            'PIP0020');
        refused("$name, a stranger", $httpd, 443, $STRANGER, v2(), 'PIP0020');
        refused("$name, no header", $httpd, 443, '127.0.0.9', '', 'PIP0021');
    },

    'audit-log.conf' => sub {
        my ($name) = @_;
        my $example = ProxyIP::Example->new($name);
        # At trace4 there are lines before the client is known.
        my $httpd = $example->server(loglevel => 'info proxyip:debug')->start;
        my $haproxy = haproxy($example, $httpd, 'In haproxy.cfg:');
        my $front = $haproxy->port(443);
        my $answer = ask($haproxy, 'https', 443, '-i');
        client_seen($name, $answer);
        my $id = $answer->{variables}{PROXYIP_UNIQUE_ID} // '';
        my $own = sprintf '%s:%d', $CLIENT, $answer->{port};
        my ($told) = $answer->{body} =~ /^X-Connection-Id: (\S+)\r$/mi;
        is($told, $id, "$name: X-Connection-Id");
        $haproxy->wait_until(5,
            sub { $haproxy->output =~ /\Q$own\E .* (\S+)$/m });
        my ($theirs) = $haproxy->output =~ /\Q$own\E .* (\S+)$/m;
        is($theirs, $id, "$name: the id in HAProxy's log");
        logged($name, $httpd, qr/^$CLIENT\ -\ -\ \[.*\?$asked\ HTTP.*\ 200\ .*
            peer=127\.0\.0\.1:\d+\ client_port=$answer->{port}
            \ dialled=127\.0\.0\.1:$front\ id="\Q$id\E"\ vpce=-$/x,
            'audit_log');
        my $json = decode_json(ProxyIP::Log->new($httpd->root
            . '/logs/audit_json')->wait_for(qr/\?$asked /) // '{}');
        is("@$json{qw(client client_port peer dialled dialled_port)}",
            "$CLIENT $answer->{port} 127.0.0.1 127.0.0.1 $front",
            "$name: JSON, addresses");
        is("@$json{qw(unique_id vpce header status)}", "$id - PROXY 200",
            "$name: JSON, the rest");
        # A line of a connection, and one of an error.
        ask($haproxy, 'https', 443, '--path-as-is', '/cgi/none');
        logged("$name, a connection", $httpd, "connection \\S+: "
            . "client=$CLIENT:\\d+ peer=127\\.0\\.0\\.1 "
            . "dialled=127\\.0\\.0\\.1:$front\$", 'error_log');
        logged("$name, an error", $httpd, 'cgid?:error.*peer=127\.0\.0\.1:'
            . '\d+ id="[0-9A-F:_.]+"$', 'error_log');
        # PrivateLink, which has no unique id; and a balancer's TLS.
        ProxyIP::Client->fetch(from => '127.0.0.9', tls => 1,
            port => $httpd->port(443), path => '/endpoint',
            header => v2(tlvs => [tlv(0xEA => "\1vpce-1"),
                tlv(0x02 => 'www.example.com'),
                ssl_tlv(subs => [tlv(0x21 => 'TLSv1.3')])]));
        logged("$name, TLS of the balancer", $httpd, 'connection .* '
            . 'tls=TLSv1\.3 name="www\.example\.com"$', 'error_log');
        logged("$name, PrivateLink", $httpd, '"GET /endpoint .*'
            . 'peer=127\.0\.0\.9:\d+ .* id="-" vpce=vpce-1$', 'audit_log');
        refused("$name, too long an id", $httpd, 443, '127.0.0.9',
            v2(tlvs => [tlv(0x05 => 'x' x 129)]), 'PIP0022');
        refused("$name, a stranger", $httpd, 443, $STRANGER, v2(),
            'PIP0020');
    },

    'tls-at-the-balancer.conf' => sub {
        my ($name) = @_;
        my $application = ProxyIP::Express->new(trust => 1)->start;
        my $example = ProxyIP::Example->new($name, replace => { %BALANCER,
            ':3000/' => ':' . $application->port('http') . '/' });
        my $httpd = $example->server->start;
        my $haproxy = haproxy($example, $httpd, 'haproxy.cfg:');
        my $answer = ask($haproxy, 'http', 80, '-i', '/here');
        is($answer->{code}, 301, "$name, plain: sent to https");
        like($answer->{body},
            qr{^Location: https://www\.example\.com/here\?$asked\r$}m,
            '... to the same place');
        $answer = ask($haproxy, 'https', 443, '/here');
        is($answer->{code}, 200, "$name, TLS: answered");
        my $saw = ProxyIP::Express->seen($answer->{body});
        is("$saw->{ip} $saw->{protocol} $saw->{secure}",
            "$CLIENT https true", '... and the application knows');
        logged($name, $httpd, "^client=$CLIENT conn=$CLIENT .*\\?$asked ");
        # Health checks are plain HTTP.
        $answer = ProxyIP::Client->fetch(from => '127.0.0.1',
            port => $httpd->port(80), header => v2(command => 'LOCAL'));
        is($answer && $answer->code, 301, "$name, LOCAL");
        refused("$name, a stranger", $httpd, 80, $STRANGER, v2(), 'PIP0020');
    },

    'virtual-hosts-by-destination.conf' => sub {
        my ($name) = @_;
        my $folder = File::Temp::tempdir(CLEANUP => 1);
        chmod 0755, $folder;
        for my $name (qw(default www partners partners-ca)) {
            my $said = `openssl req -x509 -newkey ec -pkeyopt \\
                ec_paramgen_curve:prime256v1 -nodes -days 2 \\
                -subj /CN=$name.example.com -keyout $folder/$name.key \\
                -out $folder/$name.crt 2>&1`;
            die $said if $?;
        }
        my $example = ProxyIP::Example->new($name, folder => $folder,
            replace => { %BALANCER, '10.0.1.10' => '127.0.0.1',
                         '2001:db8::10' => '::1' });
        my $httpd = $example->server->start;
        # The port that clients dial is HAProxy's alone.
        my $haproxy = haproxy($example, $httpd, 'HAProxy:',
            ports => { 443 => $httpd->port(443) });
        my @partner = ('--cert', "$folder/partners-ca.crt",
            '--key', "$folder/partners-ca.key");
        # Address, arguments, the certificate's name, the answer.
        for (['127.0.113.10', [], 'www', 200],
             ['127.0.113.20', \@partner, 'partners', 200],
             ['127.0.113.20', [], 'partners', 0]) {
            my ($address, $arguments, $owner, $code) = @$_;
            my $to = "https://$address:" . $haproxy->port(443);
            my $answer = curl('--interface', $CLIENT, '-v', '--stderr',
                "$folder/said", @$arguments, "$to/cgi/environment");
            is($answer->{code}, $code, "$name, $address: answered");
            like(ProxyIP::Log->new("$folder/said")->text,
                qr/subject: CN=$owner\.example\.com/, '... by its own host');
            next if !$code;
            client_seen("$name, $address", $answer);
            is($answer->{variables}{SERVER_ADDR}, $address,
                '... under the address dialled');
        }
        my $answer = curl('--cacert', "$folder/www.crt",
            'https://[::1]:' . $haproxy->port(443) . '/cgi/environment');
        is($answer->{variables}{SERVER_ADDR}, '::1', "$name: IPv6");
        # Whoever dialled elsewhere, and a check.
        for (['elsewhere', v2()], ['LOCAL', v2(command => 'LOCAL')]) {
            my ($who, $header) = @$_;
            my $client = ProxyIP::Client->new(from => '127.0.0.1',
                port => $httpd->port(8443))->send($header)->start_tls;
            is($client->socket->peer_certificate('cn'),
                'default.example.com', "$name: $who");
        }
        refused("$name, a stranger", $httpd, 8443, $STRANGER, v2(),
            'PIP0020');
    },

    'cdn-behind-l4.conf' => sub {
        my ($name) = @_;
        # The edge is who comes to HAProxy.
        my $example = ProxyIP::Example->new($name,
            replace => { '198.51.100.0/24' => '127.0.7.0/24' });
        my $httpd = $example->server->start;
        my $haproxy = haproxy($example, $httpd);
        my $answer = ask($haproxy, 'https', 1,
            '-H', 'X-Forwarded-For: 192.0.2.9');
        is($answer->{variables}{REMOTE_ADDR}, '192.0.2.9',
            "$name: REMOTE_ADDR");
        logged($name, $httpd, "^192\\.0\\.2\\.9 via $CLIENT .*\\?$asked ");
        refused("$name, a stranger", $httpd, 443, $STRANGER, v2(),
            'PIP0020');
    },

    'tls-reverse-proxy.conf' => sub {
        application(@_, 1, "127.0.0.4, $CLIENT");
    },

    'tls-reverse-proxy-client-only.conf' => sub {
        application(@_, 'true', $CLIENT);
    },

    'modsecurity.conf' => sub {
        my ($name) = @_;
        SKIP: {
            my $load = ProxyIP::Httpd::load_neighbour('security2',
                'libyajl.so.2', 'liblua5.1.so.0', 'libcurl-gnutls.so.4')
                or skip 'mod_security is not here', 6;
            my $example = ProxyIP::Example->new($name);
            my $httpd = $example->server(first =>
                "${load}SecDataDir \@root\@/logs\n")->start;
            my $haproxy = haproxy($example, $httpd);
            client_logged($name, $httpd, ask($haproxy, 'https', 1));
            # A hundred a minute, on one connection.
            my $url = 'https://127.0.0.1:' . $haproxy->port(1);
            my @codes = map { $_->{code} } map { curl('--interface', $CLIENT,
                "$url/?[1-$_]") } 99, 1;
            is("@codes", '200 429', "$name: the 101st");
            logged($name, $httpd,
                'too many requests, by way of 127\.0\.0\.1', 'error_log');
            is(curl('--interface', '127.0.7.78', "$url/")->{code}, 200,
                "$name: another client");
            my $check = ProxyIP::Client->new(from => '127.0.0.1',
                port => $httpd->port(443))->send(v2(command => 'LOCAL'))
                ->start_tls;
            is(scalar(grep { $check->get('/')->code == 200 } 1 .. 99), 99,
                "$name: checks, a hundred of them");
            refused("$name, a stranger", $httpd, 443, $STRANGER, v2(),
                'PIP0020');
        }
    },

    'docker-compose/httpd.conf' => sub {
        my ($name) = @_;
        # The addresses that compose.yaml gives to the two.
        my $compose = ProxyIP::Example->new('docker-compose/compose.yaml');
        my %at = $compose->{text}
            =~ /^  (haproxy|httpd):\n.*?ipv4_address: (\S+)/msg;
        my $example = ProxyIP::Example->new($name,
            replace => { "require $at{haproxy}\n" => "require 127.0.0.1\n" });
        my $httpd = $example->server->start;
        my $front = ProxyIP::Example->new('docker-compose/haproxy.cfg',
            replace => { " $at{httpd}:80 " => ' 127.0.0.1:80 ' });
        my $haproxy = ProxyIP::HAProxy->new(
            config => $front->fit($front->{text}, $httpd))->start;
        my $answer = ask($haproxy, 'http', 8080);
        client_seen($name, $answer);
        logged($name, $httpd, "^$CLIENT via 127\\.0\\.0\\.1 .*\\?$asked ",
            'access.log');
        refused("$name, v1", $httpd, 80, '127.0.0.1', v1(), 'PIP0022',
            'error.log');
        refused("$name, a stranger", $httpd, 80, $STRANGER, v2(), 'PIP0020',
            'error.log');
    },

    'acme.conf' => sub {
        my ($name) = @_;
        my $example = ProxyIP::Example->new($name, replace => \%BALANCER);
        # No authority is asked: nobody answers there.
        my $httpd = $example->server(config => <<'EOC');
MDStoreDir @root@/md
MDCertificateAuthority https://127.0.0.1:1/directory
MDRenewMode manual
MDPortMap http:@port:80@ https:@port:443@
EOC
        $httpd->start;
        my $haproxy = haproxy($example, $httpd, 'HAProxy:');
        # What mod_md keeps while an authority looks.
        my $domain = 'www.example.com';
        mkdir $httpd->root . "/md/challenges$_" for '', "/$domain";
        my %keep = ('acme-http-01.txt' => 'token.thumbprint',
            map { ("acme-tls-alpn-01-$_->[0].pem" => ProxyIP::Log->new(
                ProxyIP::Httpd::tls() . "/server.$_->[1]")->text) }
            ['privkey', 'key'], ['pubcert', 'pem']);
        $httpd->write_file("md/challenges/$domain/$_", $keep{$_})
            for keys %keep;
        my $answer = ask($haproxy, 'http', 80,
            '/.well-known/acme-challenge/token');
        is($answer->{body}, 'token.thumbprint', "$name: http-01");
        logged("$name, http-01", $httpd, "^client=$CLIENT .*\\?$asked ");
        my $client = ProxyIP::Client->new(from => $CLIENT,
            port => $haproxy->port(443));
        $client->start_tls(SSL_hostname => $domain,
            SSL_alpn_protocols => ['acme-tls/1']);
        is(join(' ', $client->socket->alpn_selected,
            $client->socket->peer_certificate('cn')),
            'acme-tls/1 localhost', "$name: tls-alpn-01");
        $answer = ask($haproxy, 'http', 80, '-i', '/here');
        like($answer->{body},
            qr{^Location: https://$domain/here\?$asked\r$}m,
            "$name: others are sent to https");
        refused("$name, a stranger, $_", $httpd, $_, $STRANGER, v2(),
            'PIP0020') for 80, 443;
    },
);

# An application that trusts what the example says, and a client that claims to
# be another one; what is asked of it, and which X-Forwarded-For comes.
sub application {
    my ($name, $trust, $forwarded) = @_;
    SKIP: {
        skip "$name: no node with Express", 6 if !ProxyIP::Express->program;
        my $example = ProxyIP::Example->new($name);
        my ($says) = $example->{comment} =~ /app\.set\('trust proxy', (\w+)\)/;
        is($says, $trust, "$name: what the application trusts");
        my $application = ProxyIP::Express->new(trust => $says)->start;
        $example = ProxyIP::Example->new($name, replace => {
            ':3000/' => ':' . $application->port('http') . '/' });
        my $httpd = $example->server->start;
        my $haproxy = haproxy($example, $httpd);
        for my $version ('1.1', '2') {
            my $saw = ProxyIP::Express->seen(ask($haproxy, 'https', 1,
                "--http$version", '-H', 'X-Forwarded-For: 127.0.0.4',
                '-H', 'X-Forwarded-Host: evil.example')->{body});
            is("$saw->{ip} $saw->{protocol} $saw->{hostname}",
                "$CLIENT https www.example.com", "$name, HTTP/$version: Express");
            is($saw->{forwarded_for}, $forwarded, '... X-Forwarded-For');
            logged("$name, HTTP/$version", $httpd,
                "^client=$CLIENT conn=$CLIENT .*\\?$asked ");
        }
        refused("$name, a stranger", $httpd, 443, $STRANGER, v2(),
            'PIP0020');
    }
}

# With arguments: only these.
for my $name (@ARGV ? @ARGV : sort keys %EXAMPLES) {
    SKIP: {
        my @lacks = ProxyIP::Example->new($name)->lacks;
        skip "$name: no @lacks", 1 if @lacks;
        $EXAMPLES{$name}->($name);
    }
}

done_testing;
