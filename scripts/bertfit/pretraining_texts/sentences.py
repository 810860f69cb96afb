"""Sentence splitting (section 5.1): English with spaCy, Chinese by punctuation."""

from __future__ import annotations

import logging
import re
import sys
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
_DOUBTFUL = re.compile(r"""[.!?]\W*[(\[{&“«"”»'’]|No\. *\d""")  # few texts match and need `_correct`
_DATELINE = re.compile(r"[^()]{1,60} \([^()]{1,30}\) --?(?=\s)")  # LONDON (Reuters) -


def sentence_splitter(language: Literal["en", "zh"], pipeline: str | None = None) -> tuple[Splitter, str]:
    """A function that splits texts into sentences (section 5.1), and the name of its method, for the record.

    Chinese sentences end after 。？！. English text is split by the spaCy ``pipeline`` (a package such as
    en_core_web_sm, or a folder) if it is installed, else by spaCy's rule-based sentencizer, which also splits texts
    that are longer than the pipeline takes (a million characters). Raises `UserError` for a pipeline that sets no
    sentence boundaries.
    """
    if language == "zh":
        return lambda texts: [_CHINESE_SENTENCE.findall(text) for text in texts], "。？！"
    import spacy  # takes a second to import, and Chinese corpora do not need it

    if pipeline and (spacy.util.is_package(pipeline) or Path(pipeline).is_dir()):
        model = spacy.load(pipeline, exclude=["ner", "lemmatizer", "attribute_ruler"])  # not needed for sentences
        name = f"{pipeline} {model.meta['version']}"
        if not model("One.").has_annotation("SENT_START"):
            raise UserError(f"pipeline: {pipeline} finds no sentences; take one with a parser, senter or sentencizer")
    else:
        if pipeline:
            log.warning("spaCy pipeline %s is not installed: sentences are split by rules", pipeline)
        model, name = _rules(), "rules"

    rules = _rules()

    def split(texts: list[str]) -> list[list[str]]:
        short = iter(_sentences(model, [text for text in texts if len(text) <= model.max_length]))
        return [next(short) if len(text) <= model.max_length else _sentences(rules, [text])[0] for text in texts]

    return split, name


def _sentences(model: Language, texts: list[str]) -> list[list[str]]:
    with model.memory_zone():  # frees the strings of each batch
        return [[sentence.text for sentence in text.sents] for text in model.pipe(texts)]


def _rules() -> Language:
    """spaCy's sentencizer behind `_correct`, whose decisions it keeps."""
    import spacy
    from spacy.language import Language

    if not Language.has_factory("bertfit_sentences"):
        Language.component("bertfit_sentences", func=_correct)
    model = spacy.blank("en")
    model.max_length = sys.maxsize  # the limit is for parsers, whose memory grows with the text
    model.add_pipe("bertfit_sentences")
    model.add_pipe("sentencizer")
    return model


def _correct(text: Doc) -> Doc:
    """Set sentence boundaries where the sentencizer errs.

    It ends sentences after opening brackets, begins them with closing quotation marks, and splits "No. 1". A dateline
    (place and agency) becomes a separate sentence, as it mostly does with the parser of the official code.
    """
    dateline = _DATELINE.match(text.text)
    after = dateline.end() if dateline else len(text.text)
    if not dateline and not _DOUBTFUL.search(text.text):
        return text
    opened = False  # the sentence began with a bracket or quotation mark, and its first word has not come yet
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
