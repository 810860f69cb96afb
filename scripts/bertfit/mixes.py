"""The mixes that follow from a study's corpora: all of a domain, all of a language, a corpus with its test text."""

from __future__ import annotations

from collections.abc import Sequence

from .spec import Mix, Study

OWN, DOMAIN, LEAK = "own", "domain", "leak"  # what a row may say instead of a mix: it depends on the column


def derived(study: Study, order: Sequence[str]) -> dict[str, Mix]:
    """``all_<domain>`` (5.4.2), ``all``, and ``<corpus>_leak`` for every corpus; the paper's corpora in its ``order``.

    Those of other languages than English end in the language: the paper's Sogou is in no mix of the others.
    """
    names = sorted(study.corpora, key=lambda name: order.index(name) if name in order else len(order))
    found: dict[str, list[str]] = {}
    for name in names:
        for mix in ("all", in_domain(study, name)):
            found.setdefault(_in_language(mix, study.corpora[name].language), []).append(name)
    leaks = {f"{name}_leak": Mix(corpora=[name], text="train+test") for name in names}
    return {name: Mix(corpora=corpora) for name, corpora in found.items()} | leaks


def in_domain(study: Study, corpus: str) -> str:
    """The mix of a corpus's domain and language."""
    return _in_language(f"all_{study.corpora[corpus].domain}", study.corpora[corpus].language)


def named(study: Study, mix: str, corpus: str) -> str:
    """The mix that a row means in the column of a corpus."""
    return {OWN: corpus, DOMAIN: in_domain(study, corpus), LEAK: f"{corpus}_leak"}.get(mix, mix)


def _in_language(mix: str, language: str) -> str:
    return mix if language == "en" or mix.endswith(f"_{language}") else f"{mix}_{language}"
