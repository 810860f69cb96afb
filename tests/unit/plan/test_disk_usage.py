"""Disk usage by hand: of files that are there their sizes, of the others what rows and lengths come to."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from bertfit.config.hyperparameters import Pretrain
from bertfit.experiments.summary_specs import PlannedPretraining
from bertfit.plan import disk_usage
from bertfit.plan.job_cost import Work
from bertfit.plan.text_lengths import Lengths

TRAIN = Lengths(np.full(10, 10.0), None, 10, True)  # 100 word pieces
TEST = Lengths(np.full(5, 4.0), None, 5, True)  # 20 word pieces


class Sizes:
    """Lengths of one corpus, and encoders of 1000 bytes."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def texts(self, corpus: str, split: str) -> Lengths:
        return {"train": TRAIN, "test": TEST}[split]

    def size(self, name: str) -> Any:
        return SimpleNamespace(bytes=1000)

    def note(self, text: str) -> None:
        self.notes.append(text)


def pretraining(folder: Path, name: str, texts: list[str]) -> PlannedPretraining:
    values = {"kind": "pretrain", "mix": "m", "base": "fetched", "needs": [], "benchmark": "b", "saves": 0}
    instances = str(folder / "instances" / "m.arrow")
    return PlannedPretraining(name=name, pretrain=Pretrain(dupe=5), texts=texts, instances=instances, **values)


def usage(folder: Path, texts: list[str]) -> tuple[dict[str, float], list[str]]:
    """Two encoders trained on the same instances, one that is fetched, and two runs."""
    sizes, names = Sizes(), ["encoders/one", "encoders/two"]
    jobs = [*(pretraining(folder, name, texts) for name in names), SimpleNamespace(name="runs/r")]
    folders = ["one", "two", "fetched", "fetched~a@1.s1"]
    spec: Any = SimpleNamespace(root=folder, corpora={"a": None}, jobs=jobs, folders=folders)
    works = {name: Work(bytes=300, state=40) for name in names} | {"runs/r": Work(bytes=7, state=90)}
    return disk_usage.estimate(spec, sizes, works), sizes.notes


def test_bytes_of_files_that_are_not_there_yet(tmp_path: Path) -> None:
    found, notes = usage(tmp_path, ["a"])
    assert found == pytest.approx({
        "corpora": 4.7 * 120 / 2, "documents": 4.7 * 100, "tokens": 2 * 120 + 12 * 15, "instances": 2.6 * 5 * 100,
        "encoders": 300 + 300 + 1000, "runs": 7, "resume state of the largest job": 90,
    })  # fmt: skip
    assert notes == []


def test_files_that_are_there_count_as_they_are(tmp_path: Path) -> None:
    for name, size in (("documents/a.train.txt", 11), ("documents/more.train.txt", 22), ("instances/m.arrow", 33)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(bytes(size))
    found, notes = usage(tmp_path, ["a", "more"])
    assert (found["documents"], found["instances"]) == (33, 33) and notes == []


def test_a_text_of_unknown_size_is_noted(tmp_path: Path) -> None:
    found, notes = usage(tmp_path, ["a", "more"])
    assert found["documents"] == pytest.approx(470)
    assert notes == ["disk of the text 'more' and of its instances is not counted: its size is not known yet"]
