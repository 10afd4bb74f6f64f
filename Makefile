# make demo   a guest that loses its primary and goes on
# make test   everything that is checked
# Both do their own set-up in .venv, once. GUESTS are rebuilt by `make guests` (needs a cross compiler).
SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(firstword $(foreach name,python3.11 python3.12 python3.13 python3,$(shell command -v $(name))))
PYTEST_PROCESSES ?= 2
STAMP := $(VENV)/installed

# Runs of the command are tested one at a time: a pair alone keeps two processors busy.
.PHONY: demo test check guests clean
demo: $(STAMP)
	@$(BIN)/lockstep demo

test: $(STAMP)
	@$(MAKE) --no-print-directory check

check:
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/lint-imports
	cd guests && sha256sum --quiet -c SHA256SUMS
	$(BIN)/python -c "from lockstep.cli.session import prepare; prepare()"
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -n $(PYTEST_PROCESSES) --durations=8 tests/unit tests/property
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest --durations=12 tests/e2e

guests:
	$(MAKE) -C guests

# pip comes with python3-venv, which Debian leaves out of a minimal system.
$(STAMP): pyproject.toml
	@test -n "$(PYTHON)" || { echo "make: Python 3.11 or later is missing: install python3" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "make: $(PYTHON) is older than 3.11: give one as make PYTHON=python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	  test "$$(id -u)" = 0 && command -v apt-get >/dev/null && \
	  { apt-get install -y -q python3-venv || { apt-get update -q && apt-get install -y -q python3-venv; }; } >&2; } || \
	  { echo "make: Python's venv module is missing: apt-get install python3-venv, as root" >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
