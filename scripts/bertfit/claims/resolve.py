"""Resolves claims to the runs of a study that decide them, or to the reason why there are none.

Imports neither torch nor pandas.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from bertfit.claims.cell_names import Names
from bertfit.claims.claim_schema import Claim, Contrast, Declared, Question, declared_name
from bertfit.claims.comparison import Comparison, Resolved
from bertfit.config.study_schema import repeated
from bertfit.experiments.cells import Job, RunGroup
from bertfit.experiments.registry import Registry


def of_other_encoders(declared: Declared, registry: Registry) -> list[Question]:
    """The claims about artefacts that are repeated with other base encoders, on the runs of each of these."""
    study, questions = registry.settings.study, []
    for encoder, artefacts in study.others.items():
        meant = {artefact: repeated(artefact, encoder) for artefact in artefacts}
        names = Names(declared, registry, meant)
        claims = {name: claim for name, claim in declared.claims.claims.items() if claim.artefacts <= meant.keys()}
        for question in _questions(names, claims):
            about = {"id": f"{question.id}--{encoder}", "encoder": study.encoders[encoder].title}
            contrasts = [_unpublished(contrast) for contrast in question.contrasts]
            questions.append(question.model_copy(update=about | {"contrasts": contrasts}))
    return questions


def _unpublished(contrast: Contrast) -> Contrast:
    """The contrast without keys of published values, which are those of BERT."""
    columns = [[runs.model_copy(update={"paper": None}) for runs in column] for column in contrast.columns]
    return contrast.model_copy(update={"columns": columns})


def resolve(declared: Declared, registry: Registry) -> list[Question]:
    """Every claim on the runs of the study, in the order of the file.

    Raises `UserError` with file, line and the nearest name for an artefact, row, column or size that neither
    config.yaml nor the study declares. What the study leaves out becomes a reason.
    """
    return _questions(Names(declared, registry), declared.claims.claims)


def _questions(names: Names, claims: Mapping[str, Claim]) -> list[Question]:
    """Some claims on the runs of the artefacts that ``names`` means."""
    questions, registry, declared = [], names.registry, names.declared
    for name, claim in claims.items():
        margin = declared.claims.margin_of(claim, registry.settings.name)
        resolved: list[Resolved] = []
        for number, compare in enumerate(claim.compare):
            comparison = Comparison(names, compare, claim, ("claims", name, "compare", number))
            resolved += comparison.contrasts(margin)
        applicable = [each for each in resolved if each.applies] or resolved
        left_out = {each.left_out: each.contrast.reason for each in applicable if each.left_out}
        contrasts = [each.contrast for each in applicable if not each.left_out]
        if reason := claim.undecidable.get(declared_name(registry.settings.name)):
            left_out = {}
            contrasts = [_undecidable(contrast, reason) for contrast in contrasts]
        questions.append(
            Question(
                id=name,
                sentence=claim.sentence,
                source=claim.source,
                contrasts=contrasts,
                left_out=list(left_out),
                notes=[*_contradictions(name, declared.claims.claims), *left_out.values()],
            )
        )
    return questions


def _contradictions(name: str, claims: Mapping[str, Claim]) -> list[str]:
    """A note for each claim that contradicts the claim ``name``, or is contradicted by it."""
    others = [
        other for other, claim in claims.items() if claim.contradicts == name or claims[name].contradicts == other
    ]
    return [f"the paper also says the opposite: {other}" for other in others]


def _undecidable(contrast: Contrast, reason: str) -> Contrast:
    """The contrast without its runs, for ``reason``."""
    return Contrast(kind=contrast.kind, a=contrast.a, b=contrast.b, margin=contrast.margin, reason=reason)


def jobs(questions: Iterable[Question], registry: Registry) -> list[Job]:
    """The training jobs whose predictions the claims need, in the registry's order."""
    needed = {RunGroup(runs.corpus, runs.encoder, runs.recipe) for question in questions for runs in question.runs}
    return [job for job in registry.jobs() if job.run_group in needed]
