"""Pre-training text in the official format: a line a sentence, an empty line after each document.

generate_corpus_agnews.py of the official code writes it (title line, then the sentences that spaCy finds), and
create_pretraining_data.py reads it.
"""

from __future__ import annotations

import logging
import re
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from tokenizers import Tokenizer

from bertfit import vocabularies
from bertfit.errors import UserError
from bertfit.files import atomic, write_json
from bertfit.spec import TextForm

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc

log = logging.getLogger(__name__)
Splitter = Callable[[list[str]], list[list[str]]]

_CHINESE_SENTENCE = re.compile("[^。？！]+[。？！]*|[。？！]+")
_STOPS, _OPENING, _QUOTES = {".", "!", "?"}, {"(", "[", "{", "&", "“", "«"}, {'"', "”", "»", "'", "’"}
_DOUBTFUL = re.compile(r"""[.!?]\W*[(\[{&“«"”»'’]|No\. *\d""")  # most texts need no second look
_DATELINE = re.compile(r"[^()]{1,60} \([^()]{1,30}\) --?(?=\s)")  # LONDON (Reuters) -


class Documents(NamedTuple):
    """Tokenised texts, flat: piece ids, where lines start among the pieces, where documents start among the lines.

    ``lines`` and ``documents`` have one entry more than there are lines and documents.
    """

    pieces: array[int]
    lines: array[int]
    documents: array[int]


def build(parquet: Path, form: TextForm, out: Path, *, card: Path | None = None, overlaps: Sequence[Path] = ()) -> None:
    """Write one split of a corpus as pre-training text, and a card: documents, lines, rows removed.

    A row whose text stands in one of the ``overlaps`` (test splits), white space apart, is removed: parts of the test
    set of Yelp P. are in the training set of Yelp F. (caption of Table 5), and the other way round.

    Fields come in the order of ``form.fields``; those in ``form.lines`` are one line each, the others are split into
    sentences (`sentences`). Rows without text are left out. Raises `UserError` where the file lacks a field.
    """
    file = pq.ParquetFile(parquet)
    for name in form.fields:
        if name not in file.schema_arrow.names:
            columns = ", ".join(file.schema_arrow.names)
            raise UserError(f"{parquet}: no column {name!r} (it has {columns}); correct the corpus's 'fields'")
    split, splitter = sentences(form.language, form.pipeline)
    tested = {key for path in overlaps for key in _keys(pq.read_table(path))}
    counts = {"documents": 0, "lines": 0, "removed": 0}
    with atomic(out) as temporary, open(temporary, "w", encoding="utf-8", newline="\n") as sink:
        for batch in file.iter_batches(4096, columns=form.fields):
            if tested:
                kept = [key not in tested for key in _keys(pa.Table.from_batches([batch]))]
                counts["removed"] += kept.count(False)
                batch = batch.filter(pa.array(kept))
            fields = []
            for name in form.fields:
                texts = [" ".join(text.splitlines()) for text in batch[name].to_pylist()]
                fields.append([[text] for text in texts] if name in form.lines else split(texts))
            for parts in zip(*fields, strict=True):
                # A blank line ends a document, so none may come from the text itself.
                lines = [line.strip() for part in parts for line in part if line.strip()]
                if lines:
                    sink.write("\n".join(lines) + "\n\n")
                    counts["documents"] += 1
                    counts["lines"] += len(lines)
    if card is not None:
        write_json(card, counts | {"overlaps": [path.parent.name for path in overlaps], "sentences": splitter})


def _keys(table: pa.Table) -> list[str]:
    """The text of each row, all its fields together, white space apart."""
    columns = [table[name].to_pylist() for name in table.column_names if name != "label"]
    return [" ".join(" ".join(parts).split()) for parts in zip(*columns, strict=True)]


def sentences(language: Literal["en", "zh"], pipeline: str | None = None) -> tuple[Splitter, str]:
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


def read(files: Iterable[Path], tokenizer: Tokenizer) -> Documents:
    """Read and tokenise texts as create_pretraining_data.py does.

    Lines without a token and documents without a line are left out. A document goes on into the next file unless an
    empty line ends it. Raises `UserError` for files that are missing, not UTF-8 or without any text.
    """
    files = list(files)
    pieces_of = vocabularies.OfficialPieces(tokenizer)
    _, kind = vocabularies.id_type(tokenizer)
    pieces, lines, documents = array("H" if kind == pa.uint16() else "i"), array("q", [0]), array("q", [0])
    for line in _lines(files):
        ids = pieces_of(line)
        if ids:
            pieces.extend(ids)
            lines.append(len(pieces))
        elif not line and documents[-1] < len(lines) - 1:
            documents.append(len(lines) - 1)
    if documents[-1] < len(lines) - 1:
        documents.append(len(lines) - 1)
    if not pieces:
        raise UserError(f"{', '.join(map(str, files))}: no text to pre-train on; give at least one document")
    return Documents(pieces, lines, documents)


def _lines(files: Iterable[Path]) -> Iterator[str]:
    """Stripped lines. Only a line feed ends a line, so the files are read as bytes."""
    for path in files:
        if not path.is_file():
            raise UserError(f"{path}: no such file; it is named as pre-training text")
        with open(path, "rb") as handle:
            for number, line in enumerate(handle, 1):
                try:
                    yield line.decode().strip()
                except UnicodeDecodeError as error:
                    raise UserError(f"{path}: line {number} is not UTF-8 ({error}); convert the file") from error
