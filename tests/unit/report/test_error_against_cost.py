"""What one classifier of each run group cost, and which of them no other beats."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertfit.report import error_against_cost, run_explorer
from bertfit.report.error_against_cost import GroupCost
from helpers.measured_jobs import measure
from helpers.reportdata import make

RUN = "runs/imdb/mini/default/seeds1-2"
DEFAULT, FURTHER, WORDS = "imdb/mini/default", "imdb/mini~imdb@10.s1/default", "imdb/tfidf/default"


def costs(root: Path, **changes: dict[str, Any]) -> dict[str, GroupCost]:
    """Of the made-up study; ``changes``: folder of a job -> what its record says of its energy and its classifier."""
    spec = make(root)
    for path, more in changes.items():
        measure(root / path, **more)
    groups = error_against_cost.group_costs(spec, run_explorer.runs(spec, root), run_explorer.encoders(spec, root))
    return {group.run: group for group in groups}


def group(error: float, seconds: float | None, run: str = "r", corpus: str = "c") -> GroupCost:
    about = {"kwh": None, "estimated": False, "milliseconds": None, "parameters": None}
    return GroupCost(run, corpus, "=1+1", "fine-tuning", error, error - 1, error + 1, seconds, **about)


def test_one_classifier_costs_its_seed_and_all_that_it_starts_from(tmp_path: Path) -> None:
    """Two seeds took 1.5 s, 2.5 s and 4.5 s; each pre-training took 10 s, and the second one starts from the first."""
    found = costs(tmp_path)
    assert {run: found[run].seconds for run in (DEFAULT, FURTHER, WORDS)} == {
        DEFAULT: 0.75 + 10, FURTHER: 1.25 + 20, WORDS: 2.25
    }  # fmt: skip
    assert [found[run].method for run in (DEFAULT, FURTHER, WORDS)] == [
        "fine-tuning", "after further pre-training", "word counts"
    ]  # fmt: skip
    assert (found[DEFAULT].error, found[DEFAULT].low, found[DEFAULT].high) == (62.5, 40.5, 80.5)
    assert {each.kwh for each in found.values()} == {None}, "not recorded, and not 0"
    assert error_against_cost.unrecorded(list(found.values())) == ["energy", "time of a text", "size"]


def test_energy_latency_and_size(tmp_path: Path) -> None:
    """0.5 kWh of two seeds, and 2 kWh of the pre-training, whose GPU was read; 40 texts in 20 ms."""
    run, encoder = "runs/imdb/mini/default/seeds1-2", "encoders/mini"
    found = costs(tmp_path, **{run: {"kwh": 0.5, "estimated": True, "seconds": 0.02}, encoder: {"kwh": 2.0}})
    assert (found[DEFAULT].kwh, found[DEFAULT].estimated) == (2.25, True)
    assert (found[DEFAULT].milliseconds, found[DEFAULT].parameters) == (0.5, 7000)
    assert found[FURTHER].kwh is None, "the further pre-training has no record of it"
    assert found[FURTHER].estimated is None, "nothing is said of an energy that is not known"
    frame = pd.read_csv(io.StringIO(error_against_cost.csv(list(found.values()))), dtype=str).set_index("run")
    assert frame["estimated"].fillna("").to_dict() == {DEFAULT: "True"} | {
        run: "" for run in found if run != DEFAULT
    }  # fmt: skip


def test_gpus_of_a_job_count_each(tmp_path: Path) -> None:
    run = tmp_path / "runs/imdb/mini/default/seeds1-2/run.json"
    spec = make(tmp_path)
    record = json.loads(run.read_text())
    record["machine"]["processes"] = 4
    run.write_text(json.dumps(record))
    groups = error_against_cost.group_costs(
        spec, run_explorer.runs(spec, tmp_path), run_explorer.encoders(spec, tmp_path)
    )
    assert groups[0].run == DEFAULT and groups[0].seconds == 4 * 0.75 + 10


def changed(root: Path, path: str, **parts: dict[str, Any]) -> GroupCost:
    """The group `DEFAULT` after parts of the record of a job were changed."""
    spec = make(root)
    file = root / path / "run.json"
    record = json.loads(file.read_text())
    for name, values in parts.items():
        record[name] = record.get(name, {}) | values
    file.write_text(json.dumps(record))
    groups = error_against_cost.group_costs(spec, run_explorer.runs(spec, root), run_explorer.encoders(spec, root))
    return next(group for group in groups if group.run == DEFAULT)


def energy(kwh: float) -> dict[str, Any]:
    about = {"gpu_method": "g", "cpu_method": "c", "estimated": False, "cpu_seconds": 1.0, "cpu_kwh": 0.0}
    return {**about, "gpu_kwh": kwh}


def test_one_classifier_needs_the_whole_encoding(tmp_path: Path) -> None:
    """Two seeds took 1.5 s and 0.5 kWh; the states that both read 6 s and 3 kWh; the pre-training 10 s and 2 kWh."""
    spec = make(tmp_path)
    measure(tmp_path / "encoders/mini", kwh=2.0)
    file = tmp_path / RUN / "run.json"
    record = json.loads(file.read_text())
    record["cost"] |= {"energy": energy(0.5), "encoding": {"seconds": 6.0, "energy": energy(3.0)}}
    file.write_text(json.dumps(record))
    runs, encoders = run_explorer.runs(spec, tmp_path), run_explorer.encoders(spec, tmp_path)
    found = error_against_cost.group_costs(spec, runs, encoders)[0]
    assert (found.run, found.seconds, found.kwh) == (DEFAULT, 0.75 + 6 + 10, 0.25 + 3 + 2)
    encoded = runs[DEFAULT].jobs[0].record.cost.encoding.model_copy(update={"energy": None})
    assert error_against_cost._known_kwh(encoded.seconds, encoded.energy) is None, "not measured, and not 0"


def test_seeds_that_were_not_taken_cost_nothing(tmp_path: Path) -> None:
    """Of a merged study: seed 1 of a job whose seed 9 took longer, and seed 2 of another one."""
    spec = make(tmp_path)
    file = tmp_path / RUN / "run.json"
    record = json.loads(file.read_text())
    parts = []
    for seed, seconds in ((1, 2.0), (2, 4.0)):
        seeds = {str(each): {"seconds": took, "tokens": 1} for each, took in ((seed, seconds), (9, 50.0))}
        cost = record["cost"] | {"seconds": seconds + 50, "seeds": seeds}
        parts.append({"seeds": [seed], "record": record | {"cost": cost}})
    file.write_text(json.dumps(record | {"joined": parts}))
    runs, encoders = run_explorer.runs(spec, tmp_path), run_explorer.encoders(spec, tmp_path)
    assert error_against_cost.group_costs(spec, runs, encoders)[0].seconds == 3 + 10
    assert runs[DEFAULT].time == 6


def test_time_of_a_text_is_that_of_one_gpu(tmp_path: Path) -> None:
    evaluation = {"texts": 40, "tokens": 300, "batch_tokens": 4096, "seconds": 0.02}
    facts = {"parameters": 7000, "bytes": 28_000, "evaluation": evaluation}
    assert changed(tmp_path, RUN, classifier=facts, machine={"processes": 4}).milliseconds == 4 * 0.5


def test_a_generator_of_replaced_words_counts(tmp_path: Path) -> None:
    spec = make(tmp_path)
    path = tmp_path / "encoders/mini~imdb@10.s1/run.json"
    record = json.loads(path.read_text())
    record["inputs"]["generator"] = {"path": "results/x/encoders/mini~mt-four.s1/model.safetensors", "sha256": "0"}
    path.write_text(json.dumps(record))
    groups = error_against_cost.group_costs(
        spec, run_explorer.runs(spec, tmp_path), run_explorer.encoders(spec, tmp_path)
    )
    (further,) = [each for each in groups if each.run == FURTHER]
    assert further.seconds == 1.25 + 20 + (4 + 10), "the generator, and what it starts from"


def test_labels_are_the_rows_that_show_a_group(tmp_path: Path) -> None:
    found = costs(tmp_path)
    assert found[DEFAULT].label == "0 (Table 2)" and found[WORDS].label == "tfidf"


def test_the_front_by_hand() -> None:
    groups = [group(5, 9, "e"), group(7, 2, "b"), group(9, 1, "a"), group(7, 3, "c"), group(6, 2, "d"), group(1, None)]
    assert [each.run for each in error_against_cost.front(groups, "seconds")] == ["a", "d", "e"]
    assert error_against_cost.front([], "seconds") == []
    equal = [group(5, 2, "b"), group(5, 2, "a")]
    assert [each.run for each in error_against_cost.front(equal, "seconds")] == ["a"], "of equals one"


def test_the_documentation_says_what_the_front_is() -> None:
    page = (Path(__file__).parents[3] / "docs/explanation/cost.md").read_text(encoding="utf-8")
    assert error_against_cost.FRONT in " ".join(page.split())


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=1))
def test_the_front_is_what_no_other_beats(values: list[tuple[int, int]]) -> None:
    groups = [group(error, cost, str(number)) for number, (error, cost) in enumerate(values)]
    best = error_against_cost.front(groups, "seconds")
    beaten = {
        (error, cost)
        for error, cost in values
        if any(e <= error and c <= cost and (e, c) != (error, cost) for e, c in values)
    }
    assert {(each.error, each.seconds) for each in best} == set(values) - beaten
    assert [each.seconds for each in best] == sorted({each.seconds for each in best})


def test_corpora_with_two_groups_at_least() -> None:
    groups = [group(1, 1), group(2, 2), group(1, 1, corpus="alone"), group(1, None, corpus="alone")]
    assert list(error_against_cost.by_corpus(groups, "seconds")) == ["c"]
    assert error_against_cost.by_corpus(groups, "kwh") == {}


def test_the_numbers_of_all_groups_are_safe_in_a_spreadsheet() -> None:
    frame = pd.read_csv(io.StringIO(error_against_cost.csv([group(1.5, 2), group(3, None)])))
    assert frame["label"].tolist() == ["'=1+1"] * 2 and frame["error"].tolist() == [1.5, 3]
    assert frame["seconds"].tolist() == pytest.approx([2, float("nan")], nan_ok=True) and frame["kwh"].isna().all()
