"""Numbers and lists in sentences: shares as percentages and as natural frequencies ("about 45 of 400 texts")."""

from __future__ import annotations

from collections.abc import Sequence


def percent(share: float, digits: int = 1) -> str:
    """A share of 1 as ``11.3 %``."""
    return f"{100 * share:.{digits}f} %"


def percent_range(low: float, high: float) -> str:
    """An interval of shares: ``8.4 to 14.8 %``."""
    return f"{100 * low:.1f} to {100 * high:.1f} %"


def points(value: float) -> str:
    """A difference of shares in points, without unit: ``1.2``, with a minus and not a hyphen."""
    rounded = round(100 * value, 1) or 0.0  # not -0.0
    return f"{rounded:.1f}".replace("-", "−")


def points_range(low: float, high: float) -> str:
    """An interval of differences in points: ``−0.8 to 3.1``."""
    return f"{points(low)} to {points(high)}"


def frequency(share: float, total: int) -> str:
    """A share as a natural frequency: ``45 of 400``; ``about 45 of 400`` where it is no whole number of texts."""
    number = share * total
    about = "" if abs(number - round(number)) < 1e-6 * max(1, total) else "about "
    return f"{about}{round(number):,} of {total:,}"


def frequency_range(low: float, high: float, total: int) -> str:
    """An interval of shares as natural frequencies: ``34 to 59 of 400``."""
    return f"{round(low * total):,} to {round(high * total):,} of {total:,}"


def listed(names: Sequence[str], limit: int = 8) -> str:
    """Names in a sentence: ``A, B and C``; of more than ``limit`` the first, and how many others there are."""
    shown = list(names[:limit])
    if len(names) > limit:
        return f"{', '.join(shown)} and {len(names) - limit:,} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


def counted(number: int, one: str, several: str | None = None) -> str:
    """A number with its noun: ``1 text``, ``2,000 texts``."""
    return f"{number:,} {one if number == 1 else several or f'{one}s'}"


def time_allowed(seconds: float) -> str:
    """A budget: ``15 minutes``, ``90 seconds``; whole minutes from two on."""
    if seconds < 120:
        return counted(round(seconds), "second")
    return counted(round(seconds / 60), "minute")


def sentence(text: str) -> str:
    """``text`` with a capital letter and a full stop."""
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '!', '?')) else '.'}"
