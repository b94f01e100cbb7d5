# A thin top over Meson. `make help` lists what there is.
BUILD   ?= build
PREFIX  ?= /usr/local
DESTDIR ?=
# How long `make parity` and `make fuzz` run, in seconds (fuzz: each target).
FOR ?= 600

.PHONY: all demo test parity bench fuzz install clean help

all: $(BUILD)/build.ninja
	@ninja -C $(BUILD) --quiet

$(BUILD)/build.ninja:
	@tools/setup.sh build
	@meson setup $(BUILD) --buildtype=release -Dtests=false --prefix=$(PREFIX) >/dev/null

demo: ## replay a real capture: what Linux's connection tracker would have had
	@tools/demo.sh

test: ## build with gcc and clang and run every test, plain and under sanitizers
	@tools/test.sh

parity: ## random packets through the kernel and through weir, fresh seeds, for FOR seconds
	@tools/setup.sh test
	@[ -f build-gcc/build.ninja ] || meson setup build-gcc >/dev/null
	@ninja -C build-gcc --quiet
	@tests/kernel/parity.sh build-gcc $(FOR)

bench: ## what everything costs, three times over, and which targets are met (15 minutes)
	@tools/bench.sh

fuzz: ## each fuzz target for FOR seconds
	@tools/fuzz.sh $(FOR)

install: all
	@DESTDIR=$(DESTDIR) meson install -C $(BUILD) --quiet

clean:
	@rm -rf build build-*

help:
	@awk -F':.*## ' '/^[a-z]+:.*## /{printf "make %-8s %s\n", $$1, $$2}' Makefile
