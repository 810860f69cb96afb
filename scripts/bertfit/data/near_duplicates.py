"""Near-duplicates: texts of which at least 70 % of the shingles are common to both (Jaccard similarity).

A shingle is three consecutive words, in lower case and without punctuation; of Chinese a character counts as a word.
Texts are padded at both ends, so that each word is in three shingles wherever it stands: texts that differ in one word
are near-duplicates from 15 words on, in two distant words from 32 words on. So short questions and stubs of the same
form are not, while copies of an article with another headline are.

MinHash signatures (datasketch) give candidates, pairs that agree in a band of `ROWS` values, and the exact similarity
decides. A pair at the threshold is a candidate with a probability of 0.99, one of 0.8 with 0.9999. All is a
function of the texts alone. Shapes: N texts, S shingles of a text, P values of a signature, B bands.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from datasketch import MinHash
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

THRESHOLD = 0.7
BANDS, ROWS = 25, 5
MARGIN = 0.16
"""4 standard deviations of the similarity that a signature estimates: candidates below are not compared exactly"""
COMPARED = 32
"""Texts with which a text is compared in a band: equal texts are one text, and of similar ones each finds some."""
CHUNK = 1 << 15
"""shingles hashed at a time, for the memory"""

_IDEOGRAPHS = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_IDEOGRAPHS}]|[^\W{_IDEOGRAPHS}]+")
_MIXING = np.random.default_rng(20190514).integers(2**63, size=ROWS, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
_EMPTY = MinHash(BANDS * ROWS, seed=1, hashfunc=int, scheme="affine32")

Shingles = npt.NDArray[np.uint64]
Signatures = npt.NDArray[np.uint32]


def shingles(text: str) -> Shingles:
    """(S,) ascending hashes of the shingles of a text, at least one. Of a text without words its characters count."""
    words = _WORD.findall(unicodedata.normalize("NFKC", text).casefold()) or ["".join(text.split())]
    hashes = np.fromiter(map(_hash, ("", "", *words, "", "")), np.uint64, len(words) + 4)
    return np.unique(hashes[:-2] * _MIXING[0] + hashes[1:-1] * _MIXING[1] + hashes[2:])


def components(texts: Sequence[Shingles], threshold: float = THRESHOLD) -> npt.NDArray[np.int32]:
    """(N,) component of each text: texts that links of at least ``threshold`` join, directly or through others."""
    distinct, position = _distinct(texts)
    signatures = np.concatenate([*_signatures(distinct)])
    found, links = np.arange(len(distinct)), [np.empty((0, 2), np.int64)]
    for keys in _bands(signatures).T:
        order = np.argsort(keys, kind="stable")
        for distance in range(1, COMPARED + 1):
            same = keys[order[distance:]] == keys[order[:-distance]]
            if not same.any():
                break
            pairs = np.stack([order[:-distance][same], order[distance:][same]], axis=1)
            pairs = pairs[found[pairs[:, 0]] != found[pairs[:, 1]]]
            pairs = pairs[_agreement(signatures[pairs[:, 0]], signatures[pairs[:, 1]]) >= threshold - MARGIN]
            near = [similarity(distinct[a], distinct[b]) >= threshold for a, b in pairs]
            if any(near):
                links.append(pairs[near])
                first, second = np.concatenate(links).T
                graph = coo_array((np.ones(len(first), bool), (first, second)), shape=(len(distinct),) * 2)
                found = connected_components(graph, directed=False)[1]
    return found[position].astype(np.int32)


def found_in(texts: Sequence[Shingles], others: Iterable[Iterable[str]]) -> npt.NDArray[np.bool_]:
    """(N,) whether a near-duplicate of each text is in ``others``, batches of texts that are read once."""
    distinct, position = _distinct(texts)
    signatures = np.concatenate([*_signatures(distinct)])
    keys = _bands(signatures)
    orders = np.argsort(keys, axis=0, kind="stable")
    number = {text.tobytes(): at for at, text in enumerate(distinct)}
    found = np.zeros(len(distinct), bool)
    for batch in others:
        read = [shingles(text) for text in batch]
        equal = [number.get(text.tobytes()) for text in read]
        found[[at for at in equal if at is not None]] = True
        read = [text for text, at in zip(read, equal, strict=True) if at is None]
        if not read:
            continue
        read_signatures = np.concatenate([*_signatures(read)])
        for band, read_keys in enumerate(_bands(read_signatures).T):
            progress = True
            while progress:  # texts that are found make room for the next of the band
                order = orders[~found[orders[:, band]], band]
                pairs = _same_band(read_keys, keys[order, band])
                pairs[:, 1] = order[pairs[:, 1]]
                pairs = pairs[_agreement(read_signatures[pairs[:, 0]], signatures[pairs[:, 1]]) >= THRESHOLD - MARGIN]
                progress = False
                for a, b in pairs:
                    if not found[b] and similarity(read[a], distinct[b]) >= THRESHOLD:
                        found[b] = progress = True
    return found[position]


def _same_band(keys: npt.NDArray[np.uint64], ascending: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    """(M, 2) positions in both arguments of equal values, of each value at most the first `COMPARED` in the second."""
    start, end = np.searchsorted(ascending, keys), np.searchsorted(ascending, keys, side="right")
    counts = np.minimum(end - start, COMPARED)
    first = np.repeat(np.arange(len(keys)), counts)
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.stack([first, start[first] + within], axis=1)


def similarity(a: Shingles, b: Shingles) -> float:
    """Jaccard similarity: the share of the shingles of two texts that both have."""
    common = len(np.intersect1d(a, b, assume_unique=True))
    return common / (len(a) + len(b) - common)


@lru_cache(maxsize=1 << 18)
def _hash(word: str) -> int:
    """64 bits, the same in every process and on every machine."""
    return int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "little")


def _distinct(texts: Sequence[Shingles]) -> tuple[list[Shingles], npt.NDArray[np.int64]]:
    """The distinct texts, and (N,) the number of each text's among them."""
    numbers: dict[bytes, int] = {}
    position = np.array([numbers.setdefault(text.tobytes(), len(numbers)) for text in texts], np.int64)
    return [np.frombuffer(key, np.uint64) for key in numbers], position


def _signatures(texts: Iterable[Shingles]) -> Iterator[Signatures]:
    """(1, P) MinHash signature of each text."""
    for text in texts:
        sketch = _EMPTY.copy()
        for start in range(0, len(text), CHUNK):
            sketch.update_batch((text[start : start + CHUNK] >> np.uint64(32)).tolist())
        yield sketch.hashvalues[None]


def _bands(signatures: Signatures) -> npt.NDArray[np.uint64]:
    """(N, B) a hash of the values of each band."""
    return (signatures.reshape(-1, BANDS, ROWS).astype(np.uint64) * _MIXING).sum(axis=2, dtype=np.uint64)


def _agreement(a: Signatures, b: Signatures) -> npt.NDArray[np.float64]:
    """(N,) share of equal values of two signatures (N, P) each: an estimate of the similarity."""
    return (a == b).mean(axis=1)
