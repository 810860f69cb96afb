"""Contributions of archives: machines, trainings and names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bertfit.archiving import contributors
from bertfit.archiving.unpacked_archive import Unpacked
from bertfit.contributions.contributed import Contributed
from bertfit.core.errors import UserError


def test_contributions(unpack: Callable[..., list[Unpacked]]) -> None:
    first, second = contributors.contributions(unpack("first", "second"))
    assert (first.contributor, second.contributor) == ("Group A", "second")
    (machine,) = first.machines
    assert (machine.device, machine.versions) == ("NVIDIA H100 80GB HBM3", {"python": "3.11.7", "torch": "2.13.0"})
    runs = [path for path in machine.jobs if path.startswith("runs/")]
    assert len(runs) == 4 and "runs/imdb/mini/evaluate_every=2/seeds3-3" in runs
    assert machine.jobs["encoders/mini"] == 2.0 and not [path for path in machine.jobs if "of" in path.split("@")[-1]]


def test_contributions_of_one_contributor_are_one(unpack: Callable[..., list[Unpacked]]) -> None:
    """Whatever is given twice counts once, in any order, also if it was merged before."""
    first, second, again = unpack("first", "second", "again")
    same = replace(second, manifest=second.manifest.model_copy(update={"contributor": "Group A"}))
    (united,) = contributors.contributions([first, same])
    assert [machine.device for machine in united.machines] == ["NVIDIA H100 80GB HBM3", "AMD EPYC"]
    assert contributors.contributions([first, first]) == contributors.contributions([first])
    both = Contributed(by=contributors.contributions([first, second]))
    merged = replace(first, manifest=first.manifest.model_copy(update={"contributed": both, "contributor": None}))
    assert contributors.contributions([merged, again]) == contributors.contributions([first, second, again])
    assert contributors.contributions([merged, merged]) == both.by


def test_when_they_are_told(unpack: Callable[..., list[Unpacked]]) -> None:
    """Parts that one contributor made are a study that was made as one."""
    first, second = unpack("first", "second")
    unnamed = replace(first, manifest=first.manifest.model_copy(update={"contributor": None}))
    assert contributors.are_told([first]) and contributors.are_told([unnamed, second])
    assert not contributors.are_told([unnamed, unnamed])
    path = next(path for path in first.manifest.sha256 if path.endswith("/run.json"))
    digests = first.manifest.sha256 | {path: "0" * 64}
    again = replace(unnamed, manifest=unnamed.manifest.model_copy(update={"sha256": digests}))
    assert contributors.are_told([unnamed, again]), "a training was made twice"


def test_names_are_one_archives_each(unpack: Callable[..., list[Unpacked]]) -> None:
    first, second = unpack("first", "second")
    contributors.check_names([first, second, first])
    with pytest.raises(UserError, match=r"second\.zip: another contribution is named 'second', too; give the file"):
        contributors.check_names([second, replace(second, path=Path("elsewhere/second.zip"))])
    named = replace(first, manifest=first.manifest.model_copy(update={"contributor": "second"}))
    with pytest.raises(UserError, match="another contribution is named 'second'"):
        contributors.check_names([named, second])
    for name in ("a" * 90, "two\nlines", "\u202egpj"):
        with pytest.raises(UserError, match="give the file a name of at most 80 printable characters"):
            contributors.check_names([replace(second, path=Path(f"{name}.zip"))])
