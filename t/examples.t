# Each file of conf-examples is started, and does what it says.  Those whose
# other side is a program that can run here: examples-senders.t.  Those of
# providers: here, behind headers as the provider says that it sends them, from
# an address of the range that the file names.

use strict;
use warnings;

use Test::More;

use ProxyIP::Client;
use ProxyIP::Example;
use ProxyIP::Header qw(v1 v2 tlv NLB_HEALTH_CHECK CLIENT CLIENT6);
use ProxyIP::Promise qw(logged refused $STRANGER $asked);

plan skip_all => 'the MPM makes no difference to the examples'
    if ProxyIP::Httpd::mpm() ne 'event';

# 10.0.1.9 in an example is 127.0.1.9 here: see ProxyIP::Example.

# The ids of AWS's, Azure's and Google's TLVs.
my @BLUE = ('vpce-0a1b2c3d4e5f60001', 16_909_060);
my $GREEN = 43_686_719_580_552_292;
sub aws { return tlv(0xEA => "\x01$_[0]") }
sub azure { return tlv(0xEE => pack 'CV', 1, $_[0]) }
sub google { return tlv(0xE0 => pack 'Q>', $_[0]) }

my %NLB = (port => 443, peer => '127.0.1.9', sends => [2], crc => 1);

# Providers, by example:
#   port      of the example; 443 and 8443 are TLS
#   peer      an address of the range; stranger, one that is in none
#   sends     the versions that the file says are sent and taken; others are
#             refused
#   crc, tlvs what v2 headers have besides
#   h2        HTTP/2 is spoken
#   log       a line of the example's own log, from its CLIENT to the status
#   checks    bytes of health checks, each served as the peer's
#   connects  a check that only connects leaves no complaint
my %PROVIDERS = (
    'aws-classic-elb.conf' => { port => 80, peer => '127.0.2.9', sends => [1],
        connects => 1 },
    'aws-nlb.conf' => { %NLB, h2 => 1, checks => [NLB_HEALTH_CHECK],
        tlvs => [aws($BLUE[0])] },
    'azure-private-link.conf' => { port => 443, peer => '127.1.0.9',
        sends => [2], tlvs => [azure($BLUE[1])],
        log => 'CLIENT .*\?ASKED .*" 200 \d+ link=16909060$' },
    'cloudflare-spectrum.conf' => { port => 443, peer => '127.245.48.9',
        sends => [2], h2 => 1,
        files => { 'cloudflare.txt' => "127.245.48.0/20\n2400:cb00::/32\n" } },
    'digitalocean.conf' => { port => 443, peer => '127.110.15.9',
        sends => [1], h2 => 1,
        checks => [v1(src => '127.110.15.9', dst => '127.110.0.4')] },
    'frp.conf' => { port => 8443, peer => '127.0.0.1', sends => [2], h2 => 1,
        connects => 1 },
    'google-proxy-nlb.conf' => { port => 443, peer => '127.191.9.9',
        sends => [1], h2 => 1, connects => 1,
        checks => [v1(src => '127.191.9.9', dst => '127.0.0.4')] },
    'google-psc.conf' => { port => 443, peer => '127.2.0.9', sends => [2],
        tlvs => [google($GREEN)],
        log => "CLIENT .*\\?ASKED .*\" 200 \\d+ psc=$GREEN\$" },
    'hetzner.conf' => { port => 443, peer => '127.0.0.3', sends => [1, 2],
        stranger => '127.0.0.4', h2 => 1, connects => 1 },
    'linode-nodebalancer.conf' => { port => 443, peer => '127.168.255.9',
        sends => [2], h2 => 1, connects => 1 },
    'ngrok.conf' => { port => 8443, peer => '127.0.0.1', sends => [2],
        stranger => '127.0.0.2', h2 => 1 },
    'openstack-octavia.conf' => { port => 443, peer => '127.0.0.9',
        sends => [2], h2 => 1, connects => 1,
        checks => [v2(command => 'LOCAL')] },
    'ovhcloud.conf' => { port => 443, peer => '127.108.9.9', sends => [1, 2],
        h2 => 1, checks => [v2(command => 'LOCAL')] },
    'scaleway.conf' => { port => 443, peer => '127.16.7.9', sends => [2],
        h2 => 1, connects => 1, checks => [v2(command => 'LOCAL')] },
    'tailscale.conf' => { port => 8443, peer => '127.0.0.1', sends => [2],
        stranger => '127.0.0.2', h2 => 1 },
);

# One connection from a peer: its header, TLS, a request.  Returns the answer,
# or the protocol that TLS agreed on, if it is not HTTP/1.1.
sub ask {
    my ($httpd, $port, $from, $header, %option) = @_;
    my $path = $option{path} // '/cgi/environment';
    my $client = ProxyIP::Client->new(from => $from, %option,
        port => $httpd->port($port));
    $client->send($header);
    $client->start_tls(SSL_alpn_protocols => $option{alpn} // ['http/1.1'])
        if $port =~ /443$/;
    my $protocol = $port =~ /443$/ && $client->socket->alpn_selected;
    return $protocol if $protocol && $protocol ne 'http/1.1';
    $path .= '?' . ++$asked;
    return $client->get($path, Connection => 'close');
}

# Served, and as whom.
sub served {
    my ($name, $httpd, $row, $from, $header, $client, %option) = @_;
    my $answer = ask($httpd, $row->{port}, $from, $header, %option);
    is($answer && $answer->code, 200, "$name: answered");
    my ($address) = ($answer ? $answer->content : '')
        =~ /^REMOTE_ADDR=(.*)$/m;
    is($address, $client, "$name: REMOTE_ADDR");
    my $log = $option{log} // $row->{log}
        // 'client=CLIENT conn=CLIENT .*\?ASKED ';
    $log =~ s/CLIENT/\Q$client\E/g;
    logged($name, $httpd, '^' . $log =~ s/ASKED/$asked/r);
}

# What the application saw of it.
sub https_of {
    my ($answer) = @_;
    return ($answer ? $answer->content : '') =~ /^HTTPS=(.*)$/m ? $1 : '';
}

# What a provider sends.
sub header {
    my ($row, $version, $client) = @_;
    my @addresses = (src => $client,
        dst => $client =~ /:/ ? '2001:db8::80' : '198.51.100.80');
    return $version == 1 ? v1(@addresses)
        : v2(@addresses, crc => $row->{crc}, tlvs => $row->{tlvs} // []);
}

sub provider {
    my ($name, $row) = @_;
    my $httpd = ProxyIP::Example->new($name)->server;
    $httpd->write_file($_, $row->{files}{$_}) for keys %{ $row->{files} };
    $httpd->start;
    my ($port, $peer) = @$row{qw(port peer)};
    for my $version (@{ $row->{sends} }) {
        served("$name, v$version", $httpd, $row, $peer,
            header($row, $version, $_), $_) for CLIENT, CLIENT6;
    }
    my $right = header($row, $row->{sends}[0], CLIENT);
    is(ask($httpd, $port, $peer, $right, alpn => ['h2']), 'h2',
        "$name: HTTP/2") if $row->{h2};
    my %takes = map { $_ => 1 } @{ $row->{sends} };
    refused("$name, v$_", $httpd, $port, $peer, header($row, $_, CLIENT),
        'PIP0022') for grep { !$takes{$_} } 1, 2;
    refused("$name, no header", $httpd, $port, $peer, '', 'PIP0021');
    refused("$name, a stranger", $httpd, $port,
        $row->{stranger} // $STRANGER, $right, 'PIP0020');
    served("$name, a health check", $httpd, { port => $port }, $peer, $_,
        $peer) for @{ $row->{checks} // [] };
    if ($row->{connects}) {
        my $log = $httpd->error_log->mark;
        ProxyIP::Client->new(from => $peer, port => $httpd->port($port))
            ->close;
        like($log->wait_for(qr/PIP\d+: .*\b\Q$peer\E\b/, 5) // '',
            qr/:debug\] .*PIP0025/, "$name: a check that connects");
    }
    return $httpd;
}

# What a file says besides, by its name; each gets its httpd.
my %BESIDES = (
    'aws-classic-elb.conf' => sub {
        my ($httpd) = @_;
        two_headers('aws-classic-elb.conf', $httpd, 80, '127.0.1.9', v1());
        my $answer = ask($httpd, 80, '127.0.1.9', v1() . v1());
        is($answer && $answer->code, 400, '... and a 400');
        my %row = (peer => '127.0.1.9', sends => [1]);
        served('aws-classic-elb.conf, TLS to httpd', $httpd,
            { %row, port => 443 }, '127.0.1.9', v1(), CLIENT);
        is(https_of(ask($httpd, 8080, '127.0.1.9', v1())), 'on',
            'aws-classic-elb.conf, TLS to the balancer: https');
        my $inside = ProxyIP::Client->new(from => '127.0.1.9',
            port => $httpd->port(8443))->start_tls->send(v1());
        $answer = $inside->get('/cgi/environment?' . ++$asked);
        is(https_of($answer), 'on', 'aws-classic-elb.conf, TLS to both: https');
        logged('aws-classic-elb.conf, TLS to both', $httpd,
            '^client=' . CLIENT . ' conn=' . CLIENT . " .*\\?$asked ");
        refused('aws-classic-elb.conf, a header before TLS', $httpd, 8443,
            '127.0.1.9', v1(), 'PIP0056');
    },
    'aws-nlb.conf' => sub {
        my ($httpd) = @_;
        two_headers('aws-nlb.conf', $httpd, 443, '127.0.2.9', v2(crc => 1));
    },
    'azure-private-link.conf' => sub {
        my ($httpd) = @_;
        served('azure-private-link.conf, a probe', $httpd, { port => 443 },
            '127.63.129.16', v2(command => 'LOCAL'), '127.63.129.16',
            log => 'CLIENT .*\?ASKED .*" 200 \d+ link=-$');
    },
    'google-proxy-nlb.conf' => sub {
        my ($httpd) = @_;
        served('google-proxy-nlb.conf, the other range', $httpd,
            { port => 443 }, '127.211.3.9', v1(), CLIENT);
    },
    'google-psc.conf' => sub {
        my ($httpd) = @_;
        for my $peer ('127.191.9.9', '127.211.3.9') {
            served("google-psc.conf, a check of $peer", $httpd,
                { port => 443 }, $peer, '', $peer,
                log => 'CLIENT .*\?ASKED .*" 200 \d+ psc=-$');
            # Should checks carry one after all.
            my $log = $httpd->error_log->mark;
            ProxyIP::Client->new(from => $peer, port => $httpd->port(443))
                ->send(v2())->shut_writing->ending(5);
            ok($log->wait_for(qr/SSL Library Error: .*wrong version number/,
                5), "google-psc.conf, a check of $peer with a header");
        }
    },
);

# The second of two headers is payload.
sub two_headers {
    my ($name, $httpd, $port, $peer, $header) = @_;
    my $log = $httpd->error_log->mark;
    ProxyIP::Client->new(from => $peer, port => $httpd->port($port))
        ->send($header . v1(src => '192.0.2.66'))->shut_writing->ending(5);
    ok($log->wait_for(qr/PIP0043: .*\b\Q$peer\E\b/, 5),
        "$name: a client's own header is logged");
}

for my $name (sort keys %PROVIDERS) {
    my $httpd = provider($name, $PROVIDERS{$name});
    $BESIDES{$name}->($httpd) if $BESIDES{$name};
}

# Tenants told apart by the provider's id, whose addresses are alike.
{
    my $httpd = ProxyIP::Example->new('private-link.conf')->server->start;
    $httpd->write_file('htdocs/health', "well\n");
    mkdir $httpd->root . '/htdocs/tenants';
    $httpd->write_file("htdocs/tenants/$_", "$_\n") for qw(blue green);
    my ($aws, $azure, $google) = map { "127.$_" } '0.1.9', '1.0.9', '2.0.9';
    # A tenant's ids; what it gets of blue's and green's; its log.
    for (['AWS', $aws, aws($BLUE[0]), 200, 403, "aws=$BLUE[0] azure=- gcp=-"],
         ['another endpoint', $aws, aws('vpce-0a1b2c3d4e5f60002'), 200, 403,
          'aws=vpce-0a1b2c3d4e5f60002 azure=- gcp=-'],
         ['another tenant', $aws, aws('vpce-0a1b2c3d4e5f60003'), 403, 403,
          'aws=vpce-0a1b2c3d4e5f60003 azure=- gcp=-'],
         ['Azure', $azure, azure($BLUE[1]), 200, 403,
          "aws=- azure=$BLUE[1] gcp=-"],
         ['Google', $google, google($GREEN), 403, 200,
          "aws=- azure=- gcp=$GREEN"],
         ['Google, another', $google, google($GREEN + 1), 403, 403,
          'aws=- azure=- gcp=' . ($GREEN + 1)],
         ['nobody', $aws, '', 403, 403, 'aws=- azure=- gcp=-']) {
        my ($tenant, $peer, $id, $blue, $green, $ids) = @$_;
        for (['blue', $blue], ['green', $green], ['../health', 200]) {
            my ($place, $code) = @$_;
            my $answer = ask($httpd, 443, $peer,
                v2(src => '127.0.0.9', tlvs => [grep { length } $id]),
                path => $place =~ /health/ ? '/health' : "/tenants/$place");
            is($answer && $answer->code, $code,
                "private-link.conf, $tenant: $place");
            logged('...', $httpd, '^127\.0\.0\.9 .*\?' . $asked
                . " .*\" $code \\d+ \Q$ids\E\$", 'tenants_log');
        }
    }
    # Health checks: Azure's and AWS's with a header, Google's without one.
    for (['Azure', '127.63.129.16', v2(command => 'LOCAL')],
         ['AWS', $aws, NLB_HEALTH_CHECK], ['Google', '127.191.9.9', ''],
         ['Google', '127.211.3.9', '']) {
        my ($provider, $peer, $header) = @$_;
        my @codes = map { $_ ? $_->code : 0 } map { ask($httpd, 443, $peer,
            $header, path => $_) } '/health', '/', '/tenants/blue';
        is("@codes", '200 403 403',
            "private-link.conf, $provider: a check of $peer");
    }
    refused('private-link.conf, v1', $httpd, 443, $aws, v1(), 'PIP0022');
    refused('private-link.conf, a stranger', $httpd, 443, $STRANGER,
        v2(tlvs => [aws($BLUE[0])]), 'PIP0020');
}

# The image's own file, and the pod's: their other side is an engine.
{
    local $ENV{LB_RANGES} = '127.0.1.0/24, 127.0.2.0/24';
    my $name = 'packaging/docker.conf';
    my $httpd = ProxyIP::Example->new($name, replace => {
        'LoadModule proxyip_module modules/mod_proxyip.so' => '' })
        ->server->start;
    my %row = (port => '');
    served("$name, $_", $httpd, \%row, $_, v1(), CLIENT)
        for '127.0.1.9', '127.0.2.9';
    served("$name, its own check", $httpd, \%row, '127.0.0.1', '',
        '127.0.0.1');
    refused("$name, no header", $httpd, '', '127.0.1.9', '', 'PIP0021');
    refused("$name, a stranger", $httpd, '', '127.0.3.9', v1(), 'PIP0020');
}
{
    my $name = 'kubernetes/deployment.yaml';
    my $httpd = ProxyIP::Example->new($name, part => '000-default.conf')
        ->server->start;
    for my $header (v1(), v2()) {
        my $answer = ask($httpd, 80, '127.0.9.9', $header);
        is($answer && $answer->code, 200, "$name: answered");
        logged('...', $httpd, '^' . CLIENT . ' via 127\.0\.9\.9 .*\?' . $asked
            . ' .*" 200 ', 'access.log');
    }
    my $probe = ask($httpd, 8081, '127.9.9.9', '', path => '/healthz');
    is($probe && $probe->code, 200, "$name: a probe");
    my $inside = ask($httpd, 8081, '127.9.9.9', '');
    is($inside && $inside->code, 200, "$name: from a pod");
    refused("$name, a stranger", $httpd, 80, $STRANGER, v1(), 'PIP0020',
        'error.log');
    refused("$name, no header", $httpd, 80, '127.0.9.9', '', 'PIP0021',
        'error.log');
}

# No file is forgotten: each is started above, or named by one of the others.
{
    my $top = ProxyIP::Httpd::top();
    my %started = map { $_ => 1 } keys %PROVIDERS;
    for my $test (glob "$top/t/examples*.t") {
        local (@ARGV, $/) = $test;
        my $text = <>;
        $started{$_} = 1 for
            $text =~ /(?:Example->new\(|name = )'([^']+)'/g,
            $text =~ /^    '([^']+)' => sub \{$/mg;
    }
    # Annotations for clusters, and another program's, looked at elsewhere:
    # nothing of httpd's.
    $started{$_} = 1 for 'kubernetes/service.yaml', 'monitoring/telegraf.conf';
    my @files = map { s{.*/conf-examples/}{}r }
        glob "$top/conf-examples/{,*/}*.{conf,cfg,yaml}";
    cmp_ok(scalar @files, '>', 40, 'there are examples');
    is_deeply([grep { !$started{$_} } @files], [], 'each is started');
}

done_testing;
