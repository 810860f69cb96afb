"""A table as readers see it: Markdown, LaTeX and HTML of one grid of texts."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from bertfit.columns import escaped, table
from bertfit.files import write_text
from bertfit.spec import Artefact
from bertfit.webpage import CSS, PAGE

WIDE = 9
"""places of a row that fit beside each other on a page"""


@dataclass(frozen=True)
class Shown:
    """What a reader sees in one place of a table: a ``detail`` below the text; addresses relative to the page."""

    text: str = ""
    bold: bool = False
    detail: str = ""
    links: tuple[str, ...] = ()


@dataclass(frozen=True)
class Line:
    """A row: columns x parts ``places``. Consecutive lines of one ``group`` stand below its name."""

    label: str
    places: list[Shown]
    group: str = ""
    link: str = ""


@dataclass(frozen=True)
class Grid:
    """A table: ``columns`` (label -> link or "") of ``parts`` each. A single part has no heading of its own.

    Of many columns the parts stand below each other, the first without its name; see `stacked`.
    """

    key: str
    artefact: Artefact
    columns: dict[str, str]
    parts: list[str]
    lines: list[Line]
    notes: list[str]
    corner: str = ""

    @property
    def heading(self) -> str:
        """Of the labels; of a stacked table what stands first in its places."""
        return self.corner or (f"first: {self.parts[0]}" if self.stacked else "")

    @property
    def stacked(self) -> bool:
        """Whether a column's parts stand below instead of beside each other."""
        return len(self.parts) > 1 and len(self.columns) * len(self.parts) > WIDE

    @property
    def groups(self) -> list[tuple[str, list[Line]]]:
        """Name and lines of each group, in order."""
        return [(name, list(lines)) for name, lines in groupby(self.lines, key=lambda line: line.group)]

    @property
    def width(self) -> int:
        """Cells of a row as drawn, without its label."""
        return len(self.columns) * (1 if self.stacked else len(self.parts))

    def stack(self, line: Line) -> list[tuple[Shown, list[tuple[str, Shown]]]]:
        """Of each column what stands first, and (part, place) of what else there is below it."""
        stacks = []
        for start in range(0, len(line.places), len(self.parts)):
            first, *others = line.places[start : start + len(self.parts)]
            below = [
                (part, each) for part, each in zip(self.parts[1:], others, strict=True) if each.text not in ("", "–")
            ]
            stacks.append((first if first.text or below else Shown("–"), below))
        return stacks


def write(grid: Grid, *, md: Path, tex: Path, html: Path) -> None:
    """Write the three forms; the HTML is one self-contained page in light or dark."""
    write_text(md, _markdown(grid))
    write_text(tex, _latex(grid))
    write_text(html, PAGE.render(grid=grid, wide=len(grid.parts) > 1 and not grid.stacked, css=CSS))


def _markdown(grid: Grid) -> str:
    def cell(shown: Shown) -> str:
        text = f"**{escaped(shown.text)}**" if shown.bold else escaped(shown.text)
        return f"{text} {shown.detail}".strip()

    def stack(first: Shown, below: list[tuple[str, Shown]]) -> str:
        others = [f"{part} {cell(shown)}" for part, shown in below]
        return "<br>".join(text for text in (cell(first), *others) if text)

    parts = [f", {part}" for part in grid.parts] if len(grid.parts) > 1 and not grid.stacked else [""]
    head = [escaped(grid.heading), *(escaped(label) + part for label in grid.columns for part in parts)]
    rows = []
    for name, lines in grid.groups:
        rows += [[f"*{escaped(name)}*", *[""] * grid.width]] if name else []
        for line in lines:
            places = [stack(*each) for each in grid.stack(line)] if grid.stacked else [*map(cell, line.places)]
            rows.append([escaped(line.label), *places])
    lines_of_table = "".join(f"{line}\n" for line in table(head, rows, "lr"))
    title = f"**{escaped(grid.artefact.number)}. {escaped(grid.artefact.title)}**"
    notes = "".join(f"- {escaped(note)}\n" for note in grid.notes)
    return f"{title}\n\n{escaped(grid.artefact.caption)}\n\n{lines_of_table}\n{notes}"


_TEX = str.maketrans(
    {character: f"\\{character}" for character in "&%$#_{}"}
    | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "±": r"$\pm$", "–": "--"}
    | {"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", "×": r"$\times$", "−": "$-$"}
)


def _latex(grid: Grid) -> str:
    """A ``table`` for ``\\input``: needs booktabs; shrinks to the line where graphicx is loaded too."""

    def cell(shown: Shown, below: list[tuple[str, Shown]]) -> str:
        text = shown.text.translate(_TEX)
        others = [shown.detail.translate(_TEX), *(f"{part} {each.text}".translate(_TEX) for part, each in below)]
        rows = [
            rf"\textbf{{{text}}}" if shown.bold else text,
            *(rf"{{\footnotesize {other}}}" for other in others if other),
        ]
        rows = [row for row in rows if row]
        if len(rows) < 2:
            return "".join(rows)
        return r"\begin{tabular}[t]{@{}r@{}}" + r"\\".join(rows) + r"\end{tabular}"

    labels, parts = [label.translate(_TEX) for label in grid.columns], 1 if grid.stacked else len(grid.parts)
    if parts > 1:
        head = [[r"\multicolumn{%d}{c}{%s}" % (parts, label) for label in labels], [*grid.parts] * len(labels)]  # noqa: UP031
    else:
        head = [labels]
    corners = [*[""] * (len(head) - 1), rf"{{\footnotesize {grid.heading.translate(_TEX)}}}" if grid.heading else ""]
    body = [r"\toprule", *(f"{corner} & {' & '.join(row)} \\\\" for corner, row in zip(corners, head, strict=True))]
    for name, lines in grid.groups:
        body.append(r"\midrule")
        body += [rf"\multicolumn{{{grid.width + 1}}}{{l}}{{\itshape {name.translate(_TEX)}}} \\"] if name else []
        for line in lines:
            stacks = grid.stack(line) if grid.stacked else [(shown, []) for shown in line.places]
            body.append(f"{line.label.translate(_TEX)} & {' & '.join(cell(*each) for each in stacks)} \\\\")
    title, caption = (text.translate(_TEX) for text in (grid.artefact.title, grid.artefact.caption))
    return "\n".join(
        [
            r"% \usepackage{booktabs}, and graphicx if a wide table is to shrink to the line",
            rf"\begin{{table}}[tbp]\centering\caption{{{title}. {caption}}}\label{{tab:{grid.key}}}",
            r"\sbox0{%",
            rf"\begin{{tabular}}{{l{'r' * grid.width}}}",
            *body,
            r"\bottomrule",
            r"\end{tabular}}%",
            r"\ifdim\wd0>\linewidth\ifdefined\resizebox\resizebox{\linewidth}{!}{\usebox0}\else\usebox0\fi\else\usebox0\fi",
            rf"\par\smallskip\parbox{{\linewidth}}{{\footnotesize {' '.join(grid.notes).translate(_TEX)}}}",
            r"\end{table}",
            "",
        ]
    )
