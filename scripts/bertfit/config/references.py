"""Checks that every name that config.yaml and the study refer to is declared, and that no name is reserved."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from bertfit.config import study_schema
from bertfit.config.study_schema import Artefact, Row
from bertfit.core.errors import UserError, nearest, plain

if TYPE_CHECKING:
    from bertfit.config.settings import Settings

# Names of rules: `snakemake NAME` makes the artefact or runs the rule.
RESERVED_TARGETS = frozenset({
    "all", "archive", "archive_study", "build_corpus", "build_dataset_report", "build_report",
    "build_vocabulary", "check_encoder", "choose_model", "claims", "classify", "count_and_save",
    "crate", "crate_study", "create_instances", "deliver_model", "describe_corpus", "draw_learning_curve",
    "draw_lineage", "fetch_encoder",
    "find_label_errors", "finetune", "finetune_and_save", "judge_claims", "measure_model", "measure_speed",
    "multitask_encoder", "plan", "plan_round", "plot_curves", "plot_reliability", "plot_sizes", "plot_steps",
    "pretrain_encoder", "report", "run_baseline", "score_all", "score_runs", "tabulate_corpora",
    "tabulate_forgetting", "tabulate_runs", "tokenize_corpus", "train_on_features", "write_documents",
    "write_text",
})  # fmt: skip
RESERVED_PREFIX = "pretrain_and_save_"  # of the generated rules for pre-training with checkpoints, before a number
# Words with a meaning of their own as `mix` or `encoder` of a row; tfidf is used in place of an encoder id.
RESERVED_MIXES = frozenset({study_schema.OWN, study_schema.DOMAIN, study_schema.LEAK})
RESERVED_ENCODERS = frozenset({"large", "tfidf"})
STEPS = r"\d+|x\d+(\.\d+)?|None"


def check(settings: Settings) -> None:
    """Raise `UserError`, with file, line and the nearest known name, for the first name that is not declared."""
    known = {*settings.config.value.get("corpora", []), *settings.study.corpora}
    settings.finetune({})
    settings.pretrain({})
    for preset in settings.config.value.get("presets") or {}:
        settings.finetune({"preset": preset}, keys=("presets", preset))
    _names(settings)
    _artefacts(settings, known)
    for key, group in settings.study.multitask.items():
        settings.finetune(group.recipe, keys=("multitask", key))
    for key, encoder in settings.study.encoders.items():
        settings.pretrain(encoder.further, keys=("encoders", key))
    _study(settings, known)
    _lengths(settings)


def _names(settings: Settings) -> None:
    """Raise `UserError` for a name that is reserved, ambiguous or malformed, and for duplicates in a mix or group."""
    study, where = settings.study, settings.document.where
    for section, names, taken in (
        ("encoders", study.encoders, RESERVED_ENCODERS),
        ("mixes", study.mixes, {*RESERVED_MIXES, *study.corpora, *study.texts}),
        ("texts", study.texts, set(study.corpora)),
        ("artefacts", settings.artefacts, RESERVED_TARGETS),
    ):
        for name in names:
            if name in taken or (section == "artefacts" and name.startswith(RESERVED_PREFIX)):
                raise UserError(f"{where((section, name))}: the name {name!r} has a meaning already; choose another")
            if not re.fullmatch(r"[a-z][a-z0-9_-]{0,29}", name):
                raise UserError(
                    f"{where((section, name))}: {plain(name)}: a name is small letters, digits, _ and -, 30 at most"
                )
    for section, groups in (("mixes", study.mixes), ("multitask", study.multitask)):
        for name, group in groups.items():
            if len(set(group.corpora)) < len(group.corpora):
                raise UserError(f"{where((section, name))}: duplicate corpus in {', '.join(group.corpora)}")


def _artefacts(settings: Settings, known: set[str]) -> None:
    study, where = settings.study, settings.merged.where
    for key, artefact in settings.artefacts.items():
        for field, names in (("columns", artefact.columns), ("column_recipe", artefact.column_recipe)):
            for corpus in names:
                if corpus not in known:
                    place = where(("artefacts", key, field, corpus))
                    raise UserError(f"{place}: no corpus {corpus!r}{nearest(corpus, known)}")
        _titles(artefact, key, where)
        for label, row in artefact.rows.items():
            at = ("artefacts", key, "rows", label)
            for more in [*artefact.sizes.values(), *artefact.column_recipe.values(), {}]:
                settings.finetune({**artefact.recipe, **row.recipe, **more}, keys=at)
            options = [
                study_schema.OWN,
                study_schema.DOMAIN,
                study_schema.LEAK,
                *study.mixes,
                *study.corpora,
                *study.texts,
                *known,
            ]
            for field, asked, known_names in (
                ("mix", row.mix, options),
                ("encoder", row.encoder, ["large", *study.encoders]),
                ("multitask", row.multitask, list(study.multitask)),
            ):
                if asked is not None and asked not in known_names:
                    raise UserError(f"{where((*at, field))}: no {field} {asked!r}{nearest(asked, known_names)}")
            for corpus in row.without:
                if corpus not in known:
                    raise UserError(f"{where((*at, 'without', corpus))}: no corpus {corpus!r}{nearest(corpus, known)}")
            _steps(settings, row, at)


def _titles(artefact: Artefact, key: str, where: Callable[[tuple[str, ...]], str]) -> None:
    """Raise `UserError` for two columns of one heading: cells and published values are looked up by it."""
    corpus_of: dict[str, str] = {}
    for corpus, title in artefact.columns.items():
        if title in corpus_of:
            place = where(("artefacts", key, "columns", corpus))
            raise UserError(
                f"{place}: {corpus!r} and {corpus_of[title]!r} have the same heading {title!r}; choose another"
            )
        corpus_of[title] = corpus
    if artefact.average and artefact.average.title in corpus_of:
        place = where(("artefacts", key, "average", "title"))
        raise UserError(f"{place}: {artefact.average.title!r} is the heading of a corpus already; choose another")


def _steps(settings: Settings, row: Row, at: tuple[str, ...]) -> None:
    """Check the keys ``steps`` and ``of`` of a row: numbers or multiples, and a checkpoint within its run."""
    where = settings.merged.where
    numbers = {}
    for field, steps in (("steps", row.steps), ("of", row.of)):
        if not re.fullmatch(STEPS, str(steps)):
            raise UserError(f"{where((*at, field))}: {field} = {steps!r}; a number or a multiple of the study's (x0.5)")
        if steps is not None and row.mix is None:
            raise UserError(f"{where((*at, field))}: {field} without `mix`: nothing is pre-trained in this row")
        try:
            numbers[field] = settings.steps(steps, {})
        except UserError as error:
            raise UserError(f"{where((*at, field))}: {error}") from None
    if row.of is not None and numbers["of"] < numbers["steps"]:
        raise UserError(f"{where((*at, 'of'))}: a run of {numbers['of']} steps is not saved after {numbers['steps']}")


def _study(settings: Settings, known: set[str]) -> None:
    study, where = settings.study, settings.document.where
    texts = [*study.corpora, *study.texts]
    # (keys of the reference, the name it holds, the names that are declared)
    references: list[tuple[tuple[str, ...], str | None, Iterable[str]]] = [
        (("base",), study.base, study.encoders),
        (("large",), study.large, study.encoders),
        (("held_out",), study.held_out, [*known, *study.texts]),
    ]
    for key, corpus in study.corpora.items():
        references.append((("corpora", key, "encoder"), corpus.encoder, study.encoders))
        references += [(("corpora", key, "overlaps"), other, known) for other in corpus.overlaps]
        references += [(("corpora", key, "further"), text, study.texts) for text in corpus.further]
        if part := corpus.source.part_of:
            references.append((("corpora", key, "source", "part_of"), part.corpus, set(study.corpora) - {key}))
    if study.own:
        references += [(("own", key), getattr(study.own, key), study.corpora) for key in ("corpus", "validation")]
    for key, encoder in study.encoders.items():
        references.append((("encoders", key, "vocabulary"), encoder.vocabulary, study.vocabularies))
        references.append((("encoders", key, "mix"), encoder.mix, [*study.mixes, *texts]))
        references.append((("encoders", key, "generator"), encoder.generator, set(study.encoders) - {key}))
    for key, mix in study.mixes.items():
        references += [(("mixes", key, "corpora"), part, [*known, *study.texts]) for part in mix.corpora]
    for key, group in study.multitask.items():
        references += [(("multitask", key, "corpora"), part, known) for part in group.corpora]
    for key, vocabulary in study.vocabularies.items():
        references += [(("vocabularies", key, "texts"), part, texts) for part in vocabulary.texts]
    for keys, name, names in references:
        if name is not None and name not in names:
            raise UserError(
                f"{where(keys)}: {'.'.join(keys)} names {name!r}, which is not declared{nearest(name, names)}"
            )


def _lengths(settings: Settings) -> None:
    """Raise `UserError` for an encoder from scratch with fewer positions than the study's ``max_length``."""
    for key, encoder in settings.study.encoders.items():
        for section, length in (("finetune", settings.finetune({})), ("pretrain", settings.pretrain(encoder.pretrain))):
            if encoder.scratch and length.max_length > encoder.scratch.positions:
                place = settings.document.where(("encoders", key, "scratch", "positions"))
                raise UserError(
                    f"{place}: the max_length {length.max_length} of {section} is more than the "
                    f"{encoder.scratch.positions} positions of encoder {key!r}; lower one or raise the other"
                )
