"""The card of a classifier of one's own texts: data, recipe, measures with intervals, limits, how to use it."""

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
from bertfit.evaluation import metrics
from bertfit.evaluation.calibration import Curve
from bertfit.evaluation.metrics import wilson
from bertfit.evaluation.predictions import Evaluation
from bertfit.evaluation.results_file import summarise
from bertfit.experiments.job_specs import ComparedCell, DeliverySpec

TEMPLATE = Path(__file__).parent / "templates" / "modelcard.md"
TEXTS = {"texts": "training"}
FIRST = ["license", "library_name", "pipeline_tag", "base_model"]  # keys of the metadata, in this order
# metrics of the hub: identifier, name, arguments
METRICS = {
    "accuracy": ("accuracy", "accuracy", None),
    "macro_f1": ("f1", "macro-F1", {"average": "macro"}),
    "mcc": ("matthews_correlation", "Matthews correlation", None),
}
SHOWN = 12  # classes of a confusion matrix; of more, so many pairs that are most confused


def plain(text: Any) -> str:
    """A text as Markdown shows it: on one line, nothing in it is markup."""
    return formatting.escape_markdown(" ".join(str(text).split()), formatting.MARKUP + "{}[]>#")


def text(
    spec: DeliverySpec, mine: Evaluation, calibration: Curve, facts: Mapping[str, Any], scores: pd.DataFrame
) -> str:
    """The card as Markdown, from what `delivery_jobs.Delivery.spec` says, the model's answers on the test set, their
    calibration, the corpus's card, and the scores of the methods' runs.
    """
    names = facts["label_names"]
    found = {
        name: metrics.summarise(mine.predicted, mine.labels, len(names), name) for name in ("error", "macro_f1", "mcc")
    }
    low, high = wilson(int((mine.predicted != mine.labels).sum()), len(mine.labels))
    methods = [_method(cell, scores, spec.row) for cell in spec.cells]
    ours = next(row["value"] for row in methods if row["mine"])
    better = [row for row in methods if row["value"] < ours]
    recipe, pretrain = spec.recipe, spec.pretrain
    counts = metrics.confusion(mine.predicted, mine.labels, len(names))[0]
    held_out = facts["source"].get("held_out")
    environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined)
    environment.filters["plain"] = plain
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        metadata=_metadata(
            spec, facts, {"accuracy": 1 - found["error"].mean, **{key: found[key].mean for key in ("macro_f1", "mcc")}}
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
        n=len(mine.labels),
        held_out=f"{held_out:.0%}" if held_out else "",
        error=f"{100 * found['error'].mean:.2f}",
        error_interval=f"{100 * low:.2f} to {100 * high:.2f}",
        f1=f"{found['macro_f1'].mean:.3f}",
        f1_interval=f"{found['macro_f1'].low:.3f} to {found['macro_f1'].high:.3f}",
        mcc=f"{found['mcc'].mean:.3f}",
        mcc_interval=f"{found['mcc'].low:.3f} to {found['mcc'].high:.3f}",
        ece=f"{100 * calibration.ece:.2f}",
        methods=methods,
        beaten=min(better, key=lambda row: row["value"])["name"] if better else "",
        confusion=_confusion(counts, names),
        train=facts["splits"]["train"]["rows"],
        classes=facts["splits"]["train"]["classes"],
        leaked=facts["test_texts_in_train"],
        doubled=facts["duplicates_in_train"],
        corpus_licence=facts["licence"],
    )  # fmt: skip


def _metadata(spec: DeliverySpec, facts: Mapping[str, Any], values: Mapping[str, float]) -> str:
    """What the hub reads of a card (YAML), with the ``values`` of `METRICS` on the test set."""
    encoder, source = spec.encoder, facts["source"]
    results = [
        EvalResult(
            task_type="text-classification",
            task_name="Text Classification",
            dataset_type=source.get("dataset") or spec.study,
            dataset_name=facts["title"],
            dataset_split="test",
            dataset_revision=source.get("revision"),
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


def _method(cell: ComparedCell, scores: pd.DataFrame, row: str) -> dict[str, Any]:
    """Error of one way over its seeds, in percent."""
    run_group = cell.run_group
    one = summarise(scores, run_group.corpus, run_group.encoder, run_group.recipe, cell.seeds)
    return {
        "name": cell.row,
        "mine": cell.row == row,
        "value": one.mean,
        "mean": f"{one.mean:.2f}",
        "interval": f"{one.low:.2f} to {one.high:.2f}",
        "seeds": one.n,
    }


def _cut(recipe: Finetune) -> str:
    length = recipe.max_length
    if recipe.truncation != "head+tail":
        return f"the {recipe.truncation} of a text, {length} word pieces with the two special ones"
    head = recipe.head_tokens
    return f"the first {head} and last {length - 2 - head} word pieces of a longer text"


def _confusion(counts: Any, names: Sequence[str]) -> str:
    """Counts [C, C], label in the row, answer in the column; of many classes the pairs that are most confused."""
    if len(names) <= SHOWN:
        head, align = ["label \\ answer", *map(plain, names)], "lr"
        rows = [[plain(name), *map(str, row)] for name, row in zip(names, counts.tolist(), strict=True)]
    else:
        wrong = counts * (1 - np.eye(len(names), dtype=int))
        order = np.argsort(-wrong, axis=None, kind="stable")[:SHOWN]
        head, align = ["label", "answer", "test texts"], "llr"
        pairs = [divmod(int(place), len(names)) for place in order]
        rows = [
            [plain(names[label]), plain(names[said]), str(wrong[label, said])]
            for label, said in pairs
            if wrong[label, said]
        ]
    return "".join(f"{line}\n" for line in formatting.table(head, rows, align))
