# A catalogue of mistakes that administrators make, with the real programs
# where they can run here.  Each entry makes one, shows the sign that it
# gives, and then proves the fix.
#
# To look up a line: find its words among the signs.  A sign is written as it
# is read; in it
#
#   ...            stands for anything within a line
#   {DIRECTIVE}    for the place of that line of httpd.conf, FILE:LINE
#   PORT           for a port that a client happened to have
#
# `t/TEST -verbose t/misconfigurations.t` prints every line in full.
#
# A subtest's name says at which level the sign is visible, if it is a line of
# the error log: `warn` is httpd's default and shows errors too.

use strict;
use warnings;

use Test::More;

use ProxyIP::Client;
use ProxyIP::Curl qw(curl);
use ProxyIP::HAProxy;
use ProxyIP::Header qw(v1 v2 CLIENT);
use ProxyIP::Nginx;
use ProxyIP::Server;

# Who connects to the load balancer, and what address that has towards httpd.
my $CLIENT = '127.0.0.77';
my $BALANCER = '127.0.0.9';

# httpd at a LogLevel.
sub httpd {
    my ($level, $config, @option) = @_;
    return ProxyIP::Server->new(config => $config, loglevel => $level,
        status => 1, @option)->start;
}

# HAProxy with a `listen` section for each list: the listener's name, what its
# server line says behind the address, and further lines.  They talk to
# httpd's listener of that name, or its only one.
sub haproxy {
    my ($server, @sections) = @_;
    my $config = '';
    for my $section (@sections) {
        my ($name, $options, @lines) = @$section;
        my $port = $server->{ports}{$name} // $server->port;
        # A connection that is closed at once it would try again.
        $config .= join "\n    ", "listen $name", 'retries 0',
            (grep({ /^bind / } @lines) ? () : "bind 127.0.0.1:\@port:$name\@"),
            @lines,
            "server httpd 127.0.0.1:$port source $BALANCER $options";
        $config .= "\n";
    }
    return ProxyIP::HAProxy->new(config => $config)->start;
}

# A certificate and its key in one file, as HAProxy wants them.
sub pem {
    my ($server) = @_;
    local @ARGV = map { ProxyIP::Httpd::tls() . "/server.$_" } qw(pem key);
    return $server->write_file('both.pem', join '', <>);
}

# One request by the client, through a load balancer: curl's answer.
sub ask {
    my ($through, $name, @option) = @_;
    my $port = $through->port($name // 'lb');
    my $scheme = grep({ $_ eq '-k' } @option) ? 'https' : 'http';
    return curl('--interface', $CLIENT, '--http1.1', @option,
        "$scheme://127.0.0.1:$port/cgi/environment");
}

sub is_refused {
    my ($answer) = @_;
    is($answer->{code}, 0, 'the client gets no answer');
}

sub sees {
    my ($answer, $client, $name) = @_;
    is($answer->{variables}{REMOTE_ADDR}, $client, $name);
}

# A sign as a pattern.
sub pattern {
    my ($server, $sign) = @_;
    my $text = $server->expand($sign);
    $text =~ s/\A\s+|\s+\z//g;
    my $pattern = '';
    for my $part (split /(\.\.\.|\{[^}]*\}|\bPORT\b|\s+)/, $text) {
        $pattern .= $part eq '...' ? '[^\n]*'
            : $part eq 'PORT' ? '\d+'
            : $part =~ /^\{(.*)\}$/ ? place($server, $1)
            : $part =~ /^\s/ ? '\s+'
            : quotemeta $part;
    }
    return qr/$pattern/;
}

# Where a directive stands.
sub place {
    my ($server, $directive) = @_;
    my $path = $server->root . '/httpd.conf';
    open my $file, '<', $path or die "$path: $!\n";
    while (<$file>) {
        return "\\S*/httpd\\.conf:$.\\b" if /^\s*\Q$directive\E\s*$/;
    }
    die "$path: no $directive\n";
}

# Show a line that a reader of the catalogue would see.
sub show {
    my ($server, $what, $text) = @_;
    my $root = $server->root;
    $text =~ s{\Q$root\E/}{/}g;
    $text =~ s/^\[[^]]*\] (\[[\w:]+\]) (?:\[pid[^]]*\] )?/$1 /mg;
    $text =~ s{src/[\w/]+\.c\(\d+\): }{};
    note "$what: $text";
}

# A line's words, at a level, as the error log has them since its mark.
our $patience = 10;

sub error_line {
    my ($server, $level, $sign, $name) = @_;
    my $words = pattern($server, $sign);
    my $module = $sign =~ /^\s*(?:\[|SSL)/ ? '\w+' : 'proxyip';
    my $line = $server->error_log->wait_for(
        qr/\[$module:$level\] .*$words/, $patience);
    show($server, 'error log', $line) if defined $line;
    ok(defined $line, $name // 'error log: ' . substr($sign =~ s/^\s+//r, 0, 7)
        . " at $level")
        or diag("expected: $words\n", $server->error_log->tail(10));
    return $line;
}

sub access_line {
    my ($server, $sign) = @_;
    my $line = $server->access_log->wait_for(pattern($server, $sign), 10);
    show($server, 'access log', $line) if defined $line;
    ok(defined $line, 'access log')
        or diag("expected: $sign\n", $server->access_log->tail(5));
}

# Counters of mod_status; they must come to be these.
sub counters {
    my ($server, %expected) = @_;
    my $status;
    $server->wait_until(10, sub {
        $status = $server->status;
        return !grep { ($status->{"ProxyIP$_"} // '') ne $expected{$_} }
            keys %expected;
    });
    for my $name (sort keys %expected) {
        show($server, 'mod_status',
            "ProxyIP$name: " . ($status->{"ProxyIP$name"} // ''));
        is($status->{"ProxyIP$name"}, $expected{$name},
            "mod_status: ProxyIP$name");
    }
}

# httpd -t of a configuration, with what arguments: exit status and output,
# and the server, for the places in its configuration.
sub syntax {
    my ($config, @arguments) = @_;
    my $server = ProxyIP::Server->new(config => $config, loglevel => 'warn');
    $server->spawn($server->command('-t', @arguments));
    $server->wait_for_end(20) or die "httpd -t does not end\n";
    return ($server->{status} >> 8, $server->output . $server->error_log->text,
            $server);
}

# What -t -D DUMP_PROXYIP says of a server's configuration.
sub dumped {
    my ($server, @signs) = @_;
    my (undef, $output, $same) = syntax($server->{config}, '-D',
                                        'DUMP_PROXYIP');
    for my $sign (@signs) {
        my $found = $output =~ /(@{[ pattern($same, $sign) ]})/ ? $1 : undef;
        show($same, 'DUMP_PROXYIP', $found) if defined $found;
        ok(defined $found, 'DUMP_PROXYIP') or diag("expected: $sign\n$output");
    }
}

# The start ends, and why; afterwards it does not.
sub stops_the_start {
    my ($config, $sign, @fix) = @_;
    my ($status, $output, $server) = syntax($config);
    isnt($status, 0, 'the server does not start');
    my $found = $output =~ /(.*@{[ pattern($server, $sign) ]}.*)/ ? $1 : undef;
    show($server, 'httpd -t', $found) if defined $found;
    ok(defined $found, 'httpd -t says why') or diag($output);
    starts_without_a_word(edited($config, @fix));
}

sub warns_at_start {
    my ($config, $sign, @fix) = @_;
    my ($status, $output, $server) = syntax($config);
    is($status, 0, 'the server starts');
    my $words = pattern($server, $sign);
    my ($found) = $output =~ /^(.*\[proxyip:warn\] .*$words.*)/m;
    show($server, 'httpd -t', $found) if defined $found;
    ok(defined $found, 'httpd -t and the error log warn') or diag($output);
    starts_without_a_word(edited($config, @fix));
}

sub starts_without_a_word {
    my ($config) = @_;
    my ($status, $output) = syntax($config);
    is($status, 0, 'fixed: the server starts') or diag($output);
    unlike($output, qr/PIP\d/, '... without a word');
}

# A configuration with some text, which must be there, replaced by another.
sub edited {
    my ($config, @fix) = @_;
    while (my ($wrong, $right) = splice @fix, 0, 2) {
        $config =~ s/\Q$wrong\E/$right/ or die "no '$wrong' to replace\n";
    }
    return $config;
}

# Correct the configuration of a server that runs, and let it take effect.
sub fix {
    my ($process, @fix) = @_;
    my $config = edited($process->{config}, @fix);
    if ($process->isa('ProxyIP::Server')) {
        $process->graceful($config);
        $process->error_log->mark;
        $process->access_log->mark;
    }
    else {
        $process->stop;
        $process->{config} = $config;
        $process->start;
    }
}

# The lines of this module since the mark, for `nothing is said`.
# Without what each start says.
sub own_lines {
    my ($server) = @_;
    return join "\n",
        grep { !/PIP00(?:48|60)/ } $server->error_log->lines(qr/PIP\d/);
}

my $has_ipv6 = eval {
    IO::Socket::IP->new(LocalHost => '::1', Listen => 1) or die;
};

# Has rejected ten clients; looked at again at the end.
my $rejected;

# -- The load balancer is not trusted ---------------------------------------

subtest 'warn: the load balancer is in no ProxyIPPeer range' => sub {
    my $server = httpd('warn', <<'EOC');
ProxyIP On
ProxyIPPeer require 10.0.0.0/24
EOC
    my $haproxy = haproxy($server, ['lb', 'send-proxy-v2']);
    is_refused(ask($haproxy));
    error_line($server, 'warn', <<'EOS');
PIP0046: main server (ProxyIP On at {ProxyIP On}): 1 connection refused, from
peers that no ProxyIPPeer matches; the last: 127.0.0.9, rejected on accept; if
that is your load balancer, say ProxyIPPeer require and its address; ...
LogLevel proxyip:info shows each
EOS
    $server->{loglevel} = 'warn proxyip:info';
    $server->graceful;
    is_refused(ask($haproxy));
    error_line($server, 'info', <<'EOS', 'error log: PIP0020, at info');
PIP0020: closed on accept: peer 127.0.0.9:PORT (in no ProxyIPPeer range) on
127.0.0.1:@port@, main server; if that is a load balancer, say ProxyIPPeer
require 127.0.0.9; if a monitor or a client of your own, ProxyIPPeer direct
127.0.0.9
EOS
    counters($server, Rejected => 2, LastRefusedPeer => $BALANCER);
    # Fix: name the load balancer.
    fix($server, 'require 10.0.0.0/24' => 'require 127.0.0.9');
    sees(ask($haproxy), $CLIENT, 'fixed: the client');
};

subtest "warn: the range is the load balancer's public address, but it "
    . 'connects from its private one' => sub {
    my $server = httpd('warn', <<'EOC');
ProxyIP On
ProxyIPPeer require 203.0.113.5
EOC
    my $haproxy = haproxy($server, ['lb', 'send-proxy']);
    is_refused(ask($haproxy));
    error_line($server, 'warn', <<'EOS');
PIP0046: ... the last: 127.0.0.9, rejected on accept; if that is your load
balancer, say ProxyIPPeer require and its address
EOS
    dumped($server, <<'EOS');
203.0.113.5 require ({ProxyIPPeer require 203.0.113.5})
           everyone else reject
EOS
    # Fix: name the address that the line has.
    fix($server, 'require 203.0.113.5' => 'require 127.0.0.9');
    sees(ask($haproxy), $CLIENT, 'fixed: the client');
};

subtest 'warn: AWS NLB with client IP preservation: each peer is a client'
    => sub {
    my $server = httpd('warn proxyip:info', <<'EOC');
ProxyIP On
ProxyIPPeer require 127.1.0.0/24
EOC
    my $ask = sub {
        my ($peer, $client) = @_;
        return ProxyIP::Client->fetch(port => $server->port, from => $peer,
            header => v2(src => $client), path => '/cgi/environment');
    };
    # The header names the same client as the socket does.
    for my $n (1 .. 10) {
        is($ask->("127.2.0.$n", "127.2.0.$n"), undef,
            "the client 127.2.0.$n gets no answer");
    }
    error_line($server, 'warn', <<'EOS');
PIP0046: main server (...): 1 connection refused, ... the last: 127.2.0.1,
rejected on accept; ... if it is a client, the load balancer keeps clients'
addresses: turn that off there (AWS NLB: preserve_client_ip)
EOS
    error_line($server, 'info', "PIP0020: ... peer 127.2.0.$_:PORT",
        "error log: PIP0020 at info: another peer, 127.2.0.$_") for 2, 10;
    counters($server, Rejected => 10, LastRefusedPeer => '127.2.0.10');
    # Fix: preserve_client_ip.enabled=false; then the load balancer's own
    # subnet is what connects.
    my $answer = $ask->('127.1.0.9', '127.2.0.1');
    like($answer ? $answer->content : '', qr/^REMOTE_ADDR=127\.2\.0\.1$/m,
        'fixed: the client');
    # The count comes with the next such line, a minute later.
    $rejected = $server;
};

subtest 'info: a virtual host with a ProxyIPPeer of its own loses the '
    . "server's" => sub {
    my $server = httpd('warn proxyip:info', <<'EOC');
ProxyIP On
ProxyIPPeer require 127.0.0.9
<VirtualHost 127.0.0.1:@port@>
    ServerName shop.example.com
    # Meant to add one.
    ProxyIPPeer require 127.0.0.10
</VirtualHost>
EOC
    my $haproxy = haproxy($server, ['lb', 'send-proxy']);
    is_refused(ask($haproxy));
    error_line($server, 'info', <<'EOS');
PIP0020: closed on accept: peer 127.0.0.9:PORT (in no ProxyIPPeer range) on
127.0.0.1:@port@, virtual host shop.example.com
({<VirtualHost 127.0.0.1:@port@>}); the main server's ProxyIPPeer require
127.0.0.9 (...) does not hold here, because this virtual host has peers of its
own: add it there
EOS
    dumped($server, <<'EOS');
virtual host shop.example.com ({<VirtualHost 127.0.0.1:@port@>})
peers, of which the innermost range that holds an address decides:
127.0.0.10 require ({ProxyIPPeer require 127.0.0.10})
everyone else reject
EOS
    # Fix: say all of them there.
    fix($server, 'require 127.0.0.10' => 'require 127.0.0.9 127.0.0.10');
    sees(ask($haproxy), $CLIENT, 'fixed: the client');
};

subtest 'info: ProxyIP On in the server config, and a monitor on this machine '
    . 'asks directly' => sub {
    my $server = httpd('warn proxyip:info', <<'EOC');
ProxyIP On
ProxyIPPeer require 127.0.0.9
EOC
    my $url = 'http://127.0.0.1:' . $server->port . '/cgi/environment';
    is_refused(curl($url));
    error_line($server, 'info', <<'EOS');
PIP0020: closed on accept: peer 127.0.0.1:PORT (in no ProxyIPPeer range) on
127.0.0.1:@port@, main server; ... if a monitor or a client of your own,
ProxyIPPeer direct 127.0.0.1
EOS
    # Fix: this machine is a client, not a proxy.
    fix($server, "127.0.0.9\n" => "127.0.0.9\nProxyIPPeer direct 127.0.0.1\n");
    sees(curl($url), '127.0.0.1', 'fixed: the monitor is served');
};

# -- No header comes --------------------------------------------------------

subtest 'warn: the load balancer sends no header' => sub {
    my $server = httpd('warn', <<'EOC');
ProxyIP On
ProxyIPPeer require 127.0.0.9
EOC
    my $haproxy = haproxy($server, ['lb', '']);
    is_refused(ask($haproxy));
    error_line($server, 'error', <<'EOS');
PIP0021: closed: no PROXY header came, but one is required; first 32 bytes
"GET /cgi/environment HTTP/1.1%0d..."; peer 127.0.0.9:PORT (ProxyIPPeer require
127.0.0.9 at {ProxyIPPeer require 127.0.0.9}) on 127.0.0.1:@port@, main
server; this is an HTTP request: turn the header on at the peer (HAProxy:
send-proxy-v2; ...), or, if it is no load balancer, say ProxyIPPeer direct
127.0.0.9
EOS
    counters($server, Missing => 1,
        LastRefusedReason => 'no PROXY header: an HTTP request');
    # Fix, in haproxy.cfg:
    fix($haproxy, "source $BALANCER" => "source $BALANCER send-proxy");
    sees(ask($haproxy), $CLIENT, 'fixed: the client');
};

subtest 'warn: `require all` behind a firewall, and the load balancer sends no '
    . 'header' => sub {
    my $server = httpd('warn', <<'EOC');
ProxyIP On
ProxyIPPeer require all
EOC
    my $haproxy = haproxy($server, ['lb', '']);
    is_refused(ask($haproxy));
    error_line($server, 'warn', <<'EOS');
PIP0046: main server (...): 1 connection refused, from peers that only `all` or
a /0 matches; the last: 127.0.0.9, no PROXY header: an HTTP request; if that is
your load balancer, turn the header on there; LogLevel proxyip:info shows each
EOS
    counters($server, Missing => 1);
    # Fix, in haproxy.cfg:
    fix($haproxy, "source $BALANCER" => "source $BALANCER send-proxy");
    sees(ask($haproxy), $CLIENT, 'fixed: the client');
};

subtest 'warn: the load balancer sends no header to a TLS listener' => sub {
    my $server = httpd('warn', <<'EOC');
ProxyIP On
ProxyIPPeer require 127.0.0.9
SSLEngine On
SSLCertificateFile @tls@/server.pem
SSLCertificateKeyFile @tls@/server.key
EOC
    my $haproxy = haproxy($server, ['lb', '']);
    is_refused(ask($haproxy, 'lb', '-k'));
    error_line($server, 'error', <<'EOS');
PIP0021: closed: no PROXY header came, but one is required; first 32 bytes
"%16%03%01...; this is a TLS handshake: turn the header on at the peer, before
TLS
EOS
    # Fix, in haproxy.cfg:
    fix($haproxy, "source $BALANCER" => "source $BALANCER send-proxy-v2");
    sees(ask($haproxy, 'lb', '-k'), $CLIENT, 'fixed: the client');
};

subtest "warn: HAProxy's checks of a port come without the header" => sub {
    my $server = httpd('warn', <<'EOC');
ProxyIP On
ProxyIPPeer require 127.0.0.9
EOC
    # With `port`, checks have a header only by check-send-proxy.
    my $haproxy = haproxy($server, ['lb',
        'send-proxy check inter 200ms fall 1 rise 1 port ' . $server->port,
        'option httpchk']);
    my $state = '';
    my $becomes = sub {
        my ($wanted) = @_;
        $haproxy->wait_until(20, sub {
            $state = $haproxy->servers->{'lb/httpd'};
            return $state eq $wanted;
        });
        is($state, $wanted, "HAProxy: the server is $wanted");
    };
    $becomes->('DOWN');
    error_line($server, 'error', <<'EOS');
PIP0021: closed: no PROXY header came, but one is required; bytes so far
"OPTIONS / HTTP/1.0%0d%0a%0d%0a"; ... this is a request of HAProxy's health
checker: add check-send-proxy to its server line
EOS
    # Fix, in haproxy.cfg:
    fix($haproxy, 'send-proxy check' => 'send-proxy check check-send-proxy');
    $becomes->('UP');
    sees(ask($haproxy), $CLIENT, '... and the client comes through');
};

subtest "warn: Kubernetes's probes ask the listener directly" => sub {
    my $server = httpd('warn', <<'EOC');
ProxyIP On
# The nodes: the load balancer and the kubelet.
ProxyIPPeer require 127.0.0.0/24
EOC
    my @probe = ('--interface', '127.0.0.21', '-A', 'kube-probe/1.29',
        'http://127.0.0.1:' . $server->port . '/cgi/environment');
    is_refused(curl(@probe));
    error_line($server, 'error', <<'EOS');
PIP0021: ... peer 127.0.0.21:PORT (ProxyIPPeer require 127.0.0.0/24 at
{ProxyIPPeer require 127.0.0.0/24}) ... this is a request of Kubernetes's health
checker, which sends no header: if 127.0.0.21 is no load balancer, say
ProxyIPPeer direct 127.0.0.21; if it is one too, ProxyIPPeer optional 127.0.0.21
EOS
    # Fix: another rule for who is never a proxy.
    fix($server, "127.0.0.0/24\n" =>
        "127.0.0.0/24\nProxyIPPeer direct 127.0.0.21\n");
    sees(curl(@probe), '127.0.0.21', 'fixed: the probe is answered');
};

subtest 'debug: all clients are the load balancer: it is `optional`, and '
    . 'sends none' => sub {
    my $server = httpd('warn proxyip:debug', <<'EOC');
ProxyIP On
ProxyIPPeer optional 127.0.0.9
EOC
    my $haproxy = haproxy($server, ['lb', '']);
    sees(ask($haproxy), $BALANCER, 'the client is the load balancer');
    error_line($server, 'debug', <<'EOS');
PIP0040: no PROXY header came and none is required: the client is the peer; if
that is a load balancer, turn the header on there and say require; peer
127.0.0.9:PORT
(ProxyIPPeer optional 127.0.0.9 at {ProxyIPPeer optional 127.0.0.9})
EOS
    counters($server, Absent => 1, AcceptedV1 => 0, AcceptedV2 => 0);
    # Fix: turn the header on there, and require it here.
    fix($haproxy, "source $BALANCER" => "source $BALANCER send-proxy");
    fix($server, 'optional' => 'require');
    sees(ask($haproxy), $CLIENT, 'fixed: the client');
};

subtest 'debug: checks that connect and close are no fault: nothing at info'
    => sub {
    my $server = httpd('warn proxyip:info', <<'EOC');
ProxyIP On
ProxyIPPeer require 127.0.0.9
EOC
    # HAProxy resets before its own end is open, so httpd never sees it.
    my $haproxy = haproxy($server, ['lb',
        'send-proxy check inter 200ms port ' . $server->port]);
    my @check = (port => $server->port, from => $BALANCER);
    ProxyIP::Client->new(@check)->$_ for 'close', 'reset';
    counters($server, ClosedEarly => 2);
    is($haproxy->servers->{'lb/httpd'}, 'UP', 'HAProxy: the server is UP');
    sees(ask($haproxy), $CLIENT, 'the client');
    is(own_lines($server), '', 'error log: nothing at info');
    $server->{loglevel} = 'warn proxyip:debug';
    fix($server);
    ProxyIP::Client->new(@check)->close;
    error_line($server, 'debug', <<'EOS');
PIP0025: closed: the peer closed before any byte came, as after TCP health
checks and port scans; peer 127.0.0.9:PORT
EOS
};

# -- The header reaches httpd, or mod_ssl -----------------------------------

subtest 'access log: headers come, but ProxyIP is Off' => sub {
    my $server = httpd('warn', "# nothing of this module\n");
    my $haproxy = haproxy($server, ['lb', 'send-proxy'],
                          ['v2', 'send-proxy-v2']);
    is(ask($haproxy)->{code}, 400, 'the client gets 400');
    access_line($server, <<'EOS');
client=127.0.0.9 ... status=400 ... "PROXY TCP4 127.0.0.77"
EOS
    $server->access_log->mark;
    is(ask($haproxy, 'v2')->{code}, 400, 'version 2: the client gets 400');
    access_line($server, <<'EOS');
client=127.0.0.9 ... status=400 ... ""
EOS
    dumped($server, 'main server ProxyIP Off (default)');
    # Fix:
    fix($server, "# nothing of this module\n" =>
        "ProxyIP On\nProxyIPPeer require 127.0.0.9\n");
    sees(ask($haproxy, $_), $CLIENT, "fixed: the client, $_") for 'lb', 'v2';
};

subtest 'access log: the load balancer is in a `direct` range' => sub {
    my $server = httpd('warn', <<'EOC');
ProxyIP On
ProxyIPPeer require 10.0.0.0/24
# The office, it was thought.
ProxyIPPeer direct 127.0.0.0/24
EOC
    my $haproxy = haproxy($server, ['lb', 'send-proxy']);
    is(ask($haproxy)->{code}, 400, 'the client gets 400');
    access_line($server, <<'EOS');
client=127.0.0.9 ... status=400 ... "PROXY TCP4 127.0.0.77"
EOS
    counters($server, Direct => 1, AcceptedV1 => 0);
    dumped($server, <<'EOS');
127.0.0.0/24 direct ({ProxyIPPeer direct 127.0.0.0/24})
EOS
    # Fix: the most specific range decides, so one more is enough.
    fix($server, '10.0.0.0/24' => '10.0.0.0/24 127.0.0.9');
    sees(ask($haproxy), $CLIENT, 'fixed: the client');
};

subtest 'info (of mod_ssl): it works on port 80, not on 443: only one virtual '
    . 'host has ProxyIP On' => sub {
    my $server = httpd('info', <<'EOC');
Listen 127.0.0.1:@port:http@
Listen 127.0.0.1:@port:https@
ProxyIPPeer require 127.0.0.9
<VirtualHost 127.0.0.1:@port:http@>
    ServerName www.example.com
    ProxyIP On
</VirtualHost>
<VirtualHost 127.0.0.1:@port:https@>
    ServerName www.example.com
    SSLEngine On
    SSLCertificateFile @tls@/server.pem
    SSLCertificateKeyFile @tls@/server.key
</VirtualHost>
EOC
    my $haproxy = haproxy($server, ['http', 'send-proxy'],
                          ['https', 'send-proxy']);
    sees(ask($haproxy, 'http'), $CLIENT, 'port 80: the client');
    is_refused(ask($haproxy, 'https', '-k'));
    error_line($server, 'info', 'SSL Library Error: ...',
        'error log: mod_ssl met the header, at info');
    dumped($server, <<'EOS', <<'EOS');
127.0.0.1:@port:http@ ProxyIP On ({ProxyIP On})
EOS
127.0.0.1:@port:https@ ProxyIP Off (default) virtual host www.example.com
({<VirtualHost 127.0.0.1:@port:https@>})
EOS
    # Fix: say it once, for both.
    fix($server, "    ProxyIP On\n" => '',
        'ProxyIPPeer require' => "ProxyIP On\nProxyIPPeer require");
    sees(ask($haproxy, 'http'), $CLIENT, 'fixed: the client on port 80');
    sees(ask($haproxy, 'https', '-k'), $CLIENT, '... and on port 443');
};

subtest 'warn: two hops each add a header' => sub {
    my $server = httpd('warn', <<'EOC');
ProxyIP On
ProxyIPPeer require 127.0.0.9
EOC
    my $haproxy = ProxyIP::HAProxy->new(
        config => <<"EOC" =~ s/HTTPD/$server->port/er)->start;
listen lb
    bind 127.0.0.1:\@port:lb\@
    server inner 127.0.0.1:\@port:inner\@ source 127.0.0.8 send-proxy
listen inner
    bind 127.0.0.1:\@port:inner\@
    server httpd 127.0.0.1:HTTPD source $BALANCER send-proxy
EOC
    is(ask($haproxy)->{code}, 400, 'the client gets 400');
    error_line($server, 'error', <<'EOS');
PIP0043: another PROXY header follows the first: peer 127.0.0.9 adds one in
front of one that it was sent, so the client is taken to be 127.0.0.8; make that
peer read the header it is sent (HAProxy: accept-proxy on bind; ...; first 32
bytes "PROXY TCP4 127.0.0.77 127.0.0.1..."; peer 127.0.0.9:PORT
EOS
    access_line($server, <<'EOS');
client=127.0.0.8 ... status=400 ... "PROXY TCP4 127.0.0.77"
EOS
    # Fix: the inner hop is to take the outer one's header.
    fix($haproxy, 'bind 127.0.0.1:@port:inner@' =>
        'bind 127.0.0.1:@port:inner@ accept-proxy');
    sees(ask($haproxy), $CLIENT, 'fixed: the client');
};

# -- A header comes, and is refused -----------------------------------------

subtest 'warn: the load balancer sends version 2, but only version 1 is '
    . 'accepted' => sub {
    my $server = httpd('warn', <<'EOC');
ProxyIP On
ProxyIPPeer require 127.0.0.9
ProxyIPFormats v1
EOC
    my $haproxy = haproxy($server, ['lb', 'send-proxy-v2']);
    is_refused(ask($haproxy));
    error_line($server, 'error', <<'EOS');
PIP0022: closed: bad PROXY header: a PROXY header of a version not accepted
here, ... "%0d%0a%0d%0a%00%0d%0aQUIT%0a...; add v2 to ProxyIPFormats v1
({ProxyIPFormats v1}), or make the peer send v1
EOS
    counters($server, Malformed => 1);
    # Fix:
    fix($server, 'ProxyIPFormats v1' => 'ProxyIPFormats v1 v2');
    sees(ask($haproxy), $CLIENT, 'fixed: the client');
};

subtest 'warn: nginx behind another load balancer writes two families' => sub {
    my $server = httpd('warn', <<'EOC');
ProxyIP On
ProxyIPPeer require 127.0.0.9
EOC
    # As nginx writes it.
    ProxyIP::Client->new(port => $server->port, from => $BALANCER)
        ->send("PROXY TCP4 127.0.0.77 ::1 4711 443\r\n")->ending(5);
    my $sign = <<'EOS';
PIP0022: closed: bad PROXY header: ... "PROXY TCP4 127.0.0.77 ::1 ...; it has
an address of the other family than it states, as nginx writes behind another
load balancer: let that one reach nginx by IPv4 for IPv4 clients and by IPv6 for
IPv6 clients
EOS
    error_line($server, 'error', $sign, 'PIP0022 at error: the bytes alone');

    SKIP: {
        skip 'no nginx with its stream module', 3 if !ProxyIP::Nginx->program;
        skip 'no IPv6 here', 3 if !$has_ipv6;
        $server->error_log->mark;
        my $nginx = ProxyIP::Nginx->new(
            config => <<'EOC' =~ s/HTTPD/$server->port/er)->start;
server {
    listen 127.0.0.1:@port@ proxy_protocol;
    listen [::1]:@port@ proxy_protocol;
    set_real_ip_from 127.0.0.0/8;
    set_real_ip_from ::1;
    proxy_pass 127.0.0.1:HTTPD;
    proxy_bind 127.0.0.9;
    proxy_protocol on;
}
EOC
        my $port = $nginx->port;
        my $haproxy = ProxyIP::HAProxy->new(config => <<"EOC")->start;
listen lb
    bind 127.0.0.1:\@port:lb\@
    server nginx [::1]:$port send-proxy
EOC
        is_refused(ask($haproxy));
        error_line($server, 'error', $sign, 'PIP0022 at error: nginx');
        # Fix: reach nginx by IPv4 for IPv4 clients.
        fix($haproxy, '[::1]' => '127.0.0.1');
        sees(ask($haproxy), $CLIENT, 'fixed: the client');
    }
};

subtest 'warn: the header has many TLVs, and ProxyIPMaxHeader is small' => sub {
    my $server = httpd('warn', <<'EOC');
ProxyIP On
ProxyIPPeer require 127.0.0.9
ProxyIPMaxHeader 232
EOC
    my $haproxy = haproxy($server, ['lb', 'send-proxy-v2 proxy-v2-options '
            . 'ssl,cert-cn,ssl-cipher,cert-sig,cert-key,crc32c,unique-id',
        'bind 127.0.0.1:@port:lb@ ssl crt ' . pem($server),
        'unique-id-format ' . 'x' x 128]);
    is_refused(ask($haproxy, 'lb', '-k'));
    my $line = error_line($server, 'error', <<'EOS');
PIP0023: closed: v2 PROXY header of ... bytes is larger than accepted; ...;
raise ProxyIPMaxHeader 232 ({ProxyIPMaxHeader 232}) to 236 or more
EOS
    counters($server, TooLarge => 1);
    # Fix: what the line says, at least.
    my ($needed) = ($line // '') =~ /header of (\d+) bytes/;
    fix($server, 'ProxyIPMaxHeader 232' => "ProxyIPMaxHeader $needed");
    sees(ask($haproxy, 'lb', '-k'), $CLIENT, 'fixed: the client');
};

subtest 'warn: a checksum is required that the load balancer does not send'
    => sub {
    my $server = httpd('warn', <<'EOC');
ProxyIP On
ProxyIPPeer require 127.0.0.9
ProxyIPFormats v2
ProxyIPChecksum require
EOC
    my $haproxy = haproxy($server, ['lb', 'send-proxy-v2']);
    is_refused(ask($haproxy));
    error_line($server, 'error', <<'EOS');
PIP0024: closed: the CRC32C checksum is missing; ...; make the peer send one
(HAProxy: proxy-v2-options crc32c), or say ProxyIPChecksum verify; now it is
ProxyIPChecksum require ({ProxyIPChecksum require})
EOS
    counters($server, BadChecksum => 1);
    # Fix, in haproxy.cfg:
    fix($haproxy, 'send-proxy-v2' => 'send-proxy-v2 proxy-v2-options crc32c');
    sees(ask($haproxy), $CLIENT, 'fixed: the client');
};

subtest 'warn: a header made by hand, with a line feed alone or in lower case'
    => sub {
    my $server = httpd('warn', <<'EOC');
ProxyIP On
ProxyIPPeer require 127.0.0.0/24
EOC
    my $request = "GET / HTTP/1.0\r\n\r\n";
    my $say = sub {
        my $end = ProxyIP::Client->new(port => $server->port)
            ->send($_[0])->ending(5);
        is($end->{bytes}, '', 'no answer');
    };
    $say->(v1(end => "\n") . $request);
    error_line($server, 'error', <<'EOS');
PIP0022: closed: bad PROXY header: v1 line does not end in CRLF, found at offset
44; first 32 bytes "PROXY TCP4 192.0.2.77 198.51.100...; it has a line feed
alone
EOS
    $say->(lc(v1()) . $request);
    error_line($server, 'error', <<'EOS');
PIP0021: closed: no PROXY header came, but one is required; first 32 bytes
"proxy tcp4 192.0.2.77 ...; this is a PROXY header whose keyword is not in
capitals: correct the sender
EOS
    counters($server, Malformed => 1, Missing => 1);
    # Fix: let curl make it.
    my $url = 'http://127.0.0.1:' . $server->port . '/cgi/environment';
    sees(curl('--interface', $CLIENT, '--haproxy-protocol', $url), $CLIENT,
        'fixed: the client');
};

subtest 'warn: a sender writes the length in the wrong byte order' => sub {
    my $server = httpd('warn', <<'EOC');
ProxyIP On
ProxyIPPeer require 127.0.0.0/24
ProxyIPTimeout 1s
EOC
    my $header = v2();
    my $ends = sub {
        my ($header) = @_;
        my $end = ProxyIP::Client->new(port => $server->port)
            ->send("${header}GET / HTTP/1.0\r\n\r\n")->ending(5);
        is($end->{bytes}, '', 'no answer');
    };
    # 12 is 3072 then, within ProxyIPMaxHeader.
    substr($header, 14, 2) = pack 'v', 12;
    $ends->($header);
    error_line($server, 'error', <<'EOS');
PIP0026: closed: time was up before the PROXY header was complete; bytes that
had come: 46 of 3088 that the header announces; ...; its length seems to be in
the wrong byte order (exchanged it would be a whole header of 28 bytes): correct
the sender
EOS
    # 36 is 9216: too large.
    $header = v2(src => '2001:db8::1', dst => '2001:db8::2');
    substr($header, 14, 2) = pack 'v', 36;
    $ends->($header);
    error_line($server, 'error', <<'EOS');
PIP0023: closed: v2 PROXY header of 9232 bytes is larger than accepted; ...; its
length seems to be in the wrong byte order (exchanged it would be a whole header
of 52 bytes): correct the sender
EOS
    # Nothing of the kind.
    ProxyIP::Client->new(port => $server->port)->send(substr v2(), 0, 20)
        ->ending(5);
    error_line($server, 'error', <<'EOS');
PIP0026: closed: time was up before the PROXY header was complete; bytes that
had come: 20 of 28 that the header announces; ...; see ProxyIPTimeout 1s ...
EOS
    counters($server, TimedOut => 2, TooLarge => 1);
};

# -- Clients are not who they should be -------------------------------------

subtest 'debug: all clients are the load balancer: its headers say UNKNOWN'
    => sub {
    my $server = httpd('warn proxyip:debug', <<'EOC');
ProxyIP On
ProxyIPPeer require 127.0.0.9
EOC
    # The inner hop gets its clients by a UNIX socket.
    my $haproxy = ProxyIP::HAProxy->new(
        config => <<"EOC" =~ s/HTTPD/$server->port/er)->start;
listen lb
    bind 127.0.0.1:\@port:lb\@
    server inner unix@\@root\@/inner.sock
listen inner
    bind unix@\@root\@/inner.sock
    server httpd 127.0.0.1:HTTPD source $BALANCER send-proxy
EOC
    sees(ask($haproxy), $BALANCER, 'the client is the load balancer');
    error_line($server, 'debug', <<'EOS');
PIP0041: v1 PROXY header, UNKNOWN names no client: the client is the peer, right
for health checks, wrong for clients; peer
127.0.0.9:PORT
EOS
    counters($server, Unknown => 1, AcceptedV1 => 0);
    # Fix: the outer hop is to tell the inner one.
    fix($haproxy, "inner.sock\nlisten" => "inner.sock send-proxy\nlisten",
        "inner.sock\n    server httpd" =>
            "inner.sock accept-proxy\n    server httpd");
    sees(ask($haproxy), $CLIENT, 'fixed: the client');
};

subtest 'debug: all clients are the load balancer: its headers are LOCAL'
    => sub {
    my $server = httpd('warn proxyip:debug', <<'EOC');
ProxyIP On
ProxyIPPeer require 127.0.0.9
EOC
    my $ask = sub {
        my $answer = ProxyIP::Client->fetch(port => $server->port,
            from => $BALANCER, path => '/cgi/environment',
            header => v2(command => $_[0]));
        return { variables => ProxyIP::Client->variables($answer) };
    };
    sees($ask->('LOCAL'), $BALANCER, 'the client is the load balancer');
    error_line($server, 'debug', <<'EOS');
PIP0041: v2 PROXY header, LOCAL names no client: the client is the peer, right
for health checks, wrong for clients; peer
127.0.0.9:PORT
EOS
    counters($server, Local => 1, AcceptedV2 => 0);
    # Fix: the sender is to say PROXY for clients, and LOCAL for its checks.
    sees($ask->('PROXY'), CLIENT, 'fixed: the client');
};

subtest 'access log: TLS ends at the load balancer, and httpd redirects to '
    . 'https without end' => sub {
    my $server = httpd('warn', <<'EOC');
ProxyIP On
ProxyIPPeer require 127.0.0.9
RewriteEngine On
RewriteCond %{HTTPS} !=on
RewriteRule ^ https://%{HTTP_HOST}%{REQUEST_URI} [R=301,L]
EOC
    my $haproxy = haproxy($server, ['lb', 'send-proxy-v2-ssl',
        'bind 127.0.0.1:@port:lb@ ssl crt ' . pem($server)]);
    my @follow = ('lb', '-k', '-L', '--max-redirs', '5');
    is(ask($haproxy, @follow)->{code}, 301, 'the client is sent round');
    access_line($server, <<'EOS');
client=127.0.0.77 ... status=301 ... "GET /cgi/environment HTTP/1.1"
EOS
    is($server->access_log->count(qr/status=301/), 6, '... six times');
    counters($server, AcceptedV2 => 1);
    dumped($server, 'ProxyIPHTTPS off (default)');
    # Fix:
    fix($server, 'RewriteEngine On' => "ProxyIPHTTPS tlv\nRewriteEngine On");
    my $answer = ask($haproxy, @follow);
    is($answer->{code}, 200, 'fixed: the page');
    is($answer->{variables}{HTTPS}, 'on', '... by https');
    sees($answer, $CLIENT, '... and the client');
};

subtest 'access log: TLS ends at the load balancer, and SSLRequireSSL refuses '
    . 'all' => sub {
    my $server = httpd('warn', <<'EOC');
ProxyIP On
ProxyIPPeer require 127.0.0.9
ProxyIPHTTPS tlv
<Location "/">
    SSLRequireSSL
</Location>
EOC
    my $haproxy = haproxy($server, ['lb', 'send-proxy-v2-ssl',
        'bind 127.0.0.1:@port:lb@ ssl crt ' . pem($server)]);
    is(ask($haproxy, 'lb', '-k')->{code}, 403, 'the client gets 403');
    error_line($server, 'error', <<'EOS', "error log: mod_ssl's AH02219");
[client 127.0.0.77:PORT] AH02219: access to ... failed, reason: SSL connection
required
EOS
    access_line($server, 'client=127.0.0.77 ... status=403 ...');
    # Fix: SSLRequireSSL looks at mod_ssl's own connection; this does not.
    fix($server, 'SSLRequireSSL' => 'Require ssl');
    sees(ask($haproxy, 'lb', '-k'), $CLIENT, 'fixed: the client');
};

subtest 'warn (of mod_authz_core): a rule for the load balancer\'s address, '
    . 'which is no client any more' => sub {
    my $server = httpd('warn', <<'EOC');
ProxyIP On
ProxyIPPeer require 127.0.0.9
<Location "/">
    Require ip 127.0.0.9
</Location>
EOC
    my $haproxy = haproxy($server, ['lb', 'send-proxy']);
    is(ask($haproxy)->{code}, 403, 'the client gets 403');
    error_line($server, 'error', <<'EOS', 'error log: AH01630, of the client');
[client 127.0.0.77:PORT] AH01630: client denied by server configuration: ...
EOS
    access_line($server, 'client=127.0.0.77 ... status=403 ...');
    # Fix:
    fix($server, 'Require ip 127.0.0.9' => 'Require proxyip-peer 127.0.0.9');
    sees(ask($haproxy), $CLIENT, 'fixed: the client');
};

subtest 'access log: a CDN in front, and mod_remoteip trusts the load balancer '
    . 'in place of the CDN' => sub {
    my $server = httpd('warn', <<'EOC');
ProxyIP On
ProxyIPPeer require 127.0.0.9
RemoteIPHeader X-Forwarded-For
RemoteIPTrustedProxy 127.0.0.9
EOC
    my $haproxy = haproxy($server, ['lb', 'send-proxy']);
    # The client of the load balancer is the CDN's edge server.
    my @visitor = ('lb', '-H', 'X-Forwarded-For: ' . CLIENT);
    sees(ask($haproxy, @visitor), $CLIENT, 'the client is the edge server');
    access_line($server, 'client=127.0.0.77 ... status=200 ...');
    # Fix: what the header is compared with is the edge's address.
    fix($server, 'RemoteIPTrustedProxy 127.0.0.9' =>
        'RemoteIPTrustedProxy 127.0.0.77');
    sees(ask($haproxy, @visitor), CLIENT, 'fixed: the visitor');
};

subtest 'debug: ProxyIPServerAddr, and the virtual host that clients dial '
    . 'does not say it' => sub {
    my $server = ProxyIP::Server->new(loglevel => 'warn proxyip:debug',
        config => <<'EOC')->start;
Listen 127.0.0.1:@port@
<VirtualHost 127.0.0.1:@port@>
    ServerName listener.example.com
    ProxyIP On
    ProxyIPPeer require 127.0.0.9
    ProxyIPServerAddr On
</VirtualHost>
<VirtualHost 127.0.0.1:@port:dialled@>
    ServerName shop.example.com
    SetEnv HOST shop
</VirtualHost>
EOC
    my $dialled = $server->port('dialled');
    my $haproxy = ProxyIP::HAProxy->new(ports => { lb => $dialled },
        config => <<'EOC' =~ s/HTTPD/$server->port/er)->start;
listen lb
    bind 127.0.0.1:@port:lb@
    server httpd 127.0.0.1:HTTPD source 127.0.0.9 send-proxy
EOC
    is(ask($haproxy)->{variables}{HOST}, undef,
        "the answer is the listener's virtual host's");
    error_line($server, 'debug', <<'EOS', 'error log: at debug');
PIP0047: no virtual host with ProxyIPServerAddr On matches the header's
destination, 127.0.0.1:@port:dialled@: the listener's port and virtual host are
kept
EOS
    # Fix:
    fix($server, "shop.example.com\n" =>
        "shop.example.com\nProxyIPServerAddr On\n");
    is(ask($haproxy)->{variables}{HOST}, 'shop', 'fixed: the one dialled');
};

# -- Times ------------------------------------------------------------------

subtest 'info: a client that is slow to speak, or waits for the server, is '
    . 'closed' => sub {
    my $server = httpd('warn proxyip:info', <<'EOC');
ProxyIP On
ProxyIPPeer require 127.0.0.9
ProxyIPDefer 1s
EOC
    my $haproxy = haproxy($server, ['lb', 'send-proxy-v2']);
    my $late = sub {
        my $client = ProxyIP::Client->new(port => $haproxy->port('lb'),
                                          from => $CLIENT);
        my $how = $client->ending(@_)->{how};
        return $how if $how ne 'open';
        return $client->variables($client->get('/cgi/environment'))
            ->{REMOTE_ADDR} // 'no answer';
    };
    is($late->(10), 'eof', 'the connection ends without a word');
    error_line($server, 'info', <<'EOS');
PIP0027: closed: nothing followed the v2 PROXY header of client
127.0.0.77:PORT in time; peer 127.0.0.9:PORT (ProxyIPPeer require 127.0.0.9 at
{ProxyIPPeer require 127.0.0.9}) on 127.0.0.1:@port@, main server; see
ProxyIPDefer 1s ({ProxyIPDefer 1s}): a longer time for slow clients, Off where
the server speaks first
EOS
    counters($server, TimedOut => 1);
    # Fix: for who is slow, a longer time; where the server speaks first, Off.
    fix($server, 'ProxyIPDefer 1s' => 'ProxyIPDefer 30s');
    is($late->(2, exactly => 1), $CLIENT, 'fixed by 30s: the client is served');
    fix($server, 'ProxyIPDefer 30s' => 'ProxyIPDefer Off');
    is($late->(2, exactly => 1), $CLIENT, 'fixed by Off: the client is served');
};

# -- What the start says ----------------------------------------------------

subtest 'start: RemoteIPProxyProtocol is still On' => sub {
    stops_the_start(<<'EOC', <<'EOS', "    RemoteIPProxyProtocol On\n" => '');
<VirtualHost *:@port@>
    ProxyIP On
    ProxyIPPeer require 10.0.0.5
    RemoteIPProxyProtocol On
</VirtualHost>
EOC
PIP0004: ProxyIP On ({ProxyIP On}) and RemoteIPProxyProtocol On
({RemoteIPProxyProtocol On}) both hold for *:@port@: each would take a header
of its own; remove RemoteIPProxyProtocol (RemoteIPHeader may stay)
EOS
};

subtest 'start: names of one listener disagree' => sub {
    stops_the_start(<<'EOC', <<'EOS',
<VirtualHost *:@port@>
    ServerName www.example.com
    ProxyIP On
    ProxyIPPeer require 10.0.0.5
</VirtualHost>
<VirtualHost *:@port@>
    ServerName shop.example.com
</VirtualHost>
EOC
PIP0001: ProxyIP differs within *:@port@: On ({ProxyIP On}) for virtual host
www.example.com (...), Off (default) for virtual host shop.example.com (...); a
PROXY header comes before any name, so all virtual hosts of one address and
port must agree
EOS
    # Fix: say it once, above them.
        "    ProxyIP On\n    ProxyIPPeer require 10.0.0.5\n" => '',
        '<VirtualHost' => "ProxyIP On\nProxyIPPeer require 10.0.0.5\n"
            . '<VirtualHost');
};

subtest 'start: ProxyIP On, and nobody is trusted' => sub {
    stops_the_start(<<'EOC', <<'EOS',
ProxyIP On
EOC
PIP0002: ProxyIP On ({ProxyIP On}) for the main server (localhost) trusts nobody:
it needs a ProxyIPPeer or ProxyIPPeerList with 'require' or 'optional' that
names the load balancers, such as ProxyIPPeer require 10.0.0.5
EOS
        'ProxyIP On' => "ProxyIP On\nProxyIPPeer require 10.0.0.5");
};

subtest 'start: a range with host bits set' => sub {
    stops_the_start(<<'EOC', <<'EOS', '10.0.0.1/24' => '10.0.0.0/24');
ProxyIP On
ProxyIPPeer require 10.0.0.1/24
EOC
ProxyIPPeer: '10.0.0.1/24' has host bits set beyond its mask: write the first
address of the range, or the address alone for a single peer
EOS
};

subtest 'start: a host name in place of an address' => sub {
    stops_the_start(<<'EOC', <<'EOS', 'lb.example.com' => '10.0.0.5');
ProxyIP On
ProxyIPPeer require lb.example.com
EOC
ProxyIPPeer: 'lb.example.com' is not an IP address or a range in CIDR form,
such as 10.0.0.0/8 or 2001:db8::/32
EOS
};

subtest 'start: a comment behind a directive' => sub {
    stops_the_start(<<'EOC', <<'EOS', ' # the load balancer' => '');
ProxyIP On
ProxyIPPeer require 10.0.0.5 # the load balancer
EOC
ProxyIPPeer: '#' is not an IP address or a range in CIDR form
EOS
};

subtest 'start: a time in milliseconds, without its unit' => sub {
    stops_the_start(<<'EOC', <<'EOS', '5000' => '5000ms');
ProxyIP On
ProxyIPPeer require 10.0.0.5
ProxyIPTimeout 5000
EOC
ProxyIPTimeout: '5000' ... 1ms to 1h
EOS
};

subtest 'start: `require all` where others can connect' => sub {
    warns_at_start(<<'EOC', <<'EOS', 'require all' => 'require 10.0.0.0/24');
Listen @port@
ProxyIP On
ProxyIPPeer require all
EOC
PIP0005: ProxyIPPeer require all ({ProxyIPPeer require all}) for the main
server (localhost): whoever reaches this port can claim any client address; name the load
balancers' ranges, or make sure that a firewall does
EOS
};

subtest 'start: peers are named, but ProxyIP is On nowhere' => sub {
    warns_at_start(<<'EOC', <<'EOS',
ProxyIPPeer require 10.0.0.5
EOC
PIP0007: the peers at {ProxyIPPeer require 10.0.0.5} have no effect: nothing
that uses them, such as ... has ProxyIP On
EOS
        'ProxyIPPeer' => "ProxyIP On\nProxyIPPeer");
};

subtest 'start: a ProxyIPTimeout that one lost packet can exceed' => sub {
    warns_at_start(<<'EOC', <<'EOS', 'Timeout 1s' => 'Timeout 3s');
ProxyIP On
ProxyIPPeer require 10.0.0.5
ProxyIPTimeout 1s
EOC
PIP0006: ProxyIPTimeout 1s ({ProxyIPTimeout 1s}) for the main server (localhost)
is under 3s: one lost packet on the way from the load balancer will close its connection
EOS
};

subtest 'start: the module is not loaded' => sub {
    my %signs = (
        'ProxyIP On' => "Invalid command 'ProxyIP', perhaps misspelled or "
            . 'defined by a module not included in the server configuration',
        'LogLevel proxyip:info' => 'Cannot find module proxyip',
    );
    for my $line (sort keys %signs) {
        my $server = ProxyIP::Server->new(proxyip => 0, loglevel => 'warn',
            config => "$line\n");
        $server->spawn($server->command('-t'));
        $server->wait_for_end(20) or die "httpd -t does not end\n";
        isnt($server->{status}, 0, "$line: the server does not start");
        like($server->output, qr/^\Q$signs{$line}\E$/m, 'httpd -t says why');
        show($server, 'httpd -t', $signs{$line});
    }
    # Fix: LoadModule, or a2enmod proxyip.
    starts_without_a_word("ProxyIP On\nProxyIPPeer require 10.0.0.5\n"
        . "LogLevel proxyip:info\n");
};

# -- A minute later ---------------------------------------------------------

subtest 'warn: AWS NLB with client IP preservation, once a minute' => sub {
    plan skip_all => 'takes a minute; with the event MPM only'
        if ProxyIP::Httpd::mpm() ne 'event';
    # One was in the first line.
    local $patience = 90;
    error_line($rejected, 'warn', <<'EOS');
PIP0046: main server (...): 9 connections refused since the last such line, from
peers that no ProxyIPPeer matches; the last: 127.2.0.10, rejected on accept,
others: 127.2.0...
EOS
};

done_testing;
