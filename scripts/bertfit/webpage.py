"""The HTML page of a table: one self-contained file, in light or dark, from a phone's width to a desk's."""

from __future__ import annotations

import jinja2

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
