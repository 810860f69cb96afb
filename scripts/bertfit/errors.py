"""The one error type that users see."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """Something in the user's files or machine is wrong.

    The message names the place (file, row or key), what is wrong there and the cure. Scripts print it as it is,
    without a traceback.
    """


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint such as ``; did you mean 'trec'?``, or the list of known names when nothing is near."""
    names = sorted(str(name) for name in known)
    close = difflib.get_close_matches(str(word), names, n=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; known: {', '.join(names)}" if names else ""
