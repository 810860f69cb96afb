"""Vocabularies, trained on texts or taken from an encoder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tokenizers import Tokenizer

from bertfit.config.encoder_schema import Vocabulary
from bertfit.core.errors import UserError
from bertfit.tokens import build_vocabulary, special_tokens, vocabulary_file
from helpers.vocabularies import BASE, write_vocabulary

SCRIPTS = Path(__file__).parents[3] / "scripts"
TEXT = "the cat sat on the mat\nthe cats sat on the mats, and the cat ate the rat!\n" * 3


@pytest.fixture
def vocab_file(tmp_path: Path) -> Path:
    return write_vocabulary(tmp_path, BASE)


def train(folder: Path, text: str, size: int) -> Path:
    source = folder / "text.txt"
    source.write_text(text, encoding="utf-8")
    out = folder / "trained"
    build_vocabulary.build(Vocabulary(texts=["t"], size=size), encoder_folder=None, texts=[source], folder=out)
    return out


def test_a_trained_vocabulary_starts_with_the_special_tokens_and_finds_frequent_words(tmp_path):
    entries = (train(tmp_path, TEXT, 101) / "vocab.txt").read_text().split("\n")[:-1]
    assert entries[:5] == ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    assert entries[5:18] == sorted(set(TEXT.replace(" ", "").replace("\n", "")))
    assert {"the", "cat", "##at"} <= set(entries)


def test_transformers_loads_the_folder_and_agrees(tmp_path):
    from transformers import BertTokenizer

    folder = train(tmp_path, TEXT, 101)
    tokenizer = BertTokenizer.from_pretrained(folder)
    ours = vocabulary_file.load(folder)
    text = "The Cat sät!"
    assert tokenizer(text)["input_ids"] == ours.encode(text).ids
    assert ours.encode(text).tokens[0] == "[CLS]" and ours.encode(text).tokens[-1] == "[SEP]"
    assert tokenizer.convert_tokens_to_ids(["[PAD]", "[MASK]"]) == [0, 4]
    pair = tokenizer("the cat", "the mat")
    assert pair["token_type_ids"] == ours.encode("the cat", "the mat").type_ids
    assert len(tokenizer) == ours.get_vocab_size() == len((folder / "vocab.txt").read_text().splitlines())


def test_training_is_the_same_in_every_process_and_with_any_number_of_threads(tmp_path):
    words = ["alpha", "beta", "gamma", "delta", "omega", "sigma", "kappa", "lambda", "theta"]
    text = "".join(f"{a}{b} {b}{a[:2]} {a}\n" for a in words for b in words)
    first = (train(tmp_path, text, 150) / "vocab.txt").read_bytes()
    code = (
        "import sys; from pathlib import Path; from bertfit.config.study_schema import Vocabulary;"
        "from bertfit.tokens import build_vocabulary;"
        "build_vocabulary.build(Vocabulary(texts=['t'], size=150), encoder_folder=None,"
        "texts=[Path(sys.argv[1])], folder=Path(sys.argv[2]))"
    )
    for threads in ("1", "2"):
        out = tmp_path / f"again{threads}"
        environment = os.environ | {"PYTHONPATH": str(SCRIPTS), "RAYON_NUM_THREADS": threads}
        subprocess.run([sys.executable, "-c", code, str(tmp_path / "text.txt"), str(out)], check=True, env=environment)
        assert (out / "vocab.txt").read_bytes() == first


def test_training_reads_corpora_too(tmp_path):
    corpus = tmp_path / "train.parquet"
    pq.write_table(pa.table({"title": ["zebra zebra"], "text": ["quokka quokka"], "label": [0]}), corpus)
    out = tmp_path / "out"
    build_vocabulary.build(Vocabulary(texts=["c"], size=101), encoder_folder=None, texts=[corpus], folder=out)
    assert {"zebra", "quokka"} <= set((out / "vocab.txt").read_text().split())


def test_an_encoder_s_truncation_and_padding_are_switched_off(tmp_path, vocab_file):
    encoder = tmp_path / "encoder"
    encoder.mkdir()
    tokenizer = vocabulary_file.load(vocab_file)
    tokenizer.enable_truncation(4)
    tokenizer.enable_padding(length=10)
    tokenizer.save(str(encoder / "tokenizer.json"))
    (encoder / "tokenizer_config.json").write_text(json.dumps({"model_max_length": 512, "max_length": 4}))
    out = tmp_path / "out"
    build_vocabulary.build(Vocabulary(encoder="e"), encoder_folder=encoder, texts=[], folder=out)
    plain = Tokenizer.from_file(str(out / "tokenizer.json"))
    assert plain.truncation is None and plain.padding is None
    assert plain.encode("sep " * 20, add_special_tokens=False).ids == [7] * 20
    assert (out / "vocab.txt").read_text(encoding="utf-8").split("\n") == [*BASE, ""]
    config = json.loads((out / "tokenizer_config.json").read_text())
    assert config["model_max_length"] == 512 and config["do_lower_case"] is True and "max_length" not in config


def test_an_encoder_may_bring_only_a_vocab_txt(tmp_path, vocab_file):
    out = tmp_path / "out"
    build_vocabulary.build(Vocabulary(encoder="e"), encoder_folder=vocab_file.parent, texts=[], folder=out)
    assert special_tokens.ids(vocabulary_file.load(out)) == {"pad": 0, "unk": 1, "cls": 2, "sep": 3, "mask": 4}


@pytest.mark.parametrize(
    ("text", "size", "message"),
    [
        (TEXT, None, "'texts' and 'size'"),
        ("  \n", 200, "no words in"),
        (bytes(range(33, 127)).decode() * 2, 101, "101 is less than"),
    ],
)
def test_bad_requests(tmp_path, text, size, message):
    with pytest.raises(UserError, match=message):
        train(tmp_path, text, size)


def test_a_text_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        build_vocabulary.build(
            Vocabulary(texts=["t"], size=200), encoder_folder=None, texts=[tmp_path / "x.txt"], folder=tmp_path / "v"
        )
