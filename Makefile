# Each target sets up .venv by itself, once, from plain python3 and pip; uv is used where it is installed.

PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin

# The constraints file pins the CPU build of PyTorch; uv needs to be told to look for one.
ifneq ($(shell command -v uv),)
  INSTALL := uv pip install --quiet --python $(BIN)/python --torch-backend cpu -c constraints.txt
else
  INSTALL := $(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt
endif

.PHONY: demo test lint format bench bench-models scaffold clean

demo: $(VENV)/.ready-demo  ## Backtest and simulate live trading on a generated market
	$(BIN)/freqai-ext demo

test: $(VENV)/.ready-test  ## Run the tests
	$(BIN)/python -m pytest -n 2 --dist worksteal $(PYTEST_ARGS)

lint: $(VENV)/.ready-test  ## Check format, style, types and layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.ready-test  ## Format the code
	$(BIN)/ruff check --fix --quiet . || true
	$(BIN)/ruff format .

bench: $(VENV)/.ready-test  ## Measure our models beside stock FreqAI
	$(BIN)/python -m benchmarks.backtest $(BENCH_ARGS)

bench-models: $(VENV)/.ready-test  ## Measure training and predicting of each model beside stock FreqAI
	$(BIN)/python -m benchmarks.models $(BENCH_ARGS)

scaffold: $(VENV)/.ready-test  ## Write user_data/, configs/ and the settings reference anew
	$(BIN)/python -m freqai_ext.scaffold

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache

$(BIN)/python:
	@echo "Setting up $(VENV) with $(PYTHON) (once, about two minutes)"
	@$(PYTHON) -c 'import sys; assert sys.version_info >= (3, 11), "Python 3.11 or newer is needed; set PYTHON=..."'
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.ready-demo: pyproject.toml constraints.txt | $(BIN)/python
	@$(INSTALL) -e '.[replay]'
	@touch $@

$(VENV)/.ready-test: pyproject.toml constraints.txt | $(BIN)/python
	@$(INSTALL) -e '.[replay,torch,dev]'
	@touch $@ $(VENV)/.ready-demo
