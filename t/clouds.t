# ProxyIPCloud: whose private TLVs make facts.  A balancer of one's own may use
# the same numbers; what it sends is then no provider's id, whatever its shape.

use strict;
use warnings;

use Test::More;

use ProxyIP::Client;
use ProxyIP::Header qw(v2 tlv);
use ProxyIP::Server;

# Directive => whose ids are facts.
my @settings = (
    ['', qw(aws azure gcp)],
    ['ProxyIPCloud none'],
    ['ProxyIPCloud aws', 'aws'],
    ['ProxyIPCloud azure', 'azure'],
    ['ProxyIPCloud gcp', 'gcp'],
    ['ProxyIPCloud aws azure', qw(aws azure)],
    ['ProxyIPCloud gcp aws', qw(aws gcp)],
    ['ProxyIPCloud AZURE Gcp', qw(azure gcp)],
    ['ProxyIPCloud gcp azure aws', qw(aws azure gcp)],
    ['ProxyIPCloud aws aws', 'aws'],
    ['proxyipcloud NONE'],
    ["ProxyIPCloud none\nProxyIPCloud aws", 'aws'],
);
my %fact = (aws => ['AWS_VPCE_ID', 'EA', 'vpce-1'],
    azure => ['AZURE_LINK_ID', 'EE', 0x04030201],
    gcp => ['GCP_PSC_ID', 'E0', unpack('Q>', 'A' x 8)]);
my %value = (EA => "\1vpce-1", EE => "\1\1\2\3\4", E0 => 'A' x 8);
my @tlvs = map { tlv(hex $_ => $value{$_}) } sort keys %value;

my $headers = join "\n", map { "Header always set X-$_->[1]"
    . qq( "expr=%{PROXYIP_$_->[0]}") } values %fact;
my $format = join ' ', map { "$_->[0]=[%{$_->[0]}^PX]" } values %fact;
my $error = join ' ', map { "\t$_->[0]=%{$_->[0]}X" } values %fact;
my $requires = join "\n", map { "<Location \"/r/$_->[1]\">\n"
    . "Require proxyip-tlv $_->[0] $_->[2]\n</Location>" } values %fact;

sub listener { my ($i, $text) = @_; return
    "Listen 127.0.0.1:\@port:l$i\@\n<VirtualHost 127.0.0.1:\@port:l$i\@>\n"
    . "ProxyIP On\n$text\n</VirtualHost>\n" }
my $config = join '', map { listener($_, $settings[$_][0]) } 0 .. $#settings;
my $server = ProxyIP::Server->new(loglevel => 'crit proxyip:debug',
    config => <<"EOC")->start;
ProxyIPPeer require 127.0.0.0/8
ProxyIPEnv All
$headers
LogFormat "id=%{X-Id}i $format" facts
CustomLog "\@root\@/logs/facts" facts
ErrorLogFormat "%M $error"
$requires
AliasMatch "^/r/" "\@root\@/htdocs/index.html"
$config
EOC
my $facts_log = ProxyIP::Log->new($server->root . '/logs/facts');

for my $i (0 .. $#settings) {
    my ($setting, @whose) = @{ $settings[$i] };
    my $name = $setting =~ s/\n/, /r || 'default';
    my %holds = map { $_ => 1 } @whose;
    my %want = map { ($fact{$_}[0] => $fact{$_}[2]) } @whose;
    my $client = ProxyIP::Client->new(port => $server->port("l$i"))
        ->send(v2(tlvs => \@tlvs));
    my $port = $client->port;
    my $answer = $client->get('/cgi/environment', 'X-Id' => "<$i>");
    is_deeply({ map { length($answer->header("X-$_->[1]") // '')
        ? ($_->[0] => $answer->header("X-$_->[1]")) : () } values %fact },
        \%want, "$name: expressions");
    my $line = $facts_log->wait_for(qr/^id=<$i>/, 5) // '';
    my %logged = $line =~ /([A-Z]\w+)=\[(.*?)\]/g;
    delete @logged{ grep { $logged{$_} eq '-' } keys %logged };
    is_deeply(\%logged, \%want, "$name: access log");
    # Of several listeners two may meet the same port.
    my $own = $server->port("l$i");
    $line = $server->error_log->wait_for(
        qr/PIP0042.*peer 127\.0\.0\.1:$port .* on 127\.0\.0\.1:$own\b/, 5)
        // '';
    my (undef, @words) = split / \t/, $line;
    is_deeply({ map { split /=/ } @words }, \%want, "$name: error log");

    # With ProxyIPEnv All a type is exported by its number, or by its name.
    my %env = %want;
    for my $whose (grep { !$holds{$_} } keys %fact) {
        my $number = $fact{$whose}[1];
        $env{"TLV_$number"} = unpack 'H*', $value{$number};
        # Only Google's has no control character before it.
        $env{"TLV_${number}_TEXT"} = $value{$number} if $whose eq 'gcp';
    }
    my $saw = $client->variables($answer);
    is_deeply({ map { /^PROXYIP_((?:AWS|AZURE|GCP|TLV)_.*)/
        ? ($1 => $saw->{$_}) : () } keys %$saw }, \%env,
        "$name: environment");
    for my $whose (sort keys %fact) {
        is($client->get("/r/$fact{$whose}[1]")->code,
            $holds{$whose} ? 200 : 403, "$name: Require, $whose");
    }
}

# Eight letters of one's own under 0xE0.
my %at = map { ($settings[$_][0] => "l$_") } 0 .. $#settings;
for my $setting ('', 'ProxyIPCloud gcp', 'ProxyIPCloud aws azure',
    'ProxyIPCloud none') {
    my $is_id = $setting eq '' || $setting =~ /gcp/;
    my $client = ProxyIP::Client->new(port => $server->port($at{$setting}))
        ->send(v2(tlvs => [tlv(0xE0 => 'tls-1234')]));
    my $saw = $client->variables($client->get('/cgi/environment'));
    my $name = 'eight letters under 0xE0, ' . ($setting || 'default');
    is($saw->{PROXYIP_GCP_PSC_ID}, $is_id ? unpack('Q>', 'tls-1234') : undef,
        "$name: PSC id");
    is($saw->{PROXYIP_TLV_E0_TEXT}, $is_id ? undef : 'tls-1234',
        "$name: text");
    is($saw->{PROXYIP_TLV_E0}, $is_id ? undef : unpack('H*', 'tls-1234'),
        "$name: by its number");
}

# The main server's word holds for its virtual hosts, until one has its own.
my $inherited = ProxyIP::Server->new(config => <<'EOC')->start;
Listen 127.0.0.1:@port:main@
Listen 127.0.0.1:@port:own@
ProxyIP On
ProxyIPPeer require 127.0.0.0/8
ProxyIPCloud none
Header always set X-Seen "expr=%{PROXYIP_AWS_VPCE_ID}"
<VirtualHost 127.0.0.1:@port:main@>
</VirtualHost>
<VirtualHost 127.0.0.1:@port:own@>
    ProxyIPCloud aws
</VirtualHost>
EOC
for my $case (['main', ''], ['own', 'vpce-1']) {
    my ($listener, $want) = @$case;
    my $answer = ProxyIP::Client->fetch(port => $inherited->port($listener),
        header => v2(tlvs => \@tlvs));
    is($answer->header('X-Seen') // '', $want, "$listener: inherited");
}

done_testing;
