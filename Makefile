# The two commands of the README, and what they are made of. Each does its own set-up, on a machine
# that has nothing but Rust, and never asks anything.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-builtin-rules --no-print-directory
.DEFAULT_GOAL := help

# Where rustup puts cargo, for a shell that has not been told.
export PATH := $(PATH):$(HOME)/.cargo/bin

# Everything is built in the dev profile, in one target folder: a second profile would build the
# dependencies a second time.
CARGO := cargo
TEST_FLAGS := --locked --workspace

.PHONY: help setup languages test format lint tidy e2e unit demo

help: ## list the targets
	@grep --no-filename --extended-regexp '^[a-z0-9]+:.*## ' $(MAKEFILE_LIST) \
		| sed --regexp-extended 's/^([a-z0-9]+):.*## (.*)$$/  make \1\t\2/' | expand --tabs=16

setup: ## install what the build needs and does not find
	@.ci/setup

languages: setup ## install what the backends of the quick start are run with
	@.ci/setup languages

# One after the other also under `make --jobs`: cargo would only wait for its own lock, and the
# output must end with what the test runner says last.
test: languages ## check format, lints and tidy rules, then run every test
	@$(MAKE) format
	@$(MAKE) lint
	@$(MAKE) tidy
	@$(MAKE) e2e
	@$(MAKE) unit

format: ## check that the code is formatted
	$(CARGO) fmt --check

lint: ## run clippy, every warning an error
	$(CARGO) clippy $(TEST_FLAGS) --all-targets -- --deny warnings

tidy: ## check what clippy cannot see: edges, dependencies, sizes
	$(CARGO) xtask tidy

# Tests outside of cargo drive the real binary. Building it together with the tests of all crates gives
# the dependencies the features that `unit` wants too, so nothing is built twice.
e2e: ## run the browser and client tests against the real binary
ifneq ($(wildcard e2e/package.json),)
	$(CARGO) build $(TEST_FLAGS) --all-targets
	npm --prefix e2e test
else
	@:
endif

# The published vectors are no part of this repository; where they lie is made absolute, since a test
# runs in the folder of its package. What is left out is said first: the test runner has the last word.
unit: ## run the tests of all crates
ifdef COUNTERSIGN_VECTORS
	@[[ -d $$COUNTERSIGN_VECTORS ]] || { \
		echo "COUNTERSIGN_VECTORS is '$$COUNTERSIGN_VECTORS', which is no folder: correct it or unset it" >&2; \
		exit 1; \
	}
	export COUNTERSIGN_VECTORS="$$(realpath "$$COUNTERSIGN_VECTORS")" && $(CARGO) test $(TEST_FLAGS)
else
	@echo 'Left out: the tests over published vectors (adversarial tokens, Wycheproof, the JOSE cookbook, the'
	@echo 'JSON test suite), since COUNTERSIGN_VECTORS does not name their folder. Our own vectors run.'
	unset COUNTERSIGN_VECTORS && $(CARGO) test $(TEST_FLAGS)
endif

demo: setup ## build Countersign and watch it do its job
	$(CARGO) run --locked --package countersign-cli -- demo
