"""The official creation of pre-training data, ported plainly: the reference implementation of `create_instances`.

A reading of create_pretraining_data.py and tokenization.py (google-research/bert and the paper's further-pre-training
folder) with lists of strings and `random.Random`, one step after the other. Tests compare the fast one with it.
"""

from __future__ import annotations

import hashlib
import random
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

CHINESE = [
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B820, 0x2CEAF),
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
]


class Instance(NamedTuple):
    """One training example, in tokens."""

    tokens: list[str]
    segment_ids: list[int]
    is_random_next: bool
    positions: list[int]
    labels: list[str]


def read_vocabulary(path: Path) -> dict[str, int]:
    """Token -> id, in the order of the file."""
    with open(path, encoding="utf-8", newline="\n") as lines:
        return {line.strip(): number for number, line in enumerate(lines)}


def is_punctuation(char: str) -> bool:
    """ASCII that is neither letter, digit nor space, and the Unicode categories P*."""
    code = ord(char)
    ascii_mark = 33 <= code <= 47 or 58 <= code <= 64 or 91 <= code <= 96 or 123 <= code <= 126
    return ascii_mark or unicodedata.category(char).startswith("P")


def clean(text: str) -> str:
    """Without control characters (every category C*), with plain spaces, Chinese characters set apart."""
    kept = []
    for char in text:
        if char in " \t\n\r" or unicodedata.category(char) == "Zs":
            kept.append(" ")
        elif char == "\ufffd" or unicodedata.category(char).startswith("C"):
            continue
        elif any(low <= ord(char) <= high for low, high in CHINESE):
            kept.append(f" {char} ")
        else:
            kept.append(char)
    return "".join(kept)


def basic_words(text: str, lower: bool = True) -> list[str]:
    """Words and single punctuation marks of a text."""
    words = []
    for word in clean(text).split():
        if lower:
            word = unicodedata.normalize("NFD", word.lower())
            word = "".join(char for char in word if unicodedata.category(char) != "Mn")
        parts: list[str] = []
        inside = False
        for char in word:
            if is_punctuation(char):
                parts.append(char)
                inside = False
            elif inside:
                parts[-1] += char
            else:
                parts.append(char)
                inside = True
        words.extend(parts)
    return " ".join(words).split()


def word_pieces(word: str, vocabulary: dict[str, int], longest: int = 200) -> list[str]:
    """Greedy longest match first; [UNK] for the whole word where no piece fits."""
    if len(word) > longest:
        return ["[UNK]"]
    pieces = []
    start = 0
    while start < len(word):
        end = len(word)
        while end > start:
            piece = ("##" if start else "") + word[start:end]
            if piece in vocabulary:
                break
            end -= 1
        if end == start:
            return ["[UNK]"]
        pieces.append(piece)
        start = end
    return pieces


def read_documents(files: Iterable[Path], vocabulary: dict[str, int]) -> list[list[list[str]]]:
    """Documents of lines of tokens."""
    documents: list[list[list[str]]] = [[]]
    for file in files:
        with open(file, encoding="utf-8", newline="\n") as lines:
            for line in lines:
                line = line.strip()
                if not line:
                    documents.append([])
                    continue
                tokens = [piece for word in basic_words(line) for piece in word_pieces(word, vocabulary)]
                if tokens:
                    documents[-1].append(tokens)
    return [document for document in documents if document]


def create(
    documents: list[list[list[str]]],
    vocabulary: dict[str, int],
    *,
    seed: int = 12345,
    dupe: int = 5,
    max_length: int = 128,
    max_predictions: int = 20,
    masked_share: float = 0.15,
    short_share: float = 0.1,
) -> list[Instance]:
    """All instances in their final order. ``documents`` is shuffled in place."""
    rng = random.Random(seed)
    rng.shuffle(documents)
    words = list(vocabulary)
    instances = []
    for _ in range(dupe):
        for number in range(len(documents)):
            target = max_length - 3
            if rng.random() < short_share:
                target = rng.randint(2, max_length - 3)
            for tokens_a, tokens_b, random_next in pairs(documents, number, target, max_length - 3, rng):
                instances.append(mask(tokens_a, tokens_b, random_next, words, masked_share, max_predictions, rng))
    rng.shuffle(instances)
    return instances


def pairs(
    documents: list[list[list[str]]], number: int, target: int, room: int, rng: random.Random
) -> Iterator[tuple[list[str], list[str], bool]]:
    """The (A, B, random next) of one document, cut to ``room`` tokens."""
    document = documents[number]
    chunk: list[list[str]] = []
    length = 0
    i = 0
    while i < len(document):
        chunk.append(document[i])
        length += len(document[i])
        if i == len(document) - 1 or length >= target:
            a_end = 1
            if len(chunk) >= 2:
                a_end = rng.randint(1, len(chunk) - 1)
            tokens_a = [token for segment in chunk[:a_end] for token in segment]
            random_next = len(chunk) == 1 or rng.random() < 0.5
            if random_next:
                tokens_b: list[str] = []
                for _ in range(10):
                    other = rng.randint(0, len(documents) - 1)
                    if other != number:
                        break
                start = rng.randint(0, len(documents[other]) - 1)
                for segment in documents[other][start:]:
                    tokens_b.extend(segment)
                    if len(tokens_b) >= target - len(tokens_a):
                        break
                i -= len(chunk) - a_end
            else:
                tokens_b = [token for segment in chunk[a_end:] for token in segment]
            while len(tokens_a) + len(tokens_b) > room:
                longer = tokens_a if len(tokens_a) > len(tokens_b) else tokens_b
                if rng.random() < 0.5:
                    del longer[0]
                else:
                    longer.pop()
            yield tokens_a, tokens_b, random_next
            chunk = []
            length = 0
        i += 1


def mask(
    tokens_a: list[str],
    tokens_b: list[str],
    random_next: bool,
    words: list[str],
    masked_share: float,
    max_predictions: int,
    rng: random.Random,
) -> Instance:
    """One instance with masked tokens."""
    tokens = ["[CLS]", *tokens_a, "[SEP]", *tokens_b, "[SEP]"]
    segment_ids = [0] * (len(tokens_a) + 2) + [1] * (len(tokens_b) + 1)
    candidates = [position for position, token in enumerate(tokens) if token not in ("[CLS]", "[SEP]")]
    rng.shuffle(candidates)
    output = list(tokens)
    masked = []
    for position in candidates[: min(max_predictions, max(1, round(len(tokens) * masked_share)))]:
        if rng.random() < 0.8:
            output[position] = "[MASK]"
        elif rng.random() >= 0.5:
            output[position] = words[rng.randint(0, len(words) - 1)]
        masked.append((position, tokens[position]))
    masked.sort()
    return Instance(
        output, segment_ids, random_next, [position for position, _ in masked], [label for _, label in masked]
    )


def digest(instances: Iterable[Instance]) -> str:
    """SHA-256 of one line per instance: tokens|segment ids|random next|positions|labels."""
    state = hashlib.sha256()
    for tokens, segment_ids, random_next, positions, labels in instances:
        columns = (tokens, segment_ids, [random_next], positions, labels)
        state.update(("|".join(" ".join(map(str, column)) for column in columns) + "\n").encode())
    return state.hexdigest()
