# Every target that runs something prepares the machine first; `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

BOOTSTRAP := bootstrap/bootstrap.sh
# bootstrap writes where uv, Go and Rust are; sourcing it makes each recipe use the pinned ones.
ACTIVATE := eval "$$($(BOOTSTRAP) --env)"
RUN := $(ACTIVATE); uv run --no-sync --
# Tests that start programs wait for them half of the time: three at once keep two processors busy.
AT_ONCE := $(shell echo $$(( ($$(nproc) * 3 + 1) / 2 )))
# What a run of many minutes was spent on is told at its end.
SLOWEST := --durations=25 --durations-min=10

# What a fresh checkout would compile and check anew though nothing of it has changed: crates of others, and types.
CACHE := $(or $(TRADEPLANE_CACHE),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/tradeplane)
export CARGO_BUILD_BUILD_DIR ?= $(CACHE)/cargo-build
export MYPY_CACHE_DIR ?= $(CACHE)/mypy

# Tests start Python by the hundred, and each would compile all it imports anew where the environment lets none be kept.
unexport PYTHONDONTWRITEBYTECODE

# Who only looks at the demo needs no browser, no linters, no bytecode of what is never imported, and no Rust core beside
# the one of the images, whose wheel the demo installs; but where one is compiled already, it is kept as new as its sources.
ONLY_DEMO := $(if $(MAKECMDGOALS),$(if $(filter-out demo down images,$(MAKECMDGOALS)),,1))
ifdef ONLY_DEMO
export CHECKS ?= 0
COMPILED_CORE := $(wildcard .venv/lib/python3*/site-packages/tradeplane_native.pth)
SYNC := $(if $(COMPILED_CORE),,--inexact --no-install-package tradeplane-native)
else
SYNC := --compile-bytecode
endif

.PHONY: help bootstrap sync demo down fmt fmt-check lint type test test-unit test-integration test-parity test-e2e test-extra test-search bench parity scan images chart release generate docs clean

help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z0-9-]+:.*## / {printf "  make %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

bootstrap: ## Install what is missing on this machine, saying what and why
	@$(BOOTSTRAP)

sync: bootstrap ## Make the Python environment in .venv, with the command tradeplane
	@$(ACTIVATE); uv sync --frozen --all-packages $(SYNC) --quiet

demo: sync ## A cluster, the images, the operator and an example, to a result on screen (CLUSTER=embedded|kind|current, ARM64=0|1)
	@$(RUN) python -m tradeplane_stacks.demo up

down: sync ## Remove everything `make demo` made; build caches stay
	@$(RUN) python -m tradeplane_stacks.demo down

fmt: sync ## Format the code in place
	@$(RUN) ruff format .
	@$(RUN) ruff check --fix-only --quiet .
	@$(ACTIVATE); cargo fmt --manifest-path workloads/native/Cargo.toml

fmt-check: sync ## Say where the code is not formatted, and change nothing
	@$(RUN) ruff format --check .
	@$(ACTIVATE); cargo fmt --check --manifest-path workloads/native/Cargo.toml

lint: sync ## Lint the code, the directions of imports, what is generated, and the commit messages
	@$(RUN) ruff check .
	@$(RUN) lint-imports
	@$(RUN) python -m tradeplane_api.generate --check
	@$(ACTIVATE); cargo clippy --quiet --manifest-path workloads/native/Cargo.toml --all-targets -- -D warnings
	@$(RUN) cz check --rev-range HEAD
	@shellcheck $(BOOTSTRAP) .ci/run

type: sync ## Check the types, strictly
	@$(RUN) mypy

test: test-unit test-integration test-parity test-e2e ## Run every test: unit, integration, parity and end to end

test-unit: sync ## Run the tests that need no cluster
	@$(ACTIVATE); cargo test --quiet --manifest-path workloads/native/Cargo.toml --no-default-features
	@$(RUN) pytest tests/unit --numprocesses=auto

test-integration: sync ## Run the tests that start programs: a real API server, S3 server and browser, our own
	@$(RUN) pytest tests/integration --numprocesses=$(AT_ONCE) --dist=loadfile --no-loadscope-reorder $(SLOWEST)

test-parity: sync ## Run the suite on every path of processor there is here; says which it could not run
	@$(RUN) pytest tests/parity

# Two processes, since two clusters are at work beside them; who is to have one alone has it (tests/e2e/sharing.py).
test-e2e: sync ## Run the tests on the embedded cluster
	@$(RUN) pytest tests/e2e --numprocesses=2 --dist=loadfile --no-loadscope-reorder $(SLOWEST)

test-extra: sync ## Run what needs data or a processor this machine may lack; says what it could not run
	@$(RUN) python -m tests.extra

test-search: sync ## Look for examples that break a property: new ones each time, many more than `make test` has
	@$(RUN) pytest tests/unit --numprocesses=auto --hypothesis-profile=search

bench: sync ## Measure against the peers; writes build/bench.json and prints a table
	@$(RUN) python -m tests.bench

parity: sync ## Compare results bit by bit on every path; writes docs/parity.md and build/parity.json
	@$(RUN) python -m tests.parity

scan: sync ## Have checkov, kube-score and kubeconform judge what is deployed; what is accepted is in tests/scan/accepted.yaml
	@$(RUN) python -m tests.scan

images: sync ## Build the operator's and the workloads' images for amd64 and arm64
	@$(RUN) python -m tradeplane_stacks.images build

chart: sync ## Make the charts of Helm from what kustomize renders, into build/charts/
	@$(RUN) python -m tradeplane_stacks.chart

release: sync ## Build the files of a release from a tagged commit, into build/release/ (SNAPSHOT=1: of what is there, unsigned)
	@$(RUN) python -m tradeplane_stacks.release $(if $(filter 1,$(SNAPSHOT)),--snapshot)

generate: sync ## Generate the CRDs and the API reference from the models
	@$(RUN) python -m tradeplane_api.generate

docs: sync ## Build the documentation site into site/
	@$(ACTIVATE); uv run --frozen --all-packages --group docs -- mkdocs build --strict

clean: ## Remove what builds and tests left in this checkout
	@rm -rf build dist site .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache workloads/native/target
	@find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
