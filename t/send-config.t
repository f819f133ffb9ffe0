# Settings of ProxyIPSend that stop the start, by a message that names the
# directive, the value and what is accepted; such as make it warn; and such as
# only a request can be refused by.

use strict;
use warnings;

use Test::More;

use ProxyIP::Client;
use ProxyIP::Server;

my $HTTP = 'ProxyPass "/" "http://127.0.0.1:9/"';
my $FCGI = 'ProxyPass "/php" "fcgi://127.0.0.1:9/"';
my @modules = (modules => [qw(proxy_fcgi proxy_ajp proxy_scgi proxy_uwsgi
    proxy_balancer lbmethod_byrequests slotmem_shm)]);

my @refused = (
    ['the version', 'ProxyIPSend v3',
     qr/ProxyIPSend: 'v3' is not accepted: Off, v1 or v2/],
    ['reuse', 'ProxyIPSendReuse On',
     qr/ProxyIPSendReuse: 'On' is not accepted: Client or Off/],
    ['checks', 'ProxyIPSendCheck yes',
     qr/ProxyIPSendCheck: 'yes' is not accepted: local, proxy or off/],
    ['a fact', 'ProxyIPSendFacts ssl sni',
     qr/ProxyIPSendFacts: 'sni' is not accepted: none, or one or more of/],
    ['none and some', 'ProxyIPSendFacts none ssl', qr/'ssl' cannot stand/],
    ['some and none', "ProxyIPSendFacts ssl\nProxyIPSendFacts none",
     qr/'none' cannot stand beside/],
    (map { ["TLV $_", "ProxyIPSendTLV $_ x",
        qr/ProxyIPSendTLV: '\Q$_\E' is not accepted: a type from 0xE0 to/] }
        qw(0xDF 0xF0 0x02 224 0x 0xE0x 0xE00 E1)),
    ['a TLV twice', "ProxyIPSendTLV 0xE1 a\nProxyIPSendTLV 0xe1 b",
     qr/type 0xe1 is given twice/],
    ['an expression', 'ProxyIPSendTLV 0xE1 "%{nosuch:x}"',
     qr/ProxyIPSendTLV: '%\{nosuch:x\}' is not an expression/],
    ['fcgi', "ProxyIPSend v2\n$FCGI",
     qr{PIP0111: ProxyIPSend v2 \(\S+:\d+\) is for fcgi://127.*REMOTE_ADDR}],
    (map { ["$_ in Location", <<"EOC", qr{PIP0111: .*\Q$_\E://}] }
<Location "/app">
    ProxyIPSend v1
    ProxyPass "$_://127.0.0.1:9/"
</Location>
EOC
        qw(ajp scgi uwsgi)),
    ['a section for it', <<'EOC', qr{PIP0111: .*fcgi://127}],
<Proxy "fcgi://127.0.0.1:9">
    ProxyIPSend v2
</Proxy>
EOC
    ['unix and fcgi', "ProxyIPSend v2\n"
        . 'ProxyPass "/php" "unix:/run/php|fcgi://localhost/"',
     qr{PIP0111: .*fcgi://}],
    ['a member of a balancer', <<'EOC', qr{PIP0111: .*ajp://127}],
ProxyIPSend v2
ProxyPass "/" "balancer://mixed/"
<Proxy "balancer://mixed">
    BalancerMember "http://127.0.0.1:9"
    BalancerMember "ajp://127.0.0.1:9"
</Proxy>
EOC
    ['another proxy', "ProxyIPSend v2\nProxyRemote * http://127.0.0.1:9\n$HTTP",
     qr/PIP0112: .*ProxyRemote has another proxy, 127\.0\.0\.1, between/],
);
for (@refused) {
    my ($name, $config, $message) = @$_;
    my ($status, $output)
        = ProxyIP::Server->config_error($config, @modules);
    isnt($status, 0, "$name: no start");
    like($output, $message, '... says why');
}

my @accepted = (
    ['all of it', <<"EOC"],
ProxyIPSend V2
ProxyIPSendFacts authority ALPN ssl cn unique-id checksum relay
ProxyIPSendTLV 0xE0 "%{REQUEST_SCHEME}"
ProxyIPSendTLV 0xEF "x"
ProxyIPSendReuse Off
ProxyIPSendCheck Proxy
$HTTP
EOC
    ['off for what cannot', <<"EOC"],
ProxyIPSend v2
$FCGI
$HTTP
<Location "/php">
    ProxyIPSend Off
</Location>
EOC
    ['perhaps off', <<"EOC"],
ProxyIPSend v2
$FCGI
<LocationMatch "^/php">
    ProxyIPSend Off
</LocationMatch>
EOC
    ['nothing on', "ProxyIPSend Off\n$FCGI"],
    ['a proxy in between for others', <<"EOC"],
ProxyIPSend v2
ProxyRemote * http://127.0.0.1:9
NoProxy 127.0.0.1
$HTTP
EOC
);
for (@accepted) {
    my ($name, $config) = @$_;
    my ($status, $output)
        = ProxyIP::Server->config_error($config, @modules);
    is($status, 0, "$name: accepted") or diag $output;
}

my ($status, $output) = ProxyIP::Server->config_error(<<"EOC");
<Location "/">
    ProxyIPSend v1
    ProxyIPSendFacts ssl
</Location>
$HTTP
EOC
is($status, 0, 'facts in v1: accepted');
like($output, qr/PIP0113: ProxyIPSend v1 .*no room for facts/, '... warned');

# In .htaccess: not there.
my $server = ProxyIP::Server->new(@modules, config => <<'EOC')->start;
<Directory "@root@/htdocs">
    AllowOverride All
</Directory>
<LocationMatch "^/(php|remote|none)">
    ProxyIPSend v2
</LocationMatch>
ProxyPass "/php" "fcgi://127.0.0.1:9/"
ProxyPass "/remote" "http://backend.invalid/"
ProxyPass "/none" "h2c://127.0.0.1:9/"
ProxyRemote http://backend.invalid http://127.0.0.1:9
EOC
sub code {
    return ProxyIP::Client->fetch(port => $server->port, path => $_[0])->code;
}
$server->write_file('htdocs/.htaccess', "ProxyIPSend v2\n");
is(code('/'), 500, 'not in .htaccess');
ok($server->error_log->wait_for(qr/ProxyIPSend not allowed here/, 5),
    '... says why');

# What a pattern hid from the start.
is(code('/php/x'), 500, 'fcgi under a pattern: 500');
like($server->error_log->wait_for(qr/PIP0101/, 5),
    qr/refused: .*fcgi:.*REMOTE_ADDR/, '... says why, and what to do');
is(code('/remote/x'), 500, 'ProxyRemote: 500');
like($server->error_log->wait_for(qr/PIP0102/, 5), qr/ProxyRemote/,
    '... says why');
is(code('/none/x'), 500, 'a scheme that no module serves: 500');
like($server->error_log->wait_for(qr/PIP0110/, 5), qr/mod_proxy_http2/,
    '... says why');

done_testing;
