# carbonize: two commands set everything up on a fresh clone.
#
#   make demo    install the package into .venv and anneal the shipped carbon
#   make test    install it with the test tools, and run every check
#
# and a third, make bench, says how fast it is beside other programs.
#
# The environment is made again when pyproject.toml changes; otherwise a second call starts at once.

PYTHON  ?= python3
VENV    ?= .venv
BIN     := $(VENV)/bin
RUN     := runs/quickstart
BENCH   := runs/bench
PYTEST_ARGS ?=
BENCH_ARGS  ?=

PIP     := $(BIN)/python -m pip install -qq --disable-pip-version-check

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test lint bench clean distclean

help:  ## Show this list
	@echo "make demo       set up .venv and anneal the shipped carbon (workflows/protocols/quickstart.yaml)"
	@echo "make test       set up .venv with the test tools; ruff, pyright, import contract, pytest"
	@echo "make lint       only ruff, pyright and the import contract"
	@echo "make bench      time molecular dynamics on the CPU beside LAMMPS and calorine (under ten minutes, $(BENCH))"
	@echo "make clean      remove caches and $(RUN)"
	@echo "make distclean  remove the environment $(VENV) too"
	@echo
	@echo "PYTHON=python3.12 make demo    choose the interpreter (3.11 or newer)"
	@echo "make test PYTEST_ARGS='-k pores'  pass options to pytest"
	@echo "make bench BENCH_ARGS='--nep FILE'  name the NEP model to compare with"

demo: $(VENV)/.installed  ## Run the quickstart protocol
	@$(BIN)/carbonize run workflows/protocols/quickstart.yaml --out $(RUN)
	@echo
	@echo "Open $(CURDIR)/$(RUN)/report.html in a browser to see what became of the pores."

test: lint  ## Every check; pytest comes last
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not slow" $(PYTEST_ARGS)

lint: $(VENV)/.installed-test  ## Style, types and layers
	@$(BIN)/ruff check .
	@$(BIN)/pyright --pythonpath $(BIN)/python
	@$(BIN)/lint-imports --no-cache

bench: $(VENV)/.installed-test  ## Ratios to other programs, goals beside them
	@$(BIN)/python -m benchmarks.suite --out $(BENCH) $(BENCH_ARGS)

# Stamps: when they are newer than pyproject.toml there is nothing to install.
$(VENV)/.installed: $(VENV)/.made pyproject.toml
	@echo "Installing carbonize into $(VENV) (the first time takes a few minutes) ..."
	@$(PIP) --editable .
	@touch $@

$(VENV)/.installed-test: $(VENV)/.made pyproject.toml
	@echo "Installing carbonize and its test tools into $(VENV) (the first time takes a few minutes) ..."
	@$(PIP) --editable ".[test,peers]"
	@touch $(VENV)/.installed $@

$(VENV)/.made:
	@command -v $(PYTHON) >/dev/null || { \
	  echo "make: '$(PYTHON)' was not found; install Python 3.11 or newer, or name one: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "make: carbonize needs Python 3.11 or newer, but $(PYTHON) is $$($(PYTHON) -V 2>&1); name one: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { \
	  echo "make: $(PYTHON) cannot create $(VENV); on Debian and Ubuntu install python3-venv" >&2; exit 1; }
	@touch $@

clean:
	rm -rf $(RUN) .pytest_cache .ruff_cache .hypothesis .import_linter_cache build dist
	find carbonize tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean
	rm -rf $(VENV)
