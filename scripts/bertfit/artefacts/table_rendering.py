"""A table as readers see it: Markdown, LaTeX and HTML of one grid of texts."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import jinja2

from bertfit.config.study_schema import Artefact
from bertfit.core.files import write_text
from bertfit.core.formatting import escape_markdown, table

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
        text = f"**{escape_markdown(shown.text)}**" if shown.bold else escape_markdown(shown.text)
        return f"{text} {shown.detail}".strip()

    def stack(first: Shown, below: list[tuple[str, Shown]]) -> str:
        others = [f"{part} {cell(shown)}" for part, shown in below]
        return "<br>".join(text for text in (cell(first), *others) if text)

    parts = [f", {part}" for part in grid.parts] if len(grid.parts) > 1 and not grid.stacked else [""]
    head = [escape_markdown(grid.heading), *(escape_markdown(label) + part for label in grid.columns for part in parts)]
    rows = []
    for name, lines in grid.groups:
        rows += [[f"*{escape_markdown(name)}*", *[""] * grid.width]] if name else []
        for line in lines:
            places = [stack(*each) for each in grid.stack(line)] if grid.stacked else [*map(cell, line.places)]
            rows.append([escape_markdown(line.label), *places])
    lines_of_table = "".join(f"{line}\n" for line in table(head, rows, "lr"))
    title = f"**{escape_markdown(grid.artefact.number)}. {escape_markdown(grid.artefact.title)}**"
    notes = "".join(f"- {escape_markdown(note)}\n" for note in grid.notes)
    return f"{title}\n\n{escape_markdown(grid.artefact.caption)}\n\n{lines_of_table}\n{notes}"


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


PAGE = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string("""\
{% macro place(cell, below) %}
{%- if cell.bold %}<strong>{% endif %}
{%- if cell.links %}<a href="{{ cell.links[0] }}">{{ cell.text }}</a>{% else %}{{ cell.text }}{% endif %}
{%- if cell.bold %}</strong>{% endif %}
{%- if cell.detail %}<small>{{ cell.detail }}
{%- for link in cell.links[1:] %} <a href="{{ link }}" aria-label="more seeds">+{{ loop.index }}</a>{% endfor %}</small>
{%- endif %}
{%- for part, other in below %}<small>{{ part }} <b>{{ other.text }}</b></small>{% endfor %}
{% endmacro %}
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ grid.artefact.number }}. {{ grid.artefact.title }}</title>
<style>
{{ css | safe }}</style>
</head>
<body>
<div class="scroll" role="region" aria-label="{{ grid.artefact.number }}" tabindex="0">
<table{% if grid.stacked %} class="stacked"{% endif %}>
<caption><strong>{{ grid.artefact.number }}. {{ grid.artefact.title }}</strong>
{{ grid.artefact.caption }} (Section {{ grid.artefact.section }} of the paper.)</caption>
<thead>
<tr><td{% if wide %} rowspan="2"{% endif %}>
{%- if grid.heading %}<small>{{ grid.heading }}</small>{% endif %}</td>
{% for label, href in grid.columns.items() %}
<th{% if wide %} scope="colgroup" colspan="{{ grid.parts | length }}"{% else %} scope="col"{% endif %}>
{%- if href %}<a href="{{ href }}">{{ label }}</a>{% else %}{{ label }}{% endif %}</th>
{% endfor %}
</tr>
{% if wide %}
<tr class="parts">
{% for label in grid.columns %}{% for part in grid.parts %}
<th scope="col">{{ part }}</th>
{% endfor %}{% endfor %}
</tr>
{% endif %}
</thead>
{% for name, lines in grid.groups %}
<tbody>
{% if name %}
<tr class="group"><th scope="rowgroup" colspan="{{ grid.width + 1 }}"><span>{{ name }}</span></th></tr>
{% endif %}
{% for line in lines %}
<tr><th scope="row">
{%- if line.link %}<a href="{{ line.link }}">{{ line.label }}</a>{% else %}{{ line.label }}{% endif %}</th>
{% if grid.stacked %}
{% for cell, below in grid.stack(line) %}
<td>{{ place(cell, below) }}</td>
{% endfor %}
{% else %}
{% for cell in line.places %}
<td{% if wide and loop.index is divisibleby(grid.parts | length) %} class="last"{% endif %}>{{ place(cell, []) }}</td>
{% endfor %}
{% endif %}
</tr>
{% endfor %}
</tbody>
{% endfor %}
</table>
</div>
<ul class="notes">
{% for note in grid.notes %}
<li>{{ note }}</li>
{% endfor %}
</ul>
</body>
</html>
""")

# Cell borders are apart, since a collapsed border does not travel with a heading that sticks.
CSS = """\
:root { color-scheme: light dark; --ink: #1a1a1a; --soft: #595959; --line: #c8c8c8; --paper: #fff; --mark: #eef4fa;
  --link: #005a9c; --edge: 1.5rem }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e6e6; --soft: #a8a8a8; --line: #4a4a4a; --paper: #16181b; --mark: #1f2a36; --link: #7db8f0 }
}
body { margin: var(--edge); background: var(--paper); color: var(--ink); font: 15px/1.45 system-ui, sans-serif }
.scroll { overflow: auto; max-height: calc(100vh - 2 * var(--edge)) }
table { border-collapse: separate; border-spacing: 0; font-variant-numeric: tabular-nums;
  border-bottom: 2px solid var(--ink) }
caption { text-align: left; padding-bottom: .6rem; max-width: min(60rem, 100vw - 2 * var(--edge));
  position: sticky; left: 0 }
caption strong { display: block }
th, td { padding: .3rem .7rem; text-align: right; vertical-align: top; white-space: nowrap }
thead { position: sticky; top: 0; z-index: 2 }
thead th, thead td { background: var(--paper); vertical-align: bottom }
thead td { position: sticky; left: 0; text-align: left }
thead tr:first-child > * { border-top: 2px solid var(--ink) }
thead tr:last-child th, thead td { border-bottom: 1px solid var(--ink) }
.parts th { font-weight: normal; color: var(--soft) }
thead th[scope=colgroup] { text-align: center }
tbody th { text-align: left; font-weight: normal; position: sticky; left: 0; background: var(--paper);
  min-width: 9rem; max-width: 15rem; white-space: normal }
.stacked th, .stacked td { padding: .3rem .45rem }
tbody tr + tr > * { border-top: 1px solid var(--line) }
tbody tr:hover > * { background: var(--mark) }
.group th { max-width: none; color: var(--soft); font-style: italic; padding-top: .8rem }
.group span { position: sticky; left: .45rem; display: inline-block; max-width: calc(100vw - 3 * var(--edge)) }
tbody + tbody tr:first-child > * { border-top: 1px solid var(--ink) }
td.last { border-right: 1px solid var(--line) }
td:last-child { border-right: 0 }
a { color: var(--link) }
small { display: block; color: var(--soft); font-size: .8em }
small b { font-weight: normal; color: var(--ink) }
.notes { max-width: 60rem; color: var(--soft); font-size: .9em; padding-left: 1.2rem }
@media (max-width: 40rem) {
  :root { --edge: .75rem }
  body { font-size: 13px }
  th, td, .stacked th, .stacked td { padding: .25rem .3rem }
  tbody th { min-width: 4.2rem; max-width: 6.5rem; overflow-wrap: break-word }
  .group th { max-width: none }
}
@media print { .scroll { overflow: visible; max-height: none } }
"""
