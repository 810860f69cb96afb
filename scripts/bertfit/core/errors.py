"""The error type that users see, and helpers for its messages."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

MAX_NAMES = 20  # in a message
MAX_CHARACTERS = 100  # of a name in a message


class UserError(Exception):
    """A problem in the user's files or on the machine.

    The message states the place (file, row or key), the problem and the remedy. Scripts print it without a traceback.
    """


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint such as ``; did you mean 'trec'?``, or the list of known names where none is similar."""
    names = sorted(str(name) for name in known)
    short = [name for name in names if len(name) <= MAX_CHARACTERS]  # comparing very long texts takes minutes
    close = difflib.get_close_matches(str(word), short, n=1) if len(str(word)) <= MAX_CHARACTERS else []
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; known: {listed(names)}" if names else ""


def listed(names: Iterable[object]) -> str:
    """Names separated by commas: the first `MAX_NAMES`, each shortened and free of control characters."""
    shown = [name if isinstance(name, str) else str(name) for name in names]
    more = f", ... ({len(shown):,} in all)" if len(shown) > MAX_NAMES else ""
    return ", ".join(map(plain, shown[:MAX_NAMES])) + more


def plain(text: str) -> str:
    """Text from a user's file for a message: shortened, control characters escaped (\\n for a line end)."""
    cut = text if len(text) <= MAX_CHARACTERS else f"{text[: MAX_CHARACTERS - 3]}..."
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in cut)


def row_number(position: int, numbers: Sequence[int] | None) -> int:
    """The number of a row in its file, from 1. ``numbers``: those of the rows that were read; None if that are all."""
    return position + 1 if numbers is None else numbers[position]
