# Every command makes its own .venv when it is missing or when the requirements have changed.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
OUT ?= out

# Tiny networks: more than one thread only makes them wait for each other.
export OPENBLAS_NUM_THREADS := 1
export OMP_NUM_THREADS := 1
export MKL_NUM_THREADS := 1

# BEGIN STAFF
REQUIREMENTS := requirements-staff.txt
PYTEST_OPTIONS := -n auto --dist loadfile
# END STAFF
REQUIREMENTS ?= requirements.txt

.PHONY: help demo quick check test submit clean

help:  ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: $(VENV)/ready  ## every figure and the table of claims, into out/index.html
	$(BIN)/python -m scripts.figures --out $(OUT)

quick: $(VENV)/ready  ## the same, coarse, in a minute
	$(BIN)/python -m scripts.figures --quick --out $(OUT)

check: $(VENV)/ready  ## your grade so far, with hints
	$(BIN)/python -m scripts.check

test: $(VENV)/ready  ## everything that must pass
	$(BIN)/python -m pytest -q $(PYTEST_OPTIONS)

submit: $(VENV)/ready  ## pack submission.zip and check what was packed
	$(BIN)/python -m scripts.submit

# BEGIN STAFF
.PHONY: lint format snapshot student autograder writeup bench

test: lint

lint: $(VENV)/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(VENV)/ready
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

snapshot: $(VENV)/ready  ## the expected values of students' own checks, after any change that moves them
	$(BIN)/python -m scripts.staff.snapshot

autograder: $(VENV)/ready  ## the zip for Gradescope, private; options in ARGS="--pip-config FILE"
	$(BIN)/python -m scripts.staff.autograder --out $(OUT)/autograder.zip $(ARGS)

writeup: $(VENV)/ready  ## handout, report template and rubric, into out/writeup
	$(BIN)/python -m scripts.staff.writeup --out $(OUT)/writeup

bench: $(VENV)/ready  ## the table of speeds, peers side by side
	$(BIN)/python -m scripts.staff.bench --out $(OUT)/bench.json

student: $(VENV)/ready  ## the release: the branch student and out/student, proved
	$(BIN)/python -m scripts.staff.release --out $(OUT)/student

# END STAFF
clean:  ## remove what can be made again; the .venv, seeds and grades stay
	test ! -d $(OUT) || find $(OUT) -mindepth 1 -maxdepth 1 ! -name '*.seed' ! -name grades -exec rm -rf {} +
	find . -name __pycache__ -prune -exec rm -rf {} +

$(VENV)/ready: requirements.txt $(REQUIREMENTS)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or later is needed, $(PYTHON) is older: make PYTHON=python3.11 ..." >&2; exit 1; }
	@echo "installing what is needed into $(VENV); this takes some minutes"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r $(REQUIREMENTS)
	touch $@
