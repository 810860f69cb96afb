"""The runs of a study, one a seed, from a results folder, an archive and an unpacked archive."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from bertfit.archiving import joined_blocks
from bertfit.core.errors import UserError
from bertfit.core.files import read_json
from bertfit.exchange.study_records import SeedRun, StudyRecords, open_records
from conftest import ROOT
from helpers import finished_study

REVIEWS = ROOT / "docs/results/reviews/reviews.zip"


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return finished_study.make(tmp_path / "made")


def test_each_seed_is_a_run_with_its_scores(study: Path) -> None:
    runs = StudyRecords(study).runs()
    assert [run.name for run in runs] == [
        "imdb/mini/lr=5e-05/seed1",
        "imdb/mini/lr=5e-05/seed2",
        "trec/mini/default/seed1",
        "trec/mini/default/seed2",
        "trec/tfidf/default/seed1",
    ]
    assert [run.scores["last"]["errors"] for run in runs] == [0, 2, 3, 1, 5]
    assert {run.study for run in runs} == {"made"}
    assert [run.artefacts for run in runs] == [("table2",)] * 4 + [()]
    assert [run.cost for run in runs] == [{"steps": 4, "seconds": 0.5 * run.seed} for run in runs]


def test_settings_are_the_recipe_or_the_values_of_the_baseline(study: Path) -> None:
    *_, mini, _, baseline = StudyRecords(study).runs(corpora=["trec"])
    assert mini.settings["lr"] == 2e-5 and mini.settings["batch_size"] == 24
    assert baseline.settings == {"analyzer": "words", "form": {"fields": ["text"], "pair": None}}


def test_history_and_predictions_are_those_of_the_seed(study: Path) -> None:
    (run,) = (run for run in StudyRecords(study).runs() if run.name == "trec/mini/default/seed2")
    assert [(row["seed"], row["step"], row["test_error"]) for row in run.history] == [
        ("2", "2", "10.0"),
        ("2", "4", "10.0"),
    ]
    assert set(run.predictions()["seed"].to_pylist()) == {2} and run.predictions().num_rows == 20
    evaluation = run.evaluation("last")
    assert (evaluation.seed, evaluation.step) == (2, 4)
    assert [int(number) for number in (evaluation.predicted != evaluation.labels).nonzero()[0]] == [9]


def test_only_the_runs_of_an_artefact_or_corpus(study: Path) -> None:
    records = StudyRecords(study)
    assert {run.run_group.encoder for run in records.runs(["table2"])} == {"mini"}
    assert {run.run_group.corpus for run in records.runs(corpora=["imdb"])} == {"imdb"}
    with pytest.raises(UserError, match="no table or figure with runs 'table3'; did you mean 'table2'"):
        records.runs(["table3"])
    with pytest.raises(UserError, match="no corpus 'terc'; did you mean 'trec'"):
        records.runs(corpora=["terc"])


def digests(study: Path) -> dict[str, str]:
    return {run.name: run.digest for run in StudyRecords(study).runs()}


def test_the_digest_is_of_the_run_and_not_of_its_cost_or_place(study: Path, tmp_path: Path) -> None:
    before = digests(study)
    assert len(set(before.values())) == 5
    assert digests(Path(shutil.copytree(study, tmp_path / "elsewhere" / "made"))) == before
    path = study / "runs/trec/mini/default/seeds1-2/run.json"
    record = read_json(path)
    path.write_text(json.dumps(record | {"cost": record["cost"] | {"seconds": 9.0}}))
    assert digests(study) == before
    path.write_text(json.dumps(record | {"code": "other"}))
    changed = {name for name, digest in digests(study).items() if digest != before[name]}
    assert changed == {"trec/mini/default/seed1", "trec/mini/default/seed2"}
    path.write_text(json.dumps(record))
    history = study / "runs/trec/mini/default/seeds1-2/history.csv"
    history.write_text(history.read_text().replace("2,4,2.0,0.0001,0.25", "2,4,2.0,0.0001,0.26"))
    assert {name for name, digest in digests(study).items() if digest != before[name]} == {"trec/mini/default/seed2"}


def test_scores_of_some_artefacts_are_enough(study: Path) -> None:
    (study / "results.parquet").unlink()
    assert len(StudyRecords(study).runs()) == 4


def test_what_is_missing_is_named(study: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="no results.parquet; give results/<study> of a finished run"):
        StudyRecords(tmp_path / "empty").runs()
    with pytest.raises(UserError, match="nowhere: no such file or folder"), open_records(tmp_path / "nowhere"):
        pass
    block = study / "runs/trec/mini/default/seeds1-2"
    (block / "history.csv").write_text("seed,step\n1,2\n")
    *_, second, _ = StudyRecords(study).runs()
    with pytest.raises(UserError, match="history.csv: no row of seed 2; copy the results again"):
        _ = second.history
    (block / "run.json").write_text("{}")
    with pytest.raises(UserError, match=r"run\.json: not the record of a job .*copy the results again"):
        _ = second.record
    shutil.copytree(block, block.with_name("seeds2-2"))
    with pytest.raises(UserError, match="2 blocks of seeds have seed 2, and one should"):
        StudyRecords(study).runs()
    frame = pq.read_table(study / "results.parquet").to_pandas().replace({"corpus": {"trec": "../../x"}})
    frame.to_parquet(study / "results.parquet")
    with pytest.raises(UserError, match=r"'\.\./\.\./x' is not the name of a run's folder"):
        StudyRecords(study).runs()
    (study / "results.parquet").write_bytes(b"no")
    with pytest.raises(UserError, match=r"results\.parquet: cannot be read"):
        StudyRecords(study).runs()


def test_an_archive_has_the_runs_of_its_study(archived: Path, tmp_path: Path) -> None:
    with open_records(archived) as records:
        packed = {run.name: run.digest for run in records.runs()}
        rows = pq.read_table(records.folder / "results.parquet").num_rows
    with zipfile.ZipFile(archived) as file:
        file.extractall(tmp_path / "unpacked")
    with open_records(tmp_path / "unpacked") as records:
        assert {run.name: run.digest for run in records.runs()} == packed
    with open_records(archived.parent / "results/tiny") as records:
        assert {run.name: run.digest for run in records.runs()} == packed
    assert len(packed) == rows / 2 > 10
    assert not Path(records.folder.parent, "manifest.json").exists()


def test_runs_of_the_published_study() -> None:
    with open_records(REVIEWS) as records:
        runs = records.runs(["table2"])
        (first,) = (run for run in runs if run.name == "imdb/tiny/default/seed1")
        assert isinstance(first, SeedRun) and first.record.encoder is None
        assert first.cost["steps"] == 334 and first.scores["last"]["errors"] == 901


def test_a_seed_of_a_joined_block_is_that_of_its_job(study: Path) -> None:
    """Two jobs of one seed each on different machines, joined: the same runs as before."""
    block = study / "runs/trec/mini/default/seeds1-2"
    whole = read_json(block / "run.json")
    parts = []
    for seed, device in ((1, "AMD EPYC"), (2, "Other")):
        cost = whole["cost"] | {"seeds": {str(seed): whole["cost"]["seeds"][str(seed)]}}
        if seed == 2:
            cost = {**cost, "seconds": 9.0, "seeds": {}}  # a record that says nothing of its seeds
        record = whole | {
            "cost": cost, "machine": whole["machine"] | {"device": device}, "versions": {"torch": str(seed)},
            "contributor": device, "spec": whole["spec"] | {"seeds": [seed]},
        }  # fmt: skip
        parts.append({"seeds": [seed], "record": record})
    before = {}
    for part in parts:
        (block / "run.json").write_text(json.dumps(part["record"]))
        seed = part["seeds"][0]
        (run,) = (
            run for run in StudyRecords(study).runs(corpora=["trec"]) if run.name == f"trec/mini/default/seed{seed}"
        )
        before[seed] = run.digest
    (block / "run.json").write_text(json.dumps(joined_blocks.joined_record(parts, [1, 2])))
    first, second, _ = StudyRecords(study).runs(corpora=["trec"])
    assert (first.record.machine.device, second.record.machine.device) == ("AMD EPYC", "Other")
    assert (first.record.versions, second.record.versions) == ({"torch": "1"}, {"torch": "2"})
    assert (first.digest, second.digest) == (before[1], before[2])
    assert first.cost == {"steps": 4, "seconds": 0.5}
    assert second.cost == {"seconds": 9.0, "tokens": 100}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"\xff\xfe\x00binary", "utf-8"),
        (b"seed,step,loss,test_error\n1,2,low,30.0\n", "line 2, loss: 'low' is no number"),
        (b"seed,step,loss,test_error\n1,2.5,1,30.0\n", "line 2, step: '2.5' is no number"),
        (b"seed,step,loss,test_error\n1,2,1,30.0,7\n", "line 2 has another number of values than the first one"),
        (b"seed,step,loss,test_error\n1,2,1\n", "line 2 has another number of values than the first one"),
        (b"step,loss\n1,2\n", "no column 'seed'"),
        (b"seed,loss\n1,2\n", "no column 'step'"),
    ],
)
def test_a_broken_history_is_named(text: bytes, message: str, study: Path) -> None:
    (run,) = (run for run in StudyRecords(study).runs() if run.name == "trec/mini/default/seed1")
    (run.block / "history.csv").write_bytes(text)
    for read in (lambda: run.history, lambda: run.evaluation("last"), lambda: run.digest):
        with pytest.raises(UserError, match=r"history\.csv: not the history of a training") as caught:
            read()
        assert message in str(caught.value) and str(caught.value).endswith(
            "; copy the results again, with their records"
        )


def test_predictions_without_a_column_are_named(study: Path) -> None:
    (run,) = (run for run in StudyRecords(study).runs() if run.name == "trec/mini/default/seed2")
    path = run.block / "predictions.parquet"
    pq.write_table(pq.read_table(path).drop_columns(["logits", "seed"]), path)
    with pytest.raises(UserError, match=r"seeds1-2.*cannot be read"):
        run.evaluation("last")
    with pytest.raises(UserError, match=r"predictions\.parquet: cannot be read"):
        run.predictions()


def test_broken_scores_are_named(study: Path) -> None:
    path = study / "results.parquet"
    whole = pq.read_table(path).to_pandas()
    first = whole.index[0]

    def changed(column: str, value: object) -> pd.DataFrame:
        frame = whole.astype({column: object}) if isinstance(value, str) else whole.copy()
        frame.loc[first, column] = value
        return frame

    cases = [
        (whole.drop(columns=["recipe"]), "results.parquet: no column recipe; copy"),
        (whole.drop(columns=["mcc", "study"]), "results.parquet: no column study, mcc; copy"),
        (
            whole[whole["selection"] == "best"],
            "results have the selections best of imdb/mini/lr=5e-05/seed1, and should",
        ),
        (changed("encoder", None), "results.parquet: no value in column encoder"),
        (changed("seed", float("nan")), "results.parquet: no value in column seed"),
        (changed("error", float("inf")), "results.parquet: inf in column error"),
        (whole.assign(step="two"), "results.parquet: 'two' in column step"),
    ]
    for frame, message in cases:
        frame.to_parquet(path)
        with pytest.raises(UserError) as caught:
            StudyRecords(study).runs()
        assert message in str(caught.value)
    whole.to_parquet(path)
    table2 = study / "scores/table2.parquet"
    pq.read_table(table2).drop_columns(["seed"]).to_pandas().to_parquet(table2)
    with pytest.raises(UserError, match=r"table2\.parquet: no column seed"):
        StudyRecords(study).runs()


def test_a_broken_cost_is_named(study: Path) -> None:
    path = study / "runs/trec/mini/default/seeds1-2/run.json"
    record = read_json(path)
    path.write_text(json.dumps(record | {"cost": record["cost"] | {"seeds": [1, 2]}}))
    (run,) = (run for run in StudyRecords(study).runs() if run.name == "trec/mini/default/seed1")
    with pytest.raises(UserError, match=r"run\.json: not the record of a job \(cost\.seeds"):
        _ = run.cost
