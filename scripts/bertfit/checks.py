"""What config and study name must be declared: every reference, checked before anything is built."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from .errors import UserError, nearest

if TYPE_CHECKING:
    from .settings import Settings

STEPS = r"\d+|x\d+(\.\d+)?|None"


def references(settings: Settings) -> None:
    """Raise `UserError`, with file, line and the nearest known name, for the first name that is not declared."""
    known = {*settings.config.value.get("corpora", []), *settings.study.corpora}
    _artefacts(settings, known)
    settings.finetune({})
    settings.pretrain({})
    _study(settings, known)
    _lengths(settings)


def _artefacts(settings: Settings, known: set[str]) -> None:
    study, where = settings.study, settings.config.where
    for key, artefact in settings.artefacts.items():
        for field, names in (("columns", artefact.columns), ("column_recipe", artefact.column_recipe)):
            for corpus in names:
                if corpus not in known:
                    place = where(("artefacts", key, field, corpus))
                    raise UserError(f"{place}: no corpus {corpus!r}{nearest(corpus, known)}")
        for label, row in artefact.rows.items():
            at = ("artefacts", key, "rows", label)
            for size in artefact.sizes.values() or [{}]:
                settings.finetune({**artefact.recipe, **row.recipe, **size}, keys=at)
            mixes = ["own", "domain", "leak", *study.mixes, *study.corpora, *study.texts, *known]
            for field, asked, options in (
                ("mix", row.mix, mixes),
                ("encoder", row.encoder, ["large", *study.encoders]),
                ("multitask", row.multitask, list(study.multitask)),
            ):
                if asked is not None and asked not in options:
                    raise UserError(f"{where((*at, field))}: no {field} {asked!r}{nearest(asked, options)}")
            for field, steps in (("steps", row.steps), ("of", row.of)):
                if not re.fullmatch(STEPS, str(steps)):
                    raise UserError(
                        f"{where((*at, field))}: {field} = {steps!r}; a number or a multiple of the study's (x0.5)"
                    )
            for corpus in row.without:
                if corpus not in known:
                    raise UserError(f"{where((*at, 'without', corpus))}: no corpus {corpus!r}{nearest(corpus, known)}")


def _study(settings: Settings, known: set[str]) -> None:
    study, where = settings.study, settings.document.where
    texts = [*study.corpora, *study.texts]
    found: list[tuple[tuple[str, ...], str | None, Iterable[str]]] = [
        (("base",), study.base, study.encoders),
        (("large",), study.large, study.encoders),
        (("held_out",), study.held_out, [*known, *study.texts]),
    ]
    for key, corpus in study.corpora.items():
        found.append((("corpora", key, "encoder"), corpus.encoder, study.encoders))
        found += [(("corpora", key, "overlaps"), other, known) for other in corpus.overlaps]
    for key, encoder in study.encoders.items():
        found.append((("encoders", key, "vocabulary"), encoder.vocabulary, study.vocabularies))
        found.append((("encoders", key, "mix"), encoder.mix, [*study.mixes, *texts]))
    for key, mix in study.mixes.items():
        found += [(("mixes", key, "corpora"), part, [*known, *study.texts]) for part in mix.corpora]
    for key, group in study.multitask.items():
        found += [(("multitask", key, "corpora"), part, known) for part in group.corpora]
    for key, vocabulary in study.vocabularies.items():
        found += [(("vocabularies", key, "texts"), part, texts) for part in vocabulary.texts]
    for keys, name, names in found:
        if name is not None and name not in names:
            raise UserError(
                f"{where(keys)}: {'.'.join(keys)} names {name!r}, which is not declared{nearest(name, names)}"
            )


def _lengths(settings: Settings) -> None:
    """Encoders from scratch have the positions that the study's lengths ask for."""
    for key, encoder in settings.study.encoders.items():
        for section, length in (("finetune", settings.finetune({})), ("pretrain", settings.pretrain(encoder.pretrain))):
            if encoder.scratch and length.max_length > encoder.scratch.positions:
                place = settings.document.where(("encoders", key, "scratch", "positions"))
                raise UserError(
                    f"{place}: the max_length {length.max_length} of {section} is more than the "
                    f"{encoder.scratch.positions} positions of encoder {key!r}; lower one or raise the other"
                )
