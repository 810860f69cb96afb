"""Return types that say why a corpus, an encoder or a run does not exist."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Unavailable:
    """It exists, but not here: a corpus whose files are missing, an encoder that the study does not declare."""

    reason: str


@dataclass(frozen=True)
class NotApplicable:
    """It cannot exist: the seventh layer of an encoder of six, more examples than a corpus has."""

    reason: str
