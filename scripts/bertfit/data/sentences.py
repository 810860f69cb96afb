"""Texts split into sentences (section 5.1), English ones by spaCy."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from bertfit.core.errors import UserError

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc

log = logging.getLogger(__name__)
Splitter = Callable[[list[str]], list[list[str]]]

_CHINESE_SENTENCE = re.compile("[^。？！]+[。？！]*|[。？！]+")
_STOPS, _OPENING, _QUOTES = {".", "!", "?"}, {"(", "[", "{", "&", "“", "«"}, {'"', "”", "»", "'", "’"}
_DOUBTFUL = re.compile(r"""[.!?]\W*[(\[{&“«"”»'’]|No\. *\d""")  # most texts need no second look
_DATELINE = re.compile(r"[^()]{1,60} \([^()]{1,30}\) --?(?=\s)")  # LONDON (Reuters) -


def sentence_splitter(language: Literal["en", "zh"], pipeline: str | None = None) -> tuple[Splitter, str]:
    """A function that splits texts into sentences (section 5.1), and what it goes by, for the record.

    Chinese sentences end behind 。？！, English ones where spaCy's rule-based sentencizer says so, or the ``pipeline``
    (a package such as en_core_web_sm, or a folder) if it is installed. Raises `UserError` for a pipeline that finds
    none.
    """
    if language == "zh":
        return lambda texts: [_CHINESE_SENTENCE.findall(text) for text in texts], "。？！"
    import spacy  # a second to import, and Chinese corpora do without

    if pipeline and (spacy.util.is_package(pipeline) or Path(pipeline).is_dir()):
        model = spacy.load(pipeline, exclude=["ner", "lemmatizer", "attribute_ruler"])  # none of them ends a sentence
        name = f"{pipeline} {model.meta['version']}"
        if not model("One.").has_annotation("SENT_START"):
            raise UserError(f"pipeline: {pipeline} finds no sentences; take one with a parser, senter or sentencizer")
    else:
        if pipeline:
            log.warning("spaCy pipeline %s is not installed: sentences end by rules", pipeline)
        model, name = _rules(), "rules"

    def split(texts: list[str]) -> list[list[str]]:
        with model.memory_zone():  # else every word ever seen stays in memory
            return [[sentence.text for sentence in text.sents] for text in model.pipe(texts)]

    return split, name


def _rules() -> Language:
    """spaCy's sentencizer, which leaves alone what `_correct` has decided before it."""
    import spacy
    from spacy.language import Language

    if not Language.has_factory("bertfit_sentences"):
        Language.component("bertfit_sentences", func=_correct)
    model = spacy.blank("en")
    model.add_pipe("bertfit_sentences")
    model.add_pipe("sentencizer")
    return model


def _correct(text: Doc) -> Doc:
    """Decide where the sentencizer errs.

    It lets a sentence end behind a bracket that opens, and begin with a quotation mark that closes; it does not know
    "No. 1"; and a dateline, place and agency, is no part of a sentence: the parser of the official code, too, mostly
    gives it a line.
    """
    dateline = _DATELINE.match(text.text)
    after = dateline.end() if dateline else len(text.text)
    if not dateline and not _DOUBTFUL.search(text.text):
        return text
    opened = False  # a sentence has begun with a bracket or quotation mark, its first word is yet to come
    for token in text[1:]:
        before = token.nbor(-1)
        if token.idx >= after and not token.is_space:
            token.is_sent_start, after = True, len(text.text)
        elif opened or (token.is_digit and before.text == "." and token.i > 1 and token.nbor(-2).text == "No"):
            token.is_sent_start, opened = False, opened and token.is_punct
        elif (
            token.text in _OPENING | _QUOTES and before.text in _STOPS and before.whitespace_ and not token.whitespace_
        ):
            token.is_sent_start = opened = True
        elif token.text[0] in _QUOTES and not before.whitespace_:
            token.is_sent_start = False
    return text
