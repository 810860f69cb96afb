"""A Markdown table that also reads well in a terminal: its columns are padded."""

from __future__ import annotations

from collections.abc import Sequence


def table(head: Sequence[str], rows: Sequence[Sequence[str]], texts: int = 1) -> list[str]:
    """The lines of a table; the first ``texts`` columns are ranged left, the others, numbers, right."""
    widths = [max(3, *(len(row[place]) for row in (head, *rows))) for place in range(len(head))]
    rule = ["-" * width if place < texts else "-" * (width - 1) + ":" for place, width in enumerate(widths)]
    lines = []
    for row in (head, rule, *rows):
        padded = [
            cell.ljust(width) if place < texts else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append(f"| {' | '.join(padded)} |")
    return lines
