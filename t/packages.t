# The packages: what `make deb` builds, what lintian says of it, and what its
# user sees while it is installed, enabled, upgraded, removed and purged; and
# what rpm and rpmlint make of the spec.

use strict;
use warnings;

use Test::More;

use File::Copy qw(copy);

use ProxyIP::Client;
use ProxyIP::Debian;
use ProxyIP::Header qw(v1 CLIENT);
use ProxyIP::Httpd;
use ProxyIP::Process;

plan skip_all => 'the MPM makes no difference: done with event'
    if ProxyIP::Httpd::mpm() ne 'event';
my $apxs = ProxyIP::Httpd::apxs();
chomp(my $sysconfdir = `$apxs -q SYSCONFDIR`);
plan skip_all => 'a Debian package is for Debian and its own httpd'
    if $sysconfdir ne '/etc/apache2'
        || system('command -v dpkg-buildpackage >/dev/null');

my $PACKAGE = 'libapache2-mod-proxyip';
my $CONF = '/etc/apache2/mods-available/proxyip.conf';
my $TIME = 1_700_000_000;
my $top  = ProxyIP::Httpd::top();

# Nothing of the make that runs the suite, nor of the user.
delete @ENV{qw(MAKEFLAGS MAKEOVERRIDES MFLAGS MAKELEVEL CFLAGS_EXTRA
               LDFLAGS_EXTRA DESTDIR DEB_REVISION DEB_HOMEPAGE)};
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

sub missing { return system("command -v $_[0] >/dev/null") != 0 }

sub bytes {
    my ($file) = @_;
    local (@ARGV, $/) = $file;
    return scalar <>;
}

# In a copy of the sources.
sub build {
    my ($revision, $before) = @_;
    my $output = run("make deb, revision $revision",
        "$before; cd $scratch/source && make deb DEB_REVISION=$revision");
    my $file = (split /\n/, $output)[-1] // '';
    like($file, qr{/\Q$PACKAGE\E_\d+\.\d+\.\d+-\Q$revision\E_\w+\.deb\z},
        'its path is the last line');
    return $file;
}

mkdir "$scratch/source" or die "mkdir: $!\n";
system('cp', '-R', (map { "$top/$_" } qw(CHANGES LICENSE Makefile README
    conf-examples docs mod_proxyip.c mod_proxyip.h src)),
    "$scratch/source") == 0 or die "cp\n";

my $first = build(1, 'umask 022');
my $bytes = bytes($first);
my $again = build(1, 'umask 077');
is(bytes($again), $bytes, 'the same again: the same bytes');

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
    map { ("$doc/$_" => '-rw-r--r--') } qw(copyright changelog.gz
        changelog.Debian.gz examples/minimal.conf),
);
is($mode{$_}, $want{$_}, "$_: $want{$_}") for sort keys %want;
my @examples = map { s{.*/conf-examples/}{}r } grep { !-l }
    glob "$top/conf-examples/{README,*.*,*/*.*}";
is_deeply([grep { !$mode{"$doc/examples/$_"} } @examples], [],
    'every example');
my @pages = ('README', map { s{.*/}{docs/}r } glob "$top/docs/*.md");
is_deeply([grep { !$mode{"$doc/$_"} } @pages], [],
    'every page of the manual, under the names that links have');
is_deeply([grep { !m{root/root .* 2023-11-14 } } split /\n/, $list], [],
    'all is owned by root, from the time that was given');
unlike($list, qr{mods-enabled}, 'nothing is enabled');

my $info = `dpkg-deb -f '$first'`;
like($info, qr/^Depends: .*\bapache2-api-2\d{7}\b/m,
    'depends on the module API');
like($info, qr/^Depends: .*\bapache2-bin \(>= 2\.4\.52\)/m, '... on an httpd');
like($info, qr/^Depends: .*\blibc6\S* \(>= 2\.\d+\)/m, '... on a libc');
like($info, qr/^Depends: .*\blibapr1/m, '... and on APR');
like($info, qr/^Maintainer: A Maintainer <maintainer\@example\.org>$/m,
    'its maintainer is who was named');
unlike($info, qr/^Homepage:/m, 'no homepage, where none is known');
my ($version) = bytes("$top/src/version.h") =~ /PROXYIP_VERSION "(.*)"/;
like($info, qr/^Version: \Q$version\E-1$/m, 'its version');
is(`dpkg-deb -I '$first' conffiles`,
    join('', map { "/etc/apache2/mods-available/$_\n" } qw(proxyip.conf
        proxyip.load proxyip_send.load)), 'its conffiles');

# The news of this version, from CHANGES.
my ($news) = map { /^\Q$version\E\b[^\n]*\n(.*)/s }
    split /^Changes with mod_proxyip /m, bytes("$top/CHANGES");
my $extract = "tar -xO .$doc/changelog.Debian.gz | zcat";
my $changelog = `dpkg-deb --fsys-tarfile '$first' | $extract`;
s/^ +\*\)? ?//gm, s/\s+/ /g, s/^ | $//g for $news;
my ($said) = $changelog =~ /urgency=medium\n(.*)\n -- A Maintainer/s;
s/^ +\* //gm, s/\s+/ /g, s/^ | $//g for $said;
is($said, $news, 'its changelog is what CHANGES has of this version');

SKIP: {
    skip 'lintian is not installed', 1 if missing('lintian');
    my $changes = $again =~ s{([^/]*)\.deb\z}{deb/$1.changes}r;
    my $said = run('lintian finds no error and nothing to warn of',
        "lintian --fail-on error,warning '$changes'");
    is($said, '', '... not a word');
}

# The spec, built by rpm here, where httpd-devel's macros have to be defined.
my $spec = "$top/conf-examples/packaging/mod_proxyip.spec";
like(bytes($spec), qr/^Version: +\Q$version\E$/m,
    "the spec's version is the same");
SKIP: {
    skip 'rpmbuild is not installed', 11 if missing('rpmbuild');
    my $rpm = "$scratch/rpm";
    mkdir $_ or die "$_: $!\n" for $rpm, "$rpm/SOURCES";
    my $name = "mod_proxyip-$version";
    system("cd $scratch && ln -s source $name && tar -chf"
        . " $rpm/SOURCES/$name.tar.gz --exclude=.libs $name") == 0
        or die "tar\n";
    my %says = map { chomp(my $value = `$apxs -q $_`); ($_ => $value) }
        qw(LIBEXECDIR INCLUDEDIR);
    my $defines = join ' ', map { "--define '$_'" } "_topdir $rpm",
        "_httpd_apxs $apxs", "_httpd_moddir $says{LIBEXECDIR}",
        "httpd_headers $says{INCLUDEDIR}", '_httpd_mmn 20120211x8664',
        '_build_id_links none', 'debug_package %{nil}';
    my @packages = ('mod_proxyip', 'mod_proxyip-devel', 'proxyip-check');
    is(run('rpmspec reads the spec',
            "rpmspec -q $defines --qf '%{name} %{version}\\n' $spec"),
        join('', map { "$_ $version\n" } @packages),
        '... three packages of this version');
    run('rpmbuild builds them, and checks',
        "rpmbuild -bb --nodeps $defines $spec");
    my %files = map {
        my ($package) = m{.*/(.*)-\Q$version\E-1};
        ($package => scalar `rpm -qlp '$_' 2>&1`);
    } glob "$rpm/RPMS/*/*.rpm";
    my %want = (
        mod_proxyip => ['modules/mod_proxyip.so', 'modules/mod_proxyip_send.so',
            'conf.modules.d/10-proxyip.conf', 'conf.d/proxyip.conf'],
        'mod_proxyip-devel' => ['apache2/mod_proxyip.h'],
        'proxyip-check' => ['bin/proxyip-check'],
    );
    for my $package (@packages) {
        like($files{$package} // '', qr{/\Q$_\E$}m, "$package has $_")
            for @{ $want{$package} };
    }
    skip 'rpmlint is not installed', 2 if missing('rpmlint');
    my $rc = $spec =~ s/\.spec\z/.rpmlintrc/r;
    like(run('rpmlint', "rpmlint -r $rc $spec 2>&1"),
        qr/ 0 errors, 0 warnings,/, '... finds nothing');
}

# Installed

# The status of one request with a header, and the client that was logged.
sub served {
    my ($debian) = @_;
    my $answer = $debian->serves(sub {
        ProxyIP::Client->fetch(port => $debian->port, header => v1(),
            path => '/served') });
    my $logged = $debian->read('/var/log/apache2/access.log');
    unlink $debian->path('/var/log/apache2/access.log');
    return join ' ', $answer ? $answer->code : 'none', $logged =~ /^(\S+)/;
}

SKIP: {
    my $reason = ProxyIP::Debian->why_not;
    skip $reason, 33 if $reason;

    my @names = map { s/[ :(].*//sr } split /, | \| /,
        `dpkg-deb -f '$first' Depends`;
    my $debian = ProxyIP::Debian->new(packages => \@names);
    my $dpkg = sub {
        my ($what, $file) = @_;
        copy($file, $debian->path('/tmp/package.deb')) or die "copy: $!\n"
            if $file;
        return $debian->does("dpkg $what", "dpkg $what");
    };
    my $is_enabled = sub {
        my ($want, $when) = @_;
        my $link = $debian->path('/etc/apache2/mods-enabled/proxyip.load');
        is(-l $link ? 1 : 0, $want, ($want ? '' : 'not ') . "enabled $when");
    };

    $dpkg->('-i /tmp/package.deb', $first);
    $is_enabled->(0, 'after installation');
    is($debian->asked, '', 'no service is asked anything');
    like($debian->does('proxyip-check', 'proxyip-check --version'),
        qr/ \Q$version\E$/, 'proxyip-check is there');

    $debian->does('a2enmod', 'a2enmod -q proxyip');
    like($debian->does('configtest', 'apache2ctl configtest'), qr/Syntax OK/,
        'enabled and not configured: accepted');
    is(served($debian), '400 127.0.0.1',
        '... and a header is still a bad request');

    $debian->does('a2enmod, the second', 'a2enmod -q proxyip_send');
    ok(-e $debian->path('/etc/apache2/mods-enabled/proxy.load'),
        'what it needs is enabled with it');
    like($debian->does('configtest', 'apache2ctl configtest'), qr/Syntax OK/,
        '... and accepted');

    my $conf = $debian->read($CONF);
    $conf =~ s/^#ProxyIP On$/ProxyIP On/m;
    $conf =~ s/^#(ProxyIPPeer require).*$/$1 127.0.0.1/m;
    $debian->write($CONF, $conf);
    is(served($debian), '200 ' . CLIENT,
        'configured: the client of the header');

    # The next version comes with another proxyip.conf.
    my $makefile = bytes("$scratch/source/Makefile");
    $makefile =~ s/^(# Everyone else is refused\.)$/$1 So it is./m;
    $place->write_file('source/Makefile', $makefile);
    my $second = build(2,
        'umask 022; export DEB_HOMEPAGE=https://proxyip.example.org/');
    like(`dpkg-deb -f '$second' Homepage`,
        qr{^https://proxyip\.example\.org/$}, 'the homepage that was named');
    like($dpkg->('--force-confdef -i /tmp/package.deb', $second),
        qr/over \(\Q$version\E-1\)/, 'upgraded');
    is($debian->read($CONF), $conf,
        "the administrator's proxyip.conf is kept");
    like($debian->read("$CONF.dpkg-dist"), qr/refused\. So it is/,
        '... and the new one lies beside it');
    $is_enabled->(1, 'after the upgrade');
    like($debian->asked, qr/^apache2 \(?restart\b/, 'a restart is asked for');
    is(served($debian), '200 ' . CLIENT, 'and served as before');

    $dpkg->("-r $PACKAGE");
    $is_enabled->(0, 'after removal');
    ok(!-l $debian->path('/etc/apache2/mods-enabled/proxyip_send.load'),
        '... nor is the second');
    like($debian->asked, qr/^apache2 \(?restart\b/, 'a restart is asked for');
    is($debian->read($CONF), $conf, 'proxyip.conf stays');
    is(served($debian), '400 127.0.0.1', 'httpd starts without the module');

    $dpkg->("-P $PACKAGE");
    my $folder = $debian->path('');
    my $left = `find $folder -path $folder/host -prune -o -name '*proxyip*' \\
        -print`;
    is($left, '', 'purged: nothing is left');
    unlike($debian->read('/var/lib/dpkg/status'), qr/proxyip/,
        '... nor known to dpkg');
    is(served($debian), '400 127.0.0.1', 'httpd starts as before');
}

done_testing;
