# The course's commands; `make help` lists them.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

SEED ?= 0
DEVICE ?= cpu
NB ?=
# Another TensorFlow than the locked one, in an environment of its own: make test TENSORFLOW=2.18.*
TENSORFLOW ?=
VENV ?= .venv$(addprefix -,$(subst *,x,$(TENSORFLOW)))

BIN := $(VENV)/bin
comma := ,
LOCK := $(if $(filter gpu,$(DEVICE)),requirements-gpu.lock,requirements.lock)
# An environment knows its place by absolute paths: in another folder it has to be set up again.
READY := $(VENV)/ready-$(DEVICE)-$(shell pwd | cksum | cut -d " " -f 1)
UV := 0.13.9

# The first Python on the path that TensorFlow supports.
SUPPORTED := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON := $(or $(PYTHON),$(shell for python in python3 python3.13 python3.12 python3.11; do \
	"$$python" -c '$(SUPPORTED)' 2>/dev/null && echo "$$python" && break; done))

# pip names a package per line; counting them is progress enough. The log keeps the rest.
COUNT = tee $(VENV)/setup.log | { n=0; while read -r word _; do case "$$word" in \
	Collecting|Processing) n=$$((n + 1)); printf '\r  fetching package %d ' $$n;; \
	Installing) printf '\n  installing, about half a minute\n';; esac; done; }

TESTS = $(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

.NOTPARALLEL:
.PHONY: help notebooks check test test-all copies again attack bank chance bench grid lab student colab setup publish lock clean

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12
	@echo
	@echo "Options: PROFILE=smoke|standard SEED=0 DEVICE=cpu|gpu NB=name"
	@echo "Example: make notebooks PROFILE=smoke NB=regularization"

notebooks: PROFILE ?= standard
notebooks: $(READY)  ## execute every notebook into build/ (default PROFILE=standard)
	@$(BIN)/python -m coursehelpers run $(NB) \
		--profile $(PROFILE) --seed $(SEED) --device $(DEVICE)

check: $(READY)  ## format, lint, types, and the tests that need no TensorFlow: before each commit
	@$(BIN)/ruff format --quiet --check .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/python -m pytest tests --light --quiet --numprocesses 2

test: PROFILE ?= smoke
test: $(READY)  ## run everything once, execution and validation of all notebooks included
	@$(TESTS) --profile $(PROFILE)

test-all: $(READY)  ## run what takes longer: real kernels, nbgrader's tools, benchmarks, and the students' copies
	@$(TESTS) tests -m "slow or copies"

copies: $(READY)  ## execute the students' copies, compare their claims, and try every answer of the bank in them
	@$(TESTS) tests/test_copy_*.py -m copies

again: $(READY)  ## run each section of a notebook again after the whole notebook, from the last to the first
	@$(BIN)/python -m pytest tests/test_notebooks_order.py -m again --numprocesses 2

attack: $(READY)  ## attack grading in a hundred ways, and put the whole bank through it; needs bubblewrap
	@$(BIN)/python -m pytest tests/test_attacks.py tests/test_grading.py -m "attack or slow or heavy" \
		--isolation required --numprocesses 2

bank: $(READY)  ## change right answers until they are wrong, and prove that every check notices
	@$(BIN)/python -m tests.mutation --jobs 2

chance: $(READY)  ## judge every answer of the bank with fifty seeds, about three hours of CPU time
	@$(BIN)/python -m pytest tests/test_answer_bank.py --bank-seeds 50 --numprocesses 2

bench: $(READY)  ## measure the speed of compare, of augmentation in it, of the backbone, of the checks and of grading, about eight minutes
	@$(BIN)/python -m tests.benchmarks.training
	@$(BIN)/python -m tests.benchmarks.augmentation
	@$(BIN)/python -m tests.benchmarks.backbone
	@$(BIN)/python -m tests.benchmarks.checks
	@$(BIN)/python -m tests.benchmarks.grading

grid: $(READY)  ## measure the strategies of transfer learning, about two hours of CPU time, resumable
	@$(BIN)/python data/grid.py

lab: $(READY)  ## open JupyterLab on the notebooks
	@$(BIN)/python -m jupyter lab notebooks

student: $(READY)  ## write the students' copies, without solutions, into notebooks/student/
	@$(BIN)/python -m coursehelpers student $(NB)

colab: PROFILE ?= standard
colab: $(READY)  ## execute the students' copies as Colab does: from a wheel, in an empty folder, offline
	@$(BIN)/python -m tests.colab $(NB) --profile $(PROFILE)

setup: $(READY)  ## set up the virtual environment; the other targets do it by themselves

publish: $(READY)  ## store the outputs of build/standard in the notebooks and the README
	@$(BIN)/python -m coursehelpers publish $(NB)
	@$(BIN)/ruff format --quiet notebooks
	@$(BIN)/python -m coursehelpers student $(NB)

lock: $(READY)  ## resolve the lock files anew from pyproject.toml
	@$(BIN)/python -m pip install --quiet "uv==$(UV)"
	@compile="$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 \
		--generate-hashes --no-header --no-annotate --extra notebooks --extra test pyproject.toml"; \
	$$compile -o requirements.lock && $$compile --extra gpu -o requirements-gpu.lock

clean:  ## remove the virtual environment and everything that was built
	@rm -rf $(VENV) build

# A plain copy of the folder in the wheel's place, so that editing the package takes effect at once.
$(READY): $(if $(TENSORFLOW),,$(LOCK)) pyproject.toml
	@$(or $(PYTHON),false) -c '$(SUPPORTED)' 2>/dev/null || { \
		echo "This needs Python 3.11, 3.12 or 3.13, and $(or $(PYTHON),none on the path) is not one of them."; \
		echo "Install one, or name it: make $(MAKECMDGOALS) PYTHON=/path/to/python3.12"; exit 1; }
	@if [ "$(DEVICE)" != cpu ] && [ "$(DEVICE)" != gpu ]; then \
		echo "DEVICE must be cpu or gpu, got $(DEVICE)."; exit 1; fi
	@echo "Setting up $(VENV) with $$($(PYTHON) --version): about two minutes, once."
	@$(PYTHON) -m venv $(VENV) || { \
		echo "Python's venv module is missing. On Debian and Ubuntu: sudo apt install python3-venv"; exit 1; }
	@$(BIN)/python -m pip install --disable-pip-version-check \
		$(if $(TENSORFLOW),"tensorflow==$(TENSORFLOW)" -e ".[notebooks$(comma)test]",--require-hashes -r $(LOCK)) 2>&1 | $(COUNT) \
		|| { tail -n 20 $(VENV)/setup.log; echo "The set-up failed; the whole log is $(VENV)/setup.log."; exit 1; }
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation -e . 2>> $(VENV)/setup.log \
		|| { tail -n 20 $(VENV)/setup.log; exit 1; }
	@touch $@
