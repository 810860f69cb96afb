"""Predictions of a classifier on new texts, from a file or a pipe, in constant memory."""

from __future__ import annotations

import queue
import sys
import threading
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import TextIO

from bertfit.core import files
from bertfit.core.errors import UserError
from bertfit.data.cleaning import clean_text
from bertfit.inference import input_rows, text_classifier
from bertfit.inference.answers import AnswerWriter, Decision, Format, TextAnswer, writer
from bertfit.inference.input_rows import PIPE, InputFormat, InputRow
from bertfit.inference.model_folder import ModelFolder
from bertfit.inference.text_classifier import Runtime, TextClassifier

ROWS = 4096  # of a chunk
ROWS_OF_PIPE = 256


@dataclass(frozen=True)
class Request:
    """What is to be classified, and how. Paths may be `PIPE`: standard input, standard output.

    ``text``: column of the texts (default: as in training, else ``text``); ``keep``: columns of the input that the
    answers repeat, or [`input_rows.ALL`]; ``read_as``, ``write_as``: formats, by the endings if not given, and of a
    pipe to be read that of the output.
    """

    source: str
    out: str
    text: str | int | None = None
    keep: Sequence[str] = ()
    read_as: InputFormat | None = None
    write_as: Format | None = None
    runtime: Runtime = "torch"
    threads: int | None = None


@dataclass
class PredictionCounts:
    """Texts that were classified, and rows without text, which have an empty answer."""

    texts: int = 0
    empty: int = 0


def run(path: Path, request: Request) -> PredictionCounts:
    """Answer every row of the input in its order by the classifier in the folder ``path``.

    Texts are cleaned as in training. A row without text gets an empty answer, so that input and output keep the same
    rows. A pipe's answers are written as its rows arrive. Raises `UserError`, and leaves no output file, for a folder
    without a model and an input that cannot be read.
    """
    if PIPE not in (request.source, request.out) and Path(request.out).resolve() == Path(request.source).resolve():
        raise UserError(f"{request.out}: the predictions would replace the texts; give -o another file")
    write_as = format_of(request.out, request.write_as)
    kind = input_rows.format_of(request.source, request.read_as or (write_as if request.source == PIPE else None))
    folder = ModelFolder.open(path)
    text = request.text if request.text is not None else folder.settings.text
    text = "text" if text is None else text
    rows = input_rows.read(request.source, kind, text, request.keep)
    chunks = arriving(rows, ROWS_OF_PIPE) if request.source == PIPE else in_chunks(rows, ROWS)
    first = next(chunks, [])  # before the model is loaded, so that a wrong column is reported at once
    if not first:
        raise UserError(f"{request.source}: no rows; give a file with texts")
    model = text_classifier.load(folder, request.runtime, request.threads)
    decision = Decision.of(model.names, folder.several_labels, folder.settings.thresholds)

    def answer(sink: TextIO) -> PredictionCounts:
        return _answer(folder, model, decision, _with_first(first, chunks), writer(write_as, sink, decision), sink)

    if request.out == PIPE:
        if isinstance(sys.stdout, TextIOWrapper):
            sys.stdout.reconfigure(encoding="utf-8", errors="replace", newline="")
        return answer(sys.stdout)
    half = "replace"  # half characters, which JSON can hold
    with files.atomic(request.out) as temporary, open(temporary, "w", -1, "utf-8", half, "") as sink:
        return answer(sink)


def format_of(out: str, given: Format | None) -> Format:
    """The format of the output: the given one, JSONL for ``.jsonl``, else CSV."""
    return given or ("jsonl" if Path(out).suffix.lower() == ".jsonl" else "csv")


def is_blank(text: str) -> bool:
    """Whether a text has no visible character, as `corpora` counts empty rows."""
    return all(unicodedata.category(character)[0] in "ZC" for character in text)


def _answer(
    folder: ModelFolder,
    model: TextClassifier,
    decision: Decision,
    chunks: Iterator[list[InputRow]],
    out: AnswerWriter,
    sink: TextIO,
) -> PredictionCounts:
    counts = PredictionCounts()
    for chunk in chunks:
        texts = [clean_text(row.text, folder.settings.clean) for row in chunk]
        filled = [text for text in texts if not is_blank(text)]
        answers = iter(decision.answers(model.logits(filled)) if filled else [])
        for row, text in zip(chunk, texts, strict=True):
            out.write(row.kept, TextAnswer([], []) if is_blank(text) else next(answers))
        sink.flush()
        counts.texts += len(filled)
        counts.empty += len(texts) - len(filled)
    return counts


def in_chunks(rows: Iterator[InputRow], size: int) -> Iterator[list[InputRow]]:
    """The rows in lists of ``size``."""
    while chunk := list(islice(rows, size)):
        yield chunk


def arriving(rows: Iterator[InputRow], size: int) -> Iterator[list[InputRow]]:
    """Lists of at most ``size`` rows that have arrived; waits for one row, never for a full list.

    A thread reads ahead, by at most ``size`` rows. An error of the reader is raised behind the rows before it.
    """
    waiting: queue.Queue[InputRow | BaseException | None] = queue.Queue(size)

    def read() -> None:
        try:
            for row in rows:
                waiting.put(row)
            waiting.put(None)
        except BaseException as error:
            waiting.put(error)

    threading.Thread(target=read, daemon=True).start()
    while True:
        chunk: list[InputRow] = []
        item = waiting.get()
        while isinstance(item, InputRow):
            chunk.append(item)
            if len(chunk) == size or waiting.empty():
                break
            item = waiting.get()
        if chunk:
            yield chunk
        if isinstance(item, BaseException):
            raise item
        if item is None:
            return


def _with_first(first: list[InputRow], others: Iterator[list[InputRow]]) -> Iterator[list[InputRow]]:
    yield first
    yield from others
