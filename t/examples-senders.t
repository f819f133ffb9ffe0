# The files of conf-examples whose other side is a program of Debian's, but
# HAProxy (examples-haproxy.t): it has the settings that the file shows, and
# the file does what it says.

use strict;
use warnings;

use Test::More;

use ProxyIP::Client;
use ProxyIP::Curl qw(curl);
use ProxyIP::Example;
use ProxyIP::HAProxy;
use ProxyIP::Header qw(v1 v2);
use ProxyIP::Hitch;
use ProxyIP::Nginx;
use ProxyIP::Promise qw(ask client_logged logged refused $CLIENT $STRANGER);
use ProxyIP::Stunnel;
use ProxyIP::TrafficServer;
use ProxyIP::Varnish;

plan skip_all => 'the MPM makes no difference to the examples'
    if ProxyIP::Httpd::mpm() ne 'event';

# 10.0.1.9 in an example is 127.0.1.9 here: see ProxyIP::Example.  Senders
# connect from 127.0.0.1.

# Everything the same but who sends: TLS goes through to httpd.
sub passed_through {
    my ($name, $httpd, $sender, $front) = @_;
    for my $version ('1.1', '2') {
        my $answer = ask($sender, 'https', $front, "--http$version");
        is($answer->{version}, $version, "$name, HTTP/$version: it is");
        client_logged("$name, HTTP/$version", $httpd, $answer);
    }
}

# Refused: strangers, a peer without a header or with one of a version that is
# not sent.
sub others_refused {
    my ($name, $httpd, $port, $right, $wrong) = @_;
    refused("$name, a stranger", $httpd, $port, $STRANGER, $right, 'PIP0020');
    refused("$name, no header", $httpd, $port, '127.0.0.1', '', 'PIP0021');
    refused("$name, another version", $httpd, $port, '127.0.0.1', $wrong,
        'PIP0022');
}

my %EXAMPLES = (
    'curl.conf' => sub {
        my ($name) = @_;
        my $example = ProxyIP::Example->new($name);
        my $httpd = $example->server->start;
        # As one types them; the answer's code alone is wanted.
        my ($own, $chosen) = map {
            s/^curl /curl -q -s --noproxy '*' -m 10 -o \/dev\/null /r
                . " -w '%{http_code}'"
        } split /\n/, $example->fit(
            $example->settings('The other side:'), $httpd);
        is(`$own`, 200, "$name: $own");
        logged("$name, its own address", $httpd,
            '^127\.0\.0\.1 via 127\.0\.0\.1 version=1 "GET / .* 200$');
        SKIP: {
            # The first with --haproxy-clientip made it the destination.
            my ($version) = `curl --version` =~ /^curl (\d+\.\d+)/;
            skip "$name: curl $version has no --haproxy-clientip", 2
                if $version eq '8.2' || `curl --help all` !~ /-clientip/;
            is(`$chosen`, 200, "$name: $chosen");
            # The example's 192.0.2.77, which fit() puts on loopback.
            logged("$name, a chosen one", $httpd,
                '^127\.0\.2\.77 via 127\.0\.0\.1 version=1 .* 200$');
        }
        # What is typed by hand, but nc.
        my $bytes = $example->settings('by hand:');
        $bytes =~ s/ \| nc 127\.0\.0\.1 8888\n//
            or die "$name: no nc\n";
        my $end = ProxyIP::Client->new(port => $httpd->port(8888))
            ->send(scalar `$bytes`)->ending(5);
        like($end->{bytes}, qr{^HTTP/1\.1 200 }, "$name, by hand: answered");
        logged("$name, by hand", $httpd,
            '^192\.0\.2\.77 via 127\.0\.0\.1 .*"GET / HTTP/1\.0" 200$');
        refused("$name, no header", $httpd, 8888, '127.0.0.1', '',
            'PIP0021');
        refused("$name, a stranger", $httpd, 8888, '127.0.0.2', v1(),
            'PIP0020');
    },

    'nginx-stream.conf' => sub {
        my ($name) = @_;
        skip "$name: no nginx with its stream module", 1
            if !ProxyIP::Nginx->program;
        my $example = ProxyIP::Example->new($name,
            replace => { '10.0.0.5' => '127.0.0.1' });
        my $httpd = $example->server->start;
        my $nginx = ProxyIP::Nginx->new(config => $example->fit(
            $example->settings('nginx.conf'), $httpd))->start;
        passed_through($name, $httpd, $nginx, 443);
        my $answer = curl('https://[::1]:' . $nginx->port(443)
            . '/cgi/environment');
        is($answer->{variables}{REMOTE_ADDR}, '::1', "$name: IPv6");
        others_refused($name, $httpd, 443, v1(), v2());
    },

    'nginx-stream-sni.conf' => sub {
        my ($name) = @_;
        skip "$name: no nginx with its stream module", 1
            if !ProxyIP::Nginx->program;
        my $example = ProxyIP::Example->new($name);
        # What it calls 9443, where other names go.
        my $httpd = $example->server(config => <<'EOC')->start;
Listen 127.0.0.1:@port:9443@
<VirtualHost 127.0.0.1:@port:9443@>
    Header always set X-Host default
    ProxyIP On
    ProxyIPPeer require 127.0.0.1
    SSLEngine On
    SSLCertificateFile @tls@/server.pem
    SSLCertificateKeyFile @tls@/server.key
</VirtualHost>
EOC
        my $nginx = ProxyIP::Nginx->new(config => $example->fit(
            $example->settings('nginx.conf'), $httpd))->start;
        passed_through($name, $httpd, $nginx, 443);
        unlike(ask($nginx, 'https', 443, '-i')->{body}, qr/^X-Host:/mi,
            "$name: its own host");
        my $answer = curl('--interface', $CLIENT, '-i',
            'https://127.0.0.1:' . $nginx->port(443) . '/cgi/environment');
        like($answer->{body}, qr/^X-Host: default\r$/mi,
            "$name, another name: another host");
        is($answer->{variables}{REMOTE_ADDR}, $CLIENT,
            "$name, another name: its client");
        others_refused($name, $httpd, 8443, v1(), v2());
    },

    'hitch.conf' => sub {
        my ($name) = @_;
        skip "$name: no hitch", 1 if !ProxyIP::Hitch->program;
        my $example = ProxyIP::Example->new($name);
        my $httpd = $example->server->start;
        my $hitch = ProxyIP::Hitch->new(config => $example->fit(
            $example->settings('hitch.conf:'), $httpd))->start;
        for my $version ('1.1', '2') {
            my $answer = ask($hitch, 'https', 443, "--http$version");
            is($answer->{version}, $version, "$name, HTTP/$version: it is");
            client_logged("$name, HTTP/$version", $httpd, $answer);
            is($answer->{variables}{HTTPS}, 'on',
                "$name, HTTP/$version: https");
        }
        others_refused($name, $httpd, 8080, v2(), v1());
    },

    'stunnel.conf' => sub {
        my ($name) = @_;
        skip "$name: no stunnel", 1 if !ProxyIP::Stunnel->program;
        my $example = ProxyIP::Example->new($name,
            replace => { '10.0.0.7' => '127.0.0.1' });
        my $httpd = $example->server->start;
        my $stunnel = ProxyIP::Stunnel->new(config => $example->fit(
            $example->settings('where TLS ends at stunnel'), $httpd))->start;
        my $answer = ask($stunnel, 'https', 443);
        client_logged($name, $httpd, $answer);
        is($answer->{variables}{HTTPS}, 'on', "$name: https");
        others_refused($name, $httpd, 8080, v1(), v2());

        # The tunnel, and HAProxy in front of it.
        my $tunnel = ProxyIP::Stunnel->new(config => $example->fit(
            $example->settings('is a tunnel'), $httpd))->start;
        my $haproxy = ProxyIP::HAProxy->new(config => $example->fit(
            $example->settings('and haproxy.cfg'), $httpd)
            =~ s/:9443\b/':' . $tunnel->port(9443)/er)->start;
        $answer = ask($haproxy, 'http', 80);
        client_logged("$name, the tunnel", $httpd, $answer);
        is($answer->{variables}{HTTPS}, 'on', "$name, the tunnel: https");
        refused("$name, a header outside it", $httpd, 8443, '127.0.0.1',
            v1(), 'PIP0056');
    },

    'varnish.conf' => sub {
        my ($name) = @_;
        skip "$name: no varnish", 1 if !ProxyIP::Varnish->program;
        my $example = ProxyIP::Example->new($name,
            replace => { '10.0.0.7' => '127.0.0.1' });
        my $httpd = $example->server->start;
        $httpd->write_file('htdocs/health', "well\n");
        my $varnish = ProxyIP::Varnish->new(vcl => "vcl 4.1;\n"
            . $example->fit($example->settings('in VCL'), $httpd))->start;
        logged("$name, a probe", $httpd,
            '^client=127\.0\.0\.1 .*status=200 .*"GET /health ');
        logged("$name, a probe", $httpd, 'PIP0041: v2 PROXY header, LOCAL\b',
            'error_log');
        my $answer = ask($varnish, 'http', '');
        client_logged($name, $httpd, $answer);
        is($answer->{variables}{HTTP_X_FORWARDED_FOR}, $CLIENT,
            "$name: X-Forwarded-For has it too");
        others_refused($name, $httpd, 80, v2(), v1());
    },

    'traffic-server.conf' => sub {
        my ($name) = @_;
        skip "$name: no Traffic Server", 1
            if !ProxyIP::TrafficServer->program;
        my $example = ProxyIP::Example->new($name,
            replace => { '10.0.0.8' => '127.0.0.1' });
        my $httpd = $example->server->start;
        my ($version) = $example->settings('records.yaml')
            =~ /^ +proxy_protocol_out: (\d)$/m;
        my $proxy = ProxyIP::TrafficServer->new(
            listen => '@port:80@ @port:443@:ssl', to => 'http://127.0.0.1:1/',
            records => { 'proxy.config.http.proxy_protocol_out' => $version,
                # Where tunnels may go; 443 by default.
                'proxy.config.http.connect_ports' =>
                    '443 ' . $httpd->port(443) },
            sni => $example->fit($example->settings('sni.yaml'), $httpd))
            ->start;
        if (ProxyIP::TrafficServer->version =~ /^\d\d/) {
            passed_through($name, $httpd, $proxy, 443);
        }
        else {
            is(ask($proxy, 'https', 443)->{code}, 0,
                "$name, before 10: no answer");
            logged("$name, before 10", $httpd, 'PIP0021: .*peer 127\.0\.0\.1'
                . ':.*this is a TLS handshake', 'error_log');
        }
        others_refused($name, $httpd, 443, v2(), v1());
    },
);

# With arguments: only these.
for my $name (@ARGV ? @ARGV : sort keys %EXAMPLES) {
    SKIP: { $EXAMPLES{$name}->($name) }
}

done_testing;
