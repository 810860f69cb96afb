"""The screen that a run of your own dataset begins with: what was found in the file, and what will be done."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bertfit.core import errors

CLASSES = 10  # shown at most
WIDTH = 100  # characters of a line


@dataclass(frozen=True)
class SampledLengths:
    """Lengths of the texts of a file: the median and the 95th percentile, in words and in estimated word pieces."""

    texts: int
    """number of texts that were looked at, from the first"""
    words: tuple[int, int]
    pieces: tuple[int, int]
    cut: float
    """share of these texts that is longer than the encoder reads, between 0 and 1"""


@dataclass(frozen=True)
class FirstScreen:
    """What is said before a run begins. A text that is empty leaves its line out."""

    file: str
    rows: int
    """of the file; where texts contain line ends at most as many"""
    classes: Mapping[str, int]
    """rows by label, among the first ``counted`` rows"""
    counted: int
    lengths: SampledLengths
    max_length: int
    """word pieces that the encoder reads of a text"""
    encoder: str
    steps: list[str]
    """what will be done, a sentence each"""
    budget: str = ""
    duration: str = ""
    """how long it may take"""
    warnings: Sequence[str] = ()
    """what speaks against the encoder, each with the cure"""


def text(screen: FirstScreen) -> str:
    """The lines of the screen, with a line end after each but the last."""
    first = f" (the first {screen.counted:,} rows)" if screen.counted < screen.rows else ""
    lines = [
        *_entry("file", errors.plain(screen.file)),
        *_entry("rows", f"{max(screen.rows, screen.counted):,}"),
        *_entry("classes", f"{len(screen.classes):,}{first}: {classes(screen.classes)}"),
        *_entry("lengths", _lengths(screen.lengths, screen.max_length)),
        *_entry("encoder", errors.plain(screen.encoder)),
        *_entry("budget", screen.budget),
        *_entry("time", screen.duration),
    ]
    for warning in screen.warnings:
        lines += _entry("WARNING", warning)
    for number, step in enumerate(screen.steps, 1):
        lines += _entry("to do" if number == 1 else "", f"{number}. {step}")
    return "\n".join(lines)


def classes(counts: Mapping[str, int]) -> str:
    """Labels with their counts, the most frequent first: ``pos 1,012, neg 988``, and how many more there are."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    shown = ", ".join(f"{errors.plain(label) or '(empty)'} {count:,}" for label, count in ordered[:CLASSES])
    more = len(ordered) - CLASSES
    return f"{shown}, and {more:,} more" if more > 0 else shown


def _lengths(lengths: SampledLengths, longest: int) -> str:
    median, high = (
        f"{words:,} words ({pieces:,} pieces)" for words, pieces in zip(lengths.words, lengths.pieces, strict=True)
    )
    cut = f"{100 * lengths.cut:.0f} %" if lengths.cut in (0, 1) or lengths.cut >= 0.01 else "under 1 %"
    return (
        f"half of the texts have at most {median}, 95 % at most {high}; the encoder reads {longest:,} pieces, so "
        f"{cut} will be cut (estimated from the first {lengths.texts:,} texts)"
    )


def _entry(name: str, value: str) -> list[str]:
    """The lines of one entry, its name in the first of them; none if there is no value."""
    return textwrap.wrap(value, WIDTH, initial_indent=f"{name:<9}", subsequent_indent=" " * 9) if value else []
