# Tasks for working on Ringward; `make` alone lists them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
BIN := .venv/bin
SET_UP := .venv/.set-up
NATIVE := .venv/.native

.PHONY: help setup run cluster test bench check fmt proto clean

help: ## list the tasks
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(SET_UP) $(NATIVE) ## create .venv with everything that is needed; .venv/bin/ringward is the program

# A new package at the root must be made known to the installation: hence the __init__.py files.
$(SET_UP): requirements-dev.txt pyproject.toml $(wildcard */__init__.py)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
		|| { echo "Python 3.11 or newer is needed, and $(PYTHON) is not. Try: make setup PYTHON=python3.12" >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(NATIVE): $(SET_UP) native/Cargo.toml native/Cargo.lock native/pyproject.toml $(wildcard native/src/*.rs)
	@.ci/build-native $(BIN)/python && touch $@ || echo "Ringward goes without it, and serves gRPC by grpcio." >&2

run: setup ## start a node with sample data and ask it something; RUN_ONCE=1 stops after the first answers
	@$(BIN)/ringward quickstart $(if $(RUN_ONCE),--once)

cluster: setup ## start a cluster to play with: three nodes, PostgreSQL, Redis, HAProxy; RUN_ONCE=1 as above
	@.ci/install-servers postgresql redis-server serf haproxy
	@$(BIN)/ringward local-cluster $(if $(RUN_ONCE),--once)

# Tests wait for servers about half of their time: three at once keep two cores busy.
test: setup ## run all tests; ARGS="tests/cli -k config" runs some
	@.ci/install-servers
	@$(BIN)/python -m pytest -n 3 --dist worksteal $(ARGS)

bench: setup ## measure how fast it is, in a quarter of an hour; ARGS="--openfga PATH --check" measures more
	@.ci/install-servers postgresql nghttp2-client
	@$(BIN)/ringward bench --output build/bench $(ARGS)

check: setup ## format, lint, types, layers, generated code: all without changing anything
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy .
	$(BIN)/lint-imports
	$(BIN)/python -m proto.generate --check
	$(BIN)/python -m helm.dashboards.generate --check
	$(BIN)/python -m helm.generate --check
	@if command -v cargo >/dev/null; then cd native && cargo fmt --check && cargo clippy --quiet --locked --all-targets -- -D warnings; \
		else echo "native/ is not checked: there is no Rust here." >&2; fi

fmt: setup ## format the code and mend what ruff can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

proto: setup ## generate the Python modules of the .proto files
	$(BIN)/python -m proto.generate

clean: ## remove caches and built packages, not .venv
	rm -rf build dist ./*.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
