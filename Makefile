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

# make                  the modules, .libs/mod_proxyip.so and, for mod_proxy's
#                       backends, .libs/mod_proxyip_send.so, and the program
#                       .libs/proxyip-check; needs apxs and cc only
# make proxyip-check    the program alone; needs apxs, for APR, and cc
# make install          the modules into the server's module folder, the program
#                       with its manual and bash completion beside the
#                       server's (DESTDIR is honoured; BINDIR=, MANDIR=,
#                       BASHDIR= choose other places)
# make uninstall        the reverse
# make test             everything: guards, unit tests, the suite on each MPM
#   TESTS="t/foo.t ..."   only these
#   MPMS="event"          only on these
# make check            between edits, in less than a minute: guards, unit tests,
#                       the fuzz targets on their corpora, and t/smoke.t
# make test-trixie      make test on Debian 13, with the senders of its time, in
#                       a folder made of its packages, t/run/trixie; for root;
#                       TESTS= MPMS=
#   MIRROR=http://...     where the packages come from
# make fuzz             libFuzzer looks for faults, in each target of t/fuzz
#   TIME=3600             seconds for each; 60 otherwise
#   TARGETS="decode"      only these
# make fuzz-coverage    lines and branches that the corpora reach, and with what
#                       make fuzz found
# make soak             peers good and bad, restarts, and what must hold of it:
#                       no lost connection, no crash, no leak, right counters
#   TIME=3600             seconds on each MPM; 60 otherwise
#   MPMS="event"          only on these
# make asan             the same tests, where the module, and all of ours that
#                       runs, has the address and undefined behaviour
#                       sanitizers in it: a report fails; TESTS= MPMS=
# make tsan             the same with the thread sanitizer in the module; MPMS is
#                       `event` unless it is said
# make memcheck         the same under valgrind's memcheck, for an hour or two;
#                       MPMS is `event prefork` unless it is said
# make analyze          gcc -fanalyzer, clang --analyze, clang-tidy, cppcheck and
#                       shellcheck; a finding fails
# make demo             real requests through a real server, and what it saw
# make deb              a Debian package of all that, in .libs; needs
#                       apache2-dev, which brings debhelper, and build-essential
#   DEB_REVISION=2        its version's part behind the dash
# make bench            instructions, system calls, latency, connections per
#                       second, context switches, memory, clients lost: with
#                       this module, with mod_remoteip and with neither; the
#                       table and a plot go to t/run/bench
#   ROWS="lookup ..."   only these: instructions sending syscalls lookup start
#                       latency throughput herd memory burst pauses floods
# make clean
#
# APXS=/path/to/apxs    build for, and test with, another httpd
# V=1                   show the commands, and all that they say
# CFLAGS_EXTRA=...      more compiler flags, e.g. -Werror -fsanitize=address
# LDFLAGS_EXTRA=...     more linker flags

SHELL = /bin/sh
APXS ?= $(shell command -v apxs || command -v apxs2 || echo apxs)
CFLAGS_EXTRA ?=
LDFLAGS_EXTRA ?=
DESTDIR ?=
INSTALL ?= install
TESTS ?=
MIRROR ?=
ROWS ?=
MPMS ?= event worker prefork
TIME ?= 60
TARGETS ?=

# mod_proxyip.c comes first: apxs names the module after its first source.
# mod_proxyip writes no headers, so the encoder is not part of it.  EXACT is of
# t/lib/instrumented.sh.
ROOMS = src src/protocol src/settings src/report src/facts src/connection
SOURCES = mod_proxyip.c $(filter-out %/pp_encode.c, \
    $(foreach room,$(ROOMS),$(sort $(wildcard $(room)/*.c)))) $(EXACT)
HEADERS = mod_proxyip.h $(foreach room,$(ROOMS),$(wildcard $(room)/*.h))
MODULE = .libs/mod_proxyip.so

# The second module: it sends headers, and reads none.
SEND_SOURCES = src/send/mod_proxyip_send.c \
    $(sort $(wildcard src/send/proxyip_send_*.c)) \
    $(addprefix src/protocol/,pp_addr.c pp_decode.c pp_encode.c pp_tlv.c) \
    $(EXACT)
SEND_HEADERS = mod_proxyip.h src/proxyip_logno.h \
    $(wildcard src/send/*.h src/protocol/*.h)
SEND = .libs/mod_proxyip_send.so

# One symbol leaves the shared object: what LoadModule looks up.
EXPORTS = -Wl,"-export-symbols-regex ^$(1)$$"
# APR's ring macros make clang warn wherever they are used; as those of a
# system header they do not.
APR_INCLUDE = $(shell $(APXS) -q APR_INCLUDEDIR 2> /dev/null)
# httpd's own headers want more than c99.
COMMA = ,
WC = -Wc,
WL = -Wl,
BUILD = $(APXS) -Wc,-std=gnu99 -Wc,-Wall -Wc,-Wextra \
    -Wc,-Wno-unused-parameter $(addprefix -Wc$(COMMA)-isystem,$(APR_INCLUDE)) \
    $(addprefix $(WC),$(CFLAGS_EXTRA)) \
    $(addprefix $(WL),$(CFLAGS_EXTRA) $(LDFLAGS_EXTRA)) \
    -Isrc -I.
MODULE_BUILD = $(BUILD) $(call EXPORTS,proxyip_module) -c $(SOURCES)
SEND_BUILD = $(BUILD) $(call EXPORTS,proxyip_send_module) \
    -o mod_proxyip_send.la -c $(SEND_SOURCES)

# The program: the codec, APR and its own units, no httpd.
CHECK = .libs/proxyip-check
CHECK_SOURCES = $(sort $(wildcard src/check/*.c)) \
    $(sort $(wildcard src/protocol/*.c))
CHECK_OBJECTS = $(CHECK_SOURCES:%.c=.libs/check/%.o)
# APR's flags, and where one is that is not the system's; of its libraries
# what is used.
APR_CONFIG = $(shell $(APXS) -q APR_CONFIG 2> /dev/null)
APR_CFLAGS = $(shell $(APR_CONFIG) --cppflags 2> /dev/null) \
    $(addprefix -isystem,$(shell $(APR_CONFIG) --includedir 2> /dev/null))
APR_LINK = $(shell $(APR_CONFIG) --link-ld --libs 2> /dev/null)
APR_FOLDERS = $(patsubst -L%,%,$(filter-out -L/usr/lib% -L/lib%, \
    $(filter -L%,$(APR_LINK))))
APR_LIBS = -Wl,--as-needed $(addprefix -Wl$(COMMA)-rpath$(COMMA), \
    $(APR_FOLDERS)) $(APR_LINK)
# Asked for once, when first used: each of its sources has a command.
CHECK_CC = $(eval CHECK_CC := $$(CC) -std=gnu99 -Isrc $$(APR_CFLAGS) -O2 -g \
    -Wall -Wextra $$(CFLAGS_EXTRA))$(CHECK_CC)
CHECK_LIBS = $(LDFLAGS_EXTRA) $(APR_LIBS)

all: $(MODULE) $(SEND) $(CHECK)

proxyip-check: $(CHECK)

# apxs and libtool say a lot: without V=1 a line for each source, and all of it
# where it went wrong or the compiler has warned.  S=1 is for who builds on the
# way to something else: no lines.
V ?=
S ?=
Q = $(if $(V),,@)
SAY = $(if $(V),,@$(if $(S),,echo "  $(1)" && ))
LOG = .libs/build.log
QUIET = { $(1) 2>&1; echo $$? > $(LOG).status; } | tee $(LOG) | sed -n $(if \
    $(S),,-e 's/^libtool: compile: .* -c \([^ ]*\.c\) .*/  CC    \1/p' \
    -e 's,^libtool: link: .* -shared .*,  LINK  $@,p') -e d; \
    if [ "$$(cat $(LOG).status)" -ne 0 ]; then cat $(LOG) >&2; exit 1; fi; \
    grep -A 4 'warning:' $(LOG) >&2 || :

-include $(wildcard $(CHECK_OBJECTS:.o=.d))
.libs/check/%.o: %.c Makefile .libs/how-check-built | have-apxs
	@mkdir -p $(@D)
	$(call SAY,CC    $<)$(CHECK_CC) -MMD -MP -c -o $@ $<

$(CHECK): $(CHECK_OBJECTS)
	$(call SAY,LINK  $@)$(CHECK_CC) -o $@ $^ $(CHECK_LIBS)

$(MODULE): $(SOURCES) $(HEADERS) Makefile .libs/how-built | have-apxs
	$(Q)$(if $(V),$(MODULE_BUILD),$(call QUIET,$(MODULE_BUILD)))
	@touch $@

# Behind the first: both have objects of the codec's.
$(SEND): $(SEND_SOURCES) $(SEND_HEADERS) Makefile .libs/how-send-built \
    | have-apxs $(MODULE)
	$(Q)$(if $(V),$(SEND_BUILD),$(call QUIET,$(SEND_BUILD)))
	@touch $@

# Changes, and so makes the module again, when the flags or the sources do.
HOW_BUILT = $(subst ','\'',$(MODULE_BUILD))
.libs/how-built: FORCE
	@mkdir -p $(@D)
	@echo '$(HOW_BUILT)' | cmp -s - $@ || echo '$(HOW_BUILT)' > $@

HOW_SEND_BUILT = $(subst ','\'',$(SEND_BUILD))
.libs/how-send-built: FORCE
	@mkdir -p $(@D)
	@echo '$(HOW_SEND_BUILT)' | cmp -s - $@ || \
	    echo '$(HOW_SEND_BUILT)' > $@

HOW_CHECK_BUILT = $(subst ','\'',$(CHECK_CC) $(CHECK_LIBS))
.libs/how-check-built: FORCE
	@mkdir -p $(@D)
	@echo '$(HOW_CHECK_BUILT)' | cmp -s - $@ || \
	    echo '$(HOW_CHECK_BUILT)' > $@

have-apxs:
	@command -v $(APXS) > /dev/null || { \
	    echo "apxs not found. On Debian it comes with: apt-get install" \
	         "apache2-dev; elsewhere give its path: make APXS=..." >&2; \
	    exit 1; }

# Asked only where they are used; building does not.
LIBEXECDIR = $(shell $(APXS) -q LIBEXECDIR)
INCLUDEDIR = $(shell $(APXS) -q INCLUDEDIR)
SYSCONFDIR = $(shell $(APXS) -q SYSCONFDIR)
BINDIR = $(shell $(APXS) -q BINDIR)
PREFIX = $(or $(shell $(APXS) -q PREFIX 2> /dev/null),/usr/local)
MANDIR = $(or $(shell $(APXS) -q MANDIR 2> /dev/null),$(PREFIX)/share/man)
MANUAL = src/check/proxyip-check.1
# Where bash looks for it by the program's name.
SHARE = $(if $(filter %/share/man,$(MANDIR)),$(MANDIR:/man=),$(PREFIX)/share)
BASHDIR = $(SHARE)/bash-completion/completions
COMPLETION = src/check/proxyip-check.bash
# Debian's layout, where a2enmod takes modules from; empty elsewhere.
IS_DEBIAN = $(wildcard /etc/debian_version /etc/apache2/mods-available)
DEBIAN_CONF = $(if $(IS_DEBIAN),$(filter /etc/apache2,$(SYSCONFDIR)))
AVAILABLE = $(DESTDIR)$(DEBIAN_CONF)/mods-available
ENABLED = $(DESTDIR)$(DEBIAN_CONF)/mods-enabled

define PROXYIP_CONF
# PROXY protocol: the addresses of clients behind load balancers.
#
# Nothing is on until you say so. These settings belong to a listener; they may
# stand here or in a <VirtualHost>. Name your load balancers, and no one else.
#
#ProxyIP On
#ProxyIPPeer require 10.0.0.0/24
#
# Health checkers, monitoring and staff, who connect directly (127.0.0.1 not
# where the load balancer runs on this machine):
#ProxyIPPeer direct 10.0.1.0/28 127.0.0.1 ::1
#
# Everyone else is refused.
endef
install uninstall: export CONF = $(PROXYIP_CONF)

# A proxyip.conf that is there already is kept.
define INSTALL_DEBIAN
$(INSTALL) -d "$(AVAILABLE)"
echo "LoadModule proxyip_module $(LIBEXECDIR)/mod_proxyip.so" \
    > "$(AVAILABLE)/proxyip.load"
printf '%s\n' '# Depends: proxy' \
    "LoadModule proxyip_send_module $(LIBEXECDIR)/mod_proxyip_send.so" \
    > "$(AVAILABLE)/proxyip_send.load"
test -e "$(AVAILABLE)/proxyip.conf" || \
    echo "$$CONF" > "$(AVAILABLE)/proxyip.conf"
endef

# The links of a2enmod go too: left dangling they would stop the next start.
define UNINSTALL_DEBIAN
rm -f "$(ENABLED)/proxyip.load" "$(ENABLED)/proxyip.conf"
rm -f "$(ENABLED)/proxyip_send.load" "$(AVAILABLE)/proxyip_send.load"
rm -f "$(AVAILABLE)/proxyip.load"
if echo "$$CONF" | cmp -s - "$(AVAILABLE)/proxyip.conf"; \
then rm "$(AVAILABLE)/proxyip.conf"; \
elif test -e "$(AVAILABLE)/proxyip.conf"; \
then echo "kept, because it was changed: $(AVAILABLE)/proxyip.conf"; fi
endef

install: $(MODULE) $(SEND) $(CHECK)
	$(INSTALL) -d "$(DESTDIR)$(LIBEXECDIR)"
	$(INSTALL) -m 644 $(MODULE) $(SEND) "$(DESTDIR)$(LIBEXECDIR)"
	$(INSTALL) -d "$(DESTDIR)$(INCLUDEDIR)"
	$(INSTALL) -m 644 mod_proxyip.h "$(DESTDIR)$(INCLUDEDIR)"
	$(INSTALL) -d "$(DESTDIR)$(BINDIR)" "$(DESTDIR)$(MANDIR)/man1"
	$(INSTALL) -m 755 $(CHECK) "$(DESTDIR)$(BINDIR)"
	$(INSTALL) -m 644 $(MANUAL) "$(DESTDIR)$(MANDIR)/man1"
	$(INSTALL) -d "$(DESTDIR)$(BASHDIR)"
	$(INSTALL) -m 644 $(COMPLETION) \
	    "$(DESTDIR)$(BASHDIR)/$(notdir $(CHECK))"
	$(if $(DEBIAN_CONF),$(INSTALL_DEBIAN))

uninstall: have-apxs
	rm -f "$(DESTDIR)$(LIBEXECDIR)/mod_proxyip.so"
	rm -f "$(DESTDIR)$(LIBEXECDIR)/mod_proxyip_send.so"
	rm -f "$(DESTDIR)$(INCLUDEDIR)/mod_proxyip.h"
	rm -f "$(DESTDIR)$(BINDIR)/$(notdir $(CHECK))"
	rm -f "$(DESTDIR)$(MANDIR)/man1/$(notdir $(MANUAL))"
	rm -f "$(DESTDIR)$(BASHDIR)/$(notdir $(CHECK))"
	$(if $(DEBIAN_CONF),$(UNINSTALL_DEBIAN))

DEB_REVISION ?= 1

deb:
	@conf-examples/packaging/deb.sh .libs/deb '$(DEB_REVISION)'

# The packages come first and may bring apxs, so what needs it runs in a make
# of its own. An apxs that was named on the command line is left to the user.
PACKAGES = APXS='$(filter-out file,$(origin APXS))' t/lib/packages.sh
AGAIN = $(MAKE) --no-print-directory \
    $(if $(filter-out file,$(origin APXS)),APXS='$(APXS)')

test:
	@$(PACKAGES) senders libclang-rt-dev build-essential lintian rpm rpmlint
	@t/lib/neighbours.sh
	@+$(AGAIN) test-built

check:
	@$(PACKAGES) libclang-rt-dev
	@+$(AGAIN) check-built

test-trixie:
	@MIRROR='$(MIRROR)' t/lib/trixie.sh MPMS='$(MPMS)' TESTS='$(TESTS)'

fuzz:
	@$(PACKAGES) libclang-rt-dev
	@+$(AGAIN) fuzz-built

fuzz-coverage:
	@$(PACKAGES) libclang-rt-dev llvm
	@+$(AGAIN) fuzz-coverage-built

soak:
	@$(PACKAGES) libssl-dev
	@+$(AGAIN) soak-built

demo:
	@$(PACKAGES)
	@test -e $(MODULE) || echo "Building the module ..."
	@+$(AGAIN) demo-built S=1

analyze:
	@$(PACKAGES) gcc clang-tidy cppcheck shellcheck
	@+$(AGAIN) analyze-built

asan:
	@$(PACKAGES) senders gcc
	@t/lib/neighbours.sh
	@+$(AGAIN) asan-built

tsan:
	@$(PACKAGES) senders gcc
	@t/lib/neighbours.sh
	@+$(AGAIN) tsan-built

memcheck:
	@$(PACKAGES) senders valgrind
	@t/lib/neighbours.sh
	@+$(AGAIN) memcheck-built

bench:
	@$(PACKAGES) valgrind strace libssl-dev
	@+$(AGAIN) bench-built

test-built: $(MODULE) $(SEND) $(CHECK)
	@APXS='$(APXS)' MPMS='$(MPMS)' t/lib/unprivileged.sh t/lib/run.sh $(TESTS)

check-built: $(MODULE) $(SEND) $(CHECK)
	@APXS='$(APXS)' t/lib/unprivileged.sh t/lib/run.sh --check

fuzz-built: have-apxs
	@APXS='$(APXS)' TIME='$(TIME)' t/fuzz/run.sh $(TARGETS)

fuzz-coverage-built: have-apxs
	@APXS='$(APXS)' t/fuzz/coverage.sh

soak-built: $(MODULE) $(SEND)
	@APXS='$(APXS)' TIME='$(TIME)' t/lib/unprivileged.sh t/soak/run $(MPMS)

analyze-built: have-apxs
	@APXS='$(APXS)' t/lib/analyze.sh

# Worker's way through the module is prefork's, with event's threads.
tsan-built: MPMS = event
memcheck-built: MPMS = event prefork

asan-built tsan-built memcheck-built: have-apxs
	@APXS='$(APXS)' MPMS='$(MPMS)' t/lib/unprivileged.sh --copy \
	    t/lib/instrumented.sh $(@:-built=) $(TESTS)

demo-built: $(MODULE) $(SEND) $(CHECK)
	@APXS='$(APXS)' t/lib/unprivileged.sh perl -It/lib t/demo/run

# What is measured comes by descriptor 3, from whatever folder it ran in.
bench-built: $(MODULE) $(SEND)
	@mkdir -p t/run/bench
	@APXS='$(APXS)' t/lib/unprivileged.sh t/bench/run $(ROWS) \
	    3> t/run/bench/results.json
	@t/bench/report t/run/bench

clean:
	rm -rf .libs src/.libs src/*/.libs t/run t/logs t/neighbours
	rm -f mod_proxyip.la mod_proxyip_send.la
	rm -f $(foreach folder,. src src/*,$(addprefix $(folder)/*.,o lo slo))
	rm -f t/unit/*.bin t/fuzz/*.bin t/fuzz/*.cov t/fuzz/*.fuzz
	rm -f t/conf/*.conf t/conf/mime.types
	rm -f t/conf/apache_test_config.pm

FORCE:
.PHONY: all proxyip-check install uninstall deb check check-built test \
    test-built test-trixie \
    fuzz fuzz-built fuzz-coverage fuzz-coverage-built soak soak-built asan \
    asan-built tsan tsan-built memcheck memcheck-built analyze analyze-built \
    demo demo-built bench bench-built clean have-apxs FORCE
