# Each target makes .venv when it is missing; a second call installs nothing.
PYTHON ?= python3
BIN := .venv/bin
# What a change of speed shows in first; the others take their time
BENCHMARKS := role_reversal packing loss step
LONG := identical_rows generation scoring coverage evaluation_memory long_run document_mask

# Processes that the tests run in: one a core; 0 for none besides pytest's own, to debug
PYTEST_WORKERS ?= auto
# How often each scenario of `make kills` is killed
KILLS ?= 20

.PHONY: quickstart test lint types docs dist bench bench-long fuzz kills surgery audit clean

quickstart: .venv/installed
	$(BIN)/distill quickstart

test: lint
	$(BIN)/python -m pytest --numprocesses $(PYTEST_WORKERS) --maxprocesses 8 --dist worksteal

lint: .venv/installed types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell

types: .venv/installed
	$(BIN)/mypy

# The site, into site/; a warning is an error. Nothing is fetched.
docs: .venv/installed
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet

# Source archive and wheel, into dist/; the wheel is tried in an empty environment
dist: .venv/installed
	rm -rf dist
	$(BIN)/python -m build --outdir dist
	PYTHON=$(PYTHON) .ci/try-wheel dist/*.whl

bench: .venv/bench
	@for name in $(BENCHMARKS); do echo "== $$name"; $(BIN)/python benchmarks/$$name.py || exit 1; done

bench-long: .venv/bench
	@for name in $(LONG); do echo "== $$name"; $(BIN)/python benchmarks/$$name.py || exit 1; done

# Half an hour: random inputs for every reader, and a million texts for the role reversal
fuzz: .venv/installed
	$(BIN)/python -m fuzz

# Kills at random moments, of packing, of a fit and of an evaluation; each ends with the same bytes
kills: .venv/installed
	DISTILL_KILLS=$(KILLS) $(BIN)/python -m pytest -s -m "slow or not slow" -k kills \
	    tests/scenarios/test_pack_kills.py tests/scenarios/test_kills.py tests/scenarios/test_evaluation_kills.py

# Three minutes: a teacher is trained and broken in three ways, and the report's verdict praises none of them
surgery: .venv/installed
	$(BIN)/python -m pytest -m slow tests/scenarios/test_surgery.py

audit: .venv/installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[audit]"
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive augment distill fuzz benchmarks docs examples experiments
	$(BIN)/pip-audit --strict --requirement constraints.txt --no-deps --disable-pip

clean:
	rm -rf .venv quickstart dist site

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11 …")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	# torch first and alone: its exact version decides which build pip takes
	$(BIN)/python -m pip install --quiet "$$(grep '^torch==' constraints.txt)"
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $@

.venv/bench: .venv/installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[bench]"
	touch $@
