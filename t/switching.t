# A live site gets PROXY headers without an outage: visitors come all the time,
# httpd restarts gracefully, HAProxy reloads, and no request is lost.  Each is
# logged with its own client, from where the headers begin.
#
# Three ways, whose steps are the manual's: a new balancer in front of a site;
# one that is there already, and begins to send headers; the same by another
# port.  And the wrong order, which loses requests.

use strict;
use warnings;

use Test::More;

use ProxyIP::Client;
use ProxyIP::HAProxy;
use ProxyIP::Header qw(v1 CLIENT);
use ProxyIP::Server;
use ProxyIP::Visitors;

my $BALANCER = '127.0.0.9';

my $LOG = <<'EOC';
LogFormat "%a %q" visits
CustomLog logs/visits visits
EOC

# The site on a plain and a TLS listener, each with more names than one where
# that matters: settings in the server config hold for all of them.
sub listeners {
    my ($plain, $tls, $settings) = @_;
    $settings //= '';
    return <<"EOC";
Listen 127.0.0.1:\@port:$plain\@
Listen 127.0.0.1:\@port:$tls\@
<VirtualHost 127.0.0.1:\@port:$plain\@>
    ServerName other.example.com
    $settings
</VirtualHost>
<VirtualHost 127.0.0.1:\@port:$plain\@>
    ServerName localhost
    $settings
</VirtualHost>
<VirtualHost 127.0.0.1:\@port:$tls\@>
    ServerName localhost
    SSLEngine On
    SSLCertificateFile \@tls\@/server.pem
    SSLCertificateKeyFile \@tls\@/server.key
    $settings
</VirtualHost>
EOC
}

my $SITE = $LOG . listeners('site', 'site_tls');
my $ON = "ProxyIP On\n";

# The site as it was before: without the module.
sub site {
    return ProxyIP::Server->new(workers => 16, status => 1,
        loglevel => 'info', proxyip => 0, config => $SITE)->start;
}

# Other settings, with the module; more than once, under the load.
sub restarts {
    my ($site, $config) = @_;
    $site->{proxyip} = 1;
    $site->graceful($config) for 1 .. 2;
    return;
}

# One failed check would lose requests.
sub haproxy_config {
    my (%option) = @_;
    return <<"EOC";
listen plain
    mode $option{mode}
    bind 127.0.0.1:\@port:plain\@
    default-server check inter 100ms fall 1 source $BALANCER $option{send}
    server site 127.0.0.1:$option{plain}
listen tls
    bind 127.0.0.1:\@port:tls\@
    default-server check inter 100ms fall 1 source $BALANCER $option{send}
    server site 127.0.0.1:$option{tls}
EOC
}

sub haproxy {
    return ProxyIP::HAProxy->new(reloads => 1,
        config => haproxy_config(@_))->start;
}

sub visitors { return ProxyIP::Visitors->new($_[0]->root . '/visitors') }

sub site_ports {
    my ($site) = @_;
    return (plain => $site->port('site'), tls => $site->port('site_tls'));
}

sub through {
    my ($haproxy) = @_;
    return (plain => $haproxy->port('plain'), tls => $haproxy->port('tls'));
}

# Visitors come and go until none is counted any more as what is to end.
sub until_none {
    my ($key, $site, $visitors, @go) = @_;
    for (1 .. 20) {
        my $count = $site->status->{$key};
        $visitors->go(@go)->arrived;
        return 1 if $site->status->{$key} == $count;
    }
    return 0;
}

# The lines of the site's log: { query => 'address ...' }.
sub visits {
    my ($site) = @_;
    my %visits;
    for (ProxyIP::Log->new($site->root . '/logs/visits')->lines) {
        my ($address, $query) = /^(\S+) \?(\S+)$/ or next;
        $visits{$query} .= ($visits{$query} ? ' ' : '') . $address;
    }
    return \%visits;
}

# No request was lost, and each was logged as from whom %as says for its stage:
# client, balancer, or client|balancer.
sub all_well {
    my ($name, $site, $visitors, %as) = @_;
    my @requests = $visitors->requests;
    my @answered = grep { $_->{outcome} eq 'answered' } @requests;
    my $again = grep { $_->{outcome} eq 'again' } @requests;
    is(join("\n", map { "$_->{stage} $_->{query} $_->{outcome}" }
            grep { $_->{outcome} =~ /^lost/ } @requests), '',
        "$name: " . @answered . " requests, none lost; $again asked again");

    # httpd writes a line after the answer.
    my $visits;
    $site->wait_until(5, sub {
        $visits = visits($site);
        return !grep { !$visits->{ $_->{query} } } @answered;
    });
    my (%count, %wrong);
    for my $request (@answered) {
        my ($stage, $query, $client) = @$request{qw(stage query address)};
        my $logged = $visits->{$query} // 'not logged';
        my $who = $logged eq $client ? 'client'
            : $logged eq $BALANCER ? 'balancer' : $logged;
        $count{$stage}++;
        $wrong{$stage} .= "$query: $who\n" if $who !~ /^(?:$as{$stage})\z/;
    }
    for my $stage (sort keys %as) {
        # Turning is over as soon as the balancer has reloaded.
        cmp_ok($count{$stage} // 0, '>=', $visitors->count,
            "... $stage: some of each visitor") if $stage ne 'turning';
        is($wrong{$stage} // '', '', "... logged as from the $as{$stage}");
    }
    is(join("\n", $site->error_log->lines(qr/PIP00(?:0[1-7]|2\d|46)/)), '',
        "$name: nobody was refused, nothing is warned of");
    return;
}

sub always_up {
    my ($name, $haproxy) = @_;
    unlike($haproxy->output, qr/is DOWN/, "$name: its checks went well");
}

# A new balancer in front of a live site.
{
    my $name = 'a new balancer';
    my $site = site();
    my $visitors = visitors($site)->go('live', site_ports($site))->arrived;

    my $both = "ProxyIPPeer require $BALANCER\nProxyIPPeer direct all\n";
    restarts($site, $ON . $both . $SITE);
    $visitors->go('prepared', site_ports($site))->arrived;
    is($site->error_log->count(qr/PIP00(?:48|50)/) > 0,
        !ProxyIP::Httpd::waits(),
        "$name: loaded by a graceful restart, the module has its lobby");

    my $haproxy = haproxy(site_ports($site), mode => 'tcp',
        send => 'send-proxy-v2');
    $visitors->go('moving', through($haproxy))->arrived;
    restarts($site);
    ok(until_none('ProxyIPDirect', $site, $visitors, 'moved',
        through($haproxy)), "$name: nobody comes directly any more");

    restarts($site, $ON . "ProxyIPPeer require $BALANCER\n"
        . "ProxyIPPeer direct 127.0.0.1 ::1\n" . $SITE);
    $visitors->go('alone', through($haproxy))->arrived;
    $haproxy->reload($haproxy->{config});
    $visitors->go('reloaded', through($haproxy))->arrived;
    restarts($site);
    all_well($name, $site, $visitors, map { $_ => 'client' }
        qw(live prepared moving moved alone reloaded));
    always_up($name, $haproxy);
    my %page = (port => $site->port('site'), path => '/');
    is(ProxyIP::Client->fetch(%page, from => '127.0.7.100'), undef,
        "$name: who comes directly now is not answered");
    ok(ProxyIP::Client->fetch(%page), '... but this machine itself is');
}

# A balancer that is there already begins to send headers.
for my $mode ('tcp', 'http') {
    my $name = "a balancer in mode $mode";
    my $site = site();
    my @config = (site_ports($site), mode => $mode);
    my $haproxy = haproxy(@config, send => '');
    my @where = through($haproxy);
    my $visitors = visitors($site)->go('before', @where)->arrived;

    restarts($site, $ON . "ProxyIPPeer optional $BALANCER\n"
        . "ProxyIPPeer direct 127.0.0.1 ::1\n" . $SITE);
    $visitors->go('prepared', @where)->arrived;
    my @forged = (port => $haproxy->port('tls'), header => v1(), tls => 1,
        path => '/?forged');
    ok(ProxyIP::Client->fetch(@forged), "$name: while it is optional");
    ok($site->wait_until(5, sub { visits($site)->{forged} }), '... logged');
    is(visits($site)->{forged}, CLIENT,
        '... a client behind it names whom it likes');

    $visitors->go('turning', @where);
    $haproxy->reload(haproxy_config(@config, send => 'send-proxy-v2'));
    $visitors->go('headers', @where)->arrived;
    restarts($site);
    ok(until_none('ProxyIPAbsent', $site, $visitors, 'only_headers', @where),
        "$name: nobody comes without a header any more");

    restarts($site, $ON . "ProxyIPPeer require $BALANCER\n" . $SITE);
    $visitors->go('required', @where)->arrived;
    all_well($name, $site, $visitors, before => 'balancer',
        prepared => 'balancer', turning => 'client|balancer',
        map { $_ => 'client' } 'headers', 'only_headers', 'required');
    always_up($name, $haproxy);
    ok(!eval { ProxyIP::Client->fetch(@forged) },
        "$name: required: a client behind it cannot name another");
}

# The same by ports of its own, where headers are required from the first.
{
    my $name = 'another port';
    my $site = site();
    my $haproxy = haproxy(site_ports($site), mode => 'tcp', send => '');
    my @where = through($haproxy);
    my $visitors = visitors($site)->go('before', @where)->arrived;

    my $new = listeners('new', 'new_tls',
        "ProxyIP On\nProxyIPPeer require $BALANCER");
    restarts($site, $SITE . $new);
    $visitors->go('prepared', @where)->arrived;
    my @forged = (port => $haproxy->port('tls'), header => v1(), tls => 1);
    ok(!eval { ProxyIP::Client->fetch(@forged) },
        "$name: at no time can a client behind it name another");

    $visitors->go('turning', @where);
    $haproxy->reload(haproxy_config(mode => 'tcp', send => 'send-proxy-v2',
        plain => $site->port('new'), tls => $site->port('new_tls')));
    $visitors->go('headers', @where)->arrived;
    restarts($site);
    $visitors->go('more_headers', @where)->arrived;

    restarts($site, $LOG . $new);
    $visitors->go('alone', @where)->arrived;
    all_well($name, $site, $visitors, before => 'balancer',
        prepared => 'balancer', turning => 'client|balancer',
        map { $_ => 'client' } qw(headers more_headers alone));
    always_up($name, $haproxy);
}

# The wrong order: the visitors notice, and so does this test.
{
    my $site = site();
    my $haproxy = haproxy(site_ports($site), mode => 'tcp', send => '');
    my $visitors = visitors($site)->go('before', through($haproxy))->arrived;
    restarts($site, $ON . "ProxyIPPeer require $BALANCER\n" . $SITE);
    $visitors->go('too_early', through($haproxy));
    ok($site->error_log->wait_for(qr/PIP0021: .*peer \Q$BALANCER\E:/, 10),
        'required before it is sent: PIP0021');
    $site->wait_until(10, sub { $visitors->lost });
    cmp_ok($visitors->lost, '>', 0, '... and requests are lost');
}

done_testing;
