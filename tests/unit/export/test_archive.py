"""The archive of a study, and the results rebuilt from it byte for byte where torch is not installed."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bertfit.artefacts import corpus_statistics
from bertfit.core.errors import UserError
from bertfit.data import corpora
from bertfit.experiments import ids
from bertfit.experiments.cells import BASELINE
from bertfit.experiments.job_specs import plain
from bertfit.experiments.registry import open_registry
from bertfit.export import archive, rebuild
from bertfit.workflow.archive_jobs import ArchiveJobs
from bertfit.workflow.archive_jobs import paths as archive_paths
from bertfit.workflow.artefact_jobs import ArtefactJobs
from bertfit.workflow.report_jobs import ReportJobs
from bertfit.workflow.training_jobs import TrainingJobs
from conftest import ROOT
from helpers import madeup, tiny

# Every package that training and data preparation need, and that reading results must not.
BLOCK = """
import runpy, sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "transformers", "tokenizers", "datasets", "sklearn", "spacy", "snakemake"):
            raise ImportError(f"{name} is blocked")

sys.meta_path.insert(0, Blocked())
script, *sys.argv[1:] = sys.argv[1:]
sys.path.insert(0, script.rpartition("/")[0])
runpy.run_path(script, run_name="__main__")
"""


def archiving_of(folder: Path, **overrides: str) -> ArchiveJobs:
    jobs = TrainingJobs(open_registry({"study": "tiny", **overrides}, folder))
    return ArchiveJobs(jobs, ArtefactJobs(jobs), ReportJobs(jobs))


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ArchiveJobs]:
    """A folder with a made-up run of the tiny study, its tables, figures and page made of it."""
    folder = tmp_path_factory.mktemp("study")
    for name in archive.CODE:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    shutil.copy(ROOT / "tests/studies/tiny.yaml", folder / "studies/tiny.yaml")
    archiving = archiving_of(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for corpus in ("imdb", "sogou"):
            root = Path("results/tiny/corpora", corpus)
            made = {"train": root / "train.parquet", "test": root / "test.parquet", "card": root / "card.json"}
            spec = archiving.jobs.corpus_spec(corpus)
            corpora.build(corpus, spec.corpus, files={}, sample=spec.sample, **made)
        words = tiny.vocabulary(folder / "words")
        for number, path in enumerate(map(Path, archiving.records())):
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.name == "predictions.parquet":
                _run(path, archiving.jobs, number)
            elif path.suffix == ".arrow":
                tiny.tokens_file(path, words, 20, number)
            elif path.parts[2] == "encoders":
                _encoder(path, archiving.jobs)
            elif path.parts[2] == "documents":
                path.write_text(
                    json.dumps({"documents": 6, "lines": 12, "removed": 0, "overlaps": [], "sentences": "rules"})
                )
        for number, stage in enumerate(archiving.stages()):
            rebuild.run(stage, folder / "scripts", Path("logs", f"{number}.log"))
    return folder, archiving


def _run(path: Path, jobs: TrainingJobs, number: int) -> None:
    """Random answers of one block of seeds."""
    corpus, encoder, recipe, block = path.parts[3:7]
    spec = jobs.baseline_spec(corpus) if encoder == BASELINE else jobs.run_spec(corpus, encoder, recipe, block)
    table = pq.read_table(f"results/tiny/corpora/{corpus}/test.parquet")
    labels = table["label"].to_numpy()
    draw = np.random.default_rng(number)
    wrong = {seed: draw.random(len(labels)) < 0.3 for seed in ids.parse_block(block)}
    classes = len(json.loads(table.schema.metadata[b"label_names"]))
    madeup.run(path.parent, labels, wrong, classes, spec=plain(spec))


def _encoder(path: Path, jobs: TrainingJobs) -> None:
    """The record or the history of an encoder."""
    encoder = path.parts[3]
    if path.name == "history.csv":
        path.write_text("step,loss,held_out_mlm_loss\n1,2.0,3.0\n2,1.5,2.5\n")
        return
    spec = jobs.multitask_spec(encoder) if encoder in jobs.multitasked else jobs.pretrain_spec(encoder)
    path.write_text(
        json.dumps(madeup.record(plain(spec)) | {"steps": 2, "held_out_mlm_loss": {"before": 3.0, "after": 2.5}})
    )


@pytest.fixture(scope="module")
def packed(study: tuple[Path, ArchiveJobs]) -> Path:
    folder, archiving = study
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name in ("tiny.zip", "again.zip"):
            archive.write(archiving.spec(), archiving.records(), archiving.rebuilt(), source=folder, out=Path(name))
    return folder / "tiny.zip"


def test_the_same_records_give_the_same_bytes(packed: Path) -> None:
    assert packed.read_bytes() == packed.with_name("again.zip").read_bytes()


def test_it_holds_no_weights_no_tokens_and_no_texts(packed: Path) -> None:
    with zipfile.ZipFile(packed) as file:
        names = file.namelist()
        assert names == sorted(names)
        assert not [
            name for name in names if name.endswith((".safetensors", ".txt")) and not name.endswith("requirements.txt")
        ]
        (train,) = (name for name in names if name.endswith("imdb/train.arrow"))
        content = file.read(train)
    table = pa.ipc.open_file(content).read_all()
    assert table.schema.field("input_ids").type == pa.list_(pa.null())
    assert {"manifest.json", "README.md", "config.yaml", "paper/published.csv", "scripts/rebuild.py"} <= set(names)


def test_everything_is_made_again_without_torch(study: tuple[Path, ArchiveJobs], packed: Path, tmp_path: Path) -> None:
    folder, archiving = study
    with zipfile.ZipFile(packed) as file:
        file.extractall(tmp_path / "tiny")
    command = [sys.executable, "-c", BLOCK, "tiny/scripts/rebuild.py", "tiny", "out"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    made = archiving.rebuilt()
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout == f"{len(made)} files rebuilt in out, {len(made)} with the bytes of the archived ones\n"
    kinds = {Path(path).suffix for path in made}
    assert kinds == {".parquet", ".csv", ".md", ".tex", ".html", ".svg", ".png", ".json"}
    assert "results/tiny/report.html" in made
    for path in made:
        assert (tmp_path / "out" / path).read_bytes() == (folder / path).read_bytes(), path


def test_another_number_is_found(packed: Path, tmp_path: Path) -> None:
    """A table that does not follow from its records is told, file by file."""
    with zipfile.ZipFile(packed) as file:
        file.extractall(tmp_path / "in")
    manifest = json.loads((tmp_path / "in/manifest.json").read_text())
    path = "results/tiny/tables/table2.csv"
    table = (tmp_path / "in" / path).read_text().replace("ok", "OK")
    (tmp_path / "in" / path).write_text(table)
    with pytest.raises(UserError, match=f"{path} is missing or damaged"):
        rebuild.rebuild(tmp_path / "in", tmp_path / "refused")
    manifest["sha256"][path] = archive.hashlib.sha256(table.encode()).hexdigest()
    (tmp_path / "in/manifest.json").write_text(json.dumps(manifest))
    made = rebuild.rebuild(tmp_path / "in", tmp_path / "out")
    assert [path for path, same in made.items() if not same] == [path]


def test_what_cannot_be_rebuilt_is_told(packed: Path, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").write_text("")
    with pytest.raises(UserError, match="not empty"):
        rebuild.rebuild(packed, tmp_path / "full")
    (tmp_path / "half.zip").write_bytes(packed.read_bytes()[:1000])
    with pytest.raises(UserError, match="not a whole archive"):
        rebuild.rebuild(tmp_path / "half.zip", tmp_path / "a")
    with pytest.raises(UserError, match="no manifest.json"):
        rebuild.rebuild(tmp_path / "full", tmp_path / "b")
    with pytest.raises(UserError, match="give a folder beside it"):
        rebuild.rebuild(tmp_path / "full", tmp_path / "full/inside")


def test_a_study_that_is_not_done(study: tuple[Path, ArchiveJobs], tmp_path: Path) -> None:
    folder, archiving = study
    with pytest.raises(UserError, match=r"run\.json: there is no such file; run the workflow to its end first"):
        archive.write(archiving.spec(), ["results/tiny/runs/x/run.json"], [], source=folder, out=tmp_path / "x.zip")
    assert not (tmp_path / "x.zip").exists()


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


def test_a_choice_of_artefacts_has_its_own_records_alone(study: tuple[Path, ArchiveJobs]) -> None:
    archiving = archiving_of(study[0], artefacts="table2")
    made = archiving.rebuilt()
    assert made[:5] == ["results/tiny/scores/table2.parquet", *archiving.artefacts.targets("table2")]
    names = ("claims.choice.json", "claims.choice.md", "report.choice.html")
    assert made[5:] == [f"results/tiny/{name}" for name in names]
    runs = {path.rpartition("/")[0] for path in archiving.records() if path.endswith("run.json") and "/runs/" in path}
    assert runs == {f"results/tiny/{job.path}" for job in archiving.jobs.registry.jobs("table2")}


def test_the_page_reads_its_runs(study: tuple[Path, ArchiveJobs]) -> None:
    """Every file that the page opens is an input of its stage, and so is in the archive."""
    _, archiving = study
    *_, page = archiving.stages()
    assert page.script == "build_report"
    read, made = set(archive_paths(page.input)), set(archiving.rebuilt())
    for folder in [job.path for job in archiving.reporting.runs]:
        files = {f"results/tiny/{folder}/{name}" for name in ("run.json", "history.csv", "predictions.parquet")}
        assert files <= read
    assert {f"results/tiny/encoders/{name}/run.json" for name in archiving.reporting.encoders} <= read
    assert read - made <= set(archiving.records())
