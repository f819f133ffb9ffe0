# Which version runs: the one of src/version.h, in every place that tells it.

use strict;
use warnings;

use Test::More;

use ProxyIP::Check qw(check);
use ProxyIP::Client;
use ProxyIP::Server;

my $header = ProxyIP::Httpd::top() . '/src/version.h';
open my $file, '<', $header or die "$header: $!\n";
my ($version) = join('', <$file>) =~ /^#define PROXYIP_VERSION "([\d.]+)"$/m;
ok($version, "src/version.h: $version");

my $config = <<'EOC';
Listen 127.0.0.1:@port:one@
Listen 127.0.0.1:@port:two@
Listen 127.0.0.1:@port:off@
<VirtualHost 127.0.0.1:@port:one@>
    ProxyIP On
    ProxyIPPeer require 127.0.0.0/8
</VirtualHost>
<VirtualHost 127.0.0.1:@port:two@>
    ProxyIP On
    ProxyIPPeer require 127.0.0.0/8
</VirtualHost>
<VirtualHost 127.0.0.1:@port:off@>
</VirtualHost>
EOC

sub notices { return $_[0]->error_log->lines(qr/PIP0060/) }

# httpd writes notices at any level.
my $server = ProxyIP::Server->new(status => 1, loglevel => 'crit',
    config => $config)->start;
my @notices = notices($server);
is(scalar @notices, 1, 'a start: one notice, although httpd reads twice')
    or diag @notices;
like($notices[0], qr{\[proxyip:notice\].* PIP0060: mod_proxyip/\Q$version\E },
    '... with the version');
like($notices[0], qr/ProxyIP On for 2 of 4 listeners/, '... and how many are On');

is($server->status->{ProxyIPVersion}, $version, 'mod_status: a key');
my $page = ProxyIP::Client->fetch(port => $server->port('status'));
like($page->content, qr{mod_proxyip/\Q$version\E: connections },
    '... and the page');

$server->graceful(($config =~ s/ProxyIP On//gr) . "ProxyIP Off\n");
@notices = notices($server);
is(scalar @notices, 2, 'a restart: another');
like($notices[1], qr/ProxyIP On for 0 of 4 listeners/,
    '... also where nothing is On');
$server->stop;

my (undef, $output) = ProxyIP::Server->config_error($config,
    arguments => ['-D', 'DUMP_PROXYIP']);
like($output,
    qr{^PROXY protocol configuration \(mod_proxyip/\Q$version\E\):\n}m,
    'DUMP_PROXYIP');
unlike($output, qr/PIP0060/, '... -t alone starts nothing');

is(check('--version')->{out}, "proxyip-check $version\n",
    'proxyip-check --version');

done_testing;
