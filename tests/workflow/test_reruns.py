"""What runs again and what does not: the promise that nothing is retrained for nothing, and nothing is missed."""

from __future__ import annotations

import json
import re
import shutil
import zipfile
from pathlib import Path

import pytest

from conftest import ROOT, Workflow
from helpers.dry_runs import jobs

STUDY = ("--config", "study=tiny")
TRAININGS = 14  # of the tiny study by rule finetune


@pytest.fixture(scope="module")
def finished(make_workflow) -> Workflow:
    """A whole run of the tiny study."""
    workflow = make_workflow("finished")
    shutil.copy(ROOT / "tests/studies/tiny.yaml", workflow.folder / "studies/tiny.yaml")
    workflow.run(*STUDY)
    return workflow


@pytest.fixture
def edited(finished: Workflow):
    """Edit a file for one test, then put it back."""
    kept: dict[Path, bytes] = {}

    def edit(name: str, old: str, new: str) -> dict[str, int]:
        kept.setdefault(finished.folder / name, (finished.folder / name).read_bytes())
        finished.edit(name, old, new)
        return jobs(finished.run("-n", *STUDY))

    yield edit
    for path, text in kept.items():
        path.write_bytes(text)


def test_a_second_run_has_nothing_to_do(finished: Workflow) -> None:
    assert jobs(finished.run("-n", *STUDY)) == {}
    assert (finished.folder / "results/tiny/tables/table2.csv").is_file()
    assert not (finished.folder / "results/tiny/.state").exists() or not any(
        path.is_file() for path in (finished.folder / "results/tiny/.state").rglob("*")
    ), "resume state is removed on success"


def test_snakemakes_report_shows_tables_and_figures_before_their_values(finished: Workflow) -> None:
    """Their numbers and titles as in the paper, captions, and the whole study on one page."""
    finished.run("--report", "report.zip", *STUDY)
    with zipfile.ZipFile(finished.folder / "report.zip") as packed:
        page = packed.read("report/report.html").decode()
        files = {Path(name).name: packed.read(name) for name in packed.namelist() if name != "report/report.html"}
    (listed,) = re.findall(r"^ *var results = (\{.*\});$", page, re.MULTILINE)
    shown = {Path(path).name: each for path, each in json.loads(listed).items()}
    results = finished.folder / "results/tiny"
    made = [*results.glob("tables/*.html"), *results.glob("tables/*.csv"), *results.glob("figures/*.svg")]
    made += [*results.glob("figures/*.csv"), results / "claims.md", results / "report.html"]
    assert files == {path.name: path.read_bytes() for path in made} and set(shown) == set(files)
    for first, number, title in (
        ("table2.html", "Table 2", "Ways to deal with long texts"),
        ("figure2.svg", "Figure 2", "Catastrophic forgetting"),
    ):
        form, values = (shown[name]["labels"] for name in (first, first.split(".")[0] + ".csv"))
        assert form == {"artefact": number, "title": title, "form": number.split()[0].lower()}
        assert values == form | {"form": "values (CSV)"} and form["form"] < values["form"], "shown in this order"
    caption = shown["table2.html"]["caption"]
    assert "<p><strong>Table 2</strong>: Ways to deal with long texts (Sun et al. 2019, section 5.3.1)</p>" in caption
    assert "Sun et al." not in shown["kept.html"]["caption"], "a table of this study alone"
    assert "<em>Tiny</em> on one page" in shown["report.html"]["caption"]


def test_touching_every_source_runs_nothing(finished: Workflow) -> None:
    for path in finished.folder.rglob("*"):
        if path.is_file() and "results" not in path.parts and ".snakemake" not in path.parts:
            path.touch()
    assert jobs(finished.run("-n", *STUDY)) == {}


def test_a_comment_or_docstring_runs_nothing(edited) -> None:
    assert edited("scripts/bertfit/training/optimizer.py", "from __future__", "# another reason\nfrom __future__") == {}
    assert edited("scripts/finetune.py", '"""Rule finetune', '"""The rule finetune') == {}
    assert edited("config.yaml", "# 5.2\n", "# section 5.2\n") == {}


def test_the_learning_rate_of_one_recipe_runs_its_jobs_alone(edited) -> None:
    # one line of Figure 2: one new training, the figure, and what is made of all results
    found = edited("config.yaml", "{lr: x2.5}", "{lr: x3}")
    assert found.pop("build_report", 1) == found.pop("judge_claims", 1) == 1
    assert found == {"finetune": 1, "score_all": 1, "plot_curves": 1}


def test_a_strategy_runs_its_own_stage(edited) -> None:
    found = edited("scripts/bertfit/stages/multitask.py", "import annotations\n", "import annotations\n\n_X = 1\n")
    assert found["multitask_encoder"] == 2 and found["finetune"] == 1, "for each seed, and the run from them"
    assert not {"pretrain_encoder", "pretrain_and_save_1", "train_on_features"} & set(found)


def test_features_run_their_own_stage(edited) -> None:
    found = edited("scripts/bertfit/model/bilstm.py", "import annotations\n", "import annotations\n\n_X = 1\n")
    assert found["train_on_features"] == 1 and not {"finetune", "multitask_encoder"} & set(found)


def test_a_default_runs_every_training_that_reads_it(edited) -> None:
    found = edited("studies/tiny.yaml", "finetune: {steps: 4", "finetune: {weight_decay: 0.02, steps: 4")
    assert found["finetune"] == TRAININGS and "pretrain_encoder" not in found and "tokenize_corpus" not in found
    found = edited("studies/tiny.yaml", "pretrain: {steps: 4", "pretrain: {weight_decay: 0.02, steps: 4")
    assert found["pretrain_and_save_1"] == 1
    assert found["pretrain_encoder"] == 2 and found["finetune"] == TRAININGS


def test_swapped_values_are_seen(edited) -> None:
    """Snakemake compares parameters as a set of values: a swap between two keys must not pass unseen."""
    found = edited("studies/tiny.yaml", "head_tokens: 10, fractions: 2", "head_tokens: 2, fractions: 10")
    assert found["finetune"] == TRAININGS


def test_a_formula_runs_its_stage(edited) -> None:
    found = edited("scripts/bertfit/artefacts/error_table.py", "improvement.best - value", "value - improvement.best")
    assert set(found) - {"build_report"} == {"tabulate_runs"}
    found = edited(
        "scripts/bertfit/stages/finetuning.py",
        "import annotations\n",
        "import annotations\n\n_X = 1\n",
    )
    assert found["finetune"] == TRAININGS and "pretrain_encoder" not in found


def test_two_runs_give_the_same_bytes(finished: Workflow, make_workflow) -> None:
    again = make_workflow("again")
    shutil.copy(ROOT / "tests/studies/tiny.yaml", again.folder / "studies/tiny.yaml")
    again.run("table2", "figure2", "figure1", *STUDY)
    names = ("tables/table2.csv", "tables/table2.html", "figures/figure2.csv", "figures/figure2.svg")
    for name in (*names, "figures/figure1.svg"):
        first, second = (one.folder / "results/tiny" / name for one in (finished, again))
        assert first.read_bytes() == second.read_bytes(), name
