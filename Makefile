# `make` lists the targets. The environment is made on the first use of any of them.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help report edition test faults oracles lab data lint clean filter

ifeq ($(wildcard fer_utils/build.py),)
$(error not in the folder of this Makefile: use `make -C that/folder`)
endif

UNAME := $(shell uname -sm)
ifneq ($(or $(filter Windows_NT,$(OS)),$(filter MINGW% MSYS% CYGWIN%,$(UNAME))),)
$(error Windows: work in WSL2 (`wsl --install`, then the same commands in its Ubuntu))
endif
ifeq ($(UNAME),Darwin x86_64)
$(error macOS on Intel: there is no TensorFlow $(shell sed -n 's/.*"tensorflow==\([0-9.]*\)\..*/\1/p' pyproject.toml) for it; use Linux, for example in a container)
endif

# What the notebooks get, and where things lie; empty: what the notebooks say, and the defaults.
# The environment hands it on as it is, so that any character may stand in it.
GIVEN := DATASET PROFILE SEED FER_DATA FER_BUILD FER_CACHE FER_RUNS FROM TO
$(foreach name,$(GIVEN),$(if $(filter command,$(firstword $(origin $(name)))),\
  $(eval override $(name) := $$(value $(name)))))
export $(GIVEN)

COMMAND_LINE := $(foreach name,$(.VARIABLES),\
  $(if $(filter command,$(firstword $(origin $(name)))),$(name)))
UNKNOWN := $(filter-out $(GIVEN) FER_LONG VENV LAB GPU OS UNAME SHELL MAKE%,$(COMMAND_LINE))
$(if $(UNKNOWN),$(error $(UNKNOWN): no such parameter; there are $(GIVEN) VENV LAB GPU))

VENV := .venv
override VENV := $(or $(VENV),.venv)
PYTHON := "$(VENV)/bin/python"
READY := $(if $(filter-out .venv,$(VENV)),,.venv/.ready$(if $(filter-out 0,$(GPU)),-gpu))
DRY_RUN := $(findstring n,$(firstword -$(MAKEFLAGS)))
QUOTED = $(foreach name,$(GIVEN),$(name)='$(subst ','\'',$(value $(name)))')

help:  ## List the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' Makefile
	@echo
	@echo "  make report FER_DATA=path/to/fer2013.csv     the report on your copy of FER2013"
	@echo "  make report DATASET=drawn PROFILE=quick SEED=1   other notebook parameters"
	@echo '  make lab LAB="--no-browser --port 9999"      options for JupyterLab'
	@echo "  make report GPU=1                            with CUDA's libraries (Linux, NVIDIA)"

report: $(READY)  ## Execute the notebooks; render the report and its appendix in report/build
	$(if $(DRY_RUN),$(shell $(QUOTED) $(PYTHON) -m fer_utils.build --dry-run >&2),@$(PYTHON) -m fer_utils.build)

edition: $(READY)  ## Write report/edition: the FER2013 report, without photographs, to commit
	@$(PYTHON) -m fer_utils.report.edition

test: $(READY)  ## Run the tests
	@$(PYTHON) -m pytest

faults: $(READY)  ## Inject faults for minutes: kills at random moments, damage (tests/test_faults.py)
	@$(PYTHON) -m pytest -m long --dist load

oracles: $(READY)  ## Compare saliency maps with xplique and tf-keras-vis (environment of its own)
	@$(FIND_UV); UV_PROJECT_ENVIRONMENT=.cache/oracles $$uv sync --frozen --extra all --group oracles && \
	$$uv pip install --python .cache/oracles --no-deps xplique==2.0.2
	@.cache/oracles/bin/python -c "import tf_keras_vis, xplique"
	@.cache/oracles/bin/python -m pytest tests/test_interpret_oracles.py

lab: $(READY) filter  ## Open working copies of the notebooks in JupyterLab
	@$(PYTHON) -m fer_utils.notebook.lab $(LAB)

data: $(READY)  ## Fetch FER2013 into data/; FROM=photos: cut faces out of your own pictures
	@$(if $(value FROM),$(PYTHON) -m fer_utils.predict.training_data "$$FROM" $${TO:+"$$TO"},$(PYTHON) -m fer_utils.data.fetch)

lint: $(READY) filter  ## Check that notebooks carry no outputs; style, formatting, types
	@$(PYTHON) -m nbstripout --verify --keep-id $(wildcard notebooks/*.ipynb notebooks/*/*.ipynb)
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m ruff format --check .
	@$(PYTHON) -m mypy

clean:  ## Remove what builds made here: the report, the cache, the runs trained here
	@python=$(PYTHON); test -x "$$python" || python=python3; "$$python" -m fer_utils.report.folder

# uv from PATH, or a copy of its own where there is none.
FIND_UV = uv=$$(command -v uv) || { \
	  uv=.cache/uv/bin/uv; \
	  test -x $$uv || { python3 -m venv .cache/uv && .cache/uv/bin/pip install -q uv; }; \
	} || { echo "python3 -m venv failed: install Python's venv module (Debian: python3-venv)" >&2; exit 1; }

# Git takes the outputs out of a notebook that was run in place when it is added. Where there is no
# environment (it was deleted, or the worktree is new) git takes the file as it is, and says so.
define CLEAN
for python in .venv/bin/python "$$(git config filter.nbstripout.python)"; do
  test -x "$$python" && exec "$$python" -m nbstripout --keep-id
done
copy=$$(mktemp) && cat >"$$copy" && cat "$$copy" || exit
grep -qE '"(output_type|execution_count)": [^n]' "$$copy" &&
  echo %f": taken with its outputs, for want of an environment; see \`make lint\`" >&2
rm "$$copy"
endef
export CLEAN
FILTER = if git rev-parse --git-dir >/dev/null 2>&1; then \
	  git config filter.nbstripout.clean "$$CLEAN"; \
	  git config filter.nbstripout.python "$$(cd "$(VENV)/bin" && pwd)/python"; \
	  git config filter.nbstripout.required false; \
	fi

filter: $(READY)
	@$(FILTER)

# Bytecode is compiled at once: TensorFlow's first import takes half a minute without it. With
# VENV=... (conda) the environment is the user's.
.venv/.ready: pyproject.toml uv.lock
	@$(FIND_UV); $$uv sync --frozen --compile-bytecode --extra all
	@$(FILTER)
	@rm -f $@-gpu
	@touch $@

# Also for TensorFlow on an NVIDIA GPU; a plain `make` takes it as it is.
.venv/.ready-gpu: pyproject.toml uv.lock
	@$(FIND_UV); $$uv sync --frozen --compile-bytecode --extra all --extra gpu
	@$(FILTER)
	@touch .venv/.ready $@
