"""The model card of an exported classifier: use, metrics with intervals, data, recipe, limits; a template a section.

Shapes: N test texts, C classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bertfit.config.hyperparameters import Finetune
from bertfit.core import formatting
from bertfit.data.corpus_card import CorpusCard
from bertfit.evaluation.calibration import Curve
from bertfit.evaluation.predictions import Evaluation
from bertfit.evaluation.results_file import summarise_cell
from bertfit.experiments.job_specs import CellSpec, DeliverySpec
from bertfit.export import card_metadata
from bertfit.export.memorisation import Memorisation
from bertfit.export.runtime_measures import BATCH, RuntimeComparison
from bertfit.statistics import metrics
from bertfit.statistics.cluster_values import Clusters
from bertfit.statistics.metrics import wilson

TEMPLATES = Path(__file__).parent / "templates"
TEXTS = {"texts": "training"}
MAX_CLASSES = 12  # of a confusion matrix; with more classes, this number of the most confused pairs is shown
ONE_CLASS = "one class only"


@dataclass(frozen=True, kw_only=True)
class CardInputs:
    """What a card is made of.

    ``spec``: `DeliveryJobs.spec`; ``evaluation``: the model's predictions on the test split, ``calibration`` their
    reliability curve; ``facts``: the card of the corpus; ``scores``: those of the runs of all methods; ``clusters`` of
    the test texts, without which each is alone; ``runtimes``: their measured speeds; ``memorisation``: whether texts
    could be read out of the model; ``more``: values of further sections, by name.
    """

    spec: DeliverySpec
    evaluation: Evaluation
    calibration: Curve
    facts: CorpusCard
    scores: pd.DataFrame
    clusters: Clusters | None = None
    runtimes: RuntimeComparison | None = None
    memorisation: Memorisation | None = None
    more: Mapping[str, Any] = field(default_factory=dict)


def plain(text: Any) -> str:
    """A text on one line, with all markup of Markdown escaped."""
    return formatting.escape_markdown(" ".join(str(text).split()), formatting.MARKUP + "{}[]>#")


def text(card: CardInputs) -> str:
    """The model card as Markdown, of ``templates/modelcard.md`` and the sections that it includes."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["plain"] = plain
    values, numbers = _evaluation(card)
    spec, facts = card.spec, card.facts
    return environment.get_template("modelcard.md").render(
        metadata=card_metadata.text(spec, facts, numbers),
        study=spec.study,
        encoder=spec.encoder,
        facts=facts,
        **values,
        **_data(card),
        **_recipe(spec),
        **_runtimes(card.runtimes),
        **_methods(card),
        memorisation=card.memorisation,
        more=card.more,
    )


def _evaluation(card: CardInputs) -> tuple[dict[str, Any], dict[str, float]]:
    """Values of the section of the evaluation, and the metrics of the metadata, without those that are not defined."""
    predicted, labels, names = card.evaluation.predicted, card.evaluation.labels, card.facts.label_names
    one_class = len(np.unique(labels)) < 2
    counts = metrics.confusion(predicted, labels, len(names))[0]
    error, interval = _error(predicted != labels, card.clusters)
    guess, constant = _constant_guess(card)
    constant_error, constant_interval = _error(np.not_equal(labels, constant), card.clusters)
    numbers = {"accuracy": 1 - error}
    shown = {}
    for name in ("macro_f1", "mcc"):
        summary = metrics.summarise(predicted, labels, len(names), name, card.clusters)
        shown[name] = (f"{summary.mean:.3f}", f"{summary.low:.3f} to {summary.high:.3f}")
        if one_class:  # both are extreme or undefined then, and say nothing
            shown[name] = (ONE_CLASS, "")
        else:
            numbers[name] = summary.mean
    never = [
        {"name": names[number], "texts": int((labels == number).sum())}
        for number in range(len(names))
        if not (predicted == number).any()
    ]
    values = {
        "n": len(labels),
        "error": f"{100 * error:.2f}",
        "error_interval": interval,
        "f1": shown["macro_f1"],
        "mcc": shown["mcc"],
        "ece": f"{100 * card.calibration.ece:.2f}",
        "guess": guess,
        "guess_error": f"{100 * constant_error:.2f}",
        "guess_interval": constant_interval,
        "no_better": error >= constant_error,
        "never": never,
        "confusion": _confusion(counts, names),
    }
    return values, numbers


def _error(wrong: NDArray[np.bool_], clusters: Clusters | None) -> tuple[float, str]:
    """The share of wrong predictions (N,), and its 95 % interval in percent, with clusters counted as observations."""
    independent = clusters.effective_examples(wrong) if clusters else float(len(wrong))
    error = float(wrong.mean())
    low, high = wilson(error * independent, independent)
    return error, f"{100 * low:.2f} to {100 * high:.2f}"


def _constant_guess(card: CardInputs) -> tuple[str, int]:
    """The name and number of the most frequent class of the training split, the first of ties."""
    classes = card.facts.splits["train"].classes
    name = max(classes, key=lambda each: classes[each])
    return name, card.facts.label_names.index(name)


def _data(card: CardInputs) -> dict[str, Any]:
    facts = card.facts
    held_out = facts.source.held_out if facts.source.kind == "local" else None
    return {
        "held_out": f"{held_out:.0%}" if held_out else "",
        "by_time": facts.by_time,
        "train": facts.splits["train"].rows,
        "classes": facts.splits["train"].classes,
        "leaked": facts.test_texts_in_train,
        "doubled": facts.duplicates_in_train,
        "clusters": facts.clusters,
    }


def _recipe(spec: DeliverySpec) -> dict[str, Any]:
    return {
        "steps": spec.pretrain.steps if spec.pretrain else None,
        "pretrain": spec.pretrain,
        "texts": " and ".join(f"the {TEXTS.get(name, name)} texts" for name in spec.pretrained_on),
        "recipe": spec.recipe,
        "cut": _cut(spec.recipe) if spec.recipe else "",
        "seed": spec.seed,
        "sizes": spec.sizes,
    }


def _runtimes(runtimes: RuntimeComparison | None) -> dict[str, Any]:
    rows = [
        {
            "title": each.title,
            "size": formatting.size(each.size),
            "single": f"{each.single_ms:.1f}",
            "per_second": f"{each.per_second:,.0f}",
            "same": f"{100 * each.same:.2f}",
            "difference": f"{each.difference:.1g}" if each.difference < 0.001 else f"{each.difference:.3f}",
        }
        for each in (runtimes.measures if runtimes else [])
    ]
    return {"runtimes": runtimes, "runtime_rows": rows, "batch": BATCH}


def _methods(card: CardInputs) -> dict[str, Any]:
    """The table of all methods, and the one with the lowest error, if it is not the exported one."""
    methods = [_method(cell, card.scores, card.spec.row) for cell in card.spec.cells]
    ours = next((row["value"] for row in methods if row["exported"]), 0.0)
    better = [row for row in methods if row["value"] < ours]
    return {"methods": methods, "beaten": min(better, key=lambda row: row["value"])["name"] if better else ""}


def _method(cell: CellSpec, scores: pd.DataFrame, row: str) -> dict[str, Any]:
    """Error of a method over its seeds, in percent; ``row`` is the exported summary."""
    summary = summarise_cell(scores, cell)
    assert summary
    return {
        "name": cell.row,
        "exported": cell.row == row,
        "value": summary.mean,
        "mean": f"{summary.mean:.2f}",
        "interval": f"{summary.low:.2f} to {summary.high:.2f}",
        "seeds": summary.n,
    }


def _cut(recipe: Finetune) -> str:
    length = recipe.max_length
    if recipe.truncation != "head+tail":
        return f"the {recipe.truncation} of a text, {length} word pieces with the two special ones"
    head = recipe.head_tokens
    return f"the first {head} and last {length - 2 - head} word pieces of a longer text"


def _confusion(counts: Any, names: Sequence[str]) -> str:
    """Table of counts [C, C], labels in rows and predictions in columns; of many classes the most confused pairs."""
    if len(names) <= MAX_CLASSES:
        head, align = ["label \\ answer", *map(plain, names)], "lr"
        rows = [[plain(name), *map(str, row)] for name, row in zip(names, counts.tolist(), strict=True)]
    else:
        wrong = counts * (1 - np.eye(len(names), dtype=int))
        order = np.argsort(-wrong, axis=None, kind="stable")[:MAX_CLASSES]
        head, align = ["label", "answer", "test texts"], "llr"
        pairs = [divmod(int(place), len(names)) for place in order]
        rows = [
            [plain(names[label]), plain(names[predicted]), str(wrong[label, predicted])]
            for label, predicted in pairs
            if wrong[label, predicted]
        ]
    return "".join(f"{line}\n" for line in formatting.table(head, rows, align))
