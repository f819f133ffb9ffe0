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

# PROXY headers, built in Perl, independently of the module's own codec.
#
#   use ProxyIP::Header qw(v1 v2 tlv ssl_tlv);
#
#   v1();                           # 192.0.2.77:4711 -> 198.51.100.80:443
#   v1(src => '2001:db8::77', dst => '2001:db8::80');
#   v1(family => 'UNKNOWN');
#   v2(tlvs => [tlv(0x02 => 'example.org')], crc => 1);
#   v2(command => 'LOCAL');
#   v2(tlvs => [ssl_tlv(client => 0x01, subs => [tlv(0x21 => 'TLSv1.3')])]);
#   v2(version => 3);               # wrong on purpose
#
# Nothing is checked: what is asked for is written.

package ProxyIP::Header;

use strict;
use warnings;

use Exporter 'import';
use Socket qw(AF_INET AF_INET6 inet_pton);

our @EXPORT_OK = qw(v1 v2 tlv ssl_tlv crc32c flip SIGNATURE
    NLB_HEALTH_CHECK CLIENT CLIENT6);

use constant {
    SIGNATURE => "\r\n\r\n\0\r\nQUIT\n",
    # The clients that headers here name, which /client-only lets in.
    CLIENT  => '192.0.2.77',
    CLIENT6 => '2001:db8::77',
    # An AWS Network Load Balancer's, as captured: LOCAL, family byte 0x11,
    # no address block, a checksum that is right.
    NLB_HEALTH_CHECK =>
        pack('H*', '0d0a0d0a000d0a515549540a20110054030004bce5951f04004a')
        . "\0" x 74,
};

my %DEFAULT = (
    src => CLIENT, sport => 4711, dst => '198.51.100.80', dport => 443);

# A v1 line.  Options: src, dst, sport, dport; family (TCP4, TCP6, UNKNOWN;
# default by src); end (default CRLF).
sub v1 {
    my %option = (%DEFAULT, end => "\r\n", @_);
    my $family = $option{family} // ($option{src} =~ /:/ ? 'TCP6' : 'TCP4');
    my @fields = $family eq 'UNKNOWN' ? ()
        : @option{qw(src dst sport dport)};
    return join(' ', 'PROXY', $family, @fields) . $option{end};
}

my %COMMAND   = (LOCAL => 0, PROXY => 1);
my %FAMILY    = (UNSPEC => 0, INET => 1, INET6 => 2, UNIX => 3);
my %TRANSPORT = (UNSPEC => 0, STREAM => 1, DGRAM => 2);

# A v2 header.  Options:
#   src, dst         addresses, or paths for family UNIX
#   sport, dport
#   command          PROXY (default) or LOCAL, or a number
#   family           INET, INET6, UNIX, UNSPEC, or a number; default by src;
#                    UNSPEC for LOCAL
#   transport        STREAM (default), DGRAM, UNSPEC, or a number
#   tlvs             a list of what tlv() and ssl_tlv() return
#   tail             raw bytes after the TLVs
#   crc              true: a right CRC32C TLV at the end; 'bad': a wrong one
#   block            raw bytes instead of the addresses
#   version          default 2
#   length           the length field, default what follows it
sub v2 {
    my %option = (%DEFAULT, command => 'PROXY', version => 2, tlvs => [],
                  tail => '', @_);
    my $local  = $option{command} eq 'LOCAL';
    my $family = $option{family} // ($local ? 'UNSPEC'
        : $option{src} =~ m{^/} ? 'UNIX'
        : $option{src} =~ /:/ ? 'INET6' : 'INET');
    my $transport = $option{transport}
        // ($family eq 'UNSPEC' ? 'UNSPEC' : 'STREAM');

    my $rest = $option{block} // block($family, \%option);
    $rest .= join '', @{ $option{tlvs} };
    my $crc_at = 16 + length($rest) + 3;
    $rest .= tlv(0x03 => "\0\0\0\0") if $option{crc};
    $rest .= $option{tail};

    my $header = SIGNATURE . pack 'CCn',
        $option{version} << 4 | ($COMMAND{ $option{command} }
            // $option{command}),
        ($FAMILY{$family} // $family) << 4
            | ($TRANSPORT{$transport} // $transport),
        $option{length} // length $rest;
    $header .= $rest;
    if ($option{crc}) {
        my $crc = crc32c($header);
        $crc ^= 1 if $option{crc} eq 'bad';
        substr($header, $crc_at, 4) = pack 'N', $crc;
    }
    return $header;
}

# A family's addresses and ports.
sub block {
    my ($family, $option) = @_;
    return pack 'a108 a108', @$option{qw(src dst)} if $family eq 'UNIX';
    return '' if $family ne 'INET' && $family ne 'INET6';
    return join('', map { address($family, $_) } @$option{qw(src dst)})
        . pack 'nn', @$option{qw(sport dport)};
}

# The bytes of an address; an IPv4 one in an IPv6 block is mapped.
sub address {
    my ($family, $text) = @_;
    $text = "::ffff:$text" if $family eq 'INET6' && $text !~ /:/;
    return inet_pton($family eq 'INET' ? AF_INET : AF_INET6, $text)
        // die "no $family address: $text\n";
}

# One TLV; a third argument is a length other than the value's.
sub tlv {
    my ($type, $value, $length) = @_;
    return pack('Cn', $type, $length // length $value) . $value;
}

# The SSL TLV: client is its bits (default 0x01: TLS was used), verify the
# result (default 0), subs a list of tlv().
sub ssl_tlv {
    my %option = (client => 0x01, verify => 0, subs => [], @_);
    return tlv(0x20 => pack('CN', @option{qw(client verify)})
        . join '', @{ $option{subs} });
}

my @crc_table = map {
    my $crc = $_;
    $crc = $crc & 1 ? ($crc >> 1) ^ 0x82f63b78 : $crc >> 1 for 1 .. 8;
    $crc;
} 0 .. 255;

# CRC32C (Castagnoli) of some bytes.
sub crc32c {
    my ($bytes) = @_;
    my $crc = 0xffffffff;
    $crc = ($crc >> 8) ^ $crc_table[($crc ^ $_) & 0xff]
        for unpack 'C*', $bytes;
    return $crc ^ 0xffffffff;
}

# The same bytes with one bit turned over.
sub flip {
    my ($bytes, $offset, $bit) = @_;
    substr($bytes, $offset, 1) ^= chr(1 << ($bit // 0));
    return $bytes;
}

1;
