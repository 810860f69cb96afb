"""Markdown reference of every key of the YAML files and of every ``--config`` switch.

Generated from the pydantic models and the descriptions of their fields; ``docs/generate.py`` writes it below ``docs``.
"""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from bertfit.claims import claim_schema
from bertfit.config import corpus_schema, encoder_schema, layout_schema, study_schema
from bertfit.config.hyperparameters import Finetune, Multitask, Pretrain
from bertfit.config.study_schema import Artefact, Mix
from bertfit.config.switches import SWITCHES
from bertfit.power import spreads
from bertfit.reference import switches_schema
from bertfit.reference.config_schema import DIFFERENCES, FILES, ConfigFile, Schema, StudyFile, definitions, schema

SOURCES = ("section", "official code", "Table", "Lin et al.")  # first words of a source, in brackets after a meaning

SECTIONS: tuple[tuple[str, str, tuple[tuple[type[BaseModel], str, str], ...]], ...] = (
    (
        "The experiments: config.yaml",
        "Checked when the workflow starts. A study can override any key.",
        ((ConfigFile, "Top level", "config.yaml"),),
    ),
    (
        "The setting: studies/NAME.yaml",
        "With `extends: OTHER` a study updates another one: maps merge key by key, other values replace, and "
        "`null` removes the key. Keys below `artefacts` update those of `config.yaml` in the same way.",
        (
            (StudyFile, "Study", "studies/NAME.yaml"),
            (study_schema.OwnDataset, "Your own dataset", "own"),
            (study_schema.Candidate, "Candidate", "own.candidates.NAME"),
        ),
    ),
    (
        "Corpora",
        "",
        (
            (corpus_schema.Corpus, "Corpus", "corpora.NAME"),
            (layout_schema.Join, "Joined fields", "text, pair"),
            (corpus_schema.Source, "Source", "corpora.NAME.source"),
            (corpus_schema.PartSource, "Part of a corpus", "corpora.NAME.source.part_of"),
            (corpus_schema.LocalSource, "Local files", "corpora.NAME.source.local"),
            (corpus_schema.PackageSource, "Files of a package", "corpora.NAME.source.package"),
            (corpus_schema.HubSource, "Hub data set", "corpora.NAME.source.hub"),
            (layout_schema.Replacement, "Replacements", "clean"),
            (
                layout_schema.Layout,
                "Layout of a copy",
                ", ".join(f"corpora.NAME.source.{kind}.layout" for kind in ("local", "package", "hub")),
            ),
            (corpus_schema.SyntheticSource, "Generated corpus", "corpora.NAME.source.synthetic, texts.NAME.synthetic"),
        ),
    ),
    (
        "Texts, vocabularies and encoders",
        "",
        (
            (corpus_schema.Text, "Unlabelled text", "texts.NAME"),
            (corpus_schema.HubText, "Unlabelled hub text", "texts.NAME.hub"),
            (encoder_schema.Vocabulary, "Vocabulary", "vocabularies.NAME"),
            (Mix, "Mix", "mixes.NAME"),
            (encoder_schema.Encoder, "Encoder", "encoders.NAME"),
            (encoder_schema.Shape, "Shape", "encoders.NAME.scratch"),
        ),
    ),
    (
        "Training",
        "Effective values are the defaults below, then `config.yaml`, then the study, then a preset, then the artefact "
        "and its row. Where differences from a recipe can be given, `preset: NAME` stands for a set of keys of "
        "`presets`, and `lr: x2.5` is a multiple of the study's rate.",
        (
            (Finetune, "Fine-tuning", "finetune, recipe"),
            (Pretrain, "Pre-training", "pretrain, further"),
            (Multitask, "Multi-task group", "multitask.NAME"),
        ),
    ),
    (
        "Tables and figures",
        "",
        (
            (Artefact, "Artefact", "artefacts.NAME"),
            (study_schema.Row, "Row", "artefacts.NAME.rows.LABEL"),
            (study_schema.Average, "Average", "artefacts.NAME.average"),
        ),
    ),
    (
        "Claims: paper/claims.yaml",
        "",
        (
            (claim_schema.Claims, "Claims file", "paper/claims.yaml"),
            (claim_schema.Claim, "Claim", "claims.NAME"),
            (claim_schema.Compare, "Comparison", "claims.NAME.compare"),
            (claim_schema.Side, "Side", "claims.NAME.compare.a, b, than"),
        ),
    ),
    (
        "How far trainings vary: paper/spreads.yaml",
        "Assumptions behind the power of the claims that `snakemake plan` prints.",
        (
            (spreads.Spreads, "Spreads", "paper/spreads.yaml"),
            (spreads.StudySpread, "Spreads of a study", "studies.NAME"),
            (spreads.Disagreement, "Disagreement", "disagreement, studies.NAME.disagreement"),
        ),
    ),
)
TITLES = {model.__name__: title for _, _, models in SECTIONS for model, title, _ in models}


def generated(docs: Path) -> dict[Path, str]:
    """Generated files below ``docs`` -> their texts. The table of switches is inserted into a page written by hand."""
    folder = docs / "reference"
    texts = {folder / "configuration.md": markdown()}
    for name in FILES:
        texts[folder / f"{name}.schema.json"] = json.dumps(schema(name), indent=1, ensure_ascii=False) + "\n"
    for page in (folder / "command-line.md", docs.parent / "config" / "README.md"):
        texts[page] = _between(page.read_text(encoding="utf-8"), "switches", switches())
    texts[docs.parent / "workflow" / "schemas" / "config.schema.yaml"] = switches_schema.text()
    return texts


def markdown() -> str:
    """The page of all keys: a table for each model, in the order of `SECTIONS`."""
    lines = [
        "<!-- Generated by docs/generate.py from the models in scripts/bertfit: edit the descriptions there. -->",
        "",
        "# Configuration keys",
        "",
        "Every key of `config.yaml`, of a study, of `paper/claims.yaml` and of `paper/spreads.yaml`. An unknown key is "
        "an error that names the file, the line and the nearest known key. *Source* gives the origin of a default or "
        "an idea: a section of the paper, its [official code](https://github.com/xuyige/BERT4doc-Classification), or "
        "another paper. Editors "
        "with a YAML language server complete and check these keys: the first line of each file names its schema "
        "([config](config.schema.json), [study](study.schema.json), [claims](claims.schema.json), "
        "[spreads](spreads.schema.json)).",
        "",
    ]
    schemas = definitions()
    for heading, text, models in SECTIONS:
        lines += [f"## {heading}", "", *([text, ""] if text else [])]
        for model, title, place in models:
            places = ", ".join(f"`{part}`" for part in place.split(", "))
            lines += [f"### {title}", "", f"In {places}. {_text(model)}", "", *_table(schemas[model.__name__]), ""]
    return "\n".join(lines).rstrip() + "\n"


def switches() -> str:
    """Table of the ``--config`` switches."""
    rows = [f"| `{name}=` | {_cell(meaning)} |" for name, meaning in SWITCHES.items()]
    return "\n".join(["| switch | meaning |", "| --- | --- |", *rows])


def _text(model: type[BaseModel]) -> str:
    return inspect.cleandoc(model.__doc__ or "").replace("``", "`")


def _table(definition: Schema) -> list[str]:
    """Markdown table with a row for each key of a model."""
    rows = []
    for key, field in definition["properties"].items():
        default = "required" if key in definition.get("required", ()) else _value(field.get("default"))
        meaning, source = _split(field["description"])
        rows.append(f"| `{key}` | {_type(field)} | {default} | {_cell(meaning)} | {_cell(source)} |")
    return ["| key | type | default | meaning | source |", "| --- | --- | --- | --- | --- |", *rows]


def _split(description: str) -> tuple[str, str]:
    """Meaning and source of a description ``meaning (section 5.2)``."""
    meaning, _, source = description.rpartition(" (")
    if meaning and source.endswith(")") and source.startswith(SOURCES):
        return meaning, source.removesuffix(")")
    return description, ""


def _value(value: Any) -> str:
    if value is None:
        return "–"
    plain = isinstance(value, str) and value == value.strip()
    return f"`{value}`" if plain else f"`{json.dumps(value)}`"


def _type(node: Schema) -> str:
    """The type of a key in words; a link for models."""
    if "$ref" in node:
        name = node["$ref"].rpartition("/")[2]
        title = TITLES[name.removesuffix(DIFFERENCES)]
        return f"{'keys of ' if name.endswith(DIFFERENCES) else ''}[{title}](#{title.lower().replace(' ', '-')})"
    if "anyOf" in node:
        return " or ".join(_type(option) for option in node["anyOf"] if option != {"type": "null"})
    if "enum" in node:
        return ", ".join(_value(value) for value in node["enum"])
    if node["type"] == "array":
        return f"list of {_type(node['items'])}"
    if node["type"] == "object":
        values = [*node.get("patternProperties", {}).values(), node.get("additionalProperties")]
        return f"map of {_type(values[0])}"
    words = str({"string": "text", "boolean": "true or false"}.get(node["type"], node["type"]))
    bounds = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    limits = [f"{sign} {node[key]:g}" for key, sign in bounds.items() if key in node and node[key] < 2**31]
    return " ".join([words, ", ".join(limits)]).strip()


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _between(page: str, name: str, text: str) -> str:
    """The page with ``text`` between its marks ``<!-- name -->`` and ``<!-- end of name -->``."""
    before, start, rest = page.partition(f"<!-- {name} -->\n")
    _, end, after = rest.partition(f"<!-- end of {name} -->")
    if not end:
        raise ValueError(f"the page has no marks <!-- {name} --> and <!-- end of {name} -->")
    return f"{before}{start}\n{text}\n\n{end}{after}"
