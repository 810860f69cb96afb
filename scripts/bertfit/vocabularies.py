"""WordPiece vocabularies: trained on texts or taken from an encoder, loaded, and applied as the official code does."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from bertfit.errors import UserError
from bertfit.files import atomic, write_json, write_text
from bertfit.spec import Vocabulary

SPECIAL = {"pad": "[PAD]", "unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"}

# The blocks that tokenization.py (google-research/bert) sets apart character by character.
_CHINESE = (
    range(0x4E00, 0xA000),
    range(0x3400, 0x4DC0),
    range(0x20000, 0x2A6E0),
    range(0x2A700, 0x2CEB0),
    range(0xF900, 0xFB00),
    range(0x2F800, 0x2FA20),
)
_LONGEST_WORD = 200  # characters; longer words are [UNK] (the pre-training tokenizer; the fine-tuning one has 100)
_CACHED_WORDS = 300_000  # about 70 MB


def build(vocabulary: Vocabulary, *, encoder_folder: Path | None, texts: list[Path], folder: Path) -> None:
    """Write ``tokenizer.json``, ``vocab.txt`` and ``tokenizer_config.json`` into ``folder``.

    The vocabulary is taken from ``encoder_folder`` if that is given, else trained to ``vocabulary.size`` entries on
    ``texts``: text files and corpora (Parquet). Raises `UserError` for unusable files or sizes.
    """
    config: dict[str, Any] = {"tokenizer_class": "BertTokenizer"}
    if encoder_folder is not None:
        path = encoder_folder / "tokenizer.json"
        tokenizer = load(encoder_folder if path.exists() else encoder_folder / "vocab.txt")
        original = encoder_folder / "tokenizer_config.json"
        if original.exists():
            length = json.loads(original.read_text(encoding="utf-8")).get("model_max_length")
            config |= {"model_max_length": length} if length else {}
    elif vocabulary.size is None:
        raise UserError("vocabulary: give 'encoder' to take its vocabulary, or 'texts' and 'size' to train one")
    else:
        tokenizer = _bert(_train(texts, vocabulary.size))
    entries = tokenizer.get_vocab()
    normalizer = json.loads(tokenizer.to_str())["normalizer"]
    config |= {
        "do_lower_case": normalizer["lowercase"],
        "strip_accents": normalizer["strip_accents"],
        "tokenize_chinese_chars": normalizer["handle_chinese_chars"],
    }
    config |= {f"{name}_token": token for name, token in SPECIAL.items()}
    with atomic(folder) as temporary:
        temporary.mkdir()
        tokenizer.save(str(temporary / "tokenizer.json"))
        write_text(temporary / "vocab.txt", "".join(f"{token}\n" for token in sorted(entries, key=entries.__getitem__)))
        write_json(temporary / "tokenizer_config.json", config)


def load(path: Path) -> Tokenizer:
    """The tokenizer of a vocabulary folder, or of a lone ``vocab.txt`` (then uncased).

    It neither truncates nor pads, whatever the file says, and takes "[SEP]" and the like in a text for plain text.
    Raises `UserError` for what is not a BERT tokenizer.
    """
    file = path / "tokenizer.json" if path.is_dir() else path
    if not file.is_file():
        raise UserError(f"{path}: no tokenizer there; give a folder with tokenizer.json, or a vocab.txt")
    try:
        if file.suffix == ".json":
            tokenizer = Tokenizer.from_file(str(file))
        else:
            tokenizer = _bert(models.WordPiece.read_file(str(file)))
    except Exception as error:  # the library raises bare Exception
        raise UserError(f"{file}: cannot be read as a tokenizer ({error}); fetch or build it again") from error
    described = json.loads(tokenizer.to_str())
    kind = (described["model"]["type"], (described["normalizer"] or {}).get("type"))
    if kind != ("WordPiece", "BertNormalizer"):
        raise UserError(f"{file}: {kind[0]} with {kind[1]} is not a BERT tokenizer; give an encoder of the BERT family")
    missing = [token for token in SPECIAL.values() if tokenizer.token_to_id(token) is None]
    if missing:
        raise UserError(f"{file}: lacks {', '.join(missing)}; add them to the vocabulary")
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = True
    return tokenizer


def special_ids(tokenizer: Tokenizer) -> dict[str, int]:
    """Ids of ``pad``, ``unk``, ``cls``, ``sep`` and ``mask``."""
    entries = tokenizer.get_vocab()
    return {name: entries[token] for name, token in SPECIAL.items()}


def id_type(tokenizer: Tokenizer) -> tuple[int, pa.DataType]:
    """Size of the vocabulary (highest id + 1), and the narrower of uint16 and int32 that holds its ids."""
    size = max(tokenizer.get_vocab().values()) + 1
    return size, pa.uint16() if size <= 2**16 else pa.int32()


class OfficialPieces:
    """Word pieces of a line, exactly as the tokenization.py that made the paper's pre-training data.

    It differs from the Rust tokenizer in rare characters (unassigned ones, final sigma, some newer CJK), and is three
    times as fast, because words and characters are worked out once: ``pieces(line)`` gives a list of ids.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        """Take over the vocabulary of ``tokenizer`` and whether it is uncased."""
        described = json.loads(tokenizer.to_str())
        self._lower: bool = described["normalizer"]["lowercase"]
        self._characters = _Characters(self._lower)
        self._words = _Words(
            models.WordPiece(tokenizer.get_vocab(), unk_token=SPECIAL["unk"], max_input_chars_per_word=_LONGEST_WORD)
        )

    def __call__(self, line: str) -> list[int]:
        """Ids of the pieces of ``line``; empty where nothing but white space and control characters is there."""
        if len(self._words) > _CACHED_WORDS:
            self._words.clear()
        if self._lower:
            if "Σ" in line:  # its lower case depends on its neighbours: drop what is dropped anyway before that
                line = "".join(char for char in line if self._characters[ord(char)])
            line = line.lower()
        return list(chain.from_iterable(map(self._words.__getitem__, line.translate(self._characters).split())))


class _Characters(dict[int, str]):
    """Code point -> its text after cleaning, accents stripped, with spaces where a word ends."""

    def __init__(self, lower: bool) -> None:
        self._lower = lower

    def __missing__(self, code: int) -> str:
        char = chr(code)
        category = unicodedata.category(char)
        if char in "\t\n\r" or category == "Zs":
            text = " "
        elif char == "\ufffd" or category.startswith("C"):
            text = ""
        else:
            parts = [part for part in unicodedata.normalize("NFD", char) if unicodedata.category(part) != "Mn"]
            text = "".join(f" {part} " if _is_punctuation(part) else part for part in (parts if self._lower else char))
            if any(code in block for block in _CHINESE):
                text = f" {text} "
        self[code] = text
        return text


class _Words(dict[str, tuple[int, ...]]):
    """Word -> ids of its pieces."""

    def __init__(self, model: models.WordPiece) -> None:
        self._model = model

    def __missing__(self, word: str) -> tuple[int, ...]:
        ids = self[word] = tuple(token.id for token in self._model.tokenize(word))
        return ids


def _is_punctuation(char: str) -> bool:
    # Every visible ASCII character but letters and digits counts, also those that Unicode calls symbols.
    return (char.isascii() and not char.isalnum() and char > " ") or unicodedata.category(char).startswith("P")


def _bert(entries: dict[str, int]) -> Tokenizer:
    """BERT's uncased pipeline around a vocabulary (token -> id)."""
    tokenizer = Tokenizer(models.WordPiece(entries, unk_token=SPECIAL["unk"]))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    missing = [token for token in SPECIAL.values() if token not in entries]
    if missing:
        raise ValueError(f"it lacks {', '.join(missing)}")
    cls, sep = (SPECIAL["cls"], entries[SPECIAL["cls"]]), (SPECIAL["sep"], entries[SPECIAL["sep"]])
    tokenizer.post_processor = processors.BertProcessing(sep, cls)
    tokenizer.add_special_tokens(list(SPECIAL.values()))
    return tokenizer


def _train(texts: list[Path], size: int) -> dict[str, int]:
    """Train WordPiece to ``size`` entries; the same texts always give the same vocabulary.

    The library's trainer numbers the characters inside words in the order of a hash table, which differs from process
    to process, and its choices depend on these numbers. Naming all characters beforehand takes that freedom away.
    """
    tokenizer = Tokenizer(models.WordPiece(unk_token=SPECIAL["unk"]))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    first: set[str] = set()
    inner: set[str] = set()
    for text in _lines(texts):
        for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(tokenizer.normalizer.normalize_str(text)):
            first.update(word)
            inner.update(word[1:])
    named = [*SPECIAL.values(), *sorted(first), *(f"##{char}" for char in sorted(inner))]
    if not first:
        raise UserError(f"vocabulary: no words in {', '.join(map(str, texts)) or 'texts, which is an empty list'}")
    if len(named) > size:
        raise UserError(f"vocabulary: size {size} is less than the {len(named)} entries that single characters take")
    tokenizer.train_from_iterator(
        _lines(texts),
        trainers.WordPieceTrainer(
            vocab_size=size, special_tokens=named, limit_alphabet=len(named), show_progress=False
        ),
    )
    return tokenizer.get_vocab()


def _lines(texts: list[Path]) -> Iterator[str]:
    """Lines of text files and the string fields of corpora."""
    for path in texts:
        if not path.is_file():
            raise UserError(f"{path}: no such file; it is named among the texts of a vocabulary")
        if path.suffix == ".parquet":
            file = pq.ParquetFile(path)
            columns = [field.name for field in file.schema_arrow if field.type == pa.string()]
            for batch in file.iter_batches(columns=columns):
                for column in batch.columns:
                    yield from (text for text in column.to_pylist() if text)
        else:
            with open(path, encoding="utf-8") as lines:
                yield from lines
