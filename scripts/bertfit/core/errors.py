"""The one error type that users see."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

MANY = 20  # names in a message
LONG = 100  # characters of one


class UserError(Exception):
    """Something in the user's files or machine is wrong.

    The message names the place (file, row or key), what is wrong there and the cure. Scripts print it as it is,
    without a traceback.
    """


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint such as ``; did you mean 'trec'?``, or the list of known names when nothing is near."""
    names = sorted(str(name) for name in known)
    short = [name for name in names if len(name) <= LONG]  # a text that stands for a name takes minutes to compare
    close = difflib.get_close_matches(str(word), short, n=1) if len(str(word)) <= LONG else []
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; known: {listed(names)}" if names else ""


def listed(names: Iterable[object]) -> str:
    """Names one after the other, but not thousands of them, and none that fills the screen or steers it."""
    shown = [name if isinstance(name, str) else str(name) for name in names]
    more = f", ... ({len(shown):,} in all)" if len(shown) > MANY else ""
    return ", ".join(map(plain, shown[:MANY])) + more


def plain(text: str) -> str:
    """A text of the user's as a message shows it: cut, and with \\n for a line end."""
    cut = text if len(text) <= LONG else f"{text[: LONG - 3]}..."
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in cut)
