# Two commands on a fresh machine (Python 3.11, 3.12 or 3.13, make, gcc): make demo, make test.
# Another Python than python3 makes the environment: make demo PYTHON=python3.12
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo classify develop test check docs reference rulegraph unit workflow-tests browser-tests test-slurm bench bench-full equal drill clean

# The ten-minute tour of the synthetic benchmark. All of it: .venv/bin/snakemake
TOUR := figure1+table1+table2+table5_slice+figure2

demo: $(VENV)/installed
	$(BIN)/snakemake --config artefacts=$(TOUR)
	@echo
	@echo "Open results/miniature/report.choice.html in a browser"

# Your own dataset (docs/how-to/own-dataset.md): make classify DATA=reviews.csv TEXT=review LABEL=stars
# May be given, too: TEST=file UNLABELLED=file ENCODER=folder-or-hub-id SEEDS=3
quoted = '$(subst ','\'',$(1)="$(2)")'
classify: $(VENV)/installed
	$(BIN)/snakemake classify --config study=example $(if $(DATA),$(call quoted,data,$(DATA))) \
		$(if $(TEXT),$(call quoted,text,$(TEXT))) $(if $(LABEL),$(call quoted,label,$(LABEL))) \
		$(if $(TEST),$(call quoted,test,$(TEST))) $(if $(UNLABELLED),$(call quoted,unlabelled,$(UNLABELLED))) \
		$(if $(ENCODER),$(call quoted,encoder,$(ENCODER))) $(if $(SEEDS),seeds=$(SEEDS))

# What a contributor needs: the environment of development, and the checks of .pre-commit-config.yaml before each commit.
develop: $(VENV)/installed-dev
	$(BIN)/pre-commit install

test: check unit workflow-tests browser-tests

check: $(VENV)/installed-dev docs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	PYTHONPATH=scripts $(BIN)/lint-imports --no-cache
	$(BIN)/snakefmt --check Snakefile rules
	$(BIN)/snakemake --lint

# The documentation as a web site, site/index.html. A link that leads nowhere is an error.
MKDOCS ?= $(BIN)/mkdocs
docs: $(VENV)/installed-dev
	NO_MKDOCS_2_WARNING=1 $(MKDOCS) build --strict --quiet

# What is generated of it from the code: keys, switches, JSON schemas. A unit test compares; run this after a change.
reference: $(VENV)/installed-dev
	PYTHONPATH=scripts $(BIN)/python docs/generate.py

# The picture of the rules (needs Graphviz). Edges are sorted, and those that follow from others left out.
rulegraph: $(VENV)/installed-dev
	mkdir -p docs/images .snakemake
	$(BIN)/snakemake report --rulegraph > .snakemake/rulegraph.dot
	sed 's/color = "[^"]*", //' .snakemake/rulegraph.dot | \
		awk 'NR < 5 {print; next} /^}/ {next} {print | "sort -V"} END {close("sort -V"); print "}"}' | tred | \
		gvpr -c -f docs/rulegraph.gvpr | dot -Tsvg -o docs/images/rulegraph.svg

# A process for each core, at most four, each with a core to itself; the tests of a file share what it sets up.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses logical --maxprocesses 4 --dist loadfile

unit: $(VENV)/installed-dev
	$(PYTEST) tests/unit

workflow-tests: $(VENV)/installed-dev
	PATH="$(CURDIR)/$(BIN):$$PATH" $(PYTEST) tests/workflow

# In headless Chromium; where it is not there and apt is, it is installed, else the tests are skipped with a message.
browser-tests: $(VENV)/installed-dev
	@command -v chromedriver >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
		apt-get update -q && apt-get install -y -q chromium chromium-driver; } || echo "no Chromium: its tests are skipped"
	$(BIN)/pytest -rs tests/browser

# Jobs through a real Slurm with virtual nodes, under ten minutes; where it is not there and apt is, it is installed
# (RUNLEVEL: nothing is started by that), else the tests are skipped with a message.
test-slurm: $(VENV)/installed-dev
	@command -v slurmctld >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -q && \
		RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends slurm-wlm munge; } || \
		echo "no Slurm: its tests are skipped"
	$(BIN)/pytest -rs tests/cluster

# Speed against the public tools, start-up, memory, growth: results/bench/*.json, and a table of all. Some ten minutes.
BENCH := PYTHONPATH=scripts:tests $(BIN)/python bench
bench: $(VENV)/installed-dev
	$(BENCH)/finetuning.py
	$(BENCH)/finetuning.py --encoder L6-H384 --profile trec ag --steps 2 --out results/bench/finetuning6.json
	$(BENCH)/pretraining.py
	$(BENCH)/tokenising.py
	$(BENCH)/starting.py
	$(BENCH)/busy.py
	$(BENCH)/memory.py
	$(BENCH)/growth.py
	$(BENCH)/features.py
	$(BENCH)/calibration.py; found=$$?; $(BENCH)/measure.py; exit $$found

# The whole grid of encoders, lengths and paddings; all cases of the calibration. An hour or two.
bench-full: $(VENV)/installed-dev
	$(BENCH)/finetuning.py --encoder L4-H256 L6-H384 --against dynamic group padded --steps 6
	rm -f results/bench/finetuning6.json
	$(BENCH)/pretraining.py --pairs 7 --steps 8
	$(BENCH)/growth.py --pairs 7 --steps 6
	$(BENCH)/calibration.py --full; found=$$?; $(BENCH)/measure.py; exit $$found

# A run that is killed, starved of disk, damaged and given a wrong clock comes to the same bytes: some twenty minutes.
# STUDY=miniature: the same over the whole synthetic benchmark, hours.
drill: $(VENV)/installed-dev
	OMP_NUM_THREADS=1 PYTHONPATH=scripts:tests $(BIN)/python -m drills $(or $(STUDY),drill)

# Compares fast paths with their references, on this device: results/bench/equal.json. A minute; fails beyond a bound.
equal: $(VENV)/installed-dev
	$(BENCH)/equal.py

# Two environments in one folder, every version pinned: what a run needs, and what development needs besides. The marker
# files make the second call cost nothing.
SUPPORTED := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
$(VENV)/installed: requirements.txt
	test -x $(BIN)/python || { $(PYTHON) -c '$(SUPPORTED)' && $(PYTHON) -m venv $(VENV); } || \
		{ echo "$(PYTHON) cannot make the environment: name a Python 3.11, 3.12 or 3.13, as in make PYTHON=python3.12"; exit 1; }
	$(BIN)/python -m pip install --disable-pip-version-check --quiet -r requirements.txt
	touch $@

$(VENV)/installed-dev: requirements-dev.txt $(VENV)/installed
	$(BIN)/python -m pip install --disable-pip-version-check --quiet -r requirements-dev.txt
	touch $@

clean:
	rm -rf $(VENV) .snakemake .pytest_cache .ruff_cache .mypy_cache .hypothesis
