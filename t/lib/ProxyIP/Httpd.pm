# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License.  You may obtain
# a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

# The httpd under test: its program, its modules, and ours.
#
#   my $program = ProxyIP::Httpd::program();           # /usr/sbin/apache2
#   my $lines   = ProxyIP::Httpd::load_modules('event', 'qos');
#
# $APXS chooses the httpd, $PROXYIP_MPM the MPM (default: event).  With
# $PROXYIP_HTTPD that program is run in its place, which is expected to run it
# (see t/lib/instrumented.sh).

package ProxyIP::Httpd;

use strict;
use warnings;

use Cwd qw(realpath);
use File::Basename qw(dirname);
use File::Spec;

# What tests may rely on; httpd has some of them built in.
my @MODULES = qw(
    unixd log_config logio version mime dir alias env setenvif headers
    rewrite include authn_core authz_core authz_host reqtimeout remoteip
    status socache_shmcb ssl http2 proxy proxy_http macro
);

my $top = realpath(dirname(__FILE__) . '/../../..');

# The top folder of the source tree.
sub top { $top }

sub mpm { $ENV{PROXYIP_MPM} || 'event' }

sub apxs {
    return $ENV{APXS} if $ENV{APXS};
    for my $dir (File::Spec->path) {
        for my $name (qw(apxs apxs2)) {
            return "$dir/$name" if -x "$dir/$name";
        }
    }
    die "apxs not found: set APXS\n";
}

my %query;

# One of apxs's variables.
sub query {
    my ($name) = @_;
    if (!%query) {
        my @names = qw(SBINDIR PROGNAME LIBEXECDIR);
        my $apxs = apxs();
        chomp(my $values = `$apxs -q @names`);
        @query{@names} = split /;;/, $values;
    }
    return $query{$name} // die "apxs -q $name says nothing\n";
}

sub program {
    return $ENV{PROXYIP_HTTPD} || query('SBINDIR') . '/' . query('PROGNAME');
}

my $about;

# What httpd -V says.
sub about {
    $about //= do { my $program = program(); `$program -V 2> /dev/null` };
    return $about;
}

# Is it this release of 2.4, or a later one?
sub is_at_least {
    my ($patch) = @_;
    my ($its) = about() =~ m{^Server version: Apache/2\.4\.(\d+)}m
        or die "httpd -V does not say which httpd this is\n";
    return $its >= $patch;
}

# Do connections wait without a worker, in the lobby, on its MPM?
sub waits {
    return mpm() eq 'event';
}

# Is there such a module to load?  One of one's own need not have them all.
sub has_module { return -e query('LIBEXECDIR') . "/mod_$_[0].so" }

# Does it run with a tool that looks on?
sub is_instrumented { return defined $ENV{PROXYIP_HTTPD} }

my %builtin;

# LoadModule lines for an MPM, the usual modules and further ones by name, but
# not for mod_proxyip.
sub load_modules {
    my ($mpm, @more) = @_;
    if (!%builtin) {
        my $program = program();
        $builtin{$_} = 1 for `$program -l` =~ /^\s*(?:mod_)?(\w+)\.c$/mg;
    }
    my %optional = map { $_ => 1 } qw(macro watchdog);
    # mod_md's watchdog is built into Debian's httpd.
    my @names = ("mpm_$mpm", @MODULES,
                 $mpm eq 'prefork' ? 'cgi' : 'cgid',
                 map { $_ eq 'md' ? ('watchdog', $_) : $_ } @more);
    # mod_http2 wants threads.
    @names = grep { $_ ne 'http2' } @names if $mpm eq 'prefork';

    my ($lines, %seen) = ('');
    for my $name (@names) {
        next if $seen{$name}++ || $builtin{$name};
        next if $name =~ /^mpm_/ && $builtin{ substr $name, 4 };
        my $file = query('LIBEXECDIR') . "/mod_$name.so";
        $lines .= qq(LoadModule ${name}_module "$file"\n)
            if -e $file || !$optional{$name};
    }
    return $lines;
}

# The LoadModule line for the module under test.
sub load_proxyip {
    return qq(LoadModule proxyip_module "$top/.libs/mod_proxyip.so"\n);
}

# The LoadModule line for the module that sends headers, where a configuration
# has need of it; mod_proxy must be loaded before.
sub load_send {
    my ($config) = @_;
    return '' if $config !~ /^\s*ProxyIPSend/m;
    return qq(LoadModule proxyip_send_module "$top/.libs/mod_proxyip_send.so"\n);
}

# LoadModule lines for a module that t/lib/neighbours.sh has unpacked, and those
# libraries that it wants in this release of the system; undef when it, or one
# of them, is not there.
sub load_neighbour {
    my ($name, @libraries) = @_;
    my ($module, @files) = map {
        (glob "$top/t/neighbours/{usr/,}lib/*/$_")[0] // '' }
        "modules/mod_$name.so", @libraries;
    return undef if !-e $module;
    my %there = map { $libraries[$_] => -e $files[$_] } 0 .. $#files;
    return undef if grep { !$there{$_} }
        `ldd $module` =~ /^\s*(\S+) => not found/mg;
    return join '', (map { qq(LoadFile "$_"\n) } grep { -e } @files),
        qq(LoadModule ${name}_module "$module"\n);
}

# A folder with server.pem and server.key, made at the first call.
sub tls {
    my $folder = "$top/t/run/tls";
    system("$top/t/lib/certificate.sh", $folder) == 0
        or die "no test certificate\n";
    return $folder;
}

1;
