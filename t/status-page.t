# mod_status's page in a real browser: what its section shows, and that it fits
# a window of 1,024 pixels, with many listeners, long addresses and large
# numbers too.  With PROXYIP_PICTURE=FILE.png in the environment it leaves a
# picture of the page.

use strict;
use warnings;

use IO::Socket::IP;
use JSON::PP ();
use Test::More;

use ProxyIP::Chromium;
use ProxyIP::Client;
use ProxyIP::Header qw(v1 v2);
use ProxyIP::Server;

plan skip_all => 'no chromium' if !ProxyIP::Chromium->program;

my $has_ipv6 = eval { IO::Socket::IP->new(LocalHost => '::1', Listen => 1) };
my @names = map { "site$_" } 1 .. 9;
my $hosts = join '', map { <<"EOC" } @names, 'unused', $has_ipv6 ? 'six' : ();
Listen @{[$_ eq 'six' ? '[::1]' : '127.0.0.1']}:\@port:$_\@
<VirtualHost @{[$_ eq 'six' ? '[::1]' : '127.0.0.1']}:\@port:$_\@>
    ProxyIP On
</VirtualHost>
EOC
my $server = ProxyIP::Server->new(loglevel => 'warn', config => <<"EOC")->start;
Listen 127.0.0.1:\@port\@
ProxyIPPeer require 127.0.0.1
ProxyIPPeer optional ::1
$hosts
<Location "/server-status">
    SetHandler server-status
</Location>
EOC

# What the page shows, in a window of 1,024 pixels.
$server->write_file('htdocs/look.html', <<'EOH');
<!DOCTYPE html>
<body style="margin: 0">
<iframe id="page" style="border: 0; width: 1024px; height: 3000px"></iframe>
<pre id="seen"></pre>
<script>
const page = document.getElementById("page");
page.onload = () => {
    const table = page.contentDocument.getElementById("proxyip");
    const rows = Array.from(table.rows);
    const right = () => table.getBoundingClientRect().right;
    const seen = {
        cells: rows.map(row => Array.from(row.cells).map(
            cell => cell.innerText)),
        right: right(),
        window: page.contentWindow.innerWidth,
    };
    for (const row of rows)
        for (const cell of row.cells)
            if (/^\d+$/.test(cell.innerText))
                cell.innerText = "999999999";
            else
                cell.innerHTML = cell.innerHTML.replace(/127(.*)0(.*)0(.*)1:/,
                    "198$1151$2100$3100:");
    seen.large = rows.map(row => row.innerText).join("\n");
    seen.rightWhenLarge = right();
    document.getElementById("seen").textContent = JSON.stringify(seen);
};
page.src = "/server-status";
</script>
EOH

my $browser = ProxyIP::Chromium->new;
my $port = $server->port;
sub look {
    my $html = $browser->page("http://127.0.0.1:$port/look.html");
    my ($seen) = $html =~ m{<pre id="seen">(\{.*?\})</pre>}s
        or die "the script did not run:\n$html";
    return JSON::PP::decode_json($seen);
}

# Connections to so many of the listeners.
sub visit {
    my ($count) = @_;
    ProxyIP::Client->fetch(port => $server->port($names[$_ - 1]),
        header => $_ % 2 ? v1() : v2()) for 1 .. $count;
}

# The numbers of a row, as the browser shows them.
sub row {
    my ($seen, $name) = @_;
    my ($row) = grep { $_->[0] eq $name } @{ $seen->{cells} };
    return [@$row[3 .. $#$row]];
}

visit(3);
ProxyIP::Client->fetch(port => $server->port('site1'), header => v1());
ProxyIP::Client->new(port => $server->port('site2'))->send("GET /\r\n")->ending;
my $seen = look();
is($seen->{window}, 1024, 'a window of 1,024 pixels');
is_deeply($seen->{cells}[0], ['Connections', 'What became of them', 'Log',
    'all', map { '127.0.0.1:' . $server->port($_) } @names[0 .. 2]],
    'a column for each listener that had a connection, and for no other');
is_deeply(row($seen, 'AcceptedV1'), [3, 2, 0, 1], 'AcceptedV1');
is_deeply(row($seen, 'AcceptedV2'), [1, 0, 1, 0], 'AcceptedV2');
my ($missing) = grep { $_->[0] eq 'Missing' } @{ $seen->{cells} };
is_deeply($missing, ['Missing',
    'closed: something else came in place of a required header', 'PIP0021',
    1, 0, 1, 0], 'a counter, its meaning and its line');
is_deeply(row($seen, 'Waiting'), [0, '', '', ''], 'who waits');
cmp_ok($seen->{right}, '<=', 1024, "it fits: $seen->{right} pixels");

# More listeners than fit, one with an address of IPv6.
SKIP: {
    skip 'no IPv6', 1 if !$has_ipv6;
    my $six = IO::Socket::IP->new(PeerHost => '::1',
        PeerPort => $server->port('six')) or die "::1: $@\n";
    print $six "GET / HTTP/1.0\r\n\r\n";
    my @answer = <$six>;
    like($answer[0], qr/200/, 'a listener with an address of IPv6');
}
visit(9) for 1, 2;
$seen = look();
my $heading = $seen->{cells}[0];
is(scalar @$heading, 4 + 6, 'many listeners: six columns');
like($heading->[-1], qr/^[45] others$/, '... of which the last is the others');
for my $name ('AcceptedV1', 'AcceptedV2', 'Missing') {
    my ($all, @listeners) = @{ row($seen, $name) };
    my $sum = 0;
    $sum += $_ for @listeners;
    is($sum, $all, "... $name adds up");
}
is(row($seen, 'AcceptedV1')->[0], 13, '... to all that came');
cmp_ok($seen->{right}, '<=', 1024, "it fits: $seen->{right} pixels");
my $large = () = $seen->{large} =~ /198\.151\.100\.100:\d|\b999999999\b/g;
cmp_ok($large, '>', 5 + 14 * 7, '... with long addresses and large numbers');
cmp_ok($seen->{rightWhenLarge}, '<=', 1024,
    "... too: $seen->{rightWhenLarge} pixels");

$browser->picture("http://127.0.0.1:$port/server-status",
    $ENV{PROXYIP_PICTURE}) if $ENV{PROXYIP_PICTURE};

done_testing;
