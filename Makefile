# Each target does its own set-up: the environment in .venv, pinned by constraints.txt; data and weights on first use.
PYTHON ?= $(notdir $(firstword $(foreach version,3.11 3.12 3.13,$(shell command -v python$(version) 2>/dev/null)) python3.11))
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
PROFILE ?= local
N ?= 200
# Processes that share the test files; each computes on one thread.
JOBS ?= 2

.DEFAULT_GOAL := help
.PHONY: help run smoke test test-fast check demo bench chaos readme clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run: $(VENV)/.installed ## the whole pipeline (PROFILE=local): a debiased model, its scores and a report
	$(BIN)/counterpoise run --profile $(PROFILE)

smoke: $(VENV)/.installed ## the same pipeline on a tiny model made on the spot, in seconds
	$(BIN)/counterpoise run --profile smoke

test: $(VENV)/.installed-dev ## every test, on real components
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses $(JOBS) --dist loadfile --no-loadscope-reorder

test-fast: $(VENV)/.installed-dev ## the tests that need neither network nor the real model
	$(BIN)/python -m pytest -m "not slow and not network and not browser"

check: $(VENV)/.installed-dev ## lint, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

demo: $(VENV)/.installed-demo ## the Gradio demo of the newest run, on 127.0.0.1
	$(BIN)/counterpoise demo

bench: $(VENV)/.installed-dev ## the CPU benchmarks, each beside its peer
	$(BIN)/python -m benchmarks

chaos: $(VENV)/.installed-dev ## kill the smoke pipeline N times (default 200), damage its store in every way, compare the bytes
	$(BIN)/python -m benchmarks.chaos --kills $(N) --doc docs/durability.md

readme: $(VENV)/.installed ## put the newest run's numbers and chart into the README
	$(BIN)/python -m counterpoise.flows.readme

clean: ## remove the environment and caches, never the store
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info build

$(VENV)/bin/python:
	@$(PYTHON) -m venv $(VENV) || { echo "needs Python 3.11, 3.12 or 3.13 with venv: apt-get install $(PYTHON) $(PYTHON)-venv"; exit 1; }

$(VENV)/.installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "installing into $(VENV) (about 2 GB, a few minutes the first time)"
	@$(PIP) --editable . 2>&1 | { grep -v '^WARNING: Location' || true; }
	@$(BIN)/counterpoise --version >/dev/null && touch $@

$(VENV)/.installed-demo: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "installing into $(VENV) with the demo (about 2 GB, a few minutes the first time)"
	@$(PIP) --editable '.[demo]' 2>&1 | { grep -v '^WARNING: Location' || true; }
	@$(BIN)/counterpoise --version >/dev/null && touch $@ $(VENV)/.installed

$(VENV)/.installed-dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "installing into $(VENV) with the test tools (about 3 GB, a few minutes the first time)"
	@$(PIP) --editable '.[dev,demo,s3,syntax,bench,docker,kubernetes,dask,tensorboard,mlflow]' 2>&1 | { grep -v '^WARNING: Location' || true; }
	@$(BIN)/counterpoise --version >/dev/null && touch $@ $(VENV)/.installed $(VENV)/.installed-demo
