# Wrong configurations stop the start, with a message that names the
# directive, the value, what is accepted, and for conflicts both places; odd
# ones start with a warning.

use strict;
use warnings;

use Test::More;

use ProxyIP::Server;

my $PEER = 'ProxyIPPeer require 127.0.0.0/8';

# [name, configuration, what the output must match ...]
my @refused = (
    # Words and values
    ['ProxyIP', 'ProxyIP Maybe', qr/ProxyIP: 'Maybe'.*On or Off/],
    ['policy', 'ProxyIPPeer trust 10.0.0.0/8',
     qr/ProxyIPPeer: 'trust'.*require, optional, direct or reject/],
    ['no range', 'ProxyIPPeer require', qr/ProxyIPPeer require: no range/],
    ['empty range', 'ProxyIPPeer require ", ,"', qr/ProxyIPPeer.*no range/],
    ['nothing', 'ProxyIPPeer', qr/ProxyIPPeer needs/],
    ['not an address', 'ProxyIPPeer require lb.example.org',
     qr/ProxyIPPeer: 'lb\.example\.org' is not an IP address/],
    ['partial address', 'ProxyIPPeer require 10.1', qr/'10\.1' is not/],
    ['leading zero', 'ProxyIPPeer require 010.0.0.1', qr/'010\.0\.0\.1'/],
    ['mask too long', 'ProxyIPPeer require 10.0.0.0/33', qr/from 0 to 32/],
    ['mask too long', 'ProxyIPPeer require 2001:db8::/129',
     qr/from 0 to 128/],
    ['mapped, mask too short', 'ProxyIPPeer require ::ffff:10.0.0.0/95',
     qr/from 96 to 128/],
    ['netmask', 'ProxyIPPeer require 10.0.0.0/255.0.0.0', qr/mask length/],
    ['empty mask', 'ProxyIPPeer require 10.0.0.0/', qr/mask length/],
    ['host bits', 'ProxyIPPeer require 10.0.0.1/8',
     qr/'10\.0\.0\.1\/8' has host bits/],
    ['host bits, IPv6', 'ProxyIPPeer require 2001:db8::1/32', qr/host bits/],
    ['optional all', 'ProxyIPPeer optional all', qr/'optional'.*'all'/],
    ['optional /0', 'ProxyIPPeer optional 0.0.0.0/0', qr/'optional'/],
    ['optional ::/0', 'ProxyIPPeer optional ::/0', qr/'optional'/],
    ['optional mapped /96', 'ProxyIPPeer optional ::ffff:0.0.0.0/96',
     qr/'optional'/],
    ['one range, two policies',
     "$PEER\nProxyIPPeer direct 10.0.0.0/8 127.0.0.0/8",
     qr/'127\.0\.0\.0\/8' is 'direct' here and 'require' at \S+:\d+/],
    ['one range, two spellings',
     "$PEER\nProxyIPPeer direct ::ffff:127.0.0.0/104", qr/'require' at/],
    ['the hundredth range', 'ProxyIPPeer require '
        . join(' ', (map { "10.0.$_.0/24" } 1 .. 99), 'rubbish'),
     qr/ProxyIPPeer: 'rubbish' is not/],
    ['format', 'ProxyIPFormats v1 v3', qr/ProxyIPFormats: 'v3'.*v1, v2/],
    ['no format', 'ProxyIPFormats', qr/ProxyIPFormats/],
    ['time', 'ProxyIPTimeout soon', qr/ProxyIPTimeout: 'soon'.*1ms to 1h/],
    ['time 0', 'ProxyIPTimeout 0', qr/ProxyIPTimeout: '0'/],
    ['time < 0', 'ProxyIPTimeout -1', qr/ProxyIPTimeout: '-1'/],
    ['time > 1h', 'ProxyIPTimeout 2h', qr/ProxyIPTimeout: '2h'/],
    ['unit', 'ProxyIPTimeout 5sec', qr/ProxyIPTimeout: '5sec'/],
    ['time overflow', 'ProxyIPTimeout 99999999999999999999',
     qr/ProxyIPTimeout: '9+'/],
    ['defer 0', 'ProxyIPDefer 0', qr/ProxyIPDefer: '0'.*Off/],
    ['size', 'ProxyIPMaxHeader 231', qr/ProxyIPMaxHeader: '231'.*232 to/],
    ['size', 'ProxyIPMaxHeader 65552', qr/ProxyIPMaxHeader: '65552'/],
    ['size', 'ProxyIPMaxHeader 4k', qr/ProxyIPMaxHeader: '4k'/],
    ['size', 'ProxyIPMaxHeader 99999999999', qr/ProxyIPMaxHeader/],
    ['checksum', 'ProxyIPChecksum on', qr/ProxyIPChecksum: 'on'.*verify or/],
    ['cloud', 'ProxyIPCloud amazon',
     qr/ProxyIPCloud: 'amazon'.*aws, azure, gcp .*or none, alone/],
    ['cloud, the third word', 'ProxyIPCloud aws gcp google',
     qr/ProxyIPCloud: 'google'.*aws, azure, gcp/],
    ['cloud, in one word', 'ProxyIPCloud aws,gcp',
     qr/ProxyIPCloud: 'aws,gcp'.*aws, azure, gcp/],
    ['no cloud', 'ProxyIPCloud', qr/ProxyIPCloud: ''.*aws, azure, gcp/],
    ['an empty cloud', 'ProxyIPCloud ""', qr/ProxyIPCloud: ''.*aws, azure/],
    ['none and a cloud', 'ProxyIPCloud none aws',
     qr/ProxyIPCloud: 'none'.*or none, alone/],
    ['a cloud and none', 'ProxyIPCloud gcp none',
     qr/ProxyIPCloud: 'none'.*or none, alone/],
    ['none twice', 'ProxyIPCloud none none',
     qr/ProxyIPCloud: 'none'.*or none, alone/],
    ['cloud, context', "<Directory />\nProxyIPCloud aws\n</Directory>",
     qr/ProxyIPCloud not allowed/],
    ['context', "<Directory />\nProxyIP On\n</Directory>", qr/not allowed/],

    # Lists
    ['no list', 'ProxyIPPeerList require @root@/none',
     qr/ProxyIPPeerList: '\S+none' cannot be read: .*No such file/],
    ['a folder', 'ProxyIPPeerList require @root@',
     qr/ProxyIPPeerList: '\S+' cannot be read: it is not a regular file/],
    ['no text', 'ProxyIPPeerList require @root@/binary',
     qr/ProxyIPPeerList: '\S+binary' is not a text file/],
    ['a comment swallows no line', 'ProxyIPPeerList require @root@/joined',
     qr/joined:2: 'rubbish' is not/],
    ['empty list', 'ProxyIPPeerList require @root@/empty',
     qr/ProxyIPPeerList: '\S+empty' holds no range/],
    ['bad line', 'ProxyIPPeerList require @root@/bad',
     qr/ProxyIPPeerList: \S+bad:3: '10\.0\.0\.1 10\.0\.0\.2' is not/],
    ['all in a list', 'ProxyIPPeerList require @root@/all', qr/all:1: 'all'/],
    ['policy of a list', 'ProxyIPPeerList yes @root@/good', qr/'yes'/],
    ['list against directive',
     "ProxyIPPeer direct 10.0.0.0/8\nProxyIPPeerList require \@root\@/good",
     qr/good:3: '10\.0\.0\.0\/8' is 'require' here and 'direct' at \S+:\d+/],

    # Trust
    ['nobody trusted', 'ProxyIP On', qr/PIP0002: ProxyIP On \(\S+:\d+\)/],
    ['only direct and reject',
     "ProxyIP On\nProxyIPPeer direct 10.0.0.0/8\nProxyIPPeer reject all",
     qr/PIP0002: .*trusts nobody.*peers at \S+:\d+/],
    ['own peers of a virtual host replace', <<"EOC", qr/PIP0002: .*\*:\d+/],
$PEER
<VirtualHost *:\@port\@>
    ProxyIP On
    ProxyIPPeer direct 10.0.0.0/8
</VirtualHost>
EOC

    # Checksums
    ['checksum and v1', "ProxyIP On\n$PEER\nProxyIPChecksum require",
     qr/PIP0003: ProxyIPChecksum require \(\S+:\d+\).*v1 v2 \(default\)/],
    ['checksum and v1 said',
     "ProxyIP On\n$PEER\nProxyIPChecksum require\nProxyIPFormats v1",
     qr/PIP0003: .*ProxyIPFormats v2.*are v1 \(\S+:\d+\)/],
);

# A header inside TLS where there is none: [name, main server, virtual host,
# match].
my $TLS = "SSLCertificateFile \@tls\@/server.pem\n"
    . "SSLCertificateKeyFile \@tls\@/server.key";
push @refused, map { my ($name, $main, $host, $match) = @$_; [$name, <<"EOC",
ProxyIP On
$PEER
$TLS
$main
<VirtualHost *:\@port\@>
    ServerName inside.example.org
    ProxyIPInTLS On
    $host
</VirtualHost>
EOC
    qr/PIP0057: ProxyIPInTLS On \(\S+:\d+\) for \*:\d+, virtual host inside/,
    $match]
    } (['inside TLS, no SSLEngine', '', '', qr/no SSLEngine is said/],
       ['inside TLS, SSLEngine off', '', 'SSLEngine off',
        qr/SSLEngine is off \(\S+:\d+\)/],
       ['inside TLS, SSLEngine off in the virtual host', 'SSLEngine on',
        'SSLEngine off', qr/SSLEngine is off \(\S+:\d+\)/],
       ['inside TLS, optional', '', 'SSLEngine optional',
        qr/SSLEngine is optional/],
       ['inside TLS, two words', '', "SSLEngine on\nSSLEngine off",
        qr/SSLEngine is off/]);
push @refused,
    ['inside TLS, the main server', "ProxyIP On\n$PEER\nProxyIPInTLS On",
     qr/PIP0057: .* for the main server/],
    ['inside TLS, no word of it', "ProxyIPInTLS yes",
     qr/ProxyIPInTLS: 'yes' is not accepted: On or Off/];

# Names of one listener that differ: [directive, in one, in the other, match].
my @conflicts = (
    ['ProxyIP', 'ProxyIP On', 'ProxyIP Off', qr/On \(\S+:\d+\).*Off \(\S+/],
    ['ProxyIP', 'ProxyIP On', '', qr/On \(\S+:\d+\).*Off \(default\)/],
    ['ProxyIPPeer', 'ProxyIP On', "ProxyIP On\nProxyIPPeer require 10.0.0.1",
     qr/require 127\.0\.0\.0\/8 \(\S+:\d+\)/],
    ['ProxyIPPeer', "ProxyIP On\n$PEER\nProxyIPPeer direct 10.0.0.1",
     'ProxyIP On', qr/direct 10\.0\.0\.1 \(\S+:\d+\)/],
    ['ProxyIPFormats', 'ProxyIP On', "ProxyIP On\nProxyIPFormats v2",
     qr/v1 v2 \(default\).*v2 \(\S+:\d+\)/],
    ['ProxyIPTimeout', "ProxyIP On\nProxyIPTimeout 4",
     "ProxyIP On\nProxyIPTimeout 4500ms", qr/4s \(\S+:\d+\).*4500ms \(\S+/],
    ['ProxyIPMaxHeader', 'ProxyIP On', "ProxyIP On\nProxyIPMaxHeader 300",
     qr/4096 \(default\).*300 \(\S+:\d+\)/],
    ['ProxyIPChecksum', "ProxyIP On\nProxyIPFormats v2",
     "ProxyIP On\nProxyIPFormats v2\nProxyIPChecksum require",
     qr/verify \(default\).*require \(\S+:\d+\)/],
    ['ProxyIPDefer', "ProxyIP On\nProxyIPDefer Off", 'ProxyIP On',
     qr/Off \(\S+:\d+\).*20s \(default\)/],
    ['ProxyIPCloud', "ProxyIP On\nProxyIPCloud aws gcp", 'ProxyIP On',
     qr/aws gcp \(\S+:\d+\).*aws azure gcp \(default\)/],
    ['ProxyIPInTLS', "ProxyIP On\nProxyIPInTLS On\nSSLEngine On\n$TLS",
     'ProxyIP On', qr/On \(\S+:\d+\).*Off \(default\)/],
    ['ProxyIPCloud', "ProxyIP On\nProxyIPCloud none",
     "ProxyIP On\nProxyIPCloud azure",
     qr/none \(\S+:\d+\).*azure \(\S+:\d+\)/],
);
for my $case (@conflicts) {
    my ($directive, $one, $other, $match) = @$case;
    for my $address ('*', '127.0.0.1', '[::1]') {
        push @refused, ["$directive differs on $address", <<"EOC",
$PEER
<VirtualHost $address:\@port\@>
    ServerName one.example.org
    $one
</VirtualHost>
<VirtualHost $address:\@port\@>
    ServerName other.example.org
    $other
</VirtualHost>
EOC
            qr/PIP0001: \Q$directive\E differs within/, $match,
            qr/one\.example\.org \(\S+:\d+\).*other\.example\.org \(\S+:\d+/];
    }
}

# Two parsers for one listener: [name, main server, virtual host].
my @parsers = (
    ['both in the main server', 'RemoteIPProxyProtocol On', ''],
    ['both in a virtual host', '', 'RemoteIPProxyProtocol On'],
    ['in a section', "<IfModule core.c>\nRemoteIPProxyProtocol On\n"
        . '</IfModule>', ''],
    ['in a section of a virtual host', '',
     "<IfModule core.c>\n<IfModule core.c>\nRemoteIPProxyProtocol On\n"
        . "</IfModule>\n</IfModule>"],
);
push @refused, map { my ($name, $main, $host) = @$_; [$name, <<"EOC",
ProxyIP On
$PEER
$main
<VirtualHost *:\@port\@>
    $host
</VirtualHost>
EOC
    qr/PIP0004: ProxyIP On \(\S+:\d+\) and RemoteIPProxyProtocol On \(\S+:\d/]
    } @parsers;

# ... also by an address with wildcards, or in quotation marks.
push @refused, map { my ($name, $address, $on) = @$_; [$name, <<"EOC",
$PEER
<VirtualHost 127.0.0.1:\@port\@>
    ProxyIP On
</VirtualHost>
<VirtualHost $address>
    RemoteIPProxyProtocol $on
</VirtualHost>
EOC
    qr/PIP0004/]
    } ['every address', '*:@port@', 'On'], ['every port', '127.0.0.1:*', 'On'],
      ['every address and port', '*:*', 'on'], ['quoted', '*:*', '"On"'],
      ['quoted otherwise', '127.0.0.1:*', "'on'"];

my %file = (
    empty => "# nothing\n\n  \t\n",
    bad   => "10.0.0.0/8\n\n10.0.0.1 10.0.0.2\n",
    all   => "all\n",
    binary => "10.0.0.0/8\0 192.0.2.1\n",
    joined => "# ends in a backslash \\\nrubbish\n",
    good  => '#' . ' long' x 10_000 . "\n# office\n10.0.0.0/8\r\n\t192.0.2.1   # one\n2001:db8::/32",
);

# httpd -t; the lists are there.
sub check {
    my ($config, @option) = @_;
    my $server = ProxyIP::Server->new(config => $config, @option);
    $server->write_file($_, $file{$_}) for keys %file;
    $server->spawn($server->command('-t'));
    $server->wait_for_end(20) or die "httpd -t does not end\n";
    return ($server->{status} >> 8,
            $server->output . $server->error_log->text);
}

for my $case (@refused) {
    my ($name, $config, @match) = @$case;
    my ($status, $output) = check($config);
    isnt($status, 0, "$name: does not start");
    like($output, $_, "$name: message") for @match;
    unlike($output, qr/Syntax OK/, "$name: not OK");
}

# Nothing wrong with these: [name, configuration].
my @fine = (
    ['nothing at all', ''],
    ['a list', "ProxyIP On\nProxyIPPeerList require \@root\@/good"],
    ['a range twice, one policy', "ProxyIP On\n$PEER\n$PEER"],
    ['upper case', "ProxyIP ON\nPROXYIPPEER REQUIRE 127.0.0.0/8\n"
        . "ProxyIPFormats V2\nProxyIPChecksum Require\nProxyIPDefer OFF"],
    ['equal sets, in another order', <<"EOC"],
<VirtualHost *:\@port\@>
    ProxyIP On
    ProxyIPPeer require 10.0.0.0/8 192.0.2.1
    ProxyIPTimeout 4s
    ProxyIPCloud aws gcp
</VirtualHost>
<VirtualHost *:\@port\@>
    ProxyIP On
    ProxyIPPeer require 192.0.2.1/32
    ProxyIPPeer require ::ffff:10.0.0.0/104
    ProxyIPTimeout 4000ms
    ProxyIPCloud GCP aws
</VirtualHost>
EOC
    ['require all where only this machine listens', <<"EOC"],
Listen 127.0.0.1:\@port\@
<VirtualHost *:\@port\@>
    ProxyIP On
    ProxyIPPeer require all
</VirtualHost>
EOC
    ['the other parser Off everywhere, then On in one place', <<"EOC"],
RemoteIPProxyProtocol Off
<VirtualHost *:\@port\@>
    ProxyIP On
    $PEER
    RemoteIPProxyProtocol On
</VirtualHost>
EOC
    ['other names, other addresses', <<"EOC"],
Listen 127.0.0.1:\@port\@
$PEER
<VirtualHost *:\@port\@>
    ProxyIP Off
</VirtualHost>
<VirtualHost 127.0.0.1:\@port\@>
    ProxyIP On
</VirtualHost>
<VirtualHost 127.0.0.1:\@port:other\@>
    ProxyIP On
    ProxyIPTimeout 7
</VirtualHost>
EOC
    ['names of a listener that is Off may differ', <<"EOC"],
ProxyIP On
$PEER
<VirtualHost *:\@port\@>
    ProxyIP Off
    ProxyIPTimeout 3
</VirtualHost>
<VirtualHost *:\@port\@>
    ProxyIP Off
</VirtualHost>
EOC
    ['On for all, peers in each virtual host', <<"EOC"],
ProxyIP On
<VirtualHost *:\@port\@>
    $PEER
</VirtualHost>
EOC
    ['the other parser on another listener', <<"EOC"],
Listen 127.0.0.1:\@port\@
Listen 127.0.0.1:\@port:other\@
<VirtualHost 127.0.0.1:\@port\@>
    ProxyIP On
    $PEER
</VirtualHost>
<VirtualHost 127.0.0.1:\@port:other\@>
    RemoteIPProxyProtocol On
</VirtualHost>
EOC
    ['inside TLS', <<"EOC"],
$PEER
$TLS
SSLEngine off
Listen 127.0.0.1:\@port\@
<VirtualHost *:\@port\@>
    ProxyIP On
    ProxyIPInTLS On
    <IfModule mod_ssl.c>
        SSLEngine "On"
    </IfModule>
</VirtualHost>
EOC
    ['inside TLS, SSLEngine in the main server', <<"EOC"],
ProxyIP On
ProxyIPInTLS On
$PEER
$TLS
SSLEngine on
Listen 127.0.0.1:\@port\@
<VirtualHost *:\@port\@>
</VirtualHost>
EOC
    ['the other parser Off where we are On', <<"EOC"],
RemoteIPProxyProtocol On
<VirtualHost *:\@port\@>
    ProxyIP On
    $PEER
    RemoteIPProxyProtocol Off
</VirtualHost>
EOC
);
for my $case (@fine) {
    my ($name, $config) = @$case;
    my ($status, $output) = check($config, loglevel => 'warn');
    is($status, 0, "$name: starts") or diag($output);
    unlike($output, qr/PIP\d/, "$name: without a word");
}

# Starts, with a warning, once: [name, configuration, match].
my @warned = (
    ['require all', "Listen \@port\@\nProxyIP On\nProxyIPPeer require all",
     qr/PIP0005: ProxyIPPeer require all \(\S+:\d+\)/],
    ['require /0 in a virtual host', <<'EOC', qr/PIP0005: .*\*:\d+/],
Listen @port@
<VirtualHost *:@port@>
    ProxyIP On
    ProxyIPPeer require 0.0.0.0/0
</VirtualHost>
EOC
    ['short time', "ProxyIP On\n$PEER\nProxyIPTimeout 2999ms",
     qr/PIP0006: ProxyIPTimeout 2999ms \(\S+:\d+\)/],
    ['peers, nowhere On', $PEER, qr/PIP0007: the peers at \S+:\d+/],
    ['peers of a virtual host that is Off', <<"EOC", qr/PIP0007/],
<VirtualHost *:\@port\@>
    $PEER
</VirtualHost>
EOC
);
for my $case (@warned) {
    my ($name, $config, $match) = @$case;
    my ($status, $output) = check($config, loglevel => 'warn');
    is($status, 0, "$name: starts") or diag($output);
    my @lines = grep { /PIP\d/ } split /\n/, $output;
    is(scalar @lines, 1, "$name: one line") or diag($output);
    like("@lines", $match, "$name: warned of");
    like("@lines", qr/proxyip:warn/, "$name: at warn");
}
my ($status, $output) = check("ProxyIP On\nProxyIPPeer require all",
                              loglevel => 'warn');
is($status, 0, 'require all on loopback starts');
unlike($output, qr/PIP\d/, '... without a warning');

# At a real start the warnings are in the error log, once.
my $server = ProxyIP::Server->new(config => $PEER)->start;
is($server->error_log->count(qr/PIP0007/), 1, 'warned of once at the start');

done_testing;
