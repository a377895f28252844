# Everything a stranger needs: `make demo` and `make test`. `make help` lists the rest.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help demo test chaos lint bench services clean

help: ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python >= 3.11 is needed; name one with: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $(STAMP)

demo: $(STAMP) ## two simulated bakeries, a month of sales, to the cent (about a minute)
	$(BIN)/tillstream demo $(ARGS)

test: $(STAMP) ## the whole specification
	$(BIN)/python -m pytest $(ARGS)

chaos: $(STAMP) ## a fleet on Kafka under faults, each judged to the cent (an hour); writes build/chaos.jsonl
	TILLSTREAM_PROOF=long $(BIN)/python -m pytest tests/proof/test_fleet.py $(ARGS)

lint: $(STAMP) ## style, types, imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

bench: $(STAMP) ## measure speed; prints a table, writes build/bench.json
	$(BIN)/python -m benchmarks $(ARGS)

services: $(STAMP) ## fetch what tests need of others: Kafka, Apicurio, jars (Maven, Java 17)
	$(BIN)/python -m tests.services.kafka
	$(BIN)/python -m tests.services.registry
	$(BIN)/python -m tests.services.jvm

clean: ## forget the environment and all caches
	rm -rf $(VENV) build .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info
