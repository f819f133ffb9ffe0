# mod_reqtimeout's clock begins where the client does: behind the header, and
# behind the silence after it.  mod_ratelimit, by client.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep time);

use ProxyIP::Client;
use ProxyIP::Header qw(v1 v2 CLIENT);
use ProxyIP::Server;

plan skip_all => 'worker is as prefork here'
    if ProxyIP::Httpd::mpm() eq 'worker';

my $server = ProxyIP::Server->new(modules => ['ratelimit'],
    config => <<'EOC')->start;
Listen 127.0.0.1:@port:plain@
Listen 127.0.0.1:@port:tls@
Listen 127.0.0.1:@port:off@
RequestReadTimeout handshake=1 header=1
ProxyIPPeer require 127.0.0.0/8
<VirtualHost 127.0.0.1:@port:plain@>
    ProxyIP On
    <If "-R '192.0.2.77'">
        SetOutputFilter RATE_LIMIT
        SetEnv rate-limit 16
    </If>
</VirtualHost>
<VirtualHost 127.0.0.1:@port:tls@>
    ProxyIP On
    SSLEngine On
    SSLCertificateFile @tls@/server.pem
    SSLCertificateKeyFile @tls@/server.key
</VirtualHost>
<VirtualHost 127.0.0.1:@port:off@>
</VirtualHost>
EOC
my ($plain, $tls, $off) = map { $server->port($_) } qw(plain tls off);
$server->write_file('htdocs/large', 'x' x 32_768);

sub client { return ProxyIP::Client->new(port => $_[0]) }

# Side by side, for the time that each takes: everybody is slow twice, for
# longer than mod_reqtimeout allows.
my %slow = map { $_ => client($_ =~ /TLS/ ? $tls : $plain) }
    'a request', 'a request over TLS';
# What stops where it may not.
my %stops = (
    'half a request line' => [$plain, v1() . 'GET / HT'],
    'half a request' => [$plain, v2() . "GET / HTTP/1.1\r\nHost: a\r\n"],
    'a byte of TLS' => [$tls, v1() . "\x16"],
    # Without the module the silence is a part of it.
    'silence, ProxyIP Off' => [$off, ''],
);
for (keys %stops) {
    my ($port, $bytes) = @{ $stops{$_} };
    $stops{$_} = client($port)->send($bytes);
}

$_->send(substr v2(), 0, 20) for values %slow;
sleep 1.5;
$_->send(substr v2(), 20) for values %slow;
sleep 1.5;
for my $name (sort keys %slow) {
    my $client = $slow{$name};
    $client->start_tls if $name =~ /TLS/;
    my $answer = $client->get('/');
    is($answer && $answer->code, 200,
        "$name, after a slow header and a silence");
}

for my $name (sort keys %stops) {
    my $client = $stops{$name};
    my $end = $client->ending(3);
    is($end->{how}, 'eof', "$name: closed");
}

# How long that took, one at a time.
for my $case ([$plain, v1() . 'GET / HT'], [$tls, v1() . "\x16"]) {
    my ($port, $bytes) = @$case;
    my $client = client($port)->send(substr $bytes, 0, 30);
    sleep 0.7;
    $client->send(substr $bytes, 30);
    my $end = $client->ending(6);
    is($end->{how}, 'eof', 'it is closed');
    # mod_reqtimeout looks at its clock when it reads.
    cmp_ok($end->{seconds}, '>=', 0.9, '... not before its second');
    cmp_ok($end->{seconds}, '<', 4, '... and soon after it');
}

# 32 KiB at 16 KiB a second, and without a limit.
sub seconds {
    my ($src) = @_;
    my $start = time;
    my $answer = ProxyIP::Client->fetch(port => $plain, path => '/large',
        header => v2(src => $src));
    is(length $answer->content, 32_768, "mod_ratelimit: $src has its file");
    return time - $start;
}
my $limited = seconds(CLIENT);
my $free = seconds('192.0.2.78');
cmp_ok($limited, '>', 1, '... slowly');
cmp_ok($free, '<', $limited / 2, '... as soon as it can');

done_testing;
