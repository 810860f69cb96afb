"""Answers to the items of REFORMS on models, leakage, statistics and limits (modules 5 to 8)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

from bertfit.config.hyperparameters import Finetune
from bertfit.core.formatting import escape_markdown
from bertfit.experiments.cells import BASELINE
from bertfit.provenance.study_facts import StudyFacts
from bertfit.reforms.checklist_items import Answer
from bertfit.reforms.data_answers import by_corpus

RECORDS = "`run.json` of each training"
STATISTICS = "`docs/explanation/statistics.md` of the workflow"
LOSSES = ("class_weights", "focal")
SHOWN = 12
"""values of a hyperparameter that are listed"""


def answers(facts: StudyFacts) -> dict[str, Answer]:
    """Number of an item -> its answer."""
    return {number: answer(facts) for number, answer in ANSWERS.items()}


# ---------------------------------------------------------------------------------------------- models


def _models(facts: StudyFacts) -> Answer:
    stages = Counter(block.stage for block, _ in facts.runs for _ in block.seeds)
    trained = Counter(encoder.stage for encoder, _ in facts.encoders)
    bases = {
        encoder.title: record.encoder.parameters if record.encoder else None
        for encoder, record in facts.encoders
        if encoder.parent is None
    }
    sizes = "; ".join(f"{title}{f' ({count:,} weights)' if count else ''}" for title, count in bases.items())
    known = [
        f"- runs (a seed each) by kind: {_counted(stages)}",
        f"- encoders by how they were made: {_counted(trained)}",
        f"- base encoders: {escape_markdown(sizes)}",
        "- input: the fields of a text, as word pieces (the baseline: counts of words); output: a score for each class",
        f"- loss: cross-entropy{_changed_losses(facts)}",
    ]
    return Answer("\n".join(known), f"{RECORDS}, `report.html`")


def _changed_losses(facts: StudyFacts) -> str:
    """Values of the hyperparameters that change the loss, where some run has another than the default."""
    values = _values(facts)
    default = {name: str(Finetune.model_fields[name].default) for name in LOSSES}
    changed = [name for name in LOSSES if set(values.get(name, ())) - {default[name]}]
    return "".join(f"; `{name}`: {', '.join(values[name])}" for name in changed)


def _types(facts: StudyFacts) -> Answer:
    known = "The strategies are those of the reproduced paper, and those that the study adds in `studies/`."
    return Answer(
        known, "`config.yaml`, `studies/`", "why these encoders and strategies, where the paper does not say it"
    )


def _splits(facts: StudyFacts) -> Answer:
    rows = by_corpus(
        facts, lambda card: ", ".join(f"{counts.rows:,} {split} texts" for split, counts in card.splits.items())
    )
    shares = sorted({str(share) for share in _values(facts).get("validation", ()) if float(share)})
    held = f"runs with the shares {', '.join(shares)} of the training split as validation data" if shares else "none"
    known = f"Every run is tested on the test split of its corpus:\n\n{rows}\n\nValidation data: {held}."
    return Answer(known, f"`corpora/<corpus>/card.json`, {RECORDS}")


def _selection(facts: StudyFacts) -> Answer:
    stopped = set(_values(facts).get("patience", ())) - {"None"}
    early = " Runs with `patience` in their recipe stop early, on what `stop_on` names." if stopped else ""
    known = (
        "No model is selected: all runs of all seeds are reported, with the error of their last evaluation. That of "
        "the best one, chosen on the test split as in the paper's code, is shown beside it, as optimistically biased."
        + early
    )
    return Answer(known, "`results.parquet`, column `selection`")


def _tuning(facts: StudyFacts) -> Answer:
    varied = {name: values for name, values in _values(facts).items() if len(values) > 1}
    lines = [
        f"- `{name}`: {', '.join(map(escape_markdown, values[:SHOWN]))}"
        f"{f' and {len(values) - SHOWN} more' if len(values) > SHOWN else ''}"
        for name, values in sorted(varied.items())
    ]
    known = (
        "The workflow tunes nothing: values are declared before it runs. Hyperparameters of fine-tuning that differ "
        "between runs, with all their values:\n\n" + ("\n".join(lines) or "- none")
    )
    needed = "how the study's common values (rate, steps, lengths) were chosen, and on which data"
    return Answer(known, f"`config.yaml`, `studies/`, `recipe` in {RECORDS}", needed)


def _baselines(facts: StudyFacts) -> Answer:
    counts = any(block.encoder == BASELINE for block, _ in facts.runs)
    known = (
        "Compared strategies have the same corpus and test texts and, where their rows do not say otherwise, the same "
        "seeds and hyperparameters. "
        + ("Word counts with a linear model are among them." if counts else "No run counts words.")
    )
    return Answer(
        known, "`claims.md`, `config.yaml`", "whether each baseline had as much tuning as what it is compared with"
    )


# ---------------------------------------------------------------------------------------------- leakage


def _training_alone(facts: StudyFacts) -> Answer:
    leaks = [
        encoder.encoder
        for encoder, record in facts.encoders
        if any(str(text).endswith(".test.txt") for text in record.spec.get("texts") or [])
    ]
    seen = (
        f"Encoders that were pre-trained on test texts too, on purpose: {', '.join(f'`{name}`' for name in leaks)}."
        if leaks
        else "No encoder was further pre-trained on test texts."
    )
    known = (
        "The vocabularies, word counts and weights that the workflow makes are made of training texts; a training "
        "reads the test split only to be "
        f"evaluated. {seen} The best evaluation of a run (5d) is chosen on the test split."
    )
    needed = "whether the texts that a fetched encoder was pre-trained on include test texts"
    fetched = any(encoder.stage == "fetched" for encoder, _ in facts.encoders)
    return Answer(known, f"`texts` in `run.json` of each encoder, {RECORDS}", needed if fetched else "")


def _legitimate(facts: StudyFacts) -> Answer:
    known = by_corpus(facts, lambda card: f"fields {', '.join(card.fields)}")
    return Answer(f"The inputs are the texts alone:\n\n{known}", "`corpora/<corpus>/card.json`",
                  "whether the texts hold what would not be known in use, such as the label in words")  # fmt: skip


# ---------------------------------------------------------------------------------------------- statistics


def _metrics(facts: StudyFacts) -> Answer:
    def balance(card: Any) -> str:
        counts = card.splits["test"].classes
        total = sum(counts.values())
        share = 100 * max(counts.values()) / total if total else 0.0
        return f"the most frequent of {len(counts)} classes has {share:.1f} % of the test texts"

    metrics = "Test error (percent, which verdicts compare), macro F1 and Matthews' correlation."
    known = f"{metrics}\n\n{by_corpus(facts, balance)}"
    return Answer(known, "`results.parquet`", "why the error rate suits the task, where classes are uneven")


def _uncertainty(facts: StudyFacts) -> Answer:
    seeds = Counter(len(block.seeds) for block, _ in facts.runs)
    blocks = ", ".join(f"{count:,} with {number}" for number, count in sorted(seeds.items()))
    known = (
        "95 % intervals of each mean error and of each difference, in which seeds and test examples (clusters of them) "
        f"are random effects. Jobs by number of seeds that they trained: {blocks}."
    )
    return Answer(known, f"`results.parquet`, `claims.json`; {STATISTICS}")


def _tests(facts: StudyFacts) -> Answer:
    verdicts = Counter(claim.verdict for claim in facts.claims)
    known = (
        f"{len(facts.claims):,} claims, each by paired tests with Holm's correction of its own comparisons: "
        f"{_counted(verdicts)}. One seed: McNemar's exact test. Numbers of failed runs: Fisher's exact test. That the "
        "assumptions hold well enough was checked by simulation. Claims are not corrected for one another."
    )
    return Answer(known, f"`claims.md`; {STATISTICS}")


# ---------------------------------------------------------------------------------------------- limits


def _external(facts: StudyFacts) -> Answer:
    encoders = sorted({encoder.title for encoder, _ in facts.encoders if encoder.parent is None})
    corpora = "; ".join(card.title for card in facts.cards.values())
    comparable = "may" if facts.report.study.comparable else "may not"
    known = (
        f"The same comparisons on {len(facts.cards)} corpora ({escape_markdown(corpora)}) and {len(encoders)} base "
        f"encoders ({escape_markdown('; '.join(encoders))}). By its declaration the errors of the study {comparable} "
        "be compared with the published ones."
    )
    return Answer(known, "`claims.md`, `report.html`", "evidence from other populations, or its absence as a limit")


def _limits(facts: StudyFacts) -> Answer:
    lines = []
    generated = [card.title for card in facts.cards.values() if card.source.kind == "synthetic"]
    if generated:
        lines.append(
            f"- generated texts, from which nothing follows for real ones: {', '.join(map(escape_markdown, generated))}"
        )
    sampled = [card.title for card in facts.cards.values() if card.sampled]
    if sampled:
        lines.append(f"- samples, so that errors are not those of all rows: {', '.join(map(escape_markdown, sampled))}")
    single = sum(len(block.seeds) == 1 and block.encoder != BASELINE for block, _ in facts.runs)
    if single:
        lines.append(
            f"- one seed in {single:,} training jobs: where no other job has more, it is a statement on a model"
        )
    known = "\n".join(lines) or "The records name no limit."
    return Answer(
        known,
        "`corpora/<corpus>/card.json`, `claims.md`",
        "texts, languages and uses for which the findings are not meant",
    )


# ---------------------------------------------------------------------------------------------- words


def _counted(counts: Counter[Any]) -> str:
    return ", ".join(f"{name} {number:,}" for name, number in counts.items()) or "none"


def _values(facts: StudyFacts) -> dict[str, list[str]]:
    """Hyperparameter of fine-tuning -> its values in all runs of encoders, sorted."""
    found: dict[str, set[Any]] = defaultdict(set)
    for _, record in facts.runs:
        recipe = record.spec.get("recipe")
        for name, value in (recipe if isinstance(recipe, dict) else {}).items():
            found[name].add(value)
    return {name: [str(value) for value in sorted(values, key=_order)] for name, values in found.items()}


def _order(value: Any) -> tuple[bool, float, str]:
    """Numbers by size, then texts."""
    number = isinstance(value, int | float)
    return (not number, float(value) if number else 0.0, str(value))


ANSWERS: dict[str, Callable[[StudyFacts], Answer]] = {
    "5a": _models,
    "5b": _types,
    "5c": _splits,
    "5d": _selection,
    "5e": _tuning,
    "5f": _baselines,
    "6a": _training_alone,
    "6c": _legitimate,
    "7a": _metrics,
    "7b": _uncertainty,
    "7c": _tests,
    "8a": _external,
    "8b": _limits,
}
