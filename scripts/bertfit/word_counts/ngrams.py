"""N-grams of words or characters as TF-IDF vectors, by scikit-learn, in bounded memory.

Shapes: R texts, F features (n-grams).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from typing import Literal

import numpy as np
from scipy.sparse import csr_matrix, vstack
from sklearn.feature_extraction.text import TfidfVectorizer

from bertfit.config.layout_schema import Language
from bertfit.core.errors import UserError
from bertfit.texts import unicode_scripts
from bertfit.texts.stored_texts import chunks, evenly_spaced

Analyzer = Literal["default", "words", "characters"]
Unit = Literal["word", "char", "char_wb"]

# Numbers of consecutive words or characters by unit. char_wb: within a word, whose ends count as spaces; text without
# spaces is one word. A single character is often a word in Chinese (42 % error without, 34 % with them, on 1,500
# headlines of ten classes), and makes no difference in English.
LENGTHS: dict[Unit, tuple[int, int]] = {"word": (1, 2), "char": (1, 2), "char_wb": (1, 5)}
MAX_FEATURES = 200_000
COUNTED_TEXTS = 100_000  # n-grams are selected on these, evenly spaced: a file may be sorted by class
COUNTED_CHARACTERS = 2_000_000  # of these texts, for char_wb: at worst 10 million different n-grams, some 1.6 GB
LONGEST = 5_000  # characters of a text that count, for char_wb: twice what 512 word pieces hold


class NoWordsError(UserError):
    """The texts have nothing that the analyser counts: emoji and punctuation are no words."""


def unit(analyzer: Analyzer, language: Language, texts: Collection[str]) -> Unit:
    """What is counted.

    ``words``: words and pairs of words; ``characters``: 1 to 5 characters of a word; ``default``: words, but characters
    and pairs of them in Chinese (``zh``) and, with ``auto``, wherever no spaces separate the words of the texts.
    """
    if analyzer == "default":
        return "char" if unicode_scripts.resolved(language, texts) == "zh" else "word"
    return "char_wb" if analyzer == "characters" else "word"


def vectorizer(counted: Unit, *, min_df: int = 1, vocabulary: list[str] | None = None) -> TfidfVectorizer:
    """A vectorizer that makes float32 rows of length 1; to be fitted, or with the ``vocabulary`` of a fitted one."""
    return TfidfVectorizer(
        analyzer=counted,
        ngram_range=LENGTHS[counted],
        sublinear_tf=True,
        min_df=min_df,
        max_features=MAX_FEATURES,
        vocabulary=vocabulary,
        dtype=np.float32,
    )


def fit(texts: Collection[str], counted: Unit, where: object = "texts") -> TfidfVectorizer:
    """Vocabulary and document frequencies of texts, which are iterated over more than once.

    The `MAX_FEATURES` most frequent n-grams are kept. Those that occur in a single text are left out, unless nothing
    would remain. Raises `NoWordsError`, which names the place ``where``, if there is nothing to count.
    """
    number = COUNTED_TEXTS
    if counted == "char_wb":
        total = sum(min(len(text), LONGEST) for text in texts)
        number = min(number, max(1, len(texts) * COUNTED_CHARACTERS // max(1, total)))
    for min_df in (2, 1):
        fitted = vectorizer(counted, min_df=min_df)
        with suppress(ValueError):  # an empty vocabulary
            fitted.fit(cut(evenly_spaced(texts, number), counted))
            if min_df == 1 or not all(map(str.isspace, fitted.vocabulary_)):  # char_wb: each word has spaces
                return fitted
    cure = "count characters (analyzer: characters), or " if counted == "word" else ""
    raise NoWordsError(f"{where}: no text has words to count; {cure}check the corpus's 'text'")


def transform(fitted: TfidfVectorizer, texts: Iterable[str]) -> csr_matrix:
    """(R, F) float32: TF-IDF rows of length 1, made a few texts at a time; zeros for a text without known n-grams."""
    return vstack([fitted.transform(chunk) for chunk in chunks(cut(texts, fitted.analyzer))], format="csr")


def cut(texts: Iterable[str], counted: Unit) -> Iterator[str]:
    """The texts; of each only the first `LONGEST` characters for ``char_wb``."""
    longest = LONGEST if counted == "char_wb" else None
    return (text[:longest] for text in texts)
