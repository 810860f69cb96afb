"""Archives with rounded logits: smaller, the same errors and verdicts, and rebuilt to the same bytes."""

from __future__ import annotations

import csv
import io
import json
import shutil
import zipfile
from contextlib import chdir
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bertfit.archiving import slim_archive
from bertfit.archiving.archive_jobs import ArchiveJobs
from bertfit.archiving.slim_archive import STEP, rounded, rounded_down, slim, with_logits
from bertfit.core import label_sets
from bertfit.core.errors import UserError
from bertfit.export import archive, rebuild
from helpers.archived import archiving_of, pack_as


@pytest.fixture(scope="module")
def whole(archivable: tuple[Path, ArchiveJobs], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive of the made-up study, whose logits have all their bits."""
    folder = tmp_path_factory.mktemp("study")
    shutil.copytree(archivable[0], folder, ignore=shutil.ignore_patterns("*.zip"), dirs_exist_ok=True)
    archiving, draw = archiving_of(folder), np.random.default_rng(1)
    for path in sorted(folder.glob("results/tiny/runs/**/predictions.parquet")):
        table = pq.read_table(path)
        values = np.stack(table["logits"].to_numpy())
        values += draw.uniform(-0.2, 0.2, values.shape).astype(np.float32)
        pq.write_table(with_logits(table, values), path)
    with chdir(folder):
        for job in archiving.archived():
            rebuild.run(job, folder / "scripts", Path("log"))
    return pack_as(folder, archiving, "whole.zip")


@pytest.fixture(scope="module")
def slimmed(whole: Path) -> Path:
    slim(whole, whole.with_name("slim.zip"))
    return whole.with_name("slim.zip")


def content(path: Path, start: str = "results/") -> dict[str, bytes]:
    with zipfile.ZipFile(path) as file:
        return {name: file.read(name) for name in file.namelist() if name.startswith(start)}


def values(table: bytes, column: str) -> list[str]:
    """A column of a CSV table; none if it has no such column."""
    return [row[column] for row in csv.DictReader(io.StringIO(table.decode())) if column in row]


def test_it_is_rebuilt_to_the_same_bytes(slimmed: Path, tmp_path: Path) -> None:
    same = rebuild.rebuild(slimmed, tmp_path / "rebuilt")
    assert "results/tiny/report.html" in same and all(same.values())


def test_it_says_that_logits_are_rounded(whole: Path, slimmed: Path) -> None:
    said = "rounded to multiples of 0.0625"
    assert said in content(slimmed, "README")["README.md"].decode()
    assert said not in content(whole, "README")["README.md"].decode()
    steps = [json.loads(content(path, "manifest")["manifest.json"])["logit_step"] for path in (whole, slimmed)]
    assert steps == [None, STEP]


def test_errors_and_verdicts_are_those_of_the_whole(whole: Path, slimmed: Path) -> None:
    before, after = content(whole), content(slimmed)
    assert before.keys() == after.keys()
    assert [name for name in before if name.endswith("predictions.parquet") and before[name] != after[name]]
    for name in ("results/tiny/claims.json", "results/tiny/claims.md", "results/tiny/tables/table2.csv"):
        assert after[name] == before[name]
    tables = [name for name in before if name.startswith("results/tiny/tables/") and name.endswith(".csv")]
    errors = [[values(files[name], "mean") for name in tables] for files in (before, after)]
    assert any(errors[0]) and errors[0] == errors[1]


def test_rounded_logits_take_half_of_the_space() -> None:
    values = np.random.default_rng(1).normal(scale=2, size=(5000, 2)).astype(np.float32)
    columns = {"seed": [1], "step": [4], "epoch": [2.0], "label": [0]}
    table = pa.table({name: value * len(values) for name, value in columns.items()})
    table = table.append_column("example", pa.array(range(len(values)))).append_column("logits", pa.array(list(values)))
    assert 2 * len(archive.predictions(with_logits(table, rounded(values)))) < len(archive.predictions(table))


@given(
    arrays(
        np.float32,
        st.tuples(st.integers(1, 5), st.integers(2, 4)),
        elements=st.floats(-50, 50, width=32),
    )
)
def test_the_same_class_stays_the_largest(logits: np.ndarray) -> None:
    found = rounded(logits)
    assert found.dtype == np.float32 and (found / STEP == np.round(found / STEP)).all()
    assert (found.argmax(axis=1) == logits.argmax(axis=1)).all()
    assert (np.sort(found)[:, -1] > np.sort(found)[:, -2]).all()
    differences = [values - values[:, :1] for values in (found, logits)]
    assert np.abs(differences[0] - differences[1]).max() <= 2 * STEP


def test_rounding_favours_no_class() -> None:
    draw = np.random.default_rng(1)
    logits = draw.normal(scale=2, size=(20_000, 2)).astype(np.float32)
    gaps = [np.abs(values[:, 0] - values[:, 1]).mean() for values in (logits, rounded(logits))]
    assert gaps[1] - gaps[0] == pytest.approx(0, abs=STEP / 50)  # rows with near ties have to be moved apart


@given(arrays(np.float32, st.tuples(st.integers(1, 5), st.integers(1, 4)), elements=st.floats(-50, 50, width=32)))
def test_each_of_several_classes_stays_on_its_side(logits: np.ndarray) -> None:
    found = rounded_down(logits)
    assert found.dtype == np.float32 and ((found >= 0) == (logits >= 0)).all()
    assert np.abs(found - logits).max() <= STEP


def test_a_corpus_whose_texts_have_several_classes_keeps_its_errors(tmp_path: Path) -> None:
    table = pa.table({"logits": pa.array([[-0.01, -2.0, 0.0]], pa.list_(pa.float32()))})
    pq.write_table(table.replace_schema_metadata(label_sets.metadata([[2]])), tmp_path / "predictions.parquet")
    slim_archive.round_logits(tmp_path / "predictions.parquet")
    found = pq.read_table(tmp_path / "predictions.parquet")
    assert found["logits"].to_pylist() == [[-STEP, -2.0, 0.0]] and label_sets.read(found.schema.metadata) == [[2]]


def test_what_cannot_be_slimmed_is_told(
    archivable: tuple[Path, ArchiveJobs], archived: Path, slimmed: Path, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=r"slim\.zip exists"):
        slim(archived, slimmed)
    with pytest.raises(UserError, match="no such archive"):
        slim(tmp_path / "none.zip", tmp_path / "out.zip")
    part = pack_as(archivable[0], archiving_of(archivable[0], shard="1/2"), "part.zip")
    with pytest.raises(UserError, match="merge all parts first"):
        slim(part, tmp_path / "out.zip")
    own = tmp_path / "own"
    with zipfile.ZipFile(archived) as file:
        file.extractall(own)
    manifest = json.loads((own / "manifest.json").read_text())
    manifest["switches"]["text"] = "review"
    (own / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(UserError, match="your own dataset"):
        slim(own, tmp_path / "out.zip")
    (own / "manifest.json").write_text(json.dumps(without_runs(own, json.loads((own / "manifest.json").read_text()))))
    with pytest.raises(UserError, match="has no runs"):
        slim(own, tmp_path / "out.zip")
    assert not (tmp_path / "out.zip").exists()


def without_runs(folder: Path, manifest: dict[str, Any]) -> dict[str, Any]:
    """The manifest of an archive of a study of which nothing was available."""
    kept = {path: digest for path, digest in manifest["sha256"].items() if not path.endswith("predictions.parquet")}
    for path in manifest["sha256"].keys() - kept.keys():
        (folder / path).unlink()
    return manifest | {"sha256": kept, "switches": {}}
