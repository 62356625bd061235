# Commands that run Python first create .venv if it is missing, and install again if the requirements have changed.
# `make` alone prints the list of commands.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
OUT ?= out

# Tiny networks: more than one thread only makes them wait for each other.
export OPENBLAS_NUM_THREADS := 1
export OMP_NUM_THREADS := 1
export MKL_NUM_THREADS := 1

# BEGIN STAFF
REQUIREMENTS := requirements.txt requirements-staff.txt
PYTEST_OPTIONS := -n auto --dist loadfile
# END STAFF
REQUIREMENTS ?= requirements.txt

.DEFAULT_GOAL := help
.PHONY: help demo quick check doctor test submit clean

help:  ## print this list; begin with `make check`
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: $(VENV)/ready  ## measure every claim and draw every figure; open out/index.html
	$(BIN)/python -m scripts.figures --out $(OUT)

quick: $(VENV)/ready  ## the same, coarse but fast
	$(BIN)/python -m scripts.figures --quick --out $(OUT)

check: $(VENV)/ready  ## your points so far, and what is wrong
	$(BIN)/python -m scripts.check --exit-zero

doctor:  ## what is wrong with the set-up, and the remedy; installs nothing
	@if [ -x $(BIN)/python ]; then $(BIN)/python -m scripts.check --doctor; \
	else $(PYTHON) -m scripts.check --doctor; fi || true

test: $(VENV)/ready  ## run all tests
	$(BIN)/python -m pytest -q $(PYTEST_OPTIONS)

submit: $(VENV)/ready  ## pack submission.zip and check it
	$(BIN)/python -m scripts.submit

# BEGIN STAFF
.PHONY: lint format snapshot student autograder writeup bench tables

test: lint

lint: $(VENV)/ready  ## check the style of the code
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(VENV)/ready  ## correct the style of the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

snapshot: $(VENV)/ready  ## compute the expected values of students' own checks again; needed after a change that moves them
	$(BIN)/python -m scripts.staff.snapshot

autograder: $(VENV)/ready  ## build the private zip for Gradescope; options: ARGS="--pip-config FILE"
	$(BIN)/python -m scripts.staff.autograder --out $(OUT)/autograder.zip $(ARGS)

writeup: $(VENV)/ready  ## build handout, report template and rubric in out/writeup
	$(BIN)/python -m scripts.staff.writeup --out $(OUT)/writeup

bench: $(VENV)/ready  ## measure the speed, peers side by side
	$(BIN)/python -m scripts.staff.bench --out $(OUT)/bench.json

tables: $(VENV)/ready  ## write the tables of the READMEs from the results of make demo and make bench
	$(BIN)/python -m scripts.staff.tables --out $(OUT)

student: $(VENV)/ready  ## release: the branch student, its tag and out/student
	$(BIN)/python -m scripts.staff.release --out $(OUT)/student

# END STAFF
# What a person made or decided: own driving, predictions, the numbers of hints taken.
KEPT := drive predictions.json hints.json
# BEGIN STAFF
KEPT += *.seed grades
# END STAFF
clean:  ## delete results that can be made again; .venv and what you drove and predicted stay
	test ! -d $(OUT) || find $(OUT) -mindepth 1 -maxdepth 1 $(foreach name,$(KEPT),! -name '$(name)') -exec rm -rf {} +
	find . -path ./$(VENV) -prune -o -name __pycache__ -prune -exec rm -rf {} +

# The same pins with uv and with pip. What the checks use is imported once: the first time, Python compiles it and a virus
# scanner reads it, and the first check would be late.
$(VENV)/ready: $(REQUIREMENTS)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or later is needed, $(PYTHON) is older: make PYTHON=python3.11 ..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@if command -v uv > /dev/null; then \
	  echo "installing packages into $(VENV) with uv" && \
	  uv pip install --python $(BIN)/python $(REQUIREMENTS:%=-r %); \
	else \
	  echo "installing packages into $(VENV) with pip; this takes some minutes (with uv it takes seconds)" && \
	  $(BIN)/python -m pip install --disable-pip-version-check $(REQUIREMENTS:%=-r %); \
	fi
	@echo "importing the packages for the first time; this takes half a minute on some computers"
	@$(BIN)/python -c "from tests.autograder.warm import warm_up; warm_up()" \
	  || echo "the packages cannot be imported; make doctor says what to do" >&2
	@touch $@
