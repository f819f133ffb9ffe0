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


# Apache Traffic Server, as a live sender of PROXY headers.
#
#   plan skip_all => 'no Traffic Server' if !ProxyIP::TrafficServer->program;
#   my $proxy = ProxyIP::TrafficServer->new(
#       listen => '@port@ @port:tls@:ssl', to => 'http://127.0.0.1:8000/',
#       records => { 'proxy.config.http.proxy_protocol_out' => 2 })->start;
#
# Options: listen, proxy.config.http.server_ports, each with
# `ip-in=127.0.0.1` added; to, where every request goes; records, further
# records, numbers and strings; from, the source address towards httpd; sni,
# the text of sni.yaml.
# ProxyIP::Process says what may stand in them and how it all ends.

package ProxyIP::TrafficServer;

use strict;
use warnings;

use parent 'ProxyIP::Process';

sub program { $_[0]->find('traffic_server') }

# Its version as it says it, 9.2.5.
sub version {
    my ($class) = @_;
    my ($version) = `@{[ $class->program ]} -V 2>&1`
        =~ /Traffic Server\D*(\d[\d.]*)/i;
    return $version // die "Traffic Server does not say its version\n";
}

my %COMMON = (
    # Whoever starts it: no change of user, no helper for core files.
    'proxy.config.admin.user_id'                => '#-1',
    'proxy.config.crash_log_helper'             => 'NULL',
    'proxy.config.exec_thread.autoconfig'       => 0,
    'proxy.config.exec_thread.limit'            => 1,
    'proxy.config.http.cache.http'              => 0,
    'proxy.config.log.logging_enabled'          => 0,
    'proxy.config.net.connections_throttle'     => 500,
);

# Start, and return when all its ports listen.
sub start {
    my ($self) = @_;
    $self->write_files;
    my @ports = $self->{listening} =~ /(?:^| )(\d+)/g;
    return $self->spawn_listening(\@ports, $self->program,
        '--run-root=' . $self->root . '/runroot.yaml');
}

# Its folders, all below our own, and what it reads there.
sub write_files {
    my ($self) = @_;
    my $root = $self->root;
    mkdir "$root/$_" for qw(etc log run cache);
    $self->write_file('runroot.yaml', <<"EOC");
prefix: $root
exec_prefix: /usr
bindir: /usr/bin
sbindir: /usr/bin
sysconfdir: $root/etc
datadir: $root/cache
includedir: /usr/include
libdir: /usr/lib/trafficserver
libexecdir: /usr/lib/trafficserver/modules
localstatedir: $root
runtimedir: $root/run
logdir: $root/log
cachedir: $root/cache
EOC
    $self->{listening} = join ' ', map { "$_:ip-in=127.0.0.1" }
        split ' ', $self->expand($self->{listen});
    my %record = (%COMMON, %{ $self->{records} // {} },
        'proxy.config.http.server_ports' => $self->{listening});
    my $records = join '', map { sprintf "CONFIG %s %s %s\n", $_,
        $record{$_} =~ /^-?\d+$/ ? 'INT' : 'STRING', $record{$_} }
        sort keys %record;
    $records .= "LOCAL proxy.local.outgoing_ip_to_bind STRING $self->{from}\n"
        if $self->{from};
    $self->write_file('etc/records.config', $records);
    $self->write_file('etc/remap.config', "map / $self->{to}\n");
    $self->write_file('etc/storage.config', '');
    $self->write_file('etc/sni.yaml', $self->{sni}) if $self->{sni};
    $self->write_file('etc/ip_allow.yaml', <<'EOC');
ip_allow:
  - apply: in
    ip_addrs: 127.0.0.0/8
    action: allow
    methods: ALL
EOC
    my $pem = $self->both_pem;
    $self->write_file('etc/ssl_multicert.config',
        "dest_ip=* ssl_cert_name=$pem\n");
}

sub log_tail {
    my ($self) = @_;
    my $log = ProxyIP::Log->new($self->root . '/log/diags.log');
    return $self->output . $log->tail(40);
}

1;
