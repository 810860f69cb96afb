# Two commands on a fresh machine (Python 3.11, make, gcc): make demo, make test.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo classify test check unit workflow-tests browser-tests test-slurm bench bench-full equal drill clean

# The ten-minute tour of the miniature world. All of it: .venv/bin/snakemake
TOUR := figure1+table1+table2+table5_slice+figure2

demo: $(VENV)/installed
	$(BIN)/snakemake --config artefacts=$(TOUR)
	@echo
	@echo "Open results/miniature/report.choice.html in a browser"

# Texts of your own (README): make classify DATA=reviews.csv TEXT=review LABEL=stars
# May be given, too: TEST=file UNLABELLED=file ENCODER=folder-or-hub-id SEEDS=3
quoted = '$(subst ','\'',$(1)="$(2)")'
classify: $(VENV)/installed
	$(BIN)/snakemake classify --config study=example $(if $(DATA),$(call quoted,data,$(DATA))) \
		$(if $(TEXT),$(call quoted,text,$(TEXT))) $(if $(LABEL),$(call quoted,label,$(LABEL))) \
		$(if $(TEST),$(call quoted,test,$(TEST))) $(if $(UNLABELLED),$(call quoted,unlabelled,$(UNLABELLED))) \
		$(if $(ENCODER),$(call quoted,encoder,$(ENCODER))) $(if $(SEEDS),seeds=$(SEEDS))

test: check unit workflow-tests browser-tests

check: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/snakefmt --check Snakefile rules
	$(BIN)/snakemake --lint

unit: $(VENV)/installed
	$(BIN)/pytest tests/unit

workflow-tests: $(VENV)/installed
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/pytest tests/workflow

# In headless Chromium; where it is not there and apt is, it is installed, else the tests are skipped with a message.
browser-tests: $(VENV)/installed
	@command -v chromedriver >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
		apt-get update -q && apt-get install -y -q chromium chromium-driver; } || echo "no Chromium: its tests are skipped"
	$(BIN)/pytest -rs tests/browser

# Jobs through a real Slurm with virtual nodes, under ten minutes; where it is not there and apt is, it is installed
# (RUNLEVEL: nothing is started by that), else the tests are skipped with a message.
test-slurm: $(VENV)/installed
	@command -v slurmctld >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -q && \
		RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends slurm-wlm munge; } || \
		echo "no Slurm: its tests are skipped"
	$(BIN)/pytest -rs tests/cluster

# Speed beside the public tools, start-up, memory, growth: results/bench/*.json, and a table of all. Some ten minutes.
BENCH := PYTHONPATH=scripts:tests $(BIN)/python bench
bench: $(VENV)/installed
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
bench-full: $(VENV)/installed
	$(BENCH)/finetuning.py --encoder L4-H256 L6-H384 --against dynamic group padded --steps 6
	rm -f results/bench/finetuning6.json
	$(BENCH)/pretraining.py --pairs 7 --steps 8
	$(BENCH)/growth.py --pairs 7 --steps 6
	$(BENCH)/calibration.py --full; found=$$?; $(BENCH)/measure.py; exit $$found

# A run that is killed, starved of disk, damaged and given a wrong clock comes to the same bytes: some ten minutes.
# STUDY=miniature: the same over the whole miniature world, hours.
drill: $(VENV)/installed
	OMP_NUM_THREADS=1 PYTHONPATH=scripts:tests $(BIN)/python -m drills $(or $(STUDY),drill)

# Every fast path beside its plain twin, on this device: results/bench/equal.json. A minute; fails where a bound is broken.
equal: $(VENV)/installed
	$(BENCH)/equal.py

# Everything pinned; the marker file makes the second call cost nothing.
$(VENV)/installed: requirements.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check --quiet -r requirements.txt
	touch $@

clean:
	rm -rf $(VENV) .snakemake .pytest_cache .ruff_cache .mypy_cache .hypothesis
