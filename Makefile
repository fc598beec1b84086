# `make demo` and `make test` need Python 3.12 or newer and nothing else; what is done already is skipped.
#   PYTHON=...       the Python that .venv is made with
#   CONSTRAINTS=...  a file of versions to install, such as constraints.txt
#   TEST_ARGS=...    arguments of pytest, such as "tests/pp -m 'not slow'"
#   DOCS_ARGS=...    arguments of sphinx-build, such as "--define nb_execution_mode=off", which runs no code
#   BENCH_ARGS=...   arguments of benchmarks/run_all.py, such as --quick

PYTHON ?= python3
CONSTRAINTS ?=
TEST_ARGS ?=
DOCS_ARGS ?=
BENCH_ARGS ?=

bin := .venv/bin
# a stamp per extra, and per file of constraints
stamp := .venv/.installed$(if $(CONSTRAINTS),-$(notdir $(CONSTRAINTS)))
install = $(bin)/uv pip install --quiet --python $(bin)/python $(if $(CONSTRAINTS),--constraint $(CONSTRAINTS)) --editable

# tests, tutorials and benchmarks find real data through this variable
ifeq ($(origin CREPR_DATA),undefined)
ifneq ($(wildcard ../shared/data/.),)
export CREPR_DATA := $(abspath ../shared/data)
endif
endif

.DELETE_ON_ERROR:
.PHONY: help demo test docs lint bench constraints clean

help:
	@echo "make demo         run the demonstration on synthetic tissue, into demo/"
	@echo "make test         run all tests (TEST_ARGS=\"-m 'not slow'\" for the quick ones)"
	@echo "make docs         build the documentation, into docs/_build/html"
	@echo "make lint         check style and types"
	@echo "make bench        measure speed and memory, into benchmarks/RESULTS.md"
	@echo "make constraints  write the installed versions to constraints.txt"
	@echo "make clean        remove what the others made, all but .venv"

demo: demo/report.html
	@echo "See demo/report.html (make clean demo runs it anew)."

demo/report.html: $(stamp) $(shell find src -name '*.py' -o -name '*.md')
	$(bin)/python -m crepr demo --out demo

test: $(stamp)-test
	$(bin)/python -m pytest --numprocesses auto --dist loadfile $(TEST_ARGS)

docs: $(stamp)-docs
	$(bin)/sphinx-build --fail-on-warning --keep-going --builder html $(DOCS_ARGS) docs docs/_build/html

lint: $(stamp)-dev $(stamp)-test
	$(bin)/ruff check
	$(bin)/ruff format --check
	$(bin)/mypy

bench: $(stamp)-test
	$(bin)/python benchmarks/run_all.py $(BENCH_ARGS)

constraints: $(stamp)-dev $(stamp)-docs $(stamp)-test
	$(bin)/uv pip freeze --quiet --python $(bin)/python --exclude-editable | grep -E '^[A-Za-z0-9._-]+==[^ ]+$$' | grep -v -E '^(pip|uv)==' > constraints.txt

clean:
	rm -rf demo dist docs/_build docs/api/generated docs/tutorials htmlcov .coverage .hypothesis .*_cache
	find benchmarks docs src tests -name __pycache__ -type d -exec rm -r {} +

$(bin)/uv:
	$(if $(shell $(PYTHON) -c 'import sys; print("yes" if sys.version_info >= (3, 12) else "")' 2>/dev/null),,\
	$(error crepr needs Python 3.12 or newer, "$(PYTHON)" is $(or $(shell $(PYTHON) --version 2>/dev/null),missing). Give another: make PYTHON=/path/to/python3.12))
	$(PYTHON) -m venv .venv
	$(bin)/python -m pip install --quiet --disable-pip-version-check uv

$(stamp): pyproject.toml src/crepr/_version.py $(CONSTRAINTS) | $(bin)/uv
	$(install) .
	@touch $@

$(stamp)-%: pyproject.toml src/crepr/_version.py $(CONSTRAINTS) | $(bin)/uv
	$(install) '.[$*]'
	@touch $@
