# `make` lists the targets. The environment is made on the first use of any of them.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help report test oracles lab data lint clean FORCE

# Which data, profile and seed the notebooks get; empty: what the notebooks say.
DATASET ?=
PROFILE ?=
SEED ?=
FER_DATA ?=
export FER_DATA

VENV := .venv
PYTHON := $(VENV)/bin/python
READY := $(if $(filter .venv,$(VENV)),$(VENV)/.ready)
BUILD := $(or $(FER_BUILD),report/build)

NOTEBOOKS := $(sort $(wildcard notebooks/[0-9]*.ipynb))
EXECUTED := $(NOTEBOOKS:%=$(BUILD)/%)
SOURCES := $(shell find fer_utils -name '*.py')
TEMPLATES := $(wildcard report/*.css report/template/* report/fonts/*.woff2)
PARAMETERS := $(foreach name,DATASET PROFILE SEED,$(if $($(name)),-p $(name) "$($(name))"))

help:  ## List the targets
	@awk -F':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' Makefile
	@echo
	@echo "  make report FER_DATA=path/to/fer2013.csv     the report on your copy of FER2013"
	@echo "  make report DATASET=drawn PROFILE=quick SEED=1   other notebook parameters"

report: $(BUILD)/report.pdf  ## Execute the notebooks; render report/build/index.html and report.pdf
	@echo "report: $(BUILD)/index.html, $(BUILD)/report.pdf"

$(BUILD)/report.pdf: $(EXECUTED) $(TEMPLATES) $(if $(wildcard $(BUILD)/index.html),,FORCE) | $(READY)
	@$(PYTHON) -m fer_utils.report.document

$(BUILD)/notebooks/%.ipynb: notebooks/%.ipynb $(SOURCES) $(BUILD)/inputs uv.lock | $(READY)
	@$(PYTHON) -m fer_utils.report.execute $< $(PARAMETERS)

# Changes when a parameter, the data or the finished runs do (make alone can't see a deleted file).
$(BUILD)/inputs: FORCE
	@mkdir -p $(@D)
	@{ echo '$(PARAMETERS)'; \
	   if [ -n "$$FER_DATA" ]; then ls -lLd "$$FER_DATA" "$$(dirname "$$FER_DATA")"/fer2013new.csv; fi; \
	   ls -lLR data; \
	   cksum $(or $(FER_RUNS),runs)/*/*.json; } > $@.tmp 2>/dev/null || true
	@cmp -s $@.tmp $@ && rm $@.tmp || mv $@.tmp $@

test: $(READY)  ## Run the tests
	@$(PYTHON) -m pytest

oracles: $(READY)  ## Compare saliency maps with xplique and tf-keras-vis (environment of its own)
	@$(FIND_UV); UV_PROJECT_ENVIRONMENT=.cache/oracles $$uv sync --frozen --group oracles && \
	$$uv pip install --python .cache/oracles --no-deps xplique==2.0.2
	@.cache/oracles/bin/python -c "import tf_keras_vis, xplique"
	@.cache/oracles/bin/python -m pytest tests/test_oracles.py

lab: $(READY)  ## Open the notebooks in JupyterLab
	@FER_DATA="$${FER_DATA:+$$(realpath "$$FER_DATA")}" $(PYTHON) -m jupyter lab notebooks

data: $(READY)  ## Fetch FER2013 into data/
	@$(PYTHON) -m fer_utils.data.fetch

lint: $(READY)  ## Check style, formatting, and that the notebooks carry no outputs
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m ruff format --check .
	@$(PYTHON) -m nbstripout --verify --keep-id notebooks/*.ipynb

clean:  ## Remove the report, the cache and the runs trained here
	rm -rf $(BUILD) .cache runs/local

# uv from PATH, or a copy of its own where there is none.
FIND_UV = uv=$$(command -v uv) || { \
	  uv=.cache/uv/bin/uv; \
	  test -x $$uv || { python3 -m venv .cache/uv && .cache/uv/bin/pip install -q uv; }; \
	} || { echo "python3 -m venv failed: install Python's venv module (Debian: python3-venv)" >&2; exit 1; }

# Bytecode is compiled at once: TensorFlow's first import takes half a minute without it. With
# VENV=... (conda) the environment is the user's.
.venv/.ready: pyproject.toml uv.lock
	@$(FIND_UV); $$uv sync --frozen --compile-bytecode
	@touch $@
