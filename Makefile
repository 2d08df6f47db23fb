# make demo       environment, then ResNet-18 on Eyeriss with a report
# make test       all tests but the long ones       make test-long   100,000 comparisons with the walk, and their like
# make lint       ruff and mypy                     make bench       the speeds that the benchmarks promise
# make docs       the documents as pages, in docs/_build   make screenshots   their pictures, in Chromium
# make docs-files   the tables of docs/files.md, from the models, and what docs/python.md shows
# make lock       renews locks/, the environment that is tested   make newest   all tests with the newest of everything
# make clean      removes the environment, caches and the demo's run

SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
DEMO := runs/demo
SEARCH := --objective energy,latency

# The first Python that runs and is new enough; `make PYTHON=/path/to/python3` chooses another.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { command -v $$p; break; }; done)

.PHONY: demo test test-long lint bench check docs docs-files screenshots lock newest clean
.DELETE_ON_ERROR:

demo: $(VENV)/user
	rm -rf $(DEMO)
	$(BIN)/costmodel map eyeriss_v1 resnet18 $(SEARCH) --out $(DEMO)
	@echo "Report: $(CURDIR)/$(DEMO)/report.html"

test: $(VENV)/dev
	$(BIN)/python -m pytest -n auto

test-long: $(VENV)/dev
	$(BIN)/python -m pytest -m long -n 2

lint: $(VENV)/dev
	$(BIN)/ruff check .
	$(BIN)/mypy

check: $(VENV)/user
	$(BIN)/costmodel check {arch,workloads,studies,studies/mappings}/*.yaml

docs: $(VENV)/dev
	$(BIN)/python -m sphinx --builder html --fail-on-warning --keep-going --quiet docs docs/_build
	@echo "Documents: $(CURDIR)/docs/_build/index.html"

screenshots: $(VENV)/dev
	$(BIN)/python docs/screenshots.py

docs-files: $(VENV)/user
	$(BIN)/python docs/files.py
	$(BIN)/python docs/python.py

bench: $(VENV)/dev
	set -e; for script in benchmarks/*.py; do $(BIN)/python $$script; done

clean:
	rm -rf $(VENV) $(VENV)-newest $(DEMO) docs/_build build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The environment is the one that was tested: locks/ names every package with its hashes, for Python 3.11 and newer.
$(VENV)/user: locks/user.txt $(BIN)/python
	@echo "Installing costmodel and what it needs into $(VENV) (a minute or two)"
	$(BIN)/python -m pip install --quiet --require-hashes --requirement locks/user.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/dev: locks/dev.txt $(BIN)/python
	@echo "Installing costmodel, its tests and tools into $(VENV) (a minute or two)"
	$(BIN)/python -m pip install --quiet --require-hashes --requirement locks/dev.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@ $(VENV)/user

LOCK = uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade \
	--custom-compile-command 'make lock' pyproject.toml

lock: $(BIN)/python
	$(BIN)/python -m pip install --quiet 'uv>=0.9'
	$(BIN)/$(LOCK) --extra build --output-file locks/user.txt
	$(BIN)/$(LOCK) --extra build --extra dev --output-file locks/dev.txt

newest:
	[ -d $(VENV)-newest ] || $(PYTHON) -m venv $(VENV)-newest
	$(VENV)-newest/bin/python -m pip install --quiet --upgrade --upgrade-strategy eager --editable '.[dev]'
	$(VENV)-newest/bin/python -m pytest -n auto

$(BIN)/python:
	@[ -n "$(PYTHON)" ] || { echo "costmodel needs Python 3.11 or newer, and none was found on the PATH" \
		"(Debian: apt-get install python3 python3-venv; or: make PYTHON=/path/to/python3)." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) cannot create virtual environments" \
		"(Debian: apt-get install python3-venv)." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
