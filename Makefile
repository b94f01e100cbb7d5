# A thin top over Meson. `make help` lists what there is.
BUILD   ?= build
PREFIX  ?= /usr/local
DESTDIR ?=
# How long `make parity` and `make fuzz` run, in seconds (fuzz: each target).
SECONDS_ ?= 600

.PHONY: all demo test parity bench fuzz install clean help

all: $(BUILD)/build.ninja
	@ninja -C $(BUILD) --quiet

$(BUILD)/build.ninja:
	@tools/setup.sh build
	@meson setup $(BUILD) --prefix=$(PREFIX) >/dev/null

demo: ## replay a real capture: what Linux's connection tracker would have had
	@tools/demo.sh

test: ## build with gcc and clang and run every test, plain and under sanitizers
	@tools/test.sh

parity: all ## random packets through the kernel and through weir, fresh seeds, for SECONDS_ seconds
	@tests/kernel/parity.sh $(BUILD) $(SECONDS_)

bench: ## established, churn, memory: figures with command, commit and machine
	@tools/bench.sh

fuzz: ## each fuzz target for SECONDS_ seconds
	@tools/fuzz.sh $(SECONDS_)

install: all
	@DESTDIR=$(DESTDIR) meson install -C $(BUILD) --quiet

clean:
	@rm -rf build build-*

help:
	@awk -F':.*## ' '/^[a-z]+:.*## /{printf "make %-8s %s\n", $$1, $$2}' Makefile
