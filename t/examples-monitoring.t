# conf-examples/monitoring.conf and the files in its folder: who may read the
# counters, what the collector makes of them for Prometheus, and what the alerts
# say of that.  promtool, where it is, judges the format and the alerts.

use strict;
use warnings;

use File::Temp ();
use IPC::Open3 qw(open3);
use Symbol qw(gensym);
use Test::More;

use ProxyIP::Client;
use ProxyIP::Example;
use ProxyIP::Header qw(v1 v2);
use ProxyIP::Process;

plan skip_all => 'the MPM makes no difference to the examples'
    if ProxyIP::Httpd::mpm() ne 'event';

my $folder = ProxyIP::Httpd::top() . '/conf-examples/monitoring';
my $promtool = ProxyIP::Process->find('promtool');

# A command: (exit status, all that it printed).
sub run {
    my ($input, @command) = @_;
    my $pid = open3(my $in, my $out, undef, @command);
    print $in $input;
    close $in;
    my $text = join '', <$out>;
    waitpid $pid, 0;
    return ($? >> 8, $text);
}

sub is_exposition {
    my ($text, $name) = @_;
    SKIP: {
        skip 'no promtool', 1 if !$promtool;
        my ($status, $said) = run($text, $promtool, 'check', 'metrics');
        is("$status $said", '0 ', "promtool: $name");
    }
}

my $example = ProxyIP::Example->new('monitoring.conf');
# Behind what Debian's status.conf says of the same place.
my $httpd = $example->server(first => <<'EOC')->start;
<Location "/server-status">
    SetHandler server-status
    Require local
</Location>
EOC
my $port = $httpd->port(8082);

# Who may read them.
sub code {
    my (@request) = @_;
    my $answer = ProxyIP::Client->fetch(@request);
    return $answer && $answer->code;
}
is(code(port => $port, path => '/server-status?auto'), 200, 'this machine may');
is(code(port => $port, path => '/'), 403, '... and nothing else is there');
is(code(port => $httpd->port(80), path => '/server-status',
    header => v1(src => '127.0.0.1')), 403,
    'a header that names 127.0.0.1 opens nothing');
is(code(port => $httpd->port(80), path => '/', header => v2()), 200,
    'the service itself goes on');
ProxyIP::Client->new(port => $httpd->port(80))->send("GET / HTTP/1.0\r\n\r\n")
    ->ending;
ProxyIP::Client->new(port => $httpd->port(80), from => '127.0.9.9')->ending;

# The collector.
my $there = File::Temp->newdir;
my $file = "$there/proxyip.prom";
my $url = "http://127.0.0.1:$port/server-status?auto";
sub collect { return run('', "$folder/proxyip-textfile", @_) }
sub text_of {
    my ($path) = @_;
    open my $handle, '<', $path or die "$path: $!\n";
    return join '', <$handle>;
}

my ($status, $said) = collect($file, $url);
is("$status $said", '0 ', 'proxyip-textfile writes a file, and says nothing');
my $text = text_of($file);
is_exposition($text, 'its format');
my %has = $text =~ /^(proxyip_[^#\n]*) (\S+)$/mg;
my $name = '127.0.0.1:' . $httpd->port(80);
sub counted { return $has{
    qq(proxyip_connections_total{listener="$name",outcome="$_[0]"}) } }
is($has{proxyip_up}, 1, '... that httpd answered');
is($has{proxyip_waiting}, 0, '... who waits');
is(scalar(grep { /^proxyip_info\{version="[\d.]+"\}$/ } keys %has), 1,
    '... the version');
my %want = (accepted_v1 => 1, accepted_v2 => 1, missing => 1, rejected => 1,
    local => 0, unknown => 0, absent => 0, direct => 0, malformed => 0,
    too_large => 0, bad_checksum => 0, timed_out => 0, closed_early => 0,
    evicted => 0);
is(counted($_), $want{$_}, "... $_") for sort keys %want;
is(scalar(keys %has), 3 + keys %want, '... and nothing else');

my ($inode, $mode) = (stat $file)[1, 2];
is($mode & 0777, 0644, 'node_exporter may read it');
symlink $file, "$there/old";
open my $old, '<', $file or die;
ProxyIP::Client->fetch(port => $httpd->port(80), header => v2());
collect($file, $url);
isnt((stat $file)[1], $inode, 'a second run puts another file in its place');
is(join('', <$old>), $text, '... who had the old one open reads that');
like(text_of($file), qr/outcome="accepted_v2"\} 2$/m, '... and the new is new');
is_deeply([sort map { s{.*/}{}r } glob "$there/*"], ['old', 'proxyip.prom'],
    '... and nothing is left over');
is((collect('', $url))[1], text_of($file), 'without FILE: standard output');

# Per listener only with ExtendedStatus.
$httpd->graceful($httpd->{config} . "ExtendedStatus Off\n");
like((collect('', $url))[1], qr/\{listener="all",outcome="accepted_v2"\} 2$/m,
    'ExtendedStatus Off: all listeners together');
$httpd->stop;

my $sends = File::Temp->new;
print $sends "ProxyIPVersion: 1.1.0\nProxyIPWaiting: 0\n",
    "ProxyIPAcceptedV1: 5\nProxyIPSentV1: 6\n";
$sends->flush;
my (undef, $apart) = collect('', "file://$sends");
is_deeply([$apart =~ /^proxyip_connections_total(.*)/mg],
    ['{listener="all",outcome="accepted_v1"} 5'],
    '... without what mod_proxyip_send counts');

($status) = collect($file, $url);
is($status, 1, 'httpd is not there: a failure');
$text = text_of($file);
is_exposition($text, 'the format then');
like($text, qr/\A(?:#.*\n)+proxyip_up 0\n\z/, '... and nothing but that');

# What a child that was broken into might answer.
my $bad = File::Temp->new;
print $bad <<'EOT';
ProxyIPVersion: 1.1.0
ProxyIPWaiting: 3
ProxyIPListener[0]Name: *:80"} 1
ProxyIPListener[0]AcceptedV1: 1
ProxyIPListener[1]Name: *:443
ProxyIPListener[1]AcceptedV1: 7
ProxyIPListener[1]AcceptedV2: 7e9
ProxyIPListener[1]Local"} 1
evil_metric: 1
node_load1 99
ProxyIPListener[1]Evil{a="b"}: 1
ProxyIPListener[1]Direct: 1 2
EOT
$bad->flush;
(undef, $text) = collect('', "file://$bad");
is_exposition($text, 'the format of what is left of a bad answer');
like($text, qr/^proxyip_connections_total\{listener="\*:443",outcome="accepted_v1"\} 7$/m,
    '... what is right');
is(scalar(() = $text =~ /^proxyip_connections_total/mg), 1,
    '... and no more');
unlike($text, qr/evil|node_load1|7e9/i, '... nothing of another name');

# The alerts: none where all is well, each where its fault is.
my $alerts = text_of("$folder/alerts.yml");
my @alerts = $alerts =~ /- alert: (\w+)/g;
is(scalar @alerts, 4, 'four alerts');
my $total = 'proxyip_connections_total{instance="web1",listener="*:443"';
my %fault = (
    '' => '',
    ProxyIPStatusMissing => 'proxyip_up{instance="web1"} 0+0x60',
    ProxyIPPeerRejected => "$total,outcome=\"rejected\"} 0+12x60",
    ProxyIPHeadersRefused => "$total,outcome=\"malformed\"} 0+12x60",
    ProxyIPDescriptorsRanOut => "$total,outcome=\"evicted\"} 0+1x60",
);
is_deeply([sort @alerts], [sort grep { $_ } keys %fault], 'each is tried');
SKIP: {
    skip 'no promtool', 2 + keys %fault if !$promtool;
    my ($checked, $what) = run('', $promtool, 'check', 'rules',
        "$folder/alerts.yml");
    is($checked, 0, 'promtool: the alerts') or diag $what;

    my $tests = File::Temp->new(SUFFIX => '.yml');
    print $tests "rule_files: ['$folder/alerts.yml']\ntests:\n";
    for my $fault (sort keys %fault) {
        my @series = ("$total,outcome=\"accepted_v2\"} 0+600x60",
            "$total,outcome=\"rejected\"} 0+1x60",
            "$total,outcome=\"missing\"} 0+1x60",
            "$total,outcome=\"evicted\"} 0+0x60",
            'proxyip_up{instance="web1"} 1+0x60');
        my ($changed) = $fault{$fault} =~ /^(.*\}) /;
        @series = ((grep { !$changed || index($_, "$changed ") } @series),
            $fault{$fault} || ());
        print $tests "  - interval: 1m\n    input_series:\n",
            map { my ($series, $values) = /^(.*\}) (\S+)$/;
                "      - series: '$series'\n        values: '$values'\n" }
                @series;
        print $tests "    promql_expr_test:\n";
        for my $alert (@alerts) {
            my $value = $alert eq $fault ? 1 : 0;
            print $tests "      - expr: count(ALERTS{alertname=\"$alert\",",
                "alertstate=\"firing\"}) or vector(0)\n",
                "        eval_time: 40m\n        exp_samples:\n",
                "          - labels: '{}'\n            value: $value\n";
        }
    }
    $tests->flush;
    my ($passed, $why) = run('', $promtool, 'test', 'rules', "$tests");
    is($passed, 0, 'promtool: each fires for its fault, and for no other')
        or diag $why;
}

# Telegraf's file is TOML, and asks the listener of the example.
my $telegraf = "$folder/telegraf.conf";
like(text_of($telegraf),
    qr{urls = \["http://127\.0\.0\.1:8082/server-status\?auto"\]},
    'telegraf.conf: the listener of monitoring.conf');
SKIP: {
    my $program = 'import sys, tomllib;'
        . 'print(*tomllib.load(open(sys.argv[1], "rb"))["inputs"])';
    skip 'no Python with tomllib', 1
        if (run('', 'python3', '-c', 'import tomllib'))[0];
    is((run('', 'python3', '-c', $program, $telegraf))[1], "apache\n",
        '... is TOML, with an input of Telegraf\'s apache');
}

done_testing;
