# Sets up a virtual environment on first use; every target works on a fresh machine.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

BENCHMARK ?= syscall
# Each worker has its own daemons and models: more of them need more memory.
WORKERS ?= 2
PYTEST := $(BIN)/pytest -q -n $(WORKERS) --dist loadfile --no-loadscope-reorder
CODE := __init__.py benchmarks drivers examples kernel services syscalls tests
# The demo keeps its own daemon and state, beside a person's own.
DEMO := LLMAGENTOS_STATE=$(CURDIR)/.demo $(BIN)/aos

.PHONY: bench check demo docs fuzz learn-demo test test-all torture

$(VENV)/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	mkdir -p .typing && ln -sfn .. .typing/llmagentos
	touch $@

demo: $(VENV)/ready
	$(DEMO) run examples/clerk.py --task "Store the total of 37 times 12 as budget"
	$(DEMO) run examples/clerk.py --task "What is the budget?"
	$(DEMO) ps --all
	$(DEMO) stop

learn-demo: $(VENV)/ready
	$(BIN)/python examples/learn/demo.py --folder .demo/learn

check: $(VENV)/ready
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/ruff check $(CODE)
	$(BIN)/mypy
	PYTHONPATH=.typing $(BIN)/lint-imports

test: $(VENV)/ready
	$(PYTEST) -m "not slow"

test-all: $(VENV)/ready
	$(PYTEST)

docs: $(VENV)/ready
	$(BIN)/python -m llmagentos.syscalls.reference > docs/syscalls.md

torture: $(VENV)/ready
	$(BIN)/python -m benchmarks.torture --json

fuzz: $(VENV)/ready
	$(BIN)/python -m benchmarks.fuzz --json

bench: $(VENV)/ready
	$(BIN)/python -m benchmarks.$(BENCHMARK) --json
