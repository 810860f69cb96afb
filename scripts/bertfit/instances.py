"""Pre-training instances: the official masked-LM and next-sentence data, draw for draw.

create_pretraining_data.py of the official code makes lists of token strings with one `random.Random`. Here the same
draws decide only *where* an instance lies in the flat array of all word pieces (`_Plan`); numpy then writes blocks of
instances in their final, shuffled order. Needed in memory: 2 bytes per word piece of the text and about 16 per
instance; what is drawn lies in a temporary file until it is written.
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from bertfit import vocabularies
from bertfit.errors import UserError
from bertfit.files import atomic
from bertfit.spec import Pretrain
from bertfit.truncation import Ids

_BLOCK = 16_384  # instances handled at a time, and rows of a record batch
_KEPT = -1  # drawn as "masked", but the token stays as it is
_MASKED = -2


class Documents(NamedTuple):
    """All texts, flat: piece ids, where lines start among the pieces, where documents start among the lines."""

    pieces: array[int]
    lines: array[int]
    documents: array[int]


def read_documents(files: Iterable[Path], vocabulary: Path) -> Documents:
    """Tokenise texts in the official format. Lines without a token and documents without a line are left out.

    As in the official code a document goes on into the next file unless an empty line ends it.
    """
    tokenizer = vocabularies.load(vocabulary)
    pieces_of = vocabularies.OfficialPieces(tokenizer)
    _, kind = vocabularies.id_type(tokenizer)
    pieces, lines, documents = array("H" if kind == pa.uint16() else "i"), array("q", [0]), array("q", [0])
    for line in _stripped_lines(files):
        if line:
            ids = pieces_of(line)
            if ids:
                pieces.extend(ids)
                lines.append(len(pieces))
        elif documents[-1] < len(lines) - 1:
            documents.append(len(lines) - 1)
    if documents[-1] < len(lines) - 1:
        documents.append(len(lines) - 1)
    return Documents(pieces, lines, documents)
