"""Who contributed what to a merged archive, as its manifest says it, and the report.

An archive may come from anyone: names are one line, and texts are short.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

LONGEST_NAME = 80


def is_name(name: str) -> bool:
    """Whether a text can be the name of a contributor: one line, of `LONGEST_NAME` printable characters at most."""
    return bool(name.strip()) and len(name) <= LONGEST_NAME and name.isprintable()


def _checked(name: str) -> str:
    if not is_name(name):
        raise ValueError(f"a contributor has a name of at most {LONGEST_NAME} characters on one line")
    return name


ContributorName = Annotated[str, AfterValidator(_checked)]
Device = Annotated[str, Field(max_length=200)]


class _Said(BaseModel):
    """Base of what is said: frozen, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class UsedMachine(_Said):
    """A machine with its versions of packages, and the jobs done there.

    ``jobs``: folder of a training below the study's -> seconds of its loop, null where nothing is trained.
    """

    device: Device
    system: Device
    versions: dict[str, str]
    jobs: dict[str, float | None]


class Contribution(_Said):
    """What one contributor gave to a merged archive."""

    contributor: ContributorName
    machines: list[UsedMachine]


class RepeatedRun(_Said):
    """A run of two contributors, with other results: ``kept`` counts, ``other`` enters no mean.

    In ``devices`` and ``errors`` (last evaluation, percent) ``kept`` comes first. ``changed``: of ``examples`` those
    that are classified otherwise; ``logits``: the largest difference of two logits.
    """

    run: str
    seed: int
    kept: ContributorName
    other: ContributorName
    devices: tuple[Device, Device]
    errors: tuple[float, float]
    examples: int
    changed: int
    logits: float | None


class RepeatedEncoder(_Said):
    """An encoder that two contributors trained, with other weights: the record of ``kept`` is shown.

    The runs of each start from its own. ``losses``: on the held-out text after training, where that is measured.
    """

    encoder: str
    kept: ContributorName
    other: ContributorName
    devices: tuple[Device, Device]
    losses: tuple[float | None, float | None]


class PreferredFile(_Said):
    """Another record of which that of ``kept`` was chosen: its path below the study's results."""

    path: str
    kept: ContributorName
    other: ContributorName


class Contributed(_Said):
    """Who contributed what to a merged archive, and what was done again with other results."""

    by: list[Contribution]
    runs: list[RepeatedRun] = []
    encoders: list[RepeatedEncoder] = []
    files: list[PreferredFile] = []
