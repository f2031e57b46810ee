# Everything runs in .venv, made here on first use; nothing has to be activated. Only what needs certain versions
# runs in an environment of its own: other projects' tests in build/upstream, real applications in build/apps.

PYTHON ?= python3
PYTEST_ARGS ?=
BENCH_ARGS ?=
UPSTREAM_ARGS ?=
APPS_ARGS ?=

VENV := .venv
RUN := $(VENV)/bin/python
PIP := $(RUN) -m pip install -qq
UPSTREAM := build/upstream/environment
APPS := pypicloud flask_appbuilder pyramid_fullauth canaille
CODE := --editable ".[beaker,cachelib,devices,flask,pyramid,postgresql,mysql]"

.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: help demo test upstream apps bench screenshots lint format types docs build clean

help:  ## say what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile

demo: $(VENV)/.demo  ## start a small site to try it on, with SQLite
	$(RUN) docs/examples/demo.py

# More than 8 at once could take more connections than a server gives by default.
test: $(VENV)/.test  ## run the tests on all cores; PYTEST_ARGS="-k revoke -x" goes to pytest
	$(RUN) -m pytest --numprocesses logical --maxprocesses 8 --dist worksteal $(PYTEST_ARGS)

upstream: $(UPSTREAM)/.made  ## run other projects' tests; UPSTREAM_ARGS="--only Flask" some, --write mends the page
	PYTHONPATH=tests $(UPSTREAM)/bin/python -m upstream $(UPSTREAM_ARGS)

apps: $(VENV)/.test $(APPS:%=build/apps/%/.made)  ## sign in to real applications; APPS_ARGS="--only pypicloud --database sqlite" some
	PYTHONPATH=tests:tests/browser $(RUN) -m apps $(APPS_ARGS)

bench: $(VENV)/.bench  ## measure speed, for half an hour; BENCH_ARGS=--quick takes a minute
	PYTHONPATH=tests $(RUN) -m benchmarks $(BENCH_ARGS)

screenshots: $(VENV)/.test  ## take the documentation's pictures of the devices page
	PYTHONPATH=tests:tests/browser $(RUN) tests/browser/screenshots.py

lint: $(VENV)/.lint  ## check style and format
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .

format: $(VENV)/.lint  ## mend style and format as far as ruff can
	$(RUN) -m ruff check --fix .
	$(RUN) -m ruff format .

types: $(VENV)/.lint  ## check types
	$(RUN) -m mypy

docs: $(VENV)/.docs  ## build the documentation into build/docs
	$(RUN) -m sphinx --fail-on-warning --keep-going --quiet docs build/docs
	@echo "The documentation is in build/docs/index.html"

build: $(VENV)/.build  ## build the wheel and the sdist into dist
	rm -rf dist
	$(RUN) -m build

clean:  ## remove all that was made, .venv too
	rm -rf $(VENV) build dist *.egg-info .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -prune -exec rm -rf {} +

# Each .venv/.NAME marks that what NAME needs was installed, from the pyproject.toml as it was then.

$(VENV)/.demo: pyproject.toml | $(VENV)/.made
	@echo "Installing what the demo needs"
	@$(PIP) --editable ".[beaker,devices]"
	@touch $@

$(VENV)/.%: pyproject.toml | $(VENV)/.made
	@echo "Installing what $* needs"
	@$(PIP) $(CODE) --group $*
	@touch $@

$(UPSTREAM)/.made: pyproject.toml | $(VENV)/.made
	@echo "Installing what other projects' tests need"
	@$(RUN) -m venv --clear --without-pip $(UPSTREAM)
	@$(RUN) -m pip --python $(UPSTREAM)/bin/python install -qq $(CODE) --group upstream
	@touch $@

build/apps/%/.made: pyproject.toml | $(VENV)/.made
	@echo "Installing $*"
	@$(RUN) -m venv --clear --without-pip build/apps/$*
	@$(RUN) -m pip --python build/apps/$*/bin/python install -qq $(CODE) --group app_$*
	@touch $@

# Debian's python3 without python3-venv makes environments only without pip; then the user's pip puts one in.
$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo 'Python 3.11 or newer is needed; name one: make PYTHON=python3.12 ...' >&2; exit 1; }
	@echo "Making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv --clear $(VENV) >/dev/null 2>&1 \
		|| { $(PYTHON) -m venv --clear --without-pip $(VENV) \
			&& $(PYTHON) -m pip --python $(RUN) install -qq pip; } \
		|| { echo 'Cannot make $(VENV); on Debian this helps: apt-get install python3-venv' >&2; exit 1; }
	@$(PIP) --upgrade 'pip>=25.1'
	@touch $@
