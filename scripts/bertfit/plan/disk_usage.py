"""Disk usage of a study: files that exist as they are, the others from declared rows and lengths."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bertfit.experiments.summary_specs import PlannedPretraining, StudyPlan
from bertfit.plan.job_cost import StudySizes, Work
from bertfit.plan.text_lengths import Lengths

SplitLengths = tuple[Lengths, Lengths]
"""of the training and the test texts of a corpus"""

TEXT_BYTES = 4.7  # of plain text, per word piece
INSTANCE_BYTES = 2.6  # of an instances file, per word piece it holds: ids, positions and labels
TOKEN_BYTES, DOCUMENT_BYTES = 2, 12  # of a token file, per word piece and per document


def estimate(spec: StudyPlan, sizes: StudySizes, works: Mapping[str, Work]) -> dict[str, float]:
    """Bytes that stay, by folder, and those of resume states while the largest job runs."""
    lengths = {name: (sizes.texts(name, "train"), sizes.texts(name, "test")) for name in spec.corpora}
    splits = [split for both in lengths.values() for split in both]
    trained = {job.name for job in spec.jobs}
    fetched = {name for name in spec.folders if "~" not in name and f"encoders/{name}" not in trained}
    for name in _pretraining_texts(spec):
        if name not in lengths and not _text_file(spec, name).is_file():
            sizes.note(f"disk of the text {name!r} and of its instances is not counted: its size is not known yet")
    return {
        "corpora": sum(TEXT_BYTES * split.pieces for split in splits) / 2,  # Parquet, compressed
        "documents": sum(_text_bytes(spec, name, lengths) for name in _pretraining_texts(spec)),
        "tokens": sum(TOKEN_BYTES * split.pieces + DOCUMENT_BYTES * split.documents for split in splits),
        "instances": sum(_instance_bytes(job, lengths) for job in _pretraining_jobs(spec)),
        "encoders": sum(works[name].bytes for name in trained if name.startswith("encoders/"))
        + sum(sizes.size(name).bytes for name in fetched),
        "runs": sum(work.bytes for name, work in works.items() if name.startswith("runs/")),
        "resume state of the largest job": max((work.state for work in works.values()), default=0.0),
    }


def _pretraining_jobs(spec: StudyPlan) -> list[PlannedPretraining]:
    """One pre-training job for each instances file."""
    return list({job.instances: job for job in spec.jobs if isinstance(job, PlannedPretraining)}.values())


def _pretraining_texts(spec: StudyPlan) -> list[str]:
    """Corpora and texts that are written as pre-training text."""
    return list(dict.fromkeys(name for job in _pretraining_jobs(spec) for name in job.texts))


def _text_file(spec: StudyPlan, name: str) -> Path:
    return Path(spec.root) / "documents" / f"{name}.train.txt"


def _text_bytes(spec: StudyPlan, name: str, lengths: Mapping[str, SplitLengths]) -> float:
    if (path := _text_file(spec, name)).is_file():
        return path.stat().st_size
    return TEXT_BYTES * lengths[name][0].pieces if name in lengths else 0.0


def _instance_bytes(job: PlannedPretraining, lengths: Mapping[str, SplitLengths]) -> float:
    """Of an instances file, to which each of the ``dupe`` passes over the documents adds them once."""
    if (path := Path(job.instances)).is_file():
        return path.stat().st_size
    pieces = sum(lengths[name][0].pieces for name in job.texts if name in lengths)
    return INSTANCE_BYTES * job.pretrain.dupe * pieces
