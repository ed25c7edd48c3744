# SPDX-License-Identifier: GPL-2.0
#
# make                   module for the running kernel (KDIR=... for another)
#                        and the ltp tool
# make install           both, with headers and manual pages
# make check             lint, unit tests, every test on one of the stock kernels
#                        and what differs between them on the others
# make check-full        every test on all of them
# make check-debug       every test on the debug kernel
# make fuzz              malformed and hostile input, TIME seconds of each
# make check-debug-x86   every test on an x86 debug kernel, CONFIG=kasan or kcsan
# make soak              random faults for TIME=1800 seconds, on KERNEL=6.12 or uml
# make demo              a small deep-space link, shown
# make bench             what it costs, beside UDP and TCP
# TESTS="transfer xps" and KERNELS="6.1 6.12" narrow a check down.

KDIR ?= /lib/modules/$(shell uname -r)/build
PREFIX ?= /usr/local
DESTDIR ?=
export PREFIX DESTDIR

H := selftests/harness

# Type information needs pahole; a module is as good without.
KMAKE := $(MAKE) -C $(KDIR) M=$(CURDIR) \
	$(if $(shell command -v pahole),,CONFIG_DEBUG_INFO_BTF_MODULES=)

all: modules tools

modules:
	$(KMAKE) modules

tools:
	$(MAKE) -C tools/ltp

modules_install: modules
	$(KMAKE) $(if $(DESTDIR),INSTALL_MOD_PATH=$(DESTDIR)) modules_install

headers_install:
	install -d $(DESTDIR)$(PREFIX)/include/linux
	install -m 644 uapi/linux/*.h $(DESTDIR)$(PREFIX)/include/linux/

tools_install: tools
	$(MAKE) -C tools/ltp install

install: modules_install headers_install tools_install

clean:
	-$(KMAKE) clean
	-$(MAKE) -C tools/ltp clean
	-$(MAKE) -C selftests clean
	$(RM) -r build

# What follows runs as root on Debian and fetches what it needs by itself.

setup:
	$(H)/setup.sh

lint: setup
	$(H)/lint.sh

unit:
	$(MAKE) -C selftests unit

check:
	$(H)/check.sh stock

check-full:
	FULL=all $(H)/check.sh stock

check-debug:
	$(H)/check.sh debug

fuzz: setup
	selftests/fuzz/fuzz.sh

check-debug-x86:
	$(H)/check.sh x86

soak:
	$(H)/soak.sh $(or $(TIME),1800) $(or $(KERNEL),6.12)

demo: setup
	$(H)/build.sh $(firstword $(KERNELS) 6.12)
	$(H)/vm.sh -t 600 $(firstword $(KERNELS) 6.12) selftests/demo.sh

bench: setup
	selftests/bench/bench.sh

.PHONY: all modules tools modules_install headers_install tools_install install
.PHONY: clean setup lint unit check check-full check-debug check-debug-x86 fuzz soak
.PHONY: bench demo
