# Sets up a virtual environment on first use; every target works on a fresh machine.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

BENCHMARK ?= syscall
CODE := __init__.py benchmarks drivers examples kernel services/gateway services/runtime services/shell syscalls tests

.PHONY: bench check test test-all

$(VENV)/ready: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --editable '.[dev]'
	mkdir -p .typing && ln -sfn .. .typing/llmagentos
	touch $@

check: $(VENV)/ready
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/ruff check $(CODE)
	$(BIN)/mypy
	PYTHONPATH=.typing $(BIN)/lint-imports

test: $(VENV)/ready
	$(BIN)/pytest -q

test-all: test

bench: $(VENV)/ready
	$(BIN)/python -m benchmarks.$(BENCHMARK) --json
