# A request with a v1 and with a v2 header, end to end: the client's address in
# the access log, for Require ip and for a CGI program.

use strict;
use warnings;

use Test::More;

use ProxyIP::Client;
use ProxyIP::Header qw(v1 v2 CLIENT CLIENT6);
use ProxyIP::Suite;

my %header = (
    'v1, IPv4' => [v1(), CLIENT],
    'v1, IPv6' => [v1(src => CLIENT6, dst => '2001:db8::80'), CLIENT6],
    'v2, IPv4' => [v2(), CLIENT],
    'v2, IPv6' => [v2(src => CLIENT6, dst => '2001:db8::80'), CLIENT6],
);

for my $listener ('require', 'tls') {
    my %to = (port => ProxyIP::Suite->port($listener),
              tls => $listener eq 'tls');
    for my $name (sort keys %header) {
        my ($bytes, $address) = @{ $header{$name} };
        my $log = ProxyIP::Suite->access_log;

        my $answer = ProxyIP::Client->fetch(%to, header => $bytes,
            path => '/cgi/environment');
        my $saw = ProxyIP::Client->variables($answer);
        is($saw->{REMOTE_ADDR}, $address, "$listener, $name: REMOTE_ADDR");
        is($saw->{REMOTE_PORT}, 4711, "$listener, $name: REMOTE_PORT");
        ok($log->wait_for(qr/client=\Q$address\E .*environment/, 5),
            "$listener, $name: access log");

        $answer = ProxyIP::Client->fetch(%to, header => $bytes,
            path => '/client-only');
        is($answer && $answer->code, 200, "$listener, $name: Require ip");
    }
    my $answer = ProxyIP::Client->fetch(%to,
        header => v2(src => '192.0.2.78'), path => '/client-only');
    is($answer && $answer->code, 403, "$listener: another client is refused");
}

done_testing;
