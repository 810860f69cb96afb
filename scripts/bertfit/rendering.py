"""A table as readers see it: Markdown, LaTeX and HTML of one grid of texts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import jinja2
import pandas as pd

from bertfit.files import write_text
from bertfit.spec import Artefact


@dataclass(frozen=True)
class Shown:
    """What a reader sees in one place of a table: a ``detail`` below the text; addresses relative to the page."""

    text: str = ""
    bold: bool = False
    detail: str = ""
    links: tuple[str, ...] = ()


@dataclass(frozen=True)
class Grid:
    """A table: ``columns`` (label -> link or "") of ``parts`` each, so a row has columns x parts places.

    A single part has no heading of its own.
    """

    key: str
    artefact: Artefact
    columns: dict[str, str]
    parts: list[str]
    rows: dict[str, list[Shown]]
    notes: list[str]


def write(grid: Grid, *, md: Path, tex: Path, html: Path) -> None:
    """Write the three forms; the HTML is one self-contained page in light or dark."""
    write_text(md, _markdown(grid))
    write_text(tex, _latex(grid))
    write_text(html, _PAGE.render(grid=grid, wide=len(grid.parts) > 1, css=_CSS))


def _markdown(grid: Grid) -> str:
    def plain(text: str) -> str:
        return re.sub(r"([\\|*_<`])", r"\\\1", text)

    def cell(shown: Shown) -> str:
        text = f"**{plain(shown.text)}**" if shown.bold else plain(shown.text)
        return f"{text} {shown.detail}".strip()

    parts = [f", {part}" for part in grid.parts] if len(grid.parts) > 1 else [""]
    head = ["", *(plain(label) + part for label in grid.columns for part in parts)]
    lines = [head, ["---", *["---:"] * (len(head) - 1)]]
    lines += [[plain(label), *map(cell, row)] for label, row in grid.rows.items()]
    table = "".join(f"| {' | '.join(line)} |\n" for line in lines)
    title = f"**{plain(grid.artefact.number)}. {plain(grid.artefact.title)}**"
    notes = "".join(f"- {plain(note)}\n" for note in grid.notes)
    return f"{title}\n\n{plain(grid.artefact.caption)}\n\n{table}\n{notes}"


_TEX = str.maketrans(
    {character: f"\\{character}" for character in "&%$#_{}"}
    | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "±": r"$\pm$", "–": "--"}
    | {"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", "×": r"$\times$"}
)


def _latex(grid: Grid) -> str:
    """A ``table`` for ``\\input``: needs booktabs; shrinks to the line where graphicx is loaded too."""

    def cell(shown: Shown) -> str:
        text = shown.text.translate(_TEX)
        text = rf"\textbf{{{text}}}" if shown.bold else text
        if not shown.detail:
            return text
        return rf"\begin{{tabular}}[t]{{@{{}}r@{{}}}}{text}\\{{\footnotesize {shown.detail}}}\end{{tabular}}"

    labels = [label.translate(_TEX) for label in grid.columns]
    frame = pd.DataFrame(
        [[cell(shown) for shown in row] for row in grid.rows.values()],
        index=[label.translate(_TEX) for label in grid.rows],
        columns=pd.MultiIndex.from_product([labels, grid.parts]) if len(grid.parts) > 1 else labels,
    )
    tabular = frame.style.to_latex(hrules=True, multicol_align="c", column_format="l" + "r" * frame.shape[1])
    title, caption = (text.translate(_TEX) for text in (grid.artefact.title, grid.artefact.caption))
    return "\n".join(
        [
            r"% \usepackage{booktabs}, and graphicx if a wide table is to shrink to the line",
            rf"\begin{{table}}[tbp]\centering\caption{{{title}. {caption}}}\label{{tab:{grid.key}}}",
            r"\sbox0{%",
            tabular.rstrip() + "}%",
            r"\ifdim\wd0>\linewidth\ifdefined\resizebox\resizebox{\linewidth}{!}{\usebox0}\else\usebox0\fi\else\usebox0\fi",
            rf"\par\smallskip\parbox{{\linewidth}}{{\footnotesize {' '.join(grid.notes).translate(_TEX)}}}",
            r"\end{table}",
            "",
        ]
    )


_PAGE = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string("""\
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
<table>
<caption><strong>{{ grid.artefact.number }}. {{ grid.artefact.title }}</strong>
{{ grid.artefact.caption }} (Section {{ grid.artefact.section }} of the paper.)</caption>
<thead>
<tr><td{% if wide %} rowspan="2"{% endif %}></td>
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
<tbody>
{% for label, row in grid.rows.items() %}
<tr><th scope="row">{{ label }}</th>
{% for cell in row %}
<td{% if wide and loop.index is divisibleby(grid.parts | length) %} class="last"{% endif %}>
{%- if cell.bold %}<strong>{% endif %}
{%- if cell.links %}<a href="{{ cell.links[0] }}">{{ cell.text }}</a>{% else %}{{ cell.text }}{% endif %}
{%- if cell.bold %}</strong>{% endif %}
{%- if cell.detail %}<small>{{ cell.detail }}
{%- for link in cell.links[1:] %} <a href="{{ link }}" aria-label="more seeds">+{{ loop.index }}</a>{% endfor %}</small>
{%- endif %}</td>
{% endfor %}
</tr>
{% endfor %}
</tbody>
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


_CSS = """\
:root { color-scheme: light dark; --ink: #1a1a1a; --soft: #595959; --line: #c8c8c8; --paper: #fff; --mark: #eef4fa;
  --link: #005a9c }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e6e6; --soft: #a8a8a8; --line: #4a4a4a; --paper: #16181b; --mark: #1f2a36; --link: #7db8f0 }
}
body { margin: 1.5rem; background: var(--paper); color: var(--ink); font: 15px/1.45 system-ui, sans-serif }
.scroll { overflow-x: auto }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; border-bottom: 2px solid var(--ink) }
caption { text-align: left; padding-bottom: .6rem; max-width: 60rem }
caption strong { display: block }
th, td { padding: .3rem .7rem; text-align: right; vertical-align: baseline; white-space: nowrap }
thead tr:first-child > * { border-top: 2px solid var(--ink) }
thead tr:last-child th, thead td { border-bottom: 1px solid var(--ink) }
.parts th { font-weight: normal; color: var(--soft) }
thead th[scope=colgroup] { text-align: center }
tbody th { text-align: left; font-weight: normal; position: sticky; left: 0; background: var(--paper) }
tbody tr + tr > * { border-top: 1px solid var(--line) }
tbody tr:hover > * { background: var(--mark) }
td.last { border-right: 1px solid var(--line) }
td:last-child { border-right: 0 }
a { color: var(--link) }
small { display: block; color: var(--soft) }
.notes { max-width: 60rem; color: var(--soft); font-size: .9em; padding-left: 1.2rem }
"""
