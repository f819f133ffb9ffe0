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

# What most examples promise, as tests:
#
#   use ProxyIP::Promise qw(ask client_logged refused logged $asked);
#   my $answer = ask($haproxy, 'https', 443, '--http2');
#   client_logged('HAProxy', $httpd, $answer);
#   logged('HAProxy', $httpd, "GET /path\\?$asked ", 'audit_log');
#   refused('a stranger', $httpd, 443, $STRANGER, v1(), 'PIP0020');

package ProxyIP::Promise;

use strict;
use warnings;

use Exporter 'import';
use Test::More ();

use ProxyIP::Client;
use ProxyIP::Curl qw(curl);
use ProxyIP::Log;

our @EXPORT_OK = qw(ask client_seen client_logged logged refused
    $CLIENT $STRANGER $asked);

# Who asks, and one who should be in no range.
our ($CLIENT, $STRANGER) = ('127.0.7.77', '127.99.99.99');

# Tells one request from another, as its query.
our $asked = 0;

# A request to the examples' host by way of a sender, at its port of that name.
# Then come arguments for curl, and a path that is no file's.
sub ask {
    my ($sender, $scheme, $port, @curl) = @_;
    my $path = @curl && $curl[-1] =~ m{^/} && !-e $curl[-1] ? pop @curl
        : '/cgi/environment';
    my $host = 'www.example.com';
    $port = $sender->port($port);
    return curl('--interface', $CLIENT, '--resolve',
        "$host:$port:127.0.0.1", @curl,
        "$scheme://$host:$port$path?" . ++$asked);
}

# It was served as its own client, port and all.
sub client_seen {
    my ($name, $answer) = @_;
    Test::More::is($answer->{code}, 200, "$name: answered");
    Test::More::is(join(':', map { $answer->{variables}{$_} // '' }
        qw(REMOTE_ADDR REMOTE_PORT)), "$CLIENT:$answer->{port}",
        "$name: its client");
}

# ... and the suite's own log has it so.
sub client_logged {
    my ($name, $httpd, $answer) = @_;
    client_seen($name, $answer);
    logged($name, $httpd,
        "^client=$CLIENT conn=$CLIENT port=$answer->{port} .*\\?$asked ");
}

# A line in one of httpd's logs.
sub logged {
    my ($name, $httpd, $pattern, $file) = @_;
    my $log = ProxyIP::Log->new($httpd->root . '/logs/'
        . ($file // 'access_log'));
    my $found = defined $log->wait_for(qr/$pattern/, 5);
    Test::More::diag("no $pattern in:\n", $log->tail(5)) if !$found;
    return Test::More::ok($found, "$name: its line");
}

# A connection of this peer, with these bytes and a request, is closed without
# an answer; the error log, httpd's or the one of that name, says why.
sub refused {
    my ($name, $httpd, $port, $from, $bytes, $number, $file) = @_;
    my $log = ProxyIP::Log->new($httpd->root . '/logs/'
        . ($file // 'error_log'))->mark;
    my $end = ProxyIP::Client->new(from => $from, port => $httpd->port($port))
        ->send("${bytes}GET / HTTP/1.0\r\n\r\n")->ending(6);
    Test::More::isnt($end->{how}, 'open', "$name: refused");
    Test::More::is($end->{bytes}, '', "$name: no answer");
    Test::More::ok($log->wait_for(qr/$number: .*\b\Q$from\E\b/, 5),
        "$name: $number");
}

1;
