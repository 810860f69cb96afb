"""The model card of an exported classifier: use, metrics with intervals, data, recipe, limits; a template a section.

Shapes: N test texts, C classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

from bertfit import __version__
from bertfit.config.hyperparameters import Finetune
from bertfit.core import formatting
from bertfit.data.corpus_card import CorpusCard
from bertfit.experiments.job_specs import DeliverySpec
from bertfit.export import card_metadata
from bertfit.export.memorisation import Memorisation
from bertfit.export.runtime_measures import RuntimeComparison
from bertfit.search.outcome_record import ModelOutcome
from bertfit.search.search_record import Choice, Lead
from bertfit.suitability.coverage import Coverage

TEMPLATES = Path(__file__).parent / "templates"
TEXTS = {"texts": "training"}
MAX_CLASSES = 12  # of a confusion matrix; with more classes, this number of the most confused pairs is shown
ONE_CLASS = "one class only"
METRIC_NAMES = {"macro_f1": "macro-F1", "micro_f1": "micro-F1"}


@dataclass(frozen=True, kw_only=True)
class CardInputs:
    """What a card is made of.

    ``spec``: `DeliveryJobs.spec`; ``outcome``: the model on the test split; ``choice``: what was tried; ``facts``: the
    card of the corpus; ``coverage``: what the encoder knows of the texts; ``runtimes``: their measured speeds;
    ``memorisation``: whether texts could be read out of the model.
    """

    spec: DeliverySpec
    outcome: ModelOutcome
    choice: Choice
    facts: CorpusCard
    coverage: Coverage | None = None
    runtimes: RuntimeComparison | None = None
    memorisation: Memorisation | None = None


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
    values, numbers = _evaluation(card.outcome)
    spec, facts = card.spec, card.facts
    return environment.get_template("modelcard.md").render(
        metadata=card_metadata.text(spec, facts, numbers, several_labels=card.outcome.several_labels),
        version=__version__,
        study=spec.study,
        encoder=spec.encoder,
        facts=facts,
        outcome=card.outcome,
        coverage=card.coverage,
        **values,
        **_data(card),
        **_recipe(spec),
        **_runtimes(card.runtimes),
        **_tried(card.choice),
        memorisation=card.memorisation,
    )


def _evaluation(outcome: ModelOutcome) -> tuple[dict[str, Any], dict[str, float]]:
    """Values of the section of the evaluation, and the metrics of the metadata, without those that are not defined."""
    numbers = {"accuracy": 1 - outcome.error.value}
    shown = {}
    for name, found in (("macro_f1", outcome.macro_f1), ("mcc", outcome.mcc)):
        if outcome.one_class or found is None:  # both are extreme or undefined then, and say nothing
            shown[name] = (ONE_CLASS if outcome.one_class else "", "")
        else:
            shown[name] = (f"{found.value:.3f}", f"{found.low:.3f} to {found.high:.3f}")
            numbers[name] = found.value
    sizes = {label.name: label.texts for label in outcome.labels}
    values = {
        "n": outcome.texts,
        "error": f"{100 * outcome.error.value:.2f}",
        "error_interval": f"{100 * outcome.error.low:.2f} to {100 * outcome.error.high:.2f}",
        "f1": shown["macro_f1"],
        "mcc": shown["mcc"],
        "guess": outcome.constant.name,
        "guess_error": f"{100 * outcome.constant.error:.2f}",
        "no_better": outcome.error.value >= outcome.constant.error,
        "never": [{"name": name, "texts": sizes[name]} for name in outcome.never],
        "confusion": _confusion(np.array(outcome.confusion), list(sizes)) if outcome.confusion else "",
    }
    return values, numbers


def _data(card: CardInputs) -> dict[str, Any]:
    facts = card.facts
    held_out = facts.held_out
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
    return {"runtimes": runtimes, "runtime_rows": rows}


def _tried(choice: Choice) -> dict[str, Any]:
    """What was tried: the longest training of each candidate, the best first, with the winner's lead on it."""
    leads = {lead.candidate: lead for lead in choice.leads}
    percent = choice.metric == "error"
    longest = {run.candidate: run for run in choice.measured}
    order = [choice.winner.candidate, *leads]
    rows = [
        {
            "title": run.title,
            "value": f"{100 * run.error:.2f}" if percent else f"{run.score(choice.metric):.3f}",
            "interval": f"{100 * run.low:.2f} to {100 * run.high:.2f}" if percent else "",
            "epochs": f"{run.ended:.3g}",
            "time": formatting.duration(choice.spent_on(run.candidate)),
            "lead": _lead(leads[run.candidate], percent) if run.candidate in leads else "",
        }
        for run in (longest[name] for name in order)
    ]
    return {
        "tried": rows,
        "metric": "error (%)" if percent else METRIC_NAMES[choice.metric],
        "validated": choice.texts,
        "left_out": {choice.titles.get(name, name): reason for name, reason in choice.left_out.items()},
        "took": formatting.duration(choice.seconds),
        "budget": formatting.duration(choice.budget),
        "sure": not choice.leads or choice.leads[0].low > 0,
        "second": choice.leads[0].title if choice.leads else "",
    }


def _lead(lead: Lead, percent: bool) -> str:
    scale, digits = (100, 2) if percent else (1, 3)
    return f"{scale * lead.value:.{digits}f} ({scale * lead.low:.{digits}f} to {scale * lead.high:.{digits}f})"


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
