# make                 release build: build/release/penchant
# make MODE=asan       address and undefined-behaviour sanitizers: build/asan/penchant
# make MODE=tsan       thread sanitizer: build/tsan/penchant
# make tests           every test program of the mode (run them with ./test)
# make fuzz            libFuzzer targets (clang): build/fuzz/fuzz_<parser>
# make unit-<room>     builds and runs the unit tests of one room, linked with what src/LAYERS allows it
# make install         PREFIX=/usr/local
# CC=clang CXX=clang++ and BUILD_ROOT=dir as usual.

MODE       ?= release
BUILD_ROOT ?= build
BUILD      := $(BUILD_ROOT)/$(MODE)
PREFIX     ?= /usr/local
VERSION    := 0.1.0
REVISION   := $(shell git rev-parse --short HEAD 2>/dev/null || echo unknown)

PACKAGES   := libmicrohttpd libxxhash libzstd zlib yaml-0.1 simdjson libcurl libpcre2-8
ROOMS      := $(shell sed -n 's/^\([a-z]*\):.*/\1/p' src/LAYERS)
# What a room links: what src/LAYERS lets it use, and what that uses.
room_row    = $(shell sed -n 's/^$(1): *//p' src/LAYERS)
room_uses   = $(sort $(foreach use,$(call room_row,$(1)),$(use) $(call room_uses,$(use))))

FLAGS_release := -O2 -g -fstack-protector-strong -D_FORTIFY_SOURCE=2
FLAGS_asan    := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
FLAGS_tsan    := -O1 -g -fsanitize=thread
FLAGS_fuzz    := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
LIBS_release  := -ljemalloc
WARN    := -Wall -Wextra -Wshadow -Wconversion
WARN_C  := $(WARN) -Wstrict-prototypes -Wmissing-prototypes -Wundef -Wvla -Wformat=2 -Wpointer-arith -Wimplicit-fallthrough
CFLAGS_ALL   := -std=c17 -D_GNU_SOURCE -Isrc -MMD -MP -pthread -ffp-contract=off -fno-strict-aliasing \
                $(WARN_C) $(FLAGS_$(MODE)) $(shell pkg-config --cflags $(PACKAGES)) $(EXTRA)
CXXFLAGS_ALL := -std=c++17 -D_GNU_SOURCE -Isrc -MMD -MP -pthread -ffp-contract=off -DNDEBUG \
                $(WARN) $(FLAGS_$(MODE)) $(EXTRA)
LIBS    := $(shell pkg-config --libs $(PACKAGES)) -lstdc++ -lm -pthread

SOURCES := $(wildcard src/*/*.c)
SHIMS   := $(wildcard src/*/*.cc)
ASSETS  := $(wildcard src/*/*.S)
objects_of = $(patsubst %,$(BUILD)/%.o,$(filter src/$(1)/%,$(SOURCES) $(SHIMS) $(ASSETS)))
archive_of = $(BUILD)/lib$(1).a
ARCHIVES := $(foreach room,$(filter-out app,$(ROOMS)),$(call archive_of,$(room)))

TEST_SOURCES := $(shell find tests -name 'test_*.c' 2>/dev/null)
TESTS        := $(patsubst %.c,$(BUILD)/%,$(TEST_SOURCES))
BENCHES      := $(patsubst %.c,$(BUILD)/%,$(wildcard bench/bench_*.c))

all: $(BUILD)/penchant

$(BUILD)/penchant: $(call objects_of,app) $(ARCHIVES)
	$(CC) $(FLAGS_$(MODE)) $(EXTRA) $(call objects_of,app) -Wl,--start-group $(ARCHIVES) -Wl,--end-group $(LIBS) $(LIBS_$(MODE)) -o $@

define room_archive
$(call archive_of,$(1)): $(call objects_of,$(1))
	@mkdir -p $$(@D)
	@rm -f $$@
	@ar rcs $$@ $$^
endef
$(foreach room,$(filter-out app,$(ROOMS)),$(eval $(call room_archive,$(room))))

# A unit test links its room and the rooms that LAYERS allows, nothing else.
define room_tests
$(BUILD)/tests/unit/$(1)/%: $(BUILD)/tests/unit/$(1)/%.c.o $(call archive_of,$(1)) $(foreach use,$(call room_uses,$(1)),$(call archive_of,$(use)))
	$(CC) $(FLAGS_$(MODE)) $(EXTRA) $$< -Wl,--start-group $$(filter %.a,$$^) -Wl,--end-group $(LIBS) -lcmocka -lavro -o $$@
unit-$(1): $(filter $(BUILD)/tests/unit/$(1)/%,$(TESTS))
	@for t in $$^; do echo "== $$$$t"; $$$$t || exit 1; done
endef
$(foreach room,$(filter-out app,$(ROOMS)),$(eval $(call room_tests,$(room))))

$(BUILD)/tests/%: $(BUILD)/tests/%.c.o $(ARCHIVES)
	$(CC) $(FLAGS_$(MODE)) $(EXTRA) $< -Wl,--start-group $(ARCHIVES) -Wl,--end-group $(LIBS) -lcmocka -lavro -o $@
$(BUILD)/bench/%: $(BUILD)/bench/%.c.o $(ARCHIVES)
	$(CC) $(FLAGS_$(MODE)) $(EXTRA) $< -Wl,--start-group $(ARCHIVES) -Wl,--end-group $(LIBS) $(LIBS_$(MODE)) -o $@

$(BUILD)/%.c.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(CFLAGS_ALL) -DPENCHANT_VERSION='"$(VERSION)"' -DPENCHANT_REVISION='"$(REVISION)"' -c $< -o $@
$(BUILD)/%.cc.o: %.cc
	@mkdir -p $(@D)
	$(CXX) $(CXXFLAGS) $(CXXFLAGS_ALL) -c $< -o $@
$(BUILD)/%.S.o: %.S
	@mkdir -p $(@D)
	$(CC) -Isrc -I. -MMD -MP -c $< -o $@

$(BUILD)/src/serve/assets.S.o: $(shell find web -type f) src/serve/assets.def

tests: $(TESTS)
benches: $(BENCHES)

# ---- fuzzing: everything again with clang's coverage, in a folder of its own ----
FUZZERS := $(patsubst tests/fuzz/%.c,$(BUILD)/%,$(wildcard tests/fuzz/fuzz_*.c))
fuzz:
	+$(MAKE) --no-print-directory MODE=fuzz CC=clang CXX=clang++ fuzzers
fuzzers: $(FUZZERS)
$(BUILD)/fuzz_%: $(BUILD)/tests/fuzz/fuzz_%.c.o $(ARCHIVES)
	$(CXX) $(FLAGS_$(MODE)) -fsanitize=fuzzer $(EXTRA) $< -Wl,--start-group $(ARCHIVES) -Wl,--end-group $(LIBS) -o $@

install: $(BUILD)/penchant
	install -D -m 755 $(BUILD)/penchant $(DESTDIR)$(PREFIX)/bin/penchant
	install -D -m 644 config/penchant.yaml $(DESTDIR)$(PREFIX)/share/penchant/penchant.yaml
	install -d $(DESTDIR)$(PREFIX)/share/penchant/schemas
	install -m 644 schemas/*.avsc schemas/*.json $(DESTDIR)$(PREFIX)/share/penchant/schemas/

clean:
	rm -rf $(BUILD_ROOT)

.PHONY: all tests benches fuzz fuzzers install clean
.SECONDARY:
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
