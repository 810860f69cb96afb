"""How much disk a study takes: files that are here as they are, the others from declared rows and lengths."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bertfit.experiments.summary_specs import PlannedPretraining, StudyPlan
from bertfit.plan.job_cost import Work, World
from bertfit.plan.text_lengths import Lengths

Pieces = Mapping[str, tuple[Lengths, Lengths]]
"""corpus -> lengths of its training and its test texts"""

TEXT_BYTES = 4.7  # of plain text a word piece
INSTANCE_BYTES = 2.6  # of an instances file a word piece it holds: ids, positions and labels


def estimate(spec: StudyPlan, world: World, works: Mapping[str, Work]) -> dict[str, float]:
    """Bytes that stay, by folder, and those of resume states while the largest job runs."""
    pieces = {name: (world.texts(name, "train"), world.texts(name, "test")) for name in spec.corpora}
    tokens = sum(2 * each.pieces + 12 * each.documents for both in pieces.values() for each in both)
    texts = sum(TEXT_BYTES * each.pieces for both in pieces.values() for each in both)
    made = {job.name for job in spec.jobs}
    fetched = {name for name in spec.folders if "~" not in name and f"encoders/{name}" not in made}
    for name in _texts(spec):
        if name not in pieces and not _text(spec, name).is_file():
            world.note(f"disk of the text {name!r} and of its instances is not counted: its size is not known yet")
    return {
        "corpora": texts / 2,  # Parquet, compressed
        "documents": sum(_text_bytes(spec, name, pieces) for name in _texts(spec)),
        "tokens": tokens,
        "instances": sum(_instance_bytes(job, pieces) for job in _mixes(spec)),
        "encoders": sum(works[name].bytes for name in made if name.startswith("encoders/"))
        + sum(world.size(name).bytes for name in fetched),
        "runs": sum(work.bytes for name, work in works.items() if name.startswith("runs/")),
        "resume state of the largest job": max((work.state for work in works.values()), default=0.0),
    }


def _mixes(spec: StudyPlan) -> list[PlannedPretraining]:
    """One pre-training job of each instances file."""
    return list({job.instances: job for job in spec.jobs if isinstance(job, PlannedPretraining)}.values())


def _texts(spec: StudyPlan) -> list[str]:
    """Corpora and texts that are written as pre-training text."""
    return list(dict.fromkeys(name for job in _mixes(spec) for name in job.texts))


def _text(spec: StudyPlan, name: str) -> Path:
    return Path(spec.root) / "documents" / f"{name}.train.txt"


def _text_bytes(spec: StudyPlan, name: str, pieces: Pieces) -> float:
    if (path := _text(spec, name)).is_file():
        return path.stat().st_size
    return TEXT_BYTES * pieces[name][0].pieces if name in pieces else 0.0


def _instance_bytes(job: PlannedPretraining, pieces: Pieces) -> float:
    """Every pass over the documents writes them once more."""
    if (path := Path(job.instances)).is_file():
        return path.stat().st_size
    whole = sum(pieces[name][0].pieces for name in job.texts if name in pieces)
    return INSTANCE_BYTES * job.pretrain.dupe * whole
