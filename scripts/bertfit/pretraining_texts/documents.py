"""Converts a corpus to official pre-training text: a sentence per line, an empty line after each document.

As generate_corpus_agnews.py of the official code: a title line, then the sentences according to spaCy.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from bertfit.config.corpus_schema import TextForm
from bertfit.core.errors import UserError
from bertfit.core.files import atomic, write_json
from bertfit.pretraining_texts.sentences import sentence_splitter
from bertfit.texts import unicode_scripts
from bertfit.texts.stored_texts import StoredTexts


def build(parquet: Path, form: TextForm, out: Path, *, card: Path | None = None, overlaps: Sequence[Path] = ()) -> None:
    """Write one split of a corpus as pre-training text, and a card: documents, lines, rows removed.

    Rows whose text, white space aside, is in one of the ``overlaps`` (test splits) are removed: parts of the test set
    of Yelp P. are in the training set of Yelp F. (caption of Table 5), and vice versa.

    Fields follow in the order of ``form.fields``; those in ``form.lines`` take one line, the others are split into
    sentences (`sentences`). Rows without text are left out. Raises `UserError` if the file lacks a field.
    """
    file = pq.ParquetFile(parquet)
    for name in form.fields:
        if name not in file.schema_arrow.names:
            columns = ", ".join(file.schema_arrow.names)
            raise UserError(f"{parquet}: no column {name!r} (it has {columns}); correct the corpus's 'fields'")
    language = unicode_scripts.resolved(form.language, StoredTexts(parquet, form))
    split, splitter = sentence_splitter(language, form.pipeline)
    test_keys = {key for path in overlaps for key in _keys(pq.read_table(path))}
    counts = {"documents": 0, "lines": 0, "removed": 0}
    with atomic(out) as temporary, open(temporary, "w", encoding="utf-8", newline="\n") as sink:
        for batch in file.iter_batches(4096, columns=form.fields):
            if test_keys:
                without_overlap = [key not in test_keys for key in _keys(pa.Table.from_batches([batch]))]
                counts["removed"] += without_overlap.count(False)
                batch = batch.filter(pa.array(without_overlap))
            fields = []
            for name in form.fields:
                texts = [" ".join(text.splitlines()) for text in batch[name].to_pylist()]
                fields.append([[text] for text in texts] if name in form.lines else split(texts))
            for parts in zip(*fields, strict=True):
                # A blank line ends a document, so blank lines of the text are dropped.
                lines = [line.strip() for part in parts for line in part if line.strip()]
                if lines:
                    sink.write("\n".join(lines) + "\n\n")
                    counts["documents"] += 1
                    counts["lines"] += len(lines)
    if card is not None:
        write_json(card, counts | {"overlaps": [path.parent.name for path in overlaps], "sentences": splitter})


def _keys(table: pa.Table) -> list[str]:
    """The text of each row, all fields joined, white space normalised."""
    columns = [table[name].to_pylist() for name in table.column_names if name != "label"]
    return [" ".join(" ".join(parts).split()) for parts in zip(*columns, strict=True)]
