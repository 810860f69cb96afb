"""Texts of the synthetic corpora and the meanings of their words."""

from __future__ import annotations

import re

from bertfit.synthetic import generated_texts, lexicon


def texts(corpus: str, split: str = "train", seed: int = 1) -> list[str]:
    rows = generated_texts.read(corpus, split, seed)
    return [" ".join(row) for row in rows[list(generated_texts.CORPORA[corpus].fields)].itertuples(index=False)]


def tokens(text: str) -> list[str]:
    """Words, marks and single Chinese characters, lower case: what the miniature's word pieces are."""
    return re.findall(r"[a-z]+|\d|[^\sa-z\d]", text.lower())


def meaning_of(name: str) -> dict[str, int]:
    return {
        word: number
        for number, meaning in enumerate(lexicon.MEANINGS[name])
        for word in (*meaning.jargon, *meaning.plain.words)
    }
