"""Answers to the items of REFORMS on goals, reproducibility and data (modules 1 to 4, and 6b)."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from bertfit.config.corpus_schema import SPLITS
from bertfit.core import formatting
from bertfit.core.formatting import escape_markdown
from bertfit.data.corpus_card import CorpusCard, SplitCounts
from bertfit.experiments.cells import BASELINE
from bertfit.provenance import croissant
from bertfit.provenance.study_facts import StudyFacts
from bertfit.reforms.checklist_items import Answer

CARDS = "`corpora/<corpus>/card.json`"


def answers(facts: StudyFacts) -> dict[str, Answer]:
    """Number of an item -> its answer."""
    return {number: answer(facts) for number, answer in ANSWERS.items()}


# ---------------------------------------------------------------------------------------------- goals


def _population(facts: StudyFacts) -> Answer:
    kinds = by_corpus(facts, lambda card: f"{card.domain} classification of texts in {card.language}")
    return Answer(kinds, CARDS, "the population of texts that the claims are about, beyond these corpora")


def _why_population(facts: StudyFacts) -> Answer:
    papers = [card.title for card in facts.cards.values() if card.has_the_papers_rows]
    others = [card.title for card in facts.cards.values() if not card.has_the_papers_rows]
    known = [f"Declared to have the rows that the reproduced paper has: {_listed(papers)}."]
    known.append(f"Samples, stand-ins and generated texts in place of the paper's corpora: {_listed(others)}.")
    return Answer(" ".join(known), CARDS, "why claims about this population matter")


def _why_learning(facts: StudyFacts) -> Answer:
    counted = {block.corpus for block, _ in facts.runs if block.encoder == BASELINE}
    counts = [card.title for name, card in facts.cards.items() if name in counted]
    known = f"A linear classifier of word counts, without an encoder, is trained for comparison on: {_listed(counts)}."
    return Answer(known, "`results.parquet`, encoder `tfidf`", "why the texts are to be classified by machine learning")


# ---------------------------------------------------------------------------------------------- reproducibility


def _data_sets(facts: StudyFacts) -> Answer:
    def about(card: CorpusCard) -> str:
        address = croissant.address(card)
        digests = ", ".join(f"{split} `{card.splits[split].sha256}`" for split in SPLITS)
        return f"{croissant.origin(card)}{f', <{address}>' if address else ''}; SHA-256 of the rows: {digests}"

    own = [card.title for card in facts.cards.values() if card.source.kind == "local"]
    needed = f"a DOI or address of the local files of {_listed(own)}" if own else ""
    return Answer(by_corpus(facts, about, escaped=False), f"{CARDS}, `corpora/<corpus>/croissant.json`", needed)


def _code(facts: StudyFacts) -> Answer:
    known = "The code is in the crate of the study (`snakemake crate`), each file with its SHA-256 in the metadata."
    return Answer(known, "`Snakefile`, `rules/`, `scripts/`", "the DOI or commit under which this version is published")


def _machines(facts: StudyFacts) -> Answer:
    peak = max((record.cost.peak_memory_bytes.process for record in facts.records), default=0)
    versions = ", ".join(f"{name} {' and '.join(values)}" for name, values in facts.versions.items())
    known = [
        f"- devices: {escape_markdown('; '.join(facts.machines.get('device', [])))}",
        f"- systems: {escape_markdown('; '.join(facts.machines.get('system', [])))}",
        f"- versions: {escape_markdown(versions)}; every package in `requirements.txt`",
        f"- time of all trainings, summed: {formatting.duration(facts.seconds)}; largest peak memory of one: "
        f"{formatting.size(peak)}",
    ]
    return Answer("\n".join(known), "`run.json` of each training, `report.html`", "memory and disk of the machines")


def _instructions(facts: StudyFacts) -> Answer:
    return Answer(f"`snakemake --config {_switches(facts)}` in the folder of the workflow.", "`README.md`")


def _script(facts: StudyFacts) -> Answer:
    known = (
        f"The workflow produces all results, from the texts on: `snakemake --config {_switches(facts)}`. "
        "From the records of the trainings alone: `python scripts/rebuild.py CRATE OUT`, byte for byte."
    )
    return Answer(known, "`Snakefile`, `scripts/rebuild.py`")


def _switches(facts: StudyFacts) -> str:
    return " ".join(f"{name}={value}" for name, value in facts.manifest.switches.items())


# ---------------------------------------------------------------------------------------------- data


def _sources(facts: StudyFacts) -> Answer:
    def about(card: CorpusCard) -> str:
        test = "a part held out of the same source" if card.held_out is not None else "the source's own"
        return f"{croissant.origin(card)}; test split: {test}. Terms of use: {card.licence}. {card.note or ''}"

    needed = "when the texts were collected, and who annotated them and how, where a note does not say it"
    return Answer(by_corpus(facts, about), CARDS, needed if _real(facts) else "")


def _frame(facts: StudyFacts) -> Answer:
    def about(card: CorpusCard) -> str:
        parts = [
            f"{sampled.kept:,} of {sampled.of:,} {split} rows, at random by class"
            for split, sampled in (card.sampled or {}).items()
        ]
        if card.by_time:
            parts.append(f"the test split has the last rows in time, from {card.by_time.first}")
        elif card.held_out is not None:
            parts.append(f"test split: a share of {card.held_out:g}, at random by class")
        return "; ".join(parts) or "all rows of the source"

    needed = "the set of texts that each source was drawn from, and how" if _real(facts) else ""
    return Answer(by_corpus(facts, about), CARDS, needed)


def _suits(facts: StudyFacts) -> Answer:
    return Answer(needed="why these corpora suit the question of the study")


def _outcome(facts: StudyFacts) -> Answer:
    def about(card: CorpusCard) -> str:
        several = "its classes, several or none a text" if card.label_sets is not None else "its class"
        splits = "; ".join(f"{split}: {_classes(card.splits[split])}" for split in SPLITS)
        return f"of each text {several}, one of {len(card.label_names)}. {splits}"

    return Answer(by_corpus(facts, about), CARDS)


def _classes(counts: SplitCounts) -> str:
    return ", ".join(f"{name} {rows:,}" for name, rows in counts.classes.items())


def _samples(facts: StudyFacts) -> Answer:
    def about(card: CorpusCard) -> str:
        clusters = card.clusters
        units = f"; {clusters.clusters:,} clusters of test texts (one alone is one)" if clusters else ""
        return ", ".join(f"{card.splits[split].rows:,} {split} texts" for split in SPLITS) + units

    return Answer(by_corpus(facts, about), CARDS)


def _missing(facts: StudyFacts) -> Answer:
    def about(card: CorpusCard) -> str:
        shares = []
        for split in SPLITS:
            counts = card.splits[split]
            shares.append(f"{counts.empty:,} of {counts.rows:,} {split} rows ({_percent(counts.empty, counts.rows)})")
        return f"without text: {', '.join(shares)}"

    some = [card.title for card in facts.cards.values() if any(counts.empty for counts in card.splits.values())]
    needed = f"the share of rows without text in each class of {_listed(some)}" if some else ""
    known = f"{by_corpus(facts, about)}\n\nA row without a label is an error where each text has one."
    return Answer(known, CARDS, needed)


def _represents(facts: StudyFacts) -> Answer:
    return Answer(needed="why the sources (3b) represent the population (1a)")


# ---------------------------------------------------------------------------------------------- preprocessing


def _left_out(facts: StudyFacts) -> Answer:
    def about(card: CorpusCard) -> str:
        parts = [
            f"{sampled.of - sampled.kept:,} {split} rows by sampling" for split, sampled in (card.sampled or {}).items()
        ]
        if card.leaks_dropped is not None:
            parts.append(f"{card.leaks_dropped:,} training rows whose text is also in the test split")
        parts += [f"rows with another {column} than {value}" for column, value in card.where.items()]
        return "; ".join(parts) or "none"

    return Answer(by_corpus(facts, about), CARDS, "why, where rows were left out")


def _corrupt(facts: StudyFacts) -> Answer:
    known = (
        "Reading a corpus stops with the row where a row has another number of fields, a missing or undeclared label, "
        "or bytes that are no text; and for other numbers of rows or classes than declared. A row without text is an "
        "error, but in the formats of published corpora (trec, zhang), where it is kept and counted (3f)."
    )
    return Answer(known, "`scripts/bertfit/data/`")


def _transformations(facts: StudyFacts) -> Answer:
    def about(card: CorpusCard) -> str:
        rules = [f"{rule.replace!r} replaced by {rule.by!r}" for rule in card.cleaned]
        return "; ".join(rules) or "nothing is replaced in the texts"

    cuts = _listed(sorted({f"{name} to {length}" for name, length in _truncations(facts)}))
    known = (
        f"{by_corpus(facts, about)}\n\nThen the texts are split into word pieces of the encoder's vocabulary and cut "
        f"(ways and lengths in word pieces: {cuts}). Nothing of it depends on the test split."
    )
    return Answer(known, f"{CARDS}, `recipe` in `run.json` of each run")


def _truncations(facts: StudyFacts) -> Iterable[tuple[str, int]]:
    for block, record in facts.runs:
        recipe = record.spec.get("recipe")
        if block.encoder != BASELINE and isinstance(recipe, dict):
            yield str(recipe["truncation"]), int(recipe["max_length"])


def _duplicates(facts: StudyFacts) -> Answer:
    def about(card: CorpusCard) -> str:
        parts = [f"test texts that are also in the training split: {card.test_texts_in_train:,}"]
        if card.clusters:
            parts.append(f"with a near-duplicate there: {card.clusters.near_duplicates_in_train:,}")
            if card.clusters.texts_of_train_groups is not None:
                parts.append(f"of a group that has training texts: {card.clusters.texts_of_train_groups:,}")
        if card.leaks_dropped is not None:
            parts.append(f"training rows with a test text that were left out: {card.leaks_dropped:,}")
        return "; ".join(parts)

    known = (
        f"{by_corpus(facts, about)}\n\nA held-out test split takes equal texts, and declared groups, as a whole. Test "
        "texts that belong together (groups, near-duplicates) count as one in all intervals and tests."
    )
    return Answer(known, f"{CARDS}, `corpora/<corpus>/clusters.parquet`")


# ---------------------------------------------------------------------------------------------- words


def by_corpus(facts: StudyFacts, about: Callable[[CorpusCard], str], *, escaped: bool = True) -> str:
    """A line for each corpus: its title, and what is said of its card."""
    lines = []
    for card in facts.cards.values():
        said = about(card).strip()
        lines.append(f"- {escape_markdown(card.title)}: {escape_markdown(said) if escaped else said}")
    return "\n".join(lines) or "No corpus was read."


def _listed(names: Iterable[str]) -> str:
    return "; ".join(map(escape_markdown, names)) or "none"


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.2f} %" if whole else "no rows"


def _real(facts: StudyFacts) -> bool:
    """Whether a corpus is not generated by this project."""
    return any(card.source.kind != "synthetic" for card in facts.cards.values())


ANSWERS: dict[str, Callable[[StudyFacts], Answer]] = {
    "1a": _population,
    "1b": _why_population,
    "1c": _why_learning,
    "2a": _data_sets,
    "2b": _code,
    "2c": _machines,
    "2d": _instructions,
    "2e": _script,
    "3a": _sources,
    "3b": _frame,
    "3c": _suits,
    "3d": _outcome,
    "3e": _samples,
    "3f": _missing,
    "3g": _represents,
    "4a": _left_out,
    "4b": _corrupt,
    "4c": _transformations,
    "6b": _duplicates,
}
