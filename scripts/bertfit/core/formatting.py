"""Numbers, times, tables and texts formatted for Markdown, the report page, the terminal and spreadsheets."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

MARKUP = "\\|*_<`"
"""Characters with a meaning in a cell of a Markdown table."""
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?", re.ASCII)


def table(head: Sequence[str], rows: Sequence[Sequence[str]], align: str, *, padded: bool = False) -> list[str]:
    """The lines of a Markdown table.

    ``align`` has one letter per column, ``l`` or ``r``; its last letter holds for all further columns. ``padded``
    aligns the columns for a terminal.
    """
    sides = [align[min(place, len(align) - 1)] for place in range(len(head))]
    if not padded:
        rule = ["---:" if side == "r" else "---" for side in sides]
        return [f"| {' | '.join(row)} |" for row in (head, rule, *rows)]
    widths = [max(3, *(len(row[place]) for row in (head, *rows))) for place in range(len(head))]
    rule = ["-" * (width - 1) + (":" if side == "r" else "-") for side, width in zip(sides, widths, strict=True)]
    lines = []
    for row in (head, rule, *rows):
        cells = [
            cell.rjust(width) if side == "r" else cell.ljust(width)
            for side, cell, width in zip(sides, row, widths, strict=True)
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def escape_markdown(text: str, markup: str = MARKUP) -> str:
    """Escape the characters of ``markup`` in ``text`` with a backslash."""
    return "".join(f"\\{character}" if character in markup else character for character in text)


def duration(seconds: float | None) -> str:
    """A measured time: ``0.04 s``, ``12 s``, ``3 min 5 s``, ``2 h 10 min``."""
    if seconds is None:
        return "–"
    if seconds < 9.95:
        return f"{seconds:.2g} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60:,} h {minutes % 60} min"


def hours(value: float) -> str:
    """An estimated time, given in hours: ``3.2 h``, ``12 min``, ``8 s``; in days from 96 hours on."""
    units = ((96, "d", 1 / 24), (1, "h", 1), (1 / 60, "min", 60), (0, "s", 3600))
    unit, factor = next((unit, factor) for bound, unit, factor in units if value >= bound)
    shown = value * factor
    return f"{shown:.{1 if 0 < shown < 10 else 0}f} {unit}"


def clock(seconds: float) -> str:
    """A time for log lines: ``2:05``, or ``1:02:05`` from an hour on."""
    minutes, seconds = divmod(round(seconds), 60)
    whole, minutes = divmod(minutes, 60)
    return f"{whole}:{minutes:02}:{seconds:02}" if whole else f"{minutes}:{seconds:02}"


def count(value: float) -> str:
    """A count with a unit prefix: ``950``, ``12.3k``, ``4.1M``, ``2.0G``."""
    for bound, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= bound:
            return f"{value / bound:.1f}{unit}"
    return f"{value:.0f}"


def size(value: float | None) -> str:
    """Bytes, in powers of 1000: ``12 B``, ``487 MB``, ``1.2 GB``."""
    if value is None:
        return "–"
    for bound, unit in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if value >= bound:
            return f"{value / bound:.{1 if value < 100 * bound else 0}f} {unit}"
    return f"{value:.0f} B"


def energy(kwh: float | None) -> str:
    """Energy, given in kilowatt hours: ``12 kWh``, ``1.2 kWh``, ``35 Wh``, ``5.2 J``."""
    if kwh is None:
        return "–"
    units = ((0.1, "kWh", 1.0), (1e-5, "Wh", 1e3), (0.0, "J", 3.6e6))
    unit, factor = next((unit, factor) for bound, unit, factor in units if kwh >= bound)
    shown = kwh * factor
    return f"{shown:,.0f} {unit}" if shown >= 10 else f"{shown:.2g} {unit}"


def tera(value: float) -> str:
    """Floating-point operations per second: ``68 GFLOP/s``, ``120 TFLOP/s``."""
    return f"{value / 1e12:.3g} TFLOP/s" if value >= 1e11 else f"{value / 1e9:.3g} GFLOP/s"


def signed(value: float, digits: int = 2) -> str:
    """A difference with its sign, as a minus and not a hyphen."""
    return f"{value:+.{digits}f}".replace("-", "−")


def probability(value: float | None) -> str:
    """A p value with three decimals, ``< 0.001`` below that; empty for None."""
    if value is None:
        return ""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


TEXT_COLUMNS = ("row", "column", "line", "size", "mix", "label", "detail", "note", "reason")  # free text of a study


def spreadsheet_safe_frame(frame: pd.DataFrame) -> pd.DataFrame:
    """A copy with `spreadsheet_safe` applied to the columns of free text."""
    texts = {name: frame[name].map(spreadsheet_safe, na_action="ignore") for name in TEXT_COLUMNS if name in frame}
    return frame.assign(**texts)


def spreadsheet_safe(text: str) -> str:
    """``text`` with an apostrophe in front where a spreadsheet would take it for a formula.

    After OWASP's "CSV Injection": a leading = + - @ (full-width forms too), also after blanks; a leading tab or line
    end. For text only, as a number such as -1 would be changed, too.
    """
    formula = text[:1] in (*"\t\r\n",) or text.lstrip()[:1] in (*"=+-@＝＋－＠",)
    return f"'{text}" if formula else text


def spreadsheet_safe_label(text: str) -> str:
    """The name of a class as `spreadsheet_safe` gives it, but a number such as -1 unchanged."""
    return text if _NUMBER.fullmatch(text) else spreadsheet_safe(text)
