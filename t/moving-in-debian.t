# conf-examples/MOVING-IN's switch and way back, as its page has them, with
# Debian's own tools: `make install`, a2enconf, a2enmod, a2dismod, and graceful
# restarts.  Both halves of the configuration stay where they are.

use strict;
use warnings;

use Test::More;

use ProxyIP::Client;
use ProxyIP::Debian;
use ProxyIP::Example;
use ProxyIP::Header qw(v1 CLIENT);
use ProxyIP::Httpd;

plan skip_all => 'once is enough' if ProxyIP::Httpd::mpm() ne 'event';
plan skip_all => '`make install` would build another module'
    if ProxyIP::Httpd::is_instrumented();
my $reason = ProxyIP::Debian->why_not;
plan skip_all => $reason if $reason;

my $BALANCER = '127.0.0.5';
my %fragment = ProxyIP::Example::fragments('MOVING-IN');
s/\b10\.0\.(?=\d)/127.0./g for values %fragment;

my $debian = ProxyIP::Debian->new;
my $port = $debian->port;
my $top = ProxyIP::Httpd::top();
delete @ENV{qw(MAKEFLAGS MAKEOVERRIDES MFLAGS MAKELEVEL CFLAGS_EXTRA
               LDFLAGS_EXTRA DESTDIR)};
$debian->does('make install', "make -C /host$top install");
ok(-e $debian->path("/etc/apache2/mods-available/$_"), "... brings $_")
    for 'proxyip.load', 'proxyip.conf', 'proxyip_send.load';

# A site with mod_remoteip, as many have it.
$debian->write('/etc/apache2/sites-available/site.conf', <<"EOC");
<VirtualHost *:$port>
    ServerName localhost
    DocumentRoot /var/www/html
    RemoteIPProxyProtocol On
    RemoteIPProxyProtocolExceptions 127.0.9.0/28
    CustomLog \${APACHE_LOG_DIR}/access.log combined
</VirtualHost>
EOC
$debian->does('a site with mod_remoteip',
    'a2enmod -q remoteip && a2ensite -q site');

my $error_log = ProxyIP::Log->new($debian->path('/var/log/apache2/error.log'));

sub graceful {
    my ($name) = @_;
    $error_log->mark;
    $debian->does("$name: graceful", 'apache2ctl graceful');
    ok($error_log->wait_for(qr/resuming normal operations/, 20),
        '... httpd goes on');
}

# A request of the balancer's, and what the logs have of it: who asked, and who
# connected.
my $asked = 0;

sub seen {
    my $path = '/served?' . ++$asked;
    my $answer = ProxyIP::Client->fetch(port => $port, from => $BALANCER,
        header => v1(), path => $path);
    return 'no answer' if !$answer;
    my ($client) = split ' ', ProxyIP::Log->new(
        $debian->path('/var/log/apache2/access.log'))
        ->wait_for(qr/\Q$path /, 5) // '-';
    my ($peer) = split ' ', ProxyIP::Log->new(
        $debian->path('/var/log/apache2/peers.log'))
        ->wait_for(qr/\Q$path\E$/, 5) // '-';
    return join ' ', $answer->code, $client, $peer;
}

my $THEIRS = '200 ' . CLIENT . " $BALANCER";
my $OURS = '200 ' . CLIENT . ' ' . CLIENT;

$debian->serves(sub {
    # The page's step 1; with the request, for us to find it by.
    my $log = $fragment{'Log (who connects)'};
    $log =~ s{logs/peers}{\${APACHE_LOG_DIR}/peers.log} or die "no path\n";
    $log =~ s/"$/ %U%q"/m or die "no format\n";
    $debian->write('/etc/apache2/conf-available/peers.conf', $log);
    $debian->does('who connects is logged', 'a2enconf -q peers');
    graceful('who connects');
    is(seen(), $THEIRS, 'mod_remoteip: the client, and the balancer');

    # Both halves in a file of their own.
    $debian->write('/etc/apache2/conf-available/client-address.conf',
        $fragment{'Both (the way back)'});
    $debian->does('the old lines go',
        'sed -i /RemoteIP/d /etc/apache2/sites-available/site.conf');
    $debian->does('a2enconf', 'a2enconf -q client-address');
    graceful('both halves');
    is(seen(), $THEIRS, 'still mod_remoteip');

    for my $round (1, 2) {
        $debian->does('a2enmod', 'a2enmod -q proxyip');
        my $said = $debian->does('apache2ctl -t', 'apache2ctl -t');
        like($said, qr/^Syntax OK$/m, "round $round: Syntax OK");
        unlike($said, qr/PIP\d/, '... and no warning');
        my $dump = $debian->does('DUMP_PROXYIP',
            'apache2ctl -t -D DUMP_PROXYIP');
        like($dump, qr/127\.0\.0\.0\/24 +require/, '... the balancers');
        like($dump, qr/127\.0\.9\.0\/28 +direct/, '... the exceptions');
        graceful("round $round, the switch");
        is(seen(), $OURS, 'mod_proxyip');

        $debian->does('a2dismod', 'a2dismod -q proxyip');
        graceful("round $round, the way back");
        is(seen(), $THEIRS, 'mod_remoteip again');
    }
});

# What the page warns of: both halves in proxyip.conf go with the module.
$debian->does('the file goes', 'a2disconf -q client-address');
$debian->write('/etc/apache2/mods-available/proxyip.conf',
    $fragment{'Both (the way back)'});
$debian->does('a2enmod', 'a2enmod -q proxyip');
$debian->serves(sub {
    is(seen(), $OURS, 'in proxyip.conf: mod_proxyip');
    $debian->does('a2dismod', 'a2dismod -q proxyip');
    graceful('in proxyip.conf');
    like(seen(), qr/^400 /, '... and without it nobody reads headers');
});

# Taken away again, as it came.
$debian->does('make uninstall', "make -C /host$top uninstall");
is(join(' ', map { s{.*/}{}r }
        glob $debian->path('/etc/apache2/mods-available/proxyip*')),
    'proxyip.conf', 'only what the administrator wrote is left');

done_testing;
