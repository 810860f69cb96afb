"""Why something that was asked for is not there: results of functions, told apart by their type."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Unavailable:
    """What was asked for cannot be had here: a corpus without its files, an encoder that a study does not declare."""

    reason: str


@dataclass(frozen=True)
class NotApplicable:
    """What was asked for does not exist: a seventh layer of an encoder of six, more examples than a corpus has."""

    reason: str
