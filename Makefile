# Makefile - builds, tests and installs dlwatch; `make help` lists what it does
#
# Nothing is asked of the machine while this file is read: compiler and
# libraries may still be missing, and `make check` or `make demo` on a fresh
# machine installs them first (scripts/deps.sh).

VERSION := 0.1.0

# ---- what a user may set ---------------------------------------------------

O       ?= build
PREFIX  ?= /usr/local
DESTDIR ?=
PYTHON  ?= /usr/bin/python3
AR      ?= ar
SAN     ?=
CFLAGS  ?=
LDFLAGS ?=
# T=WORD: build and run only the unit and property tests with WORD in the name
T       ?=
# make soak: the first seed, and how long
SEED    ?= 1
SECONDS ?= 600

ifeq ($(origin CC),default)
CC := gcc
endif
ifeq ($(origin CXX),default)
CXX := g++
endif

# ---- flags -----------------------------------------------------------------

WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes
ifdef DEVELOPER
WARNINGS += -Werror
endif

BASE := -std=gnu11 -D_GNU_SOURCE -g $(WARNINGS) -Iinclude -I.

# Initial-exec TLS: the hooks look at their thread record on every call, and
# the general model would cost them a call of __tls_get_addr each time.
# No -fexceptions: a cancelled thread unwinds through the hooks by their tables
# alone, and pthread_cleanup_push() puts their records right without libgcc_s.
# Each function at the beginning of a line of the cache: else what a hook costs
# depends on how long those before it happen to be, by up to seven in a hundred.
SHIM_CFLAGS := $(BASE) -O2 -fPIC -fvisibility=hidden -fno-exceptions -fasynchronous-unwind-tables \
	-ftls-model=initial-exec -falign-functions=64 -DDLW_VERSION='"$(VERSION)"' $(CFLAGS)

# Bound at load (-z now), so that no hook ever enters the lazy resolver, and
# never unloaded (nodelete).  libc is the one library the shim may bring into
# somebody else's program.
SHIM_LDFLAGS := -shared -Wl,-soname,libdlwatch.so -Wl,--no-undefined \
	-Wl,-z,now -Wl,-z,relro -Wl,-z,nodelete -Wl,--as-needed $(LDFLAGS)

SANITIZE := $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer)
ifneq ($(findstring undefined,$(SAN)),)
SANITIZE += -fno-sanitize-recover=undefined
endif

TOOL_CFLAGS  := $(BASE) -O2 -pthread $(SANITIZE) -DDLW_VERSION='"$(VERSION)"' $(CFLAGS)
TOOL_LDFLAGS := -pthread $(SANITIZE) $(LDFLAGS)
TOOL_LIBS    := -ldw -lelf -ljansson -lzstd

# What is watched is compiled like an ordinary program, never sanitized.
PROGRAM_CFLAGS   := -std=gnu11 -D_GNU_SOURCE -O1 -g -pthread $(WARNINGS) -Iinclude
PROGRAM_CXXFLAGS := -std=c++17 -O1 -g -pthread -Wall -Wextra -Iinclude
ifdef DEVELOPER
PROGRAM_CXXFLAGS += -Werror
endif

# ---- what there is to build -------------------------------------------------

CORE_SRC     := $(sort $(wildcard core/*.c core/predict/*.c core/watch/*.c))
SHIM_SRC     := $(sort $(wildcard shim/*.c shim/*.S))
ANALYZER_SRC := $(sort $(wildcard analyzer/*.c))

SHIM_OBJ := $(patsubst %,$(O)/obj/pic/%.o,$(basename $(CORE_SRC) $(SHIM_SRC)))
CORE_OBJ := $(CORE_SRC:%.c=$(O)/obj/tool/%.o)
ANALYZER_OBJ := $(ANALYZER_SRC:%.c=$(O)/obj/tool/%.o)
MAIN_OBJ := $(filter %/analyzer/main.o,$(ANALYZER_OBJ))
ANALYZER_LIB_OBJ := $(filter-out $(MAIN_OBJ),$(ANALYZER_OBJ))

SAMPLES := $(patsubst samples/%.c,$(O)/samples/%,$(wildcard samples/*.c)) \
	$(patsubst samples/%,$(O)/samples/%,$(wildcard samples/*.py))

UNIT     := $(patsubst %.c,$(O)/%,$(sort $(wildcard tests/unit/test_*.c)))
PROPERTY := $(patsubst %.c,$(O)/%,$(sort $(wildcard tests/property/*.c)))
FUZZED   := $(patsubst %.c,$(O)/%,$(filter-out %/replay.c,$(sort $(wildcard tests/fuzz/*.c))))
# What several unit tests share: tests/unit/*.c that is no test itself.
HELPER_SRC := $(filter-out tests/unit/test_%,$(wildcard tests/unit/*.c))
HELPER_OBJ := $(HELPER_SRC:%.c=$(O)/obj/tool/%.o)
HELPERS    := $(if $(HELPER_SRC),$(O)/obj/helpers.a)
ifneq ($(T),)
UNIT     := $(foreach t,$(UNIT),$(if $(findstring $(T),$(notdir $(t))),$(t)))
PROPERTY := $(foreach t,$(PROPERTY),$(if $(findstring $(T),$(notdir $(t))),$(t)))
endif

# tests/e2e/lib*.c: libraries that fixtures are linked with.
FIXTURES := $(patsubst %.c,$(O)/%,$(filter-out tests/e2e/lib%,$(wildcard tests/e2e/*.c)) \
	$(wildcard tests/transparency/*.c)) \
	$(patsubst %.cc,$(O)/%,$(wildcard tests/e2e/*.cc tests/transparency/*.cc))
GENERATED := $(O)/tests/generated/scenario $(O)/tests/generated/correct
# micro_*.c: parts of one program, built once more for ThreadSanitizer.
MICRO_SRC := $(wildcard tests/bench/micro*.c)
BENCH := $(patsubst %.c,$(O)/%,$(filter-out tests/bench/micro_%,$(wildcard tests/bench/*.c))) \
	$(O)/tests/bench/micro_tsan

SHIM := $(if $(SHIM_SRC),$(O)/libdlwatch.so)
TOOL := $(if $(MAIN_OBJ),$(O)/dlwatch)

# ---- talk: one short line a step, the whole command with V=1 ------------------

ifeq ($(V),1)
Q :=
say = @:
else
Q := @
say = @printf '  %-7s %s\n'
endif

# ---- targets people call -----------------------------------------------------

.DEFAULT_GOAL := all
.PHONY: all help deps tests check unit property corpora schema e2e generated transparency soak trials demo bench \
	fuzz soak-predict soak-log instructions renew-instructions install uninstall clean FORCE
.DELETE_ON_ERROR:
.SECONDARY:

all: $(SHIM) $(TOOL) $(SAMPLES)

help:
	@echo 'make            the shim, the dlwatch command and the samples, into build/'
	@echo 'make demo       installs what is missing, then two deadlocks and their reports'
	@echo 'make check      installs what is missing, builds, runs every test'
	@echo 'make unit | property | corpora | schema | e2e | generated | transparency | instructions'
	@echo '                one kind of test (T=WORD: only those)'
	@echo 'make trials     servers that are installed, under load, with and without dlwatch'
	@echo 'make soak       generated deadlocks and cures without end (SEED=1 SECONDS=600)'
	@echo 'make bench      what dlwatch costs, as ratios to the native run (BENCH_ARGS=--quick)'
	@echo 'make soak-log   SIGKILL at a thousand moments: nothing that was logged is lost (TIMES=1000)'
	@echo 'make fuzz       the readers against damaged input (FUZZ_SECONDS=60 each; needs clang)'
	@echo 'make soak-predict   the prediction against brute force (CASES=1000000 SEED=1)'
	@echo 'make deps       only installs what is missing (Debian packages)'
	@echo 'make install    PREFIX=/usr/local DESTDIR=; make uninstall takes it away again'
	@echo 'make clean      removes what was built'
	@echo
	@echo 'V=1             show whole commands          O=DIR         build there'
	@echo 'CC=clang        another compiler             DEVELOPER=1   warnings are errors'
	@echo 'SAN=address,undefined | SAN=thread           sanitize core, command and tests'

deps:
	@scripts/deps.sh

tests: all $(UNIT) $(PROPERTY) $(FUZZED) $(FIXTURES) $(GENERATED) $(O)/tests/bench/micro

# Whoever asked for no number of jobs gets one a processor.
PARALLEL = $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j"$$(nproc)")

# One after the other, also under -j: nothing can be built before deps is done.
check:
	@scripts/deps.sh
	@$(MAKE) --no-print-directory $(PARALLEL) tests
	@O='$(O)' CC='$(CC)' PYTHON='$(PYTHON)' T='$(T)' V='$(V)' scripts/check.sh \
		unit property corpora schema e2e generated transparency bench instructions core exports docs format

unit: $(UNIT)
	@O='$(O)' T='$(T)' V='$(V)' scripts/check.sh unit

property: $(PROPERTY)
	@O='$(O)' T='$(T)' V='$(V)' scripts/check.sh property

corpora: $(FUZZED)
	@O='$(O)' T='$(T)' V='$(V)' scripts/check.sh corpora

schema: all
	@O='$(O)' PYTHON='$(PYTHON)' T='$(T)' V='$(V)' scripts/check.sh schema

e2e: all $(FIXTURES)
	@O='$(O)' PYTHON='$(PYTHON)' T='$(T)' V='$(V)' scripts/check.sh e2e

transparency: all $(FIXTURES)
	@O='$(O)' PYTHON='$(PYTHON)' T='$(T)' V='$(V)' scripts/check.sh transparency

generated: all $(GENERATED)
	@O='$(O)' PYTHON='$(PYTHON)' T='$(T)' V='$(V)' scripts/check.sh generated

instructions: all $(O)/tests/bench/micro
	@O='$(O)' PYTHON='$(PYTHON)' T='$(T)' V='$(V)' scripts/check.sh instructions

# After a change of the hot path that is meant: commit what it writes.
renew-instructions: all $(O)/tests/bench/micro
	@O='$(O)' $(PYTHON) tests/instructions/run.py --renew

# Servers under load: minutes, and only what is installed.
trials: all $(GENERATED)
	@O='$(O)' $(PYTHON) tests/trials/run.py
	@O='$(O)' $(PYTHON) tests/trials/scale.py

soak: all $(GENERATED)
	@O='$(O)' $(PYTHON) tests/generated/run.py --seed $(SEED) --seconds $(SECONDS)

demo:
	@scripts/deps.sh
	@$(MAKE) --no-print-directory $(PARALLEL) all
	@O='$(O)' scripts/demo.sh two_locks philosophers

# One of the measured programs is large: without it, it is left out.
bench:
	@scripts/deps.sh
	@scripts/deps.sh ffmpeg || echo '  ffmpeg is not measured'
	@$(MAKE) --no-print-directory $(PARALLEL) all $(BENCH)
	@$(PYTHON) scripts/bench.py --build '$(O)' $(BENCH_ARGS)

# TIMES: how often a program is killed under load
soak-log: all $(O)/tests/e2e/crash_load
	@O='$(O)' $(PYTHON) tests/e2e/killed.py $(or $(TIMES),1000)

fuzz:
	@O='$(O)' scripts/fuzz.sh

soak-predict: $(O)/tests/property/predict $(O)/tests/property/nestings
	@CASES='$(or $(CASES),1000000)' SEED='$(or $(SEED),1)' $(O)/tests/property/nestings
	@CASES='$(or $(CASES),1000000)' SEED='$(or $(SEED),1)' $<

clean:
	@rm -rf $(O)/obj $(O)/samples $(O)/tests $(O)/ci $(O)/fuzz $(O)/log
	@rm -f $(O)/libdlwatch.so $(O)/dlwatch
	@rmdir $(O) 2>/dev/null || true

# ---- installation --------------------------------------------------------------

SHARE := $(DESTDIR)$(PREFIX)/share
LIB   := $(DESTDIR)$(PREFIX)/lib
INSTALLED_SAMPLES := $(LIB)/dlwatch/samples

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(LIB)/pkgconfig $(INSTALLED_SAMPLES)
	install -d $(DESTDIR)$(PREFIX)/include/dlwatch
	install -d $(SHARE)/man/man1 $(SHARE)/man/man3 $(SHARE)/man/man7
	install -d $(SHARE)/bash-completion/completions $(SHARE)/zsh/site-functions
	install -d $(SHARE)/fish/vendor_completions.d
	install -m 755 $(TOOL) $(DESTDIR)$(PREFIX)/bin/
	install -m 755 $(SHIM) $(LIB)/
	install -m 755 $(SAMPLES) $(INSTALLED_SAMPLES)/
	install -m 644 include/dlwatch.h $(DESTDIR)$(PREFIX)/include/
	install -m 644 $(wildcard include/dlwatch/*) $(DESTDIR)$(PREFIX)/include/dlwatch/
	install -m 644 docs/man/dlwatch.1 $(SHARE)/man/man1/
	install -m 644 docs/man/dlwatch.h.3 $(SHARE)/man/man3/
	install -m 644 docs/man/libdlwatch.7 $(SHARE)/man/man7/
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@VERSION@|$(VERSION)|' scripts/dlwatch.pc.in \
		>$(LIB)/pkgconfig/dlwatch.pc
	install -m 644 scripts/completions/dlwatch.bash $(SHARE)/bash-completion/completions/dlwatch
	install -m 644 scripts/completions/_dlwatch $(SHARE)/zsh/site-functions/
	install -m 644 scripts/completions/dlwatch.fish $(SHARE)/fish/vendor_completions.d/

uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/dlwatch $(LIB)/libdlwatch.so $(LIB)/pkgconfig/dlwatch.pc
	rm -f $(DESTDIR)$(PREFIX)/include/dlwatch.h
	rm -rf $(DESTDIR)$(PREFIX)/include/dlwatch $(LIB)/dlwatch
	rm -f $(SHARE)/man/man1/dlwatch.1 $(SHARE)/man/man3/dlwatch.h.3 $(SHARE)/man/man7/libdlwatch.7
	rm -f $(SHARE)/bash-completion/completions/dlwatch $(SHARE)/zsh/site-functions/_dlwatch
	rm -f $(SHARE)/fish/vendor_completions.d/dlwatch.fish

# ---- a change of flags, compiler or file list rebuilds what it touches ----------

# $(1) file, $(2) what it must say: rewritten only when it says something else.
define remember
$(1): FORCE
	@mkdir -p $$(@D)
	@printf '%s\n' '$(subst ','\'',$(2))' | cmp -s - $$@ || \
		printf '%s\n' '$(subst ','\'',$(2))' >$$@
endef

FLAGS := $(O)/obj/flags
$(eval $(call remember,$(FLAGS).shim,$(CC) $(SHIM_CFLAGS) $(SHIM_LDFLAGS)))
$(eval $(call remember,$(FLAGS).tool,$(CC) $(TOOL_CFLAGS) $(TOOL_LDFLAGS) $(TOOL_LIBS)))
$(eval $(call remember,$(FLAGS).program,$(CC) $(PROGRAM_CFLAGS) $(CXX) $(PROGRAM_CXXFLAGS)))
$(eval $(call remember,$(FLAGS).shim-list,$(SHIM_OBJ)))
$(eval $(call remember,$(FLAGS).core-list,$(CORE_OBJ)))
$(eval $(call remember,$(FLAGS).analyzer-list,$(ANALYZER_LIB_OBJ)))
$(eval $(call remember,$(FLAGS).helper-list,$(HELPER_OBJ)))

# ---- objects ---------------------------------------------------------------------

$(O)/obj/pic/%.o: %.c $(FLAGS).shim
	$(say) 'CC pic' $<
	@mkdir -p $(@D)
	$(Q)$(CC) $(SHIM_CFLAGS) -MMD -MP -c -o $@ $<

$(O)/obj/pic/%.o: %.S $(FLAGS).shim
	$(say) 'AS pic' $<
	@mkdir -p $(@D)
	$(Q)$(CC) $(SHIM_CFLAGS) -MMD -MP -c -o $@ $<

$(O)/obj/tool/%.o: %.c $(FLAGS).tool
	$(say) CC $<
	@mkdir -p $(@D)
	$(Q)$(CC) $(TOOL_CFLAGS) -MMD -MP -c -o $@ $<

$(O)/obj/core.a: $(CORE_OBJ) $(FLAGS).core-list
	$(say) AR $@
	$(Q)rm -f $@ && $(AR) rcs $@ $(CORE_OBJ)

$(O)/obj/analyzer.a: $(ANALYZER_LIB_OBJ) $(FLAGS).analyzer-list
	$(say) AR $@
	$(Q)rm -f $@ && $(AR) rcs $@ $(ANALYZER_LIB_OBJ)

$(O)/obj/helpers.a: $(HELPER_OBJ) $(FLAGS).helper-list
	$(say) AR $@
	$(Q)rm -f $@ && $(AR) rcs $@ $(HELPER_OBJ)

# It looks which commands there are.
$(O)/obj/tool/analyzer/commands.o: $(FLAGS).analyzer-list

# ---- programs --------------------------------------------------------------------

$(O)/libdlwatch.so: $(SHIM_OBJ) $(FLAGS).shim-list
	$(say) LD $@
	$(Q)$(CC) $(SHIM_LDFLAGS) -o $@ $(SHIM_OBJ)

$(O)/dlwatch: $(MAIN_OBJ) $(O)/obj/analyzer.a $(O)/obj/core.a
	$(say) LD $@
	$(Q)$(CC) $(TOOL_LDFLAGS) -o $@ $^ $(TOOL_LIBS)

$(O)/tests/unit/% $(O)/tests/property/%: TEST_LIBS := -lcmocka

$(O)/tests/unit/%: $(O)/obj/tool/tests/unit/%.o $(HELPERS) $(O)/obj/analyzer.a $(O)/obj/core.a
	$(say) LD $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(TOOL_LDFLAGS) -o $@ $^ $(TEST_LIBS) $(TOOL_LIBS)

$(O)/tests/property/%: $(O)/obj/tool/tests/property/%.o $(HELPERS) $(O)/obj/analyzer.a $(O)/obj/core.a
	$(say) LD $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(TOOL_LDFLAGS) -o $@ $^ $(TEST_LIBS) $(TOOL_LIBS)

$(O)/tests/fuzz/%: $(O)/obj/tool/tests/fuzz/%.o $(O)/obj/tool/tests/fuzz/replay.o $(O)/obj/analyzer.a \
		$(O)/obj/core.a
	$(say) LD $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(TOOL_LDFLAGS) -o $@ $^ $(TOOL_LIBS)

# What remembers stacks and notes nestings is tested as it is in the shim.
$(O)/tests/property/stacks: TEST_LIBS := -lcmocka
$(O)/tests/property/stacks: $(O)/obj/pic/shim/trace_cache.o
$(O)/tests/property/nestings: TEST_LIBS := $(O)/obj/core.a -lcmocka
$(O)/tests/property/nestings: $(patsubst %,$(O)/obj/pic/shim/%.o,hook_mutex_nested nesting nesting_notes hold \
	object lock)

define build_program
	@mkdir -p $(@D) $(@D:$(O)/%=$(O)/obj/program/%)
	$(Q)$(1) -MMD -MP -MT $@ -MF $(@:$(O)/%=$(O)/obj/program/%).d -o $@ $< $(2)
endef

$(O)/samples/%: samples/%.c $(FLAGS).program
	$(say) CC $<
	$(call build_program,$(CC) $(PROGRAM_CFLAGS))

$(O)/samples/%.py: samples/%.py
	$(say) COPY $<
	@mkdir -p $(@D)
	$(Q)install -m 755 $< $@

$(O)/tests/e2e/%: tests/e2e/%.c $(FLAGS).program
	$(say) CC $<
	$(call build_program,$(CC) $(PROGRAM_CFLAGS),$(FIXTURE_LIBS))

$(O)/tests/e2e/lib%.so: tests/e2e/lib%.c $(FLAGS).program
	$(say) LD $<
	$(call build_program,$(CC) $(PROGRAM_CFLAGS) -fPIC -shared)

$(O)/tests/e2e/overtaken: $(O)/tests/e2e/libgate.so
$(O)/tests/e2e/overtaken: FIXTURE_LIBS := -L$(O)/tests/e2e -lgate -Wl,-rpath,'$$ORIGIN'

$(O)/tests/e2e/odd_frame: PROGRAM_CFLAGS += -fno-asynchronous-unwind-tables -fno-unwind-tables
$(O)/tests/e2e/without_tables: PROGRAM_CFLAGS += -fno-asynchronous-unwind-tables \
	-fno-unwind-tables -fno-omit-frame-pointer -fno-optimize-sibling-calls

$(O)/tests/e2e/%: tests/e2e/%.cc $(FLAGS).program
	$(say) CXX $<
	$(call build_program,$(CXX) $(PROGRAM_CXXFLAGS))

$(O)/tests/transparency/%: tests/transparency/%.c $(FLAGS).program
	$(say) CC $<
	$(call build_program,$(CC) $(PROGRAM_CFLAGS))

$(O)/tests/transparency/%: tests/transparency/%.cc $(FLAGS).program
	$(say) CXX $<
	$(call build_program,$(CXX) $(PROGRAM_CXXFLAGS))

# Programs of several files: NAME.c, NAME_*.c.
$(GENERATED): $(wildcard tests/generated/*.c tests/generated/*.h) $(FLAGS).program
	$(say) CC $(@:$(O)/%=%)
	@mkdir -p $(@D)
	$(Q)$(CC) $(PROGRAM_CFLAGS) -o $@ $(wildcard $(@:$(O)/%=%)*.c)

# Measured programs are compiled as programs that care about speed are.
$(O)/tests/bench/sqlite_threads: BENCH_LIBS := -lsqlite3
$(O)/tests/bench/%: tests/bench/%.c $(FLAGS).program
	$(say) CC $<
	$(call build_program,$(CC) $(PROGRAM_CFLAGS) -I. -O2,$(BENCH_LIBS))

$(O)/tests/bench/micro_tsan: MICRO_CFLAGS := -fsanitize=thread
$(O)/tests/bench/micro $(O)/tests/bench/micro_tsan: $(MICRO_SRC) tests/bench/micro.h $(FLAGS).program
	$(say) CC $(@:$(O)/%=%)
	@mkdir -p $(@D)
	$(Q)$(CC) $(PROGRAM_CFLAGS) -O2 $(MICRO_CFLAGS) -o $@ $(MICRO_SRC)

# ---- header dependencies, as the compiler saw them ---------------------------------

-include $(SHIM_OBJ:.o=.d) $(CORE_OBJ:.o=.d) $(ANALYZER_OBJ:.o=.d) $(HELPER_OBJ:.o=.d)
-include $(patsubst $(O)/%,$(O)/obj/tool/%.d,$(UNIT) $(PROPERTY) $(FUZZED))
-include $(patsubst $(O)/%,$(O)/obj/program/%.d,$(SAMPLES) $(FIXTURES) $(BENCH))
