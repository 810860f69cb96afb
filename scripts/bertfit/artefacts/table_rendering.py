"""A table as readers see it: Markdown, LaTeX and HTML of one grid of texts.

The HTML is that of ``templates/table.html``, on a page of its own (`write`) and in the report alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import jinja2

from bertfit.config.study_schema import Artefact
from bertfit.core.files import write_text
from bertfit.core.formatting import escape_markdown, table
from bertfit.experiments.job_specs import ArtefactSpec
from bertfit.runtime.rule_job import JobFiles

TEMPLATES = Path(__file__).parent / "templates"
MAX_SIDE_BY_SIDE = 9
"""cells of a row that fit beside each other on a page"""
Below = list[tuple[str, "GridCell"]]
"""part and cell of what stands below the first part of a column"""


@dataclass(frozen=True)
class TableFiles:
    """Output of a table: its values, and three forms for readers."""

    csv: Path
    md: Path
    tex: Path
    html: Path

    @classmethod
    def of(cls, output: JobFiles) -> TableFiles:
        """The outputs of these names of a rule."""
        return cls(output["csv"], output["md"], output["tex"], output["html"])


@dataclass(frozen=True)
class GridCell:
    """One cell: a text, and a ``detail`` in small print below it. Addresses are relative to the page."""

    text: str = ""
    bold: bool = False
    detail: str = ""
    links: tuple[str, ...] = ()
    """the first is that of the text, further ones are numbered, in small print below it"""
    tooltip: str = ""
    """of a text without link"""


@dataclass(frozen=True)
class GridRow:
    """A row: columns x parts ``cells``. Consecutive rows of one ``group`` stand below its name."""

    label: str
    cells: list[GridCell]
    group: str = ""
    link: str = ""


@dataclass(frozen=True)
class Grid:
    """A table: ``columns`` (label -> link or "") of ``parts`` each. A single part has no heading of its own.

    Of many columns the parts stand below each other, the first without its name; see `stacked`.
    """

    columns: dict[str, str]
    parts: list[str]
    rows: list[GridRow]
    corner: str = ""

    @property
    def heading(self) -> str:
        """Heading of the row labels; of a stacked table the part that stands first in its cells."""
        return self.corner or (f"first: {self.parts[0]}" if self.stacked else "")

    @property
    def stacked(self) -> bool:
        """Whether a column's parts stand below instead of beside each other."""
        return len(self.parts) > 1 and len(self.columns) * len(self.parts) > MAX_SIDE_BY_SIDE

    @property
    def side_by_side(self) -> bool:
        """Whether a column has several parts beside each other, each with a heading."""
        return len(self.parts) > 1 and not self.stacked

    @property
    def groups(self) -> list[tuple[str, list[GridRow]]]:
        """Name and rows of each group, in order."""
        return [(name, list(rows)) for name, rows in groupby(self.rows, key=lambda row: row.group)]

    @property
    def width(self) -> int:
        """Cells of a row as drawn, without its label."""
        return len(self.columns) * (1 if self.stacked else len(self.parts))

    def drawn_cells(self, row: GridRow) -> list[tuple[GridCell, Below]]:
        """The `width` cells of a row as drawn, each with what stands below it: nothing unless the table is stacked."""
        if not self.stacked:
            return [(cell, []) for cell in row.cells]
        drawn = []
        for start in range(0, len(row.cells), len(self.parts)):
            first, *others = row.cells[start : start + len(self.parts)]
            below = [
                (part, cell) for part, cell in zip(self.parts[1:], others, strict=True) if cell.text not in ("", "–")
            ]
            drawn.append((first if first.text or below else GridCell("–"), below))
        return drawn


def environment(*folders: Path) -> jinja2.Environment:
    """For templates of ``folders`` and of this module: texts are escaped, an undefined name is an error."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader([*folders, TEMPLATES]),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )


def write(grid: Grid, spec: ArtefactSpec, *, notes: Sequence[str], files: TableFiles) -> None:
    """Write a table in the three forms for readers, ``notes`` below it; the HTML is one self-contained page."""
    css = (TEMPLATES / "table_page.css").read_text(encoding="utf-8")
    page = environment().get_template("table_page.html")
    write_text(files.md, _markdown(grid, spec.artefact, notes))
    write_text(files.tex, _latex(grid, spec.key, spec.artefact, notes))
    write_text(files.html, page.render(grid=grid, artefact=spec.artefact, notes=notes, css=css))


def _markdown(grid: Grid, artefact: Artefact, notes: Sequence[str]) -> str:
    def bold(cell: GridCell) -> str:
        text = f"**{escape_markdown(cell.text)}**" if cell.bold else escape_markdown(cell.text)
        return f"{text} {cell.detail}".strip()

    def cell_text(first: GridCell, below: Below) -> str:
        others = [f"{part} {bold(cell)}" for part, cell in below]
        return "<br>".join(text for text in (bold(first), *others) if text)

    parts = [f", {part}" for part in grid.parts] if grid.side_by_side else [""]
    head = [escape_markdown(grid.heading), *(escape_markdown(label) + part for label in grid.columns for part in parts)]
    lines = []
    for name, rows in grid.groups:
        lines += [[f"*{escape_markdown(name)}*", *[""] * grid.width]] if name else []
        lines += [[escape_markdown(row.label), *(cell_text(*cell) for cell in grid.drawn_cells(row))] for row in rows]
    body = "".join(f"{line}\n" for line in table(head, lines, "lr"))
    title = f"**{escape_markdown(artefact.number)}. {escape_markdown(artefact.title)}**"
    listed = "".join(f"- {escape_markdown(note)}\n" for note in notes)
    return f"{title}\n\n{escape_markdown(artefact.caption)}\n\n{body}\n{listed}"


_TEX = str.maketrans(
    {character: f"\\{character}" for character in "&%$#_{}"}
    | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "±": r"$\pm$", "–": "--"}
    | {"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", "×": r"$\times$", "−": "$-$"}
)


def _latex(grid: Grid, key: str, artefact: Artefact, notes: Sequence[str]) -> str:
    """A ``table`` for ``\\input``: needs booktabs; shrinks to the line where graphicx is loaded too."""

    def cell_text(first: GridCell, below: Below) -> str:
        text = first.text.translate(_TEX)
        others = [first.detail, *(text for part, cell in below for text in (f"{part} {cell.text}", cell.detail))]
        lines = [
            rf"\textbf{{{text}}}" if first.bold else text,
            *(rf"{{\footnotesize {other.translate(_TEX)}}}" for other in others if other),
        ]
        lines = [line for line in lines if line]
        if len(lines) < 2:
            return "".join(lines)
        return r"\begin{tabular}[t]{@{}r@{}}" + r"\\".join(lines) + r"\end{tabular}"

    labels = [label.translate(_TEX) for label in grid.columns]
    if grid.side_by_side:
        span = len(grid.parts)
        head = [[rf"\multicolumn{{{span}}}{{c}}{{{label}}}" for label in labels], [*grid.parts] * len(labels)]
    else:
        head = [labels]
    corners = [*[""] * (len(head) - 1), rf"{{\footnotesize {grid.heading.translate(_TEX)}}}" if grid.heading else ""]
    body = [r"\toprule", *(f"{corner} & {' & '.join(row)} \\\\" for corner, row in zip(corners, head, strict=True))]
    for name, rows in grid.groups:
        body.append(r"\midrule")
        body += [rf"\multicolumn{{{grid.width + 1}}}{{l}}{{\itshape {name.translate(_TEX)}}} \\"] if name else []
        for row in rows:
            cells = " & ".join(cell_text(*cell) for cell in grid.drawn_cells(row))
            body.append(f"{row.label.translate(_TEX)} & {cells} \\\\")
    title, caption = (text.translate(_TEX) for text in (artefact.title, artefact.caption))
    return "\n".join(
        [
            r"% \usepackage{booktabs}, and graphicx if a wide table is to shrink to the line",
            rf"\begin{{table}}[tbp]\centering\caption{{{title}. {caption}}}\label{{tab:{key}}}",
            r"\sbox0{%",
            rf"\begin{{tabular}}{{l{'r' * grid.width}}}",
            *body,
            r"\bottomrule",
            r"\end{tabular}}%",
            r"\ifdim\wd0>\linewidth\ifdefined\resizebox\resizebox{\linewidth}{!}{\usebox0}\else\usebox0\fi\else\usebox0\fi",
            rf"\par\smallskip\parbox{{\linewidth}}{{\footnotesize {' '.join(notes).translate(_TEX)}}}",
            r"\end{table}",
            "",
        ]
    )
