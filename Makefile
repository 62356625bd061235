# Every command makes its own .venv when it is missing or when the requirements have changed.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
OUT ?= out

# Tiny networks: more than one thread only makes them wait for each other.
export OPENBLAS_NUM_THREADS := 1
export OMP_NUM_THREADS := 1
export MKL_NUM_THREADS := 1

.PHONY: help demo quick test lint format bench clean

help:  ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: $(VENV)/ready  ## every figure and the table of claims, into out/index.html
	$(BIN)/python -m scripts.figures --out $(OUT)

quick: $(VENV)/ready  ## the same, coarse, in a minute
	$(BIN)/python -m scripts.figures --quick --out $(OUT)

test: $(VENV)/ready lint  ## everything that must pass
	$(BIN)/python -m pytest -q

lint: $(VENV)/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(VENV)/ready
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/ready  ## the table of speeds, peers side by side
	$(BIN)/python -m scripts.staff.bench --out $(OUT)/bench.json

clean:  ## remove what can be made again; the .venv stays
	rm -rf $(OUT)
	find . -name __pycache__ -prune -exec rm -rf {} +

$(VENV)/ready: requirements.txt requirements-staff.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or later is needed, $(PYTHON) is older: make PYTHON=python3.11 ..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-staff.txt
	touch $@
