# SPDX-License-Identifier: BSD-2-Clause
#
# One Makefile, rules only: what takes thought lives in scripts/. Sources are
# found by directory, so a new file needs no line here.
#
#   make                  all programs and libraries, into O (build)
#   make demo smoke check bench fuzz install clean
#   make demo BOARD=virt|q35|virtio|q35-virtio
#   O=DIR CC=clang SAN=address,undefined WERROR=1   choose a variant; V=1 shows commands
#
O ?= build
ifeq ($(origin CC),default)
CC := gcc
endif
SAN ?=
WERROR ?=
CFLAGS ?= -O2 -g
prefix ?= /usr/local
libdir ?= $(prefix)/lib
DESTDIR ?=
BOARD ?= virt
say = $(if $(V),,@echo '  $(1) $(2)' && )

VERSION := 0.1.0

# Programs are called from other directories: always by absolute path.
override O := $(abspath $(O))
QEMU7 ?= $(O)/qemu7/usr/bin/qemu-system-aarch64
QEMU10 ?= $(O)/qemu10/usr/bin/qemu-system-aarch64
QEMU7_X86 ?= $(O)/qemu7/usr/bin/qemu-system-x86_64
QEMU10_X86 ?= $(O)/qemu10/usr/bin/qemu-system-x86_64
export O QEMU7 QEMU10 QEMU7_X86 QEMU10_X86

.SUFFIXES:
.DELETE_ON_ERROR:
.PHONY: all tests deps deps-check demo smoke check lint bench fuzz install clean distclean FORCE
.PHONY: check-module check-unit check-wire check-board check-fuzz fuzz-build headers tidy
all:

# --- flags -------------------------------------------------------------------

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla \
	-Wimplicit-fallthrough $(if $(WERROR),-Werror)
STRICT := -Wconversion -Wsign-conversion
HARDEN := -fstack-protector-strong $(if $(SAN),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
SANFLAGS := $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
BASE := -std=gnu11 -D_GNU_SOURCE -DSMMUMAN_VERSION='"$(VERSION)"' -MMD -MP $(WARN) $(HARDEN) $(SANFLAGS)
LINK := -Wl,-z,relro,-z,now -Wl,--as-needed $(SANFLAGS)

lib = $(shell pkg-config --libs $(1) 2>/dev/null || echo $(2))
LIB_UV := $(call lib,libuv,-luv)
LIB_YAML := $(call lib,yaml-0.1,-lyaml)
LIB_JSON := $(call lib,jansson,-ljansson)
LIB_SYSTEMD := $(call lib,libsystemd,-lsystemd)
LIB_CMOCKA := $(call lib,cmocka,-lcmocka)
LIB_FDT := -lfdt

# What a directory may include: this is what keeps the layers apart.
MODULES := $(filter-out drivers/pgtable,$(patsubst %/,%,$(wildcard drivers/*/)))
DRIVERS := drivers drivers/pgtable $(MODULES)
I_common := -Icommon $(STRICT)
I_libsmmu := -Icommon -Ilibsmmu
I_drivers := -Icommon -Idrivers -Idrivers/pgtable $(STRICT)
I_drivers/pgtable := $(I_drivers) -O3
$(foreach m,$(MODULES),$(eval I_$(m) := $(I_drivers) -I$(m)))
I_policy := -Icommon -Ipolicy
I_smmuman := -Icommon -Ilibsmmu -Idrivers -Ipolicy -Ismmuman
I_clients/smmuctl := -Icommon -Ilibsmmu -Ipolicy -Iclients/smmuctl
I_clients/vboard := -Icommon -Ilibsmmu -Iclients/vboard
I_clients/edu := -Ilibsmmu -Iclients/edu
I_clients/nvme := -Ilibsmmu -Iclients/nvme
I_clients/minimal := -Ilibsmmu
I_tests := -Icommon -Ilibsmmu $(DRIVERS:%=-I%) -Ipolicy -Ismmuman -Iclients/vboard \
	-Iclients/smmuctl -Iclients/nvme -Itests -Itests/fake -Itests/board
$(foreach g,unit wire board fake fuzz bench,$(eval I_tests/$(g) := $(I_tests) -Itests/$(g)))
F_libsmmu/wire.c := $(STRICT)
I_tests/module := -Icommon -Idrivers
F_tests/unit/test_libsmmu_minimal.c := -Iclients/minimal
F_smmuman/options.c := -DOPTIONS_MODULES='"$(libdir)/smmuman"'

# The flags of one source: its directory's, then its own.
flags = $(BASE) $(CFLAGS) $(I_$(patsubst %/,%,$(dir $(1)))) $(F_$(1))

# --- objects: obj (programs), pic (shared library), rec (stores are recorded) --

src = $(foreach d,$(1),$(wildcard $(d)/*.c))
obj = $(patsubst %.c,$(O)/$(1)/%.o,$(2))

$(O)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(BASE) $(CFLAGS)' | cmp -s - $@ || echo '$(CC) $(BASE) $(CFLAGS)' > $@

$(O)/obj/%.o: %.c $(O)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(call flags,$<) -fPIE -c -o $@ $<

$(O)/pic/%.o: %.c $(O)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(call flags,$<) -fPIC -c -o $@ $<

$(O)/rec/%.o: %.c $(O)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(call flags,$<) -DHW_RECORD -fPIE -c -o $@ $<

# Where modules are is said in one source.
$(O)/libdir: FORCE
	@mkdir -p $(@D)
	@echo '$(libdir)' | cmp -s - $@ || echo '$(libdir)' > $@
$(O)/obj/smmuman/options.o $(O)/rec/smmuman/options.o: $(O)/libdir

# --- archives ------------------------------------------------------------------

MAINS := smmuman/main.c clients/smmuctl/main.c clients/vboard/main.c clients/nvme/main.c
members = $(filter-out $(MAINS),$(call src,$(1)))

A_common := $(call obj,obj,$(call src,common))
A_drivers := $(call obj,obj,$(call src,$(DRIVERS)))
A_drivers-record := $(call obj,rec,$(call src,$(DRIVERS)))
A_policy := $(call obj,obj,$(call src,policy))
A_smmu-all := $(call obj,obj,$(call src,libsmmu))
A_daemon := $(call obj,obj,$(call members,smmuman))
A_daemon-record := $(call obj,rec,$(call members,smmuman))
A_smmuctl := $(call obj,obj,$(call members,clients/smmuctl))
A_vboard := $(call obj,obj,$(call members,clients/vboard))
A_nvme := $(call obj,obj,$(call members,clients/nvme))
A_fake := $(call obj,rec,$(filter-out tests/fake/killpoints.c,$(call src,tests/fake)))
# The fakes a benchmark runs on, whose stores nobody records.
A_fake-plain := $(call obj,obj,$(wildcard $(addprefix tests/fake/,hw_fake.c machine_fake.c pci_fake.c srig.c \
	vtd_fake.c vtd_oracle.c auditor*.c vtdrig.c virtio_fake.c virtio_front.c vrig.c))) \
	$(call obj,rec,$(wildcard tests/fake/record.c))
ARCHIVES := common drivers drivers-record policy smmu-all daemon daemon-record smmuctl vboard nvme fake fake-plain
ar = $(foreach a,$(1),$(O)/lib$(a).a)

define archive
$(O)/lib$(1).a: $$(A_$(1))
	@rm -f $$@
	$$(call say,AR,$$@)ar rcs $$@ $$^
endef
$(foreach a,$(ARCHIVES),$(eval $(call archive,$(a))))

# The installed library: one object that shows the smmu_ names and no other.
SMMU_SRC := $(call src,libsmmu)
$(O)/libsmmu.o: $(A_smmu-all) $(A_common)
	$(call say,LD,$@)$(CC) -nostdlib -r -o $@ $^
	@objcopy --wildcard --keep-global-symbol='smmu_*' $@

$(O)/libsmmu.a: $(O)/libsmmu.o
	@rm -f $@
	$(call say,AR,$@)ar rcs $@ $^

$(O)/libsmmu.so.0: $(call obj,pic,$(SMMU_SRC) $(call src,common)) libsmmu/libsmmu.map
	$(call say,LD,$@)$(CC) -shared $(LINK) -Wl,-soname,libsmmu.so.0 \
		-Wl,--version-script=libsmmu/libsmmu.map -o $@ $(filter %.o,$^) -lpthread
	@ln -sf libsmmu.so.0 $(O)/libsmmu.so

# --- programs: built only where their sources are ------------------------------

LIBS_smmuman := $(LIB_UV) $(LIB_YAML) $(LIB_JSON) $(LIB_SYSTEMD) $(LIB_FDT)
P_smmuman := $(call obj,obj,smmuman/main.c) $(call ar,daemon drivers smmu-all policy common)
P_smmuman-killpoints := $(call obj,rec,smmuman/main.c $(wildcard tests/fake/killpoints.c)) \
	$(call ar,daemon-record drivers-record smmu-all policy common)
LIBS_smmuman-killpoints := $(LIBS_smmuman)
# What a module that is loaded finds in the program, and nothing else.
LINK_smmuman := -Wl,--dynamic-list=drivers/module.syms
LINK_smmuman-killpoints := $(LINK_smmuman)
$(O)/smmuman $(O)/smmuman-killpoints: drivers/module.syms
P_smmuctl := $(call obj,obj,clients/smmuctl/main.c) $(call ar,smmuctl) $(O)/libsmmu.a $(call ar,policy common)
LIBS_smmuctl := $(LIB_JSON) $(LIB_YAML)
P_smmu-vboard := $(call obj,obj,clients/vboard/main.c) $(call ar,vboard common)
LIBS_smmu-vboard := $(LIB_FDT)
P_edu-driver := $(call obj,obj,$(call src,clients/edu)) $(O)/libsmmu.a
P_nvme-driver := $(call obj,obj,clients/nvme/main.c) $(call ar,nvme) $(O)/libsmmu.a

PROGRAMS := $(if $(wildcard smmuman/main.c),smmuman) \
	$(if $(wildcard tests/fake/killpoints.c),$(if $(wildcard smmuman/main.c),smmuman-killpoints)) \
	$(if $(wildcard clients/smmuctl/main.c),smmuctl) \
	$(if $(wildcard clients/vboard/main.c),smmu-vboard) \
	$(if $(call src,clients/edu),$(if $(SMMU_SRC),edu-driver)) \
	$(if $(wildcard clients/nvme/main.c),$(if $(SMMU_SRC),nvme-driver))

define program
$(O)/$(1): $$(P_$(1))
	$$(call say,LD,$$@)$(CC) -pie $(LINK) $$(LINK_$(1)) -o $$@ $$(filter %.o,$$^) \
		-Wl,--start-group $$(filter %.a,$$^) -Wl,--end-group $$(LIBS_$(1)) -lpthread
endef
$(foreach p,$(PROGRAMS),$(eval $(call program,$(p))))

LIBRARIES := $(if $(SMMU_SRC),libsmmu.a $(if $(wildcard libsmmu/libsmmu.map),libsmmu.so.0))

all: $(call ar,$(filter-out fake fake-plain,$(ARCHIVES))) $(addprefix $(O)/,$(LIBRARIES) $(PROGRAMS))

# --- modules: files of their own, built from what is installed for their authors --

MODULE_HEADERS := $(addprefix common/,arith.h bits.h error.h list.h log.h types.h) \
	$(addprefix drivers/,driver.h hw.h pages.h pgtable/pgtable.h)
EXAMPLES := $(patsubst tests/module/%.c,$(O)/module/%.so,$(wildcard tests/module/smmu-*.c))
ODD := $(addprefix $(O)/module/,odd.so odd-NO_SYMBOL.so odd-NO_HOST.so)

$(O)/module/include: $(MODULE_HEADERS)
	@mkdir -p $@
	@cp $^ $@ && touch $@

$(O)/module/%.so: tests/module/%.c $(O)/module/include $(O)/flags
	$(call say,LD,$@)$(CC) $(BASE) $(CFLAGS) -fPIC -shared -I$(O)/module/include -o $@ $<

$(O)/module/odd-%.so: tests/module/odd.c $(O)/module/include $(O)/flags
	$(call say,LD,$@)$(CC) $(BASE) $(CFLAGS) -fPIC -shared -D$* -I$(O)/module/include -o $@ $<

$(O)/test/unit/test_module_load: | $(ODD)
$(O)/test/board/test_module: | $(EXAMPLES) $(O)/smmuman

# --- tests: tests/GROUP/test_x.c is a program, other files there are shared ----

# Programs that carry the daemon's and the library's insides.
INSIDES := $(call ar,daemon-record drivers-record fake smmu-all policy common)
INSIDES_bench := $(call ar,fake-plain daemon drivers smmu-all policy common)
# Tests that are about one client carry that client's insides instead.
insides = $(if $(findstring /test_vboard,$(1)),$(call ar,vboard common),$(if \
	$(findstring /test_smmuctl,$(1)),$(call ar,smmuctl smmu-all policy common),$(if \
	$(findstring /unit/test_nvme,$(1)),$(NVME_FAKE) $(call ar,nvme common),$(if \
	$(findstring /board/test_nvme,$(1)),$(call ar,nvme) $(INSIDES),$(INSIDES)))))

group = $(patsubst tests/%.c,$(O)/test/%,$(wildcard tests/$(1)/$(2)_*.c))
shared = $(call obj,$(3),$(filter-out tests/$(1)/$(2)_%,$(call src,tests/$(1))))
# It plays the library, which other tests have: for the one test that wants it.
NVME_FAKE := $(O)/rec/tests/unit/nvme_fake.o
A_in-unit := $(filter-out $(NVME_FAKE),$(call shared,unit,test,rec))
A_in-wire := $(call shared,wire,test,rec)
A_in-board := $(call shared,board,test,rec)
A_in-fuzz := $(call shared,fuzz,fuzz,rec)
A_in-bench := $(call shared,bench,bench,obj)
$(foreach a,in-unit in-wire in-board in-fuzz in-bench,$(eval $(call archive,$(a))))
UNIT := $(call group,unit,test)
WIRE := $(call group,wire,test)
BOARD_TESTS := $(call group,board,test)
FUZZ := $(call group,fuzz,fuzz)
BENCH := $(call group,bench,bench)
SMOKE := $(filter $(O)/test/board/test_vboard%,$(BOARD_TESTS))
LIBS_test := $(LIBS_smmuman) $(LIB_CMOCKA)

comma := ,
# $(1) program, $(2) its object, $(3) more prerequisites, $(4) more flags
define test_program
$(1): $(2) $(3)
	@mkdir -p $$(@D)
	$$(call say,LD,$$@)$(CC) -pie $(LINK) $(4) -o $$@ $$(filter %.o,$$^) -Wl,--start-group $$(filter %.a,$$^) \
		-Wl,--end-group $(LIBS_test) -lpthread
endef
test_o = $(O)/$(2)/tests/$(patsubst $(O)/test/%,%,$(1)).o
each = $(foreach t,$(1),$(eval $(call test_program,$(t),$(call test_o,$(t),$(2)),$(3) $(4),$(5))))
$(foreach t,$(UNIT),$(call each,$(t),rec,$(call ar,in-unit),$(call insides,$(t))))
# What these find may be twisted: tests/wire/twist.c.
$(call each,$(WIRE),rec,$(call ar,in-wire),$(INSIDES),-Wl$(comma)--wrap=drv_find$(comma)--wrap=topology_scan_pci)
$(foreach t,$(BOARD_TESTS),$(call each,$(t),rec,$(call ar,in-board),$(call insides,$(t))))
$(call each,$(FUZZ),rec,$(call ar,in-fuzz),$(INSIDES) $(call ar,vboard),-fsanitize=fuzzer)
$(call each,$(BENCH),obj,$(call ar,in-bench),$(INSIDES_bench))

tests: all $(UNIT) $(WIRE) $(BOARD_TESTS)

check-unit: $(UNIT)
	@scripts/run-tests unit $^

check-wire: all $(WIRE)
	@scripts/run-tests wire $(WIRE)

check-board: all $(BOARD_TESTS)
	@scripts/run-tests board $(BOARD_TESTS)

# A module is built from what `make install` puts in place.
check-module: all
	+O=$(O) MAKE=$(MAKE) CC=$(CC) scripts/check-module

fuzz-build: $(FUZZ)

FUZZ_MAKE = $(MAKE) --no-print-directory O=$(O)/fuzz CC=clang SAN=address,undefined,fuzzer-no-link CFLAGS='-O1 -g'
check-fuzz:
	+$(FUZZ_MAKE) fuzz-build
	scripts/run-fuzz runs $(O)/fuzz

fuzz:
	+$(FUZZ_MAKE) fuzz-build
	scripts/run-fuzz seconds $(O)/fuzz

bench: all $(BENCH)
	scripts/run-bench $(BENCH)

# --- everything else is a script -----------------------------------------------

deps:
	scripts/deps build
	scripts/qemu-fetch 7

deps-check: deps
	scripts/deps check
	scripts/qemu-fetch 10

demo: deps
	+$(MAKE) --no-print-directory all
	BOARD=$(BOARD) scripts/demo

smoke: deps
	+$(MAKE) --no-print-directory $(O)/smmu-vboard $(SMOKE)
	scripts/run-tests board $(SMOKE)

lint: headers tidy
	scripts/lint

check: deps-check
	+scripts/check

# Every header compiles alone, with the include paths of its directory.
CHECKED := $(patsubst I_%,%,$(filter I_%,$(.VARIABLES)))
HEADERS := $(wildcard $(CHECKED:%=%/*.h))
plain = $(filter-out -MMD -MP -W% -fsanitize=% -O%,$(call flags,$(1)))
headers: $(HEADERS:%=$(O)/headers/%.ok)
$(O)/headers/%.ok: %
	@mkdir -p $(@D)
	@$(CC) $(call plain,$<) -Wall -Wextra -Werror -fsyntax-only -x c -include $< /dev/null && touch $@

# clang-tidy with the flags each file is compiled with; tests a little less strictly.
TIDY_TESTS := -clang-analyzer-*,-bugprone-implicit-widening-of-multiplication-result
tidy: $(patsubst %,$(O)/tidy/%.ok,$(call src,$(CHECKED)))
$(O)/tidy/%.ok: % $(HEADERS) .clang-tidy
	@mkdir -p $(@D)
	@clang-tidy --quiet $(if $(filter tests/%,$<),--checks=$(TIDY_TESTS)) $< -- \
		$(call plain,$<) $(if $(filter tests/%,$<),-DHW_RECORD) >$@.log 2>&1 \
		|| { cat $@.log; exit 1; }
	@touch $@

install: all
	install -d $(addprefix $(DESTDIR),$(prefix)/bin $(prefix)/sbin $(libdir)/pkgconfig \
		$(prefix)/include/smmuman $(libdir)/smmuman $(prefix)/share/doc/smmuman/examples)
	install -m 755 $(addprefix $(O)/,$(filter smmuman,$(PROGRAMS))) $(DESTDIR)$(prefix)/sbin/
	install -m 755 $(addprefix $(O)/,$(filter smmuctl smmu-vboard,$(PROGRAMS))) $(DESTDIR)$(prefix)/bin/
	install -m 755 $(O)/libsmmu.so.0 $(DESTDIR)$(libdir)/
	ln -sf libsmmu.so.0 $(DESTDIR)$(libdir)/libsmmu.so
	install -m 644 $(O)/libsmmu.a $(DESTDIR)$(libdir)/
	for p in libsmmu/smmu drivers/smmu-module; do \
		sed -e 's|@prefix@|$(prefix)|' -e 's|@libdir@|$(libdir)|' -e 's|@version@|$(VERSION)|' \
			$$p.pc.in > $(DESTDIR)$(libdir)/pkgconfig/$${p##*/}.pc; done
	install -m 644 libsmmu/smmu.h $(DESTDIR)$(prefix)/include/
	install -m 644 $(MODULE_HEADERS) $(DESTDIR)$(prefix)/include/smmuman/
	for m in man/*.[1-8]; do \
		install -D -m 644 $$m $(DESTDIR)$(prefix)/share/man/man$${m##*.}/$${m##*/}; done
	install -m 644 $(wildcard policy/*.yaml policy/*.json dist/*.yaml tests/module/smmu-*.c) \
		$(DESTDIR)$(prefix)/share/doc/smmuman/examples/
	install -D -m 644 -t $(DESTDIR)$(prefix)/lib/systemd/system $(wildcard dist/*.service)
	install -D -m 644 dist/smmuman.sysusers $(DESTDIR)$(prefix)/lib/sysusers.d/smmuman.conf

# Fetched QEMUs stay; distclean takes them too.
clean:
	rm -rf $(addprefix $(O)/,flags libdir module obj pic rec test headers tidy gcc clang san fuzz *.a *.o *.so* *.pc \
		$(PROGRAMS))

distclean: clean
	rm -rf $(addprefix $(O)/,qemu7 qemu10 apt)

-include $(shell find $(O)/obj $(O)/pic $(O)/rec -name '*.d' 2>/dev/null)
