# `make repro` runs the pipeline, `make test` the tests; both install what they need into .venv first.

PYTHON ?= python3
# Where packages are installed; in the container that is a folder of the image.
VENV ?= .venv
BIN := $(VENV)/bin
# `exec`, as make tells its child alone that it should end, and a shell between would end without a word to the program.
RUN := PATH="$(abspath $(BIN)):$$PATH" exec
# Python compiles what it imports; to compile all 24,000 files at once takes longer than to install them.
PIP := $(BIN)/python -m pip install --no-compile --quiet --disable-pip-version-check
# It has to keep what it compiled, then: where a machine forbids that, each stage that needs torch begins six seconds later.
unexport PYTHONDONTWRITEBYTECODE
# A process for each core; each begins with tests that stand side by side, and takes some of another's when it has none left.
PYTEST := python -m pytest -q -n logical --maxprocesses 8 --dist worksteal

.PHONY: install repro repair demo test test-slow check clean

install: $(VENV)/requirements.txt  ## install what the pipeline needs into .venv

repro: $(VENV)/requirements.txt  ## check params.yaml, then run every stage whose inputs have changed
	@$(BIN)/python -P commands/compiled.py
	@$(RUN) python -m commands.repro

repair: $(VENV)/requirements.txt  ## find what is damaged of all that is kept, remove it, and say what makes it anew
	@$(RUN) python -m commands.cache repair

demo: $(VENV)/requirements-demo.txt  ## a page to try the tuned model beside the base model
	@$(RUN) python -m commands.demo

test: $(VENV)/requirements-dev.txt  ## the tests that take minutes at most
	@$(RUN) $(PYTEST) -m "not slow"

test-slow: $(VENV)/requirements-dev.txt  ## the tests that run the whole pipeline
	@$(RUN) $(PYTEST) -m slow

check: $(VENV)/requirements-dev.txt  ## formatting, lint, types and layers
	@$(RUN) ruff format --check .
	@$(RUN) ruff check .
	@$(RUN) mypy
	@$(RUN) lint-imports --no-cache --no-logo

# Before 3.11.5 a pool of processes may hang when one of them is killed (gh-94777). The pip that Python 3.11 brings takes twice as long.
$(VENV)/%.txt: %.txt
	@test -x $(BIN)/python || $(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(None if (3, 11, 5) <= v < (3, 14) else f"Python 3.11.5 to 3.13 is needed, this is {v.major}.{v.minor}.{v.micro}: make PYTHON=python3.12")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) pip==26.3
	$(PIP) -r $<
	$(if $(REFERENCE),$(PIP) --no-deps -r $(REFERENCE))
	@cp $< $@

$(VENV)/requirements-dev.txt: REFERENCE := requirements-reference.txt
$(VENV)/requirements-dev.txt: requirements.txt requirements-reference.txt requirements-demo.txt

$(VENV)/requirements-demo.txt: requirements.txt

clean:  ## remove the environment and every output; DVC's cache and the cache of shards stay
	rm -rf .venv models/base.json data/validated data/splits data/sets data/mix data/features data/recordings models/whisper models/export metrics/export metrics/train metrics/baseline metrics/evaluate metrics/plots metrics/data.html metrics/report.html metrics/report.txt metrics/card.md metrics/comment.md metrics/comparison.html
