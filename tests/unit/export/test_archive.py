"""The archive of a study: the same bytes again, and neither weights nor texts."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bertfit.archiving.archive_jobs import ArchiveJobs
from bertfit.artefacts import corpus_statistics
from bertfit.core import installed_packages
from bertfit.core.errors import UserError
from bertfit.export import archive


def test_the_same_records_give_the_same_bytes(archived: Path) -> None:
    assert archived.read_bytes() == archived.with_name("again.zip").read_bytes()


def test_it_holds_no_weights_no_tokens_and_no_texts(archived: Path) -> None:
    with zipfile.ZipFile(archived) as file:
        names = file.namelist()
        assert names == sorted(names)
        results = [name for name in names if name.startswith("results/")]
        assert results and not [name for name in results if name.endswith((".safetensors", ".txt"))]
        (train,) = (name for name in names if name.endswith("imdb/train.arrow"))
        content = file.read(train)
    table = pa.ipc.open_file(content).read_all()
    assert table.schema.field("input_ids").type == pa.list_(pa.null())
    assert {"manifest.json", "README.md", "config.yaml", "paper/published.csv", "scripts/rebuild.py"} <= set(names)


def test_its_manifest_says_which_versions_made_it(archived: Path) -> None:
    with zipfile.ZipFile(archived) as file:
        versions = json.loads(file.read("manifest.json"))["versions"]
        readme = file.read("README.md").decode()
    assert versions == installed_packages.versions(*archive.PACKAGES) and "bertfit" in versions
    assert f" numpy=={versions['numpy']} " in readme and "bertfit==" not in readme


def test_a_study_that_is_not_done(archivable: tuple[Path, ArchiveJobs], tmp_path: Path) -> None:
    folder, archiving = archivable
    with pytest.raises(UserError, match=r"run\.json: there is no such file; run the workflow to its end first"):
        archive.write(archiving.spec(), ["results/tiny/runs/x/run.json"], [], source=folder, out=tmp_path / "x.zip")
    assert not (tmp_path / "x.zip").exists()


def test_studies_from_elsewhere_are_archived_with_the_shipped_ones(
    archivable: tuple[Path, ArchiveJobs], tmp_path: Path
) -> None:
    folder, archiving = archivable
    mine = tmp_path / "mine.yaml"
    mine.write_text("extends: tiny\n")
    archive.write(archiving.spec(), [], [], source=folder, out=tmp_path / "x.zip", studies=[mine])
    assert (tmp_path / "x.zip").exists()
    manifest = archive.unpack(tmp_path / "x.zip", tmp_path / "out")
    assert (tmp_path / "out/studies/mine.yaml").read_text() == "extends: tiny\n"
    assert "studies/mine.yaml" in manifest.sha256 and "studies/miniature.yaml" in manifest.sha256


def test_packed_predictions_are_equal_and_smaller() -> None:
    draw = np.random.default_rng(1)
    logits = draw.normal(size=(4000, 4)).astype(np.float32)
    size = len(logits)
    table = pa.table(
        {
            "seed": pa.array([1] * size, pa.int32()),
            "step": pa.array([4] * size, pa.int32()),
            "epoch": pa.array([2.0] * size),
            "example": pa.array(range(size), pa.int32()),
            "label": pa.array([0] * size, pa.int32()),
            "logits": pa.array(list(logits), pa.list_(pa.float32())),
        }
    )
    plain = io.BytesIO()
    pq.write_table(table, plain)
    found = archive.predictions(table)
    assert pq.read_table(io.BytesIO(found)).equals(table)
    assert len(found) < 0.7 * len(plain.getvalue())


@pytest.mark.parametrize("pairs", [[[7], [], [8, 9]], [None, None, None]])
def test_token_files_keep_their_lengths(tmp_path: Path, pairs: list[list[int] | None]) -> None:
    pieces = pa.array([[1, 2, 3], [], [4]], pa.list_(pa.uint16()))
    table = pa.table({"input_ids": pieces, "pair_ids": pa.array(pairs, pa.list_(pa.uint16())), "label": [0, 1, 0]})
    table = table.replace_schema_metadata({"label_names": '["a", "b"]'})
    for name in ("whole", "slim"):
        with pa.OSFile(str(tmp_path / name), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
    (tmp_path / "slim").write_bytes(archive.lengths(tmp_path / "whole"))
    whole, slim = (corpus_statistics._tokens(tmp_path / name) for name in ("whole", "slim"))
    assert corpus_statistics._lengths(whole).equals(corpus_statistics._lengths(slim))
    assert slim["pair_ids"].null_count == whole["pair_ids"].null_count and slim.schema.metadata == whole.schema.metadata
    assert slim["label"].equals(whole["label"]) and slim["input_ids"].type == pa.list_(pa.null())
