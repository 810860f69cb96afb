"""A study to archive: a made-up run of the tiny study with its tables, figures and page."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from bertfit.archiving.archive_jobs import ArchiveJobs
from bertfit.data import corpora
from bertfit.experiments import ids
from bertfit.experiments.cells import BASELINE
from bertfit.experiments.job_specs import plain
from bertfit.experiments.registry import open_registry
from bertfit.export import archive, rebuild
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


def make(folder: Path) -> tuple[Path, ArchiveJobs]:
    """A folder with a made-up run of the tiny study, its tables, figures and page made of it."""
    for name in archive.CODE:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    shutil.copy(ROOT / "tests/studies/tiny.yaml", folder / "studies/tiny.yaml")
    archiving = archiving_of(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for corpus in ("imdb", "sogou"):
            root = Path("results/tiny/corpora", corpus)
            made = {name: root / f"{name}.parquet" for name in ("train", "test", "clusters")}
            made |= {"card": root / "card.json"}
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
                encoder_file(path, archiving.jobs)
            elif path.parts[2] == "documents":
                path.write_text(
                    json.dumps({"documents": 6, "lines": 12, "removed": 0, "overlaps": [], "sentences": "rules"})
                )
        for number, job in enumerate(archiving.archived()):
            rebuild.run(job, folder / "scripts", Path("logs", f"{number}.log"))
    return folder, archiving


def _run(path: Path, jobs: TrainingJobs, number: int) -> None:
    """Random answers of one block of seeds."""
    corpus, encoder, recipe, block = path.parts[3:7]
    spec = jobs.baseline_spec(corpus) if encoder == BASELINE else jobs.block_spec(corpus, encoder, recipe, block)
    table = pq.read_table(f"results/tiny/corpora/{corpus}/test.parquet")
    labels = table["label"].to_numpy()
    draw = np.random.default_rng(number)
    wrong = {seed: draw.random(len(labels)) < 0.3 for seed in ids.parse_block(block)}
    classes = len(json.loads(table.schema.metadata[b"label_names"]))
    madeup.run(path.parent, labels, wrong, classes, spec=plain(spec))


def encoder_file(path: Path, jobs: TrainingJobs) -> None:
    """The record or the history of an encoder."""
    encoder = path.parts[3]
    if path.name == "history.csv":
        path.write_text("step,loss,held_out_mlm_loss\n1,2.0,3.0\n2,1.5,2.5\n")
        return
    spec = jobs.multitask_spec(encoder) if encoder in jobs.multitasked else jobs.pretrain_spec(encoder)
    path.write_text(
        json.dumps(madeup.record(plain(spec)) | {"steps": 2, "held_out_mlm_loss": {"before": 3.0, "after": 2.5}})
    )


def pack(folder: Path, archiving: ArchiveJobs) -> Path:
    """Archive the study twice, to ``tiny.zip`` and ``again.zip``; the first."""
    pack_as(folder, archiving, "again.zip")
    return pack_as(folder, archiving, "tiny.zip")


def pack_as(folder: Path, archiving: ArchiveJobs, name: str) -> Path:
    """Archive the study, or a part of it, as ``name``."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        archive.write(archiving.spec(), archiving.records(), archiving.rebuilt(), source=folder, out=Path(name))
    return folder / name


def edited(source: Path, out: Path, changes: dict[str, bytes | None], **manifest: object) -> Path:
    """A copy of an archive with other content of some files (None: without them), and other values in its manifest."""
    with zipfile.ZipFile(source) as before:
        content = {name: before.read(name) for name in before.namelist()}
    values = json.loads(content.pop("manifest.json"))
    for path, changed in changes.items():
        content.pop(path, None)
        values["sha256"].pop(path, None)
        if changed is not None:
            content[path] = changed
            values["sha256"][path] = archive.hashlib.sha256(changed).hexdigest()
    content["manifest.json"] = json.dumps(values | manifest).encode()
    with zipfile.ZipFile(out, "w") as after:
        for path, value in content.items():
            after.writestr(path, value)
    return out


def names(path: Path, start: str = "results/") -> set[str]:
    with zipfile.ZipFile(path) as file:
        return {name for name in file.namelist() if name.startswith(start)}


def content(path: Path, ends: str | tuple[str, ...] = "") -> dict[str, bytes]:
    """The files of an archive, by name."""
    with zipfile.ZipFile(path) as file:
        return {name: file.read(name) for name in file.namelist() if name.endswith(ends)}
