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

# A private httpd with the module, for what the suite's shared server cannot
# show: other settings, restarts, limits, start-up errors.
#
#   my $server = ProxyIP::Server->new(config => <<'EOC')->start;
#       ProxyIP On
#       ProxyIPPeer require 127.0.0.0/8
#   EOC
#   my $answer = ProxyIP::Client->new(port => $server->port)->...
#   ok($server->error_log->wait_for(qr/PIP0002/, 5));
#   like($server->access_log->wait_for(qr/GET/), qr/client=192\.0\.2\.77/);
#   $server->graceful;
#
#   my ($status, $output) = ProxyIP::Server->config_error('ProxyIP Maybe');
#
# t/conf/base.conf.in says what every server here has in common: formats of
# the logs, /cgi/environment, /client-only.  ProxyIP::Process says what may
# stand in the configuration (@port@ ...) and how it all ends.

package ProxyIP::Server;

use strict;
use warnings;

use parent 'ProxyIP::Process';
use ProxyIP::Patience;

# Options:
#   config    configuration; `Listen 127.0.0.1:@port@` is added when it has no
#             Listen
#   mpm       event, worker or prefork; default $PROXYIP_MPM
#   modules   names of further modules, e.g. ['qos']
#   loglevel  default: info proxyip:trace4
#   workers   threads of the one child, or processes on prefork; default 8
#   status    true: another listener for server-status; see status()
#   proxyip   false: without the module under test; mod_proxyip_send is there
#             where the configuration has one of its directives
#   crashes   a pattern for what children may end by, e.g. qr/Aborted/
#   limits, environment   see ProxyIP::Process
sub new {
    my ($class, %option) = @_;
    my $self = $class->SUPER::new(
        config => '', mpm => ProxyIP::Httpd::mpm(), modules => [],
        loglevel => 'info proxyip:trace4', workers => 8, proxyip => 1,
        %option);
    # From here on {status} tells how the program ended.
    $self->{shows_status} = delete $self->{status};
    mkdir "$self->{root}/logs";
    mkdir "$self->{root}/htdocs";
    $self->write_file('htdocs/index.html', "welcome\n");
    return $self;
}

sub error_log {
    my ($self) = @_;
    return $self->{error_log}
        //= ProxyIP::Log->new("$self->{root}/logs/error_log");
}

sub access_log {
    my ($self) = @_;
    return $self->{access_log}
        //= ProxyIP::Log->new("$self->{root}/logs/access_log");
}

# What base.conf.in holds, as Apache::Test would fill it in.
sub base_config {
    my ($self) = @_;
    my $path = ProxyIP::Httpd::top() . '/t/conf/base.conf.in';
    open my $file, '<', $path or die "$path: $!\n";
    local $/;
    my $text = <$file>;
    my %value = (
        top_dir      => ProxyIP::Httpd::top(),
        documentroot => "$self->{root}/htdocs",
        t_logs       => "$self->{root}/logs",
    );
    $text =~ s/\@(\w+)\@/$value{ lc $1 } \/\/ die "$path: unknown $1\n"/ge;
    return $text;
}

# MPMs count children in threads, prefork in processes.  ServerLimit leaves
# room for children that are still ending.
sub size_config {
    my ($self) = @_;
    my $workers = $self->{workers};
    return $self->{mpm} eq 'prefork'
        ? join "\n", 'ServerLimit ' . 4 * $workers, 'StartServers 2',
            'MinSpareServers 1', "MaxSpareServers $workers",
            "MaxRequestWorkers $workers", ''
        : join "\n", 'ServerLimit 4', 'StartServers 1',
            "ThreadsPerChild $workers", 'MinSpareThreads 1',
            "MaxSpareThreads $workers", "MaxRequestWorkers $workers", '';
}

sub status_config {
    return <<'EOC';
Listen 127.0.0.1:@port:status@
<VirtualHost 127.0.0.1:@port:status@>
    <IfModule proxyip_module>
        ProxyIP Off
    </IfModule>
    <Location "/">
        SetHandler server-status
    </Location>
</VirtualHost>
EOC
}

sub whole_config {
    my ($self) = @_;
    my $level = $self->{loglevel};
    # graceful() waits for a notice of the MPM.
    $level .= " mpm_$self->{mpm}:notice" if $level !~ /^(?:notice|info|debug)/;
    my $text = <<"EOC";
ServerRoot "\@root\@"
ServerName localhost
PidFile "\@root\@/httpd.pid"
DefaultRuntimeDir "\@root\@"
Mutex file:\@root\@ default
ErrorLog "\@root\@/logs/error_log"
EOC
    $text .= ProxyIP::Httpd::load_modules($self->{mpm}, @{ $self->{modules} });
    $text .= ProxyIP::Httpd::load_proxyip() if $self->{proxyip};
    $text .= ProxyIP::Httpd::load_send($self->{config});
    $text .= "LogLevel $level\n";
    $text .= "User nobody\nGroup #" . (getpwnam 'nobody')[3] . "\n" if !$>;
    $text .= $self->base_config . $self->size_config;
    $text .= "Listen 127.0.0.1:\@port\@\n"
        if $self->{config} !~ /^\s*Listen\s/mi;
    $text .= $self->status_config if $self->{shows_status};
    return $text . $self->{config};
}

# The arguments of a command; the configuration is written anew each time.
sub command {
    my ($self, @arguments) = @_;
    my $path = $self->write_file('httpd.conf',
        $self->expand($self->whole_config));
    return (ProxyIP::Httpd::program(), '-f', $path, @arguments);
}

# Start, and return when connections are taken.
sub start {
    my ($self) = @_;
    for my $again (1 .. 3) {
        $self->{since} = ProxyIP::Log->new($self->error_log->path)->mark;
        $self->spawn($self->command('-DFOREGROUND'));
        return $self if $self->wait_for_start;
        last if $self->{status} == 0
            || $self->output !~ /Address already in use/;
        # Something took a port between our choice and the bind.
        $self->{ports} = {};
        unlink "$self->{root}/output";
    }
    die "httpd did not start:\n", $self->output, $self->error_log->text;
}

# MPMs say so once their sockets listen and their children are started.
sub wait_for_start {
    my ($self) = @_;
    my $started;
    $self->wait_until(20, sub {
        $started = $self->{since}->count(qr/resuming normal/);
        return $started || !$self->running;
    });
    return $started;
}

# Restart gracefully with the present configuration, or a new one, and return
# when the new generation runs and the old one takes no more connections.
sub graceful { my ($self, $config) = @_; return $self->again('USR1', $config) }

sub restart { my ($self, $config) = @_; return $self->again('HUP', $config) }

sub again {
    my ($self, $signal, $config) = @_;
    $self->{config} = $config if defined $config;
    $self->command;
    $self->{since} = ProxyIP::Log->new($self->error_log->path)->mark;
    my @old = $self->children;
    $self->signal($signal);
    $self->wait_for_start
        or die "httpd did not restart:\n", $self->{since}->tail(20);
    $self->wait_until(10, sub { !grep { $self->accepting($_) } @old })
        or die "the old generation still takes connections\n";
    return $self;
}

# Let connections end; see wait_for_end().
sub graceful_stop { $_[0]->signal('WINCH') }

# mod_status's machine-readable page as a hash; needs the option `status`.
sub status {
    my ($self) = @_;
    require HTTP::Tiny;
    my $port = $self->port('status');
    my $answer = HTTP::Tiny->new(timeout => patience(10))
        ->get("http://127.0.0.1:$port/server-status?auto");
    die "server-status: $answer->{status}\n" if !$answer->{success};
    return { $answer->{content} =~ /^([^:\n]+): (.*)$/mg };
}

# Run httpd -t on a configuration: (exit status, what it printed).  Further
# options are those of new(), and arguments => ['-D', 'DUMP_PROXYIP'].
sub config_error {
    my ($class, $config, %option) = @_;
    my $arguments = delete $option{arguments} || [];
    my $self = $class->new(config => $config, %option);
    $self->spawn($self->command('-t', @$arguments));
    $self->wait_for_end(20) or die "httpd -t does not end\n";
    my $output = $self->output . $self->error_log->text;
    return ($self->{status} >> 8, $output);
}

# Crashes of children, which no response need show.
#
# Event, when a child is to stop at once, closes the sockets that its workers
# are busy with while they free them (close_worker_sockets() in event.c), and
# a child that many connections leave at that moment may crash there.  So a
# signal that a child ends by after our last TERM is not counted; what
# sanitizers say is.
sub complaints {
    my ($self) = @_;
    my $log = ProxyIP::Log->new($self->error_log->path);
    my @all = $log->lines(
        qr/exit signal|AddressSanitizer|runtime error|Assertion/);
    my $at_stop = $self->{mpm} eq 'event' ? $self->{crashes_before_stop}
                                          : undef;
    my $crashes = 0;
    @all = grep { !/exit signal/ || !defined $at_stop
        || ++$crashes <= $at_stop } @all;
    my $allowed = $self->{crashes} // qr/(?!)/;
    return map { "crash: $_\n" }
        grep { !/ \((?:9|15)\)/ && !/$allowed/ } @all;
}

sub stop {
    my ($self) = @_;
    if ($self->running) {
        $self->{crashes_before_stop} = ProxyIP::Log
            ->new($self->error_log->path)->count(qr/exit signal/);
    }
    return $self->SUPER::stop;
}

sub log_tail {
    my ($self) = @_;
    return $self->output . $self->error_log->tail(40);
}

1;
