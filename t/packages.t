# The Debian package: what `make deb` builds, and what its user sees while it is
# installed, enabled, upgraded, removed and purged.
#
# That is done in a folder which dpkg takes for a machine of its own
# (t/lib/debian-root.sh), in a user namespace: never in the system's state.

use strict;
use warnings;

use Test::More;

use File::Copy qw(copy);

use ProxyIP::Client;
use ProxyIP::Header qw(v1 CLIENT);
use ProxyIP::Httpd;
use ProxyIP::Process;

plan skip_all => 'the MPM makes no difference: done with event'
    if ProxyIP::Httpd::mpm() ne 'event';
my $apxs = ProxyIP::Httpd::apxs();
chomp(my $sysconfdir = `$apxs -q SYSCONFDIR`);
plan skip_all => 'a Debian package is for Debian and its own httpd'
    if $sysconfdir ne '/etc/apache2'
        || system('command -v dpkg-deb >/dev/null');

my $PACKAGE = 'libapache2-mod-proxyip';
my $CONF = '/etc/apache2/mods-available/proxyip.conf';
my $TIME = 1_700_000_000;
my $top  = ProxyIP::Httpd::top();

# Nothing of the make that runs the suite, nor of the user.
delete @ENV{qw(MAKEFLAGS MAKEOVERRIDES MFLAGS MAKELEVEL CFLAGS_EXTRA
               LDFLAGS_EXTRA DESTDIR DEB_REVISION)};
%ENV = (%ENV, SOURCE_DATE_EPOCH => $TIME, LC_ALL => 'C',
    DEBFULLNAME => 'A Maintainer', DEBEMAIL => 'maintainer@example.org');

my $place   = ProxyIP::Process->new;
my $scratch = $place->root;

# Run a command and return what it says, which is shown when it fails.
sub run {
    my ($name, $command) = @_;
    my $output = `exec 2>&1 </dev/null; $command`;
    my $ok = ok($? == 0, $name);
    diag($output) if !$ok;
    return $output;
}

# In a copy of the sources: the flags are other than the suite's.
sub build {
    my ($revision, $umask) = @_;
    my $output = run("make deb, revision $revision",
        "umask $umask; cd $scratch/source"
        . " && make deb DEB_REVISION=$revision APXS=$apxs");
    my $file = (split /\n/, $output)[-1] // '';
    like($file, qr{/\Q$PACKAGE\E_\d+\.\d+\.\d+-\Q$revision\E_\w+\.deb\z},
        'its path is the last line');
    return $file;
}

sub bytes {
    my ($file) = @_;
    local (@ARGV, $/) = $file;
    return scalar <>;
}

mkdir "$scratch/source" or die "mkdir: $!\n";
system('cp', '-R', (map { "$top/$_" } qw(Makefile README LICENSE conf-examples docs
    mod_proxyip.c mod_proxyip.h src)), "$scratch/source") == 0 or die "cp\n";
system("rm -rf $scratch/source/src/.libs; find $scratch/source/src"
    . q( -name '*.[ls]*o' -delete)) == 0 or die "rm\n";

my $first = build(1, '022');
my $bytes = bytes($first);
is(bytes(build(1, '077')), $bytes, 'the same again: the same bytes');

# What is in it
my $list = `TZ=UTC dpkg-deb -c '$first'`;
my %mode = reverse map { /^(\S+) .* \.(\S+)$/ ? ($1 . "\0" . $2, $2) : () }
    split /\n/, $list;
s/\0.*// for values %mode;
my $doc = "/usr/share/doc/$PACKAGE";
my %want = (
    '/usr/lib/apache2/modules/mod_proxyip.so' => '-rw-r--r--',
    '/usr/lib/apache2/modules/mod_proxyip_send.so' => '-rw-r--r--',
    '/usr/bin/proxyip-check' => '-rwxr-xr-x',
    '/usr/include/apache2/mod_proxyip.h' => '-rw-r--r--',
    '/usr/share/man/man1/proxyip-check.1.gz' => '-rw-r--r--',
    '/usr/share/bash-completion/completions/proxyip-check' => '-rw-r--r--',
    '/etc/apache2/mods-available/proxyip.load' => '-rw-r--r--',
    '/etc/apache2/mods-available/proxyip_send.load' => '-rw-r--r--',
    $CONF => '-rw-r--r--',
    map { ("$doc/$_" => '-rw-r--r--') } qw(README copyright
        changelog.Debian.gz docs/directives.md examples/minimal.conf),
);
is($mode{$_}, $want{$_}, "$_: $want{$_}") for sort keys %want;
my @examples = map { s{.*/conf-examples/}{}r } grep { !-l }
    glob "$top/conf-examples/{README,*.*,*/*.*}";
is_deeply([grep { !$mode{"$doc/examples/$_"} } @examples], [],
    'every example');
is_deeply([grep { !m{root/root .* 2023-11-14 } } split /\n/, $list], [],
    'all is owned by root, from the time that was given');
unlike($list, qr{mods-enabled}, 'nothing is enabled');

my $info = `dpkg-deb -f '$first'`;
like($info, qr/^Depends: apache2-api-2\d{7}, apache2-bin \(>= 2\.4\.52\), /m,
    'depends on the module API and on httpd');
like($info, qr/^Depends: .*\blibc6\S* \(>= 2\.\d+\)/m, '... and on a libc');
like($info, qr/^Depends: .*\blibapr1t64[^|,]*\| libapr1\b/m,
    '... and on APR, by the names of either release');
like($info, qr/^Maintainer: A Maintainer <maintainer\@example\.org>$/m,
    'its maintainer');
my ($version) = bytes("$top/src/version.h") =~ /PROXYIP_VERSION "(.*)"/;
like($info, qr/^Version: \Q$version\E-1$/m, 'its version');
like(bytes("$top/conf-examples/packaging/mod_proxyip.spec"),
    qr/^Version: +\Q$version\E$/m, "the spec's version is the same");
is(`dpkg-deb -I '$first' conffiles`,
    join('', map { "$_\n" } $CONF,
        map { "/etc/apache2/mods-available/$_.load" } qw(proxyip proxyip_send)),
    'its conffiles');

SKIP: {
    skip 'lintian is not installed', 1
        if system('command -v lintian >/dev/null');
    run('lintian finds no error', "lintian --fail-on error '$first'");
}

# Installed
my $root = "$scratch/debian";
my $apache2 = "$top/t/neighbours/apache2.deb";

# The command that runs another in there as root, or as another user.
sub inside {
    my ($user, @command) = @_;
    my @as = $user ? ("--map-user=$user", "--map-group=$user", '--keep-caps')
                   : '--map-root-user';
    return ('unshare', '--user', @as, '--mount', 'env', 'HOME=/tmp',
        'DEBIAN_FRONTEND=noninteractive', 'TMPDIR=/tmp', 'sh', '-c',
        'mount --rbind / "$0/host" && exec chroot "$0" "$@"', $root,
        @command);
}

sub on_debian {
    my ($name, $command) = @_;
    return run($name, join ' ', map { "'$_'" }
        inside(0, 'sh', '-c', "umask 022; $command"));
}

# The status of one request with a header, and the client that was logged.
my $www_data = 33;
my $port = $place->port;

sub served {
    my $httpd = ProxyIP::Process->new;
    $httpd->spawn(inside($www_data, 'sh', '-c',
        '. /etc/apache2/envvars; exec apache2 -D FOREGROUND'));
    $httpd->wait_until(10,
        sub { !$httpd->running || $httpd->listening($port) });
    my $answer = ProxyIP::Client->fetch(port => $port, header => v1(),
        path => '/served');
    $httpd->stop;
    my $logged = bytes("$root/var/log/apache2/access.log") // '';
    unlink "$root/var/log/apache2/access.log";
    return join ' ', $answer ? $answer->code : 'none', $logged =~ /^(\S+)/;
}

# What services were asked, since the last time.
sub asked {
    my $asked = -e "$root/tmp/services" ? bytes("$root/tmp/services") : '';
    unlink "$root/tmp/services";
    return $asked;
}

SKIP: {
    my $count = 30;
    skip "Debian's package apache2, with a2enmod, could not be had", $count
        if !-e $apache2;
    my $probe = q(unshare --user --map-root-user --mount)
        . q( sh -c 'mount --rbind / /mnt');
    my $refused = `$probe 2>&1 </dev/null`;
    skip "no user namespace here: $refused", $count if $?;

    my $names = join ' ',
        map { s/[ :(].*//sr } split /, | \| /,
        `dpkg-deb -f '$first' Depends`;
    run('a Debian of its own',
        "$top/t/lib/debian-root.sh $root $apache2 $names");
    $place->write_file('debian/etc/apache2/ports.conf',
        "Listen 127.0.0.1:$port\nServerName localhost\n"
        . "CustomLog /var/log/apache2/access.log combined\n"
        . "DocumentRoot /var/www/html\n");
    $place->write_file('debian/var/www/html/served', "served\n");
    on_debian('httpd as Debian ships it',
        'a2enmod -q mpm_event authz_core && apache2ctl configtest');

    my $dpkg = sub {
        my ($what, $file) = @_;
        copy($file, "$root/tmp/package.deb") or die "copy: $!\n" if $file;
        return on_debian("dpkg $what", "dpkg $what");
    };
    my $is_enabled = sub {
        my ($want, $when) = @_;
        my $is = -e "$root/etc/apache2/mods-enabled/proxyip.load" ? 1 : 0;
        is($is, $want, ($want ? '' : 'not ') . "enabled $when");
    };

    $dpkg->('-i /tmp/package.deb', $first);
    $is_enabled->(0, 'after installation');
    is(asked(), '', 'no service is asked anything');
    like(on_debian('proxyip-check', 'proxyip-check --version'),
        qr/ \Q$version\E$/, 'proxyip-check is there');

    on_debian('a2enmod', 'a2enmod -q proxyip');
    like(on_debian('configtest', 'apache2ctl configtest'), qr/Syntax OK/,
        'enabled and not configured: accepted');
    is(served(), '400 127.0.0.1', '... and a header is still a bad request');

    on_debian('a2enmod, the second', 'a2enmod -q proxyip_send');
    ok(-e "$root/etc/apache2/mods-enabled/proxy.load",
        'what it needs is enabled with it');
    like(on_debian('configtest', 'apache2ctl configtest'), qr/Syntax OK/,
        '... and accepted');

    my $conf = bytes("$root$CONF");
    $conf =~ s/^#ProxyIP On$/ProxyIP On/m;
    $conf =~ s/^#(ProxyIPPeer require).*$/$1 127.0.0.1/m;
    $place->write_file("debian$CONF", $conf);
    is(served(), '200 ' . CLIENT, 'configured: the client of the header');

    # The next version comes with another proxyip.conf.
    my $makefile = bytes("$scratch/source/Makefile");
    $makefile =~ s/^(# Everyone else is refused\.)$/$1 So it is./m;
    $place->write_file('source/Makefile', $makefile);
    my $second = build(2, '022');
    like($dpkg->('--force-confdef -i /tmp/package.deb', $second),
        qr/over \(\Q$version\E-1\)/, 'upgraded');
    is(bytes("$root$CONF"), $conf, "the administrator's proxyip.conf is kept");
    like(bytes("$root$CONF.dpkg-dist"), qr/refused\. So it is/,
        '... and the new one lies beside it');
    $is_enabled->(1, 'after the upgrade');
    like(asked(), qr/^apache2 \(?restart\b/, 'a restart is asked for');
    is(served(), '200 ' . CLIENT, 'and served as before');

    $dpkg->("-r $PACKAGE");
    $is_enabled->(0, 'after removal');
    like(asked(), qr/^apache2 \(?restart\b/, 'a restart is asked for');
    is(bytes("$root$CONF"), $conf, 'proxyip.conf stays');
    is(served(), '400 127.0.0.1', 'httpd starts without the module');

    $dpkg->("-P $PACKAGE");
    my $left = `find $root -path $root/host -prune -o -name '*proxyip*' -print`;
    is($left, '', 'purged: nothing is left');
    unlike(bytes("$root/var/lib/dpkg/status"), qr/proxyip/,
        '... nor known to dpkg');
    is(served(), '400 127.0.0.1', 'httpd starts as before');
}

done_testing;
