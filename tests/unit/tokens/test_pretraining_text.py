"""Pre-training text read back: lines and documents as word pieces, and texts that do not serve."""

from __future__ import annotations

import pytest

from bertfit.core.errors import UserError
from bertfit.tokens import pretraining_text, vocabulary_file


def test_reading_back(tmp_path):
    vocabulary = tmp_path / "vocab.txt"
    vocabulary.write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\nc\n")
    (tmp_path / "1.txt").write_text("a b\nc\n\n\n\u200b\n\nb")
    (tmp_path / "2.txt").write_text("c c\n\na\n\n")
    read = pretraining_text.read([tmp_path / "1.txt", tmp_path / "2.txt"], vocabulary_file.load(vocabulary))
    assert read.pieces.tolist() == [5, 6, 7, 6, 7, 7, 5]
    assert read.lines.tolist() == [0, 2, 3, 4, 6, 7]
    assert read.documents.tolist() == [0, 2, 4, 5], "the last document of the first file goes on in the second"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"t\.txt: no such file; it is listed as pre-training text"),
        (b"a\n\xff\n", r"t\.txt: line 2 is not UTF-8"),
        (b" \n\n", r"t\.txt: no text to pre-train on"),
    ],
)
def test_texts_that_do_not_serve(tmp_path, content, message):
    vocabulary = tmp_path / "vocab.txt"
    vocabulary.write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n")
    if content is not None:
        (tmp_path / "t.txt").write_bytes(content)
    with pytest.raises(UserError, match=message):
        pretraining_text.read([tmp_path / "t.txt"], vocabulary_file.load(vocabulary))
