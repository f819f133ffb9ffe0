# Lists of peers: ten thousand ranges, nested at random, decide every address
# as the most specific of them says; a changed list is taken at a restart.

use strict;
use warnings;

use Socket qw(inet_aton inet_ntoa);
use Test::More;

use ProxyIP::Client;
use ProxyIP::Header qw(v2 CLIENT);
use ProxyIP::Server;

srand 4711; # the same ranges each time
my %what = (require => CLIENT, optional => 'peer', direct => 'peer',
            reject => 'closed');
my @policies = sort keys %what;

# Ranges within 127.0.0.0/8: [first address, mask length, policy].
my %range = ('127.0.0.0/8' => [127 << 24, 8, 'require']);
while (keys %range < 10_000) {
    my $bits = 9 + int rand 24;
    my $mask = 0xffffffff << 32 - $bits & 0xffffffff;
    my $first = (127 << 24 | int rand 1 << 24) & $mask;
    my $text = inet_ntoa(pack 'N', $first) . "/$bits";
    $range{$text} //= [$first, $bits, $policies[rand @policies]];
}

# The policy for an address, the slow way.
sub policy {
    my ($address) = @_;
    for my $bits (reverse 8 .. 32) {
        my $mask = 0xffffffff << 32 - $bits & 0xffffffff;
        my $range = $range{ inet_ntoa(pack 'N', $address & $mask) . "/$bits" };
        return $range->[2] if $range;
    }
}

my %list;
push @{ $list{ $range{$_}[2] } }, $_ for sort keys %range;
my $server = ProxyIP::Server->new(config => join "\n", 'ProxyIP On',
    (map { "ProxyIPPeerList $_ \@root\@/$_" } @policies), '');
$server->write_file($_, join "\n", "# $_", @{ $list{$_} }, '')
    for @policies;
$server->start;

# With a header, or to an optional or direct peer without.
sub outcome {
    my ($peer, $policy) = @_;
    my $client = ProxyIP::Client->new(port => $server->port, from => $peer);
    $client->send(v2()) if $policy eq 'require';
    my $answer = $client->get('/cgi/environment');
    my $address = $client->variables($answer)->{REMOTE_ADDR} // 'closed';
    return $address eq $peer ? 'peer' : $address;
}

# The edges of ranges and their neighbours, and anywhere.
my @addresses = map {
    my ($first, $bits) = @{ $range{$_} };
    my $last = $first | (1 << 32 - $bits) - 1;
    ($first, $last, $first - 1, $last + 1);
} (sort keys %range)[map { int rand 10_000 } 1 .. 40];
push @addresses, map { 127 << 24 | int rand 1 << 24 } 1 .. 60;
my %seen;
for my $address (@addresses) {
    # Not the network's own ends, which cannot be connected from.
    next if $address <= 127 << 24 || $address >= (127 << 24 | 0xfffffe);
    my $peer = inet_ntoa(pack 'N', $address);
    my $policy = policy($address);
    $seen{$policy}++;
    is(outcome($peer, $policy), $what{$policy}, "$peer: $policy");
}
is(scalar keys %seen, 4, 'every policy was met');

# A list is read again by a restart, graceful or not, and not before.
is(outcome('127.0.0.1', policy(127 << 24 | 1)),
    $what{ policy(127 << 24 | 1) }, 'before the change');
my $config = "ProxyIP On\nProxyIPPeerList require \@root\@/small\n";
$server->write_file('small', "127.9.0.0/16\n");
$server->graceful($config);
is(outcome('127.9.0.1', 'require'), CLIENT, 'in the new list');
is(outcome('127.8.0.1', 'require'), 'closed', 'not in it');
$server->write_file('small', "127.8.0.0/16\n");
is(outcome('127.9.0.1', 'require'), CLIENT, 'a change alone does nothing');
$server->graceful;
is(outcome('127.8.0.1', 'require'), CLIENT, 'after a restart it holds');
is(outcome('127.9.0.1', 'require'), 'closed', '... and the old is forgotten');

done_testing;
