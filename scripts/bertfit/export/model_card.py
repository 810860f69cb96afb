"""The model card of an exported classifier: use, metrics with intervals, data, recipe, limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import pandas as pd
from huggingface_hub import EvalResult, ModelCardData

from bertfit.config.hyperparameters import Finetune
from bertfit.core import formatting
from bertfit.data.corpus_card import CorpusCard
from bertfit.evaluation.calibration import Curve
from bertfit.evaluation.predictions import Evaluation
from bertfit.evaluation.results_file import summarise_cell
from bertfit.experiments.job_specs import CellSpec, DeliverySpec
from bertfit.statistics import metrics
from bertfit.statistics.cluster_values import Clusters
from bertfit.statistics.metrics import wilson

TEMPLATE = Path(__file__).parent / "templates" / "modelcard.md"
TEXTS = {"texts": "training"}
FIRST = ["license", "library_name", "pipeline_tag", "base_model"]  # keys of the metadata, in this order
# metrics of the hub: identifier, name, arguments
METRICS = {
    "accuracy": ("accuracy", "accuracy", None),
    "macro_f1": ("f1", "macro-F1", {"average": "macro"}),
    "mcc": ("matthews_correlation", "Matthews correlation", None),
}
MAX_CLASSES = 12  # of a confusion matrix; with more classes, this number of the most confused pairs is shown


def plain(text: Any) -> str:
    """A text on one line, with all markup of Markdown escaped."""
    return formatting.escape_markdown(" ".join(str(text).split()), formatting.MARKUP + "{}[]>#")


def text(
    spec: DeliverySpec,
    evaluation: Evaluation,
    calibration: Curve,
    facts: CorpusCard,
    scores: pd.DataFrame,
    clusters: Clusters | None = None,
) -> str:
    """The model card as Markdown.

    ``spec``: `DeliveryJobs.spec`; ``evaluation``: the model's predictions on the test set, ``calibration`` their
    reliability curve; ``facts``: the corpus's card; ``scores``: those of the runs of all methods; ``clusters`` of the
    test texts, without which each is alone.
    """
    names, predicted, labels = facts.label_names, evaluation.predicted, evaluation.labels
    summaries = {name: metrics.summarise(predicted, labels, len(names), name, clusters) for name in ("macro_f1", "mcc")}
    wrong = predicted != labels
    independent = clusters.effective_examples(wrong) if clusters else float(len(labels))
    error = float(wrong.mean())
    low, high = wilson(error * independent, independent)
    methods = [_method(cell, scores, spec.row) for cell in spec.cells]
    ours = next(row["value"] for row in methods if row["exported"])
    better = [row for row in methods if row["value"] < ours]
    recipe, pretrain = spec.recipe, spec.pretrain
    counts = metrics.confusion(predicted, labels, len(names))[0]
    held_out = facts.source.held_out if facts.source.kind == "local" else None
    environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined)
    environment.filters["plain"] = plain
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        metadata=_metadata(
            spec,
            facts,
            {"accuracy": 1 - error, **{key: summaries[key].mean for key in ("macro_f1", "mcc")}},
        ),
        study=spec.study,
        encoder=spec.encoder,
        licence=spec.encoder.licence,
        steps=pretrain.steps if pretrain else None,
        pretrain=pretrain,
        texts=" and ".join(f"the {TEXTS.get(name, name)} texts" for name in spec.pretrained_on),
        recipe=recipe,
        cut=_cut(recipe),
        seed=spec.seed,
        sizes=spec.sizes,
        n=len(labels),
        held_out=f"{held_out:.0%}" if held_out else "",
        by_time=facts.by_time,
        error=f"{100 * error:.2f}",
        error_interval=f"{100 * low:.2f} to {100 * high:.2f}",
        f1=f"{summaries['macro_f1'].mean:.3f}",
        f1_interval=f"{summaries['macro_f1'].low:.3f} to {summaries['macro_f1'].high:.3f}",
        mcc=f"{summaries['mcc'].mean:.3f}",
        mcc_interval=f"{summaries['mcc'].low:.3f} to {summaries['mcc'].high:.3f}",
        ece=f"{100 * calibration.ece:.2f}",
        methods=methods,
        beaten=min(better, key=lambda row: row["value"])["name"] if better else "",
        confusion=_confusion(counts, names),
        train=facts.splits["train"].rows,
        classes=facts.splits["train"].classes,
        leaked=facts.test_texts_in_train,
        doubled=facts.duplicates_in_train,
        clusters=facts.clusters,
        corpus_licence=facts.licence,
    )  # fmt: skip


def _metadata(spec: DeliverySpec, facts: CorpusCard, values: Mapping[str, float]) -> str:
    """Metadata of the card for the hub (YAML), with the ``values`` of `METRICS` on the test set."""
    encoder, hub = spec.encoder, facts.source if facts.source.kind == "hub" else None
    results = [
        EvalResult(
            task_type="text-classification",
            task_name="Text Classification",
            dataset_type=hub.dataset if hub else spec.study,
            dataset_name=facts.title,
            dataset_split="test",
            dataset_revision=hub.revision if hub else None,
            metric_type=identifier,
            metric_name=name,
            metric_args=arguments,
            metric_value=round(float(values[key]), 4),
        )
        for key, (identifier, name, arguments) in METRICS.items()
    ]
    data = ModelCardData(
        license=encoder.licence and encoder.licence.lower(),  # the hub's identifiers are small letters
        library_name="transformers",
        pipeline_tag="text-classification",
        base_model=encoder.hub,
        model_name=spec.study,
        eval_results=results,
    )
    return data.to_yaml(original_order=FIRST)


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
