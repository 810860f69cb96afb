"""Near-duplicates by value: equal and nearly equal texts, and texts of one form that are not."""

from __future__ import annotations

import time
from itertools import combinations

import numpy as np
import pytest

from bertfit.data import near_duplicates
from bertfit.data.near_duplicates import components, found_in, shingles, similarity

WORDS = [f"word{number}" for number in range(400)]


def text(seed: int, words: int = 100) -> list[str]:
    return np.random.default_rng(seed).choice(WORDS, words).tolist()


def changed(words: list[str], count: int) -> list[str]:
    """``count`` words replaced, far from each other."""
    positions = np.linspace(2, len(words) - 3, count).astype(int) if count > 1 else [len(words) // 2]
    return [f"new{at}" if at in positions else word for at, word in enumerate(words)]


def linked(*texts: str) -> list[int]:
    return components([shingles(one) for one in texts]).tolist()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The film, at last!", "the  film\nat last"),
        ("Don't.", "DON'T"),
        ("ﬁlm １２", "film 12"),
        ("Straße", "STRASSE"),
        ("北京。大学", "北京 大学"),
        ("", " \n"),
        ("?!", "? !"),
    ],
)
def test_equal_but_for_white_space_case_and_punctuation(one: str, other: str) -> None:
    assert np.array_equal(shingles(one), shingles(other)) and linked(one, other) == [0, 0]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Who was the first man on the moon ?", "Who was the first man on Mars ?"),
        ("What is the capital of Yugoslavia ?", "What is the capital of Zimbabwe ?"),
        ("Amauria is a genus of plants in the daisy family.", "Iphiona is a genus of plants in the daisy family."),
        ("What is a prism ?", "What is a shaman ?"),
        ("yes", "no"),
        ("中国的首都是哪里", "法国的首都是哪里"),
        ("!!!", "???"),
        ("", "a"),
    ],
)  # fmt: skip
def test_short_texts_of_one_form_are_not(one: str, other: str) -> None:
    assert linked(one, other) == [0, 1]


def test_one_changed_word_counts_the_same_at_every_place() -> None:
    """From 15 words on a text with one other word is a near-duplicate, from 32 on one with two."""
    for words, count in ((14, 1), (15, 1), (31, 2), (32, 2)):
        whole = [f"w{number}" for number in range(words)]
        near = similarity(shingles(" ".join(whole)), shingles(" ".join(changed(whole, count)))) >= 0.7
        assert near == (words in (15, 32))
    whole = [f"w{number}" for number in range(15)]
    for place in range(15):
        other = [*whole[:place], "other", *whole[place + 1 :]]
        assert similarity(shingles(" ".join(whole)), shingles(" ".join(other))) == 14 / 20


def test_the_similarity_is_that_of_sets_of_three_words() -> None:
    words, other = text(1, 40), changed(text(1, 40), 3)

    def sets(words: list[str]) -> set[tuple[str, ...]]:
        padded = ["", "", *words, "", ""]
        return {tuple(padded[at : at + 3]) for at in range(len(padded) - 2)}

    a, b = sets(words), sets(other)
    assert similarity(shingles(" ".join(words)), shingles(" ".join(other))) == len(a & b) / len(a | b)


def test_components_are_those_of_all_pairs() -> None:
    """Copies with 0 to 12 of 100 words changed: beside a comparison of every pair."""
    texts = [shingles(" ".join(changed(text(seed), count))) for seed in range(30) for count in range(0, 13, 2)]
    order = np.random.default_rng(0).permutation(len(texts))
    texts = [texts[at] for at in order]
    expected = np.arange(len(texts))
    for a, b in combinations(range(len(texts)), 2):
        if similarity(texts[a], texts[b]) >= near_duplicates.THRESHOLD:
            expected[expected == expected[b]] = expected[a]
    found = components(texts)
    assert len(np.unique(found)) == len(np.unique(expected))
    assert len({*zip(found.tolist(), expected.tolist(), strict=True)}) == len(np.unique(expected))


def test_texts_that_are_in_others() -> None:
    texts = [" ".join(changed(text(seed), count)) for seed, count in ((1, 0), (2, 2), (3, 40), (4, 0), (2, 0))]
    others = [[" ".join(text(1)).upper()], [], [" ".join(text(seed)) for seed in (2, 3, 9)]]
    assert found_in([shingles(one) for one in texts], others).tolist() == [True, True, False, False, True]
    assert found_in([shingles("a")], []).tolist() == [False]


def test_hashes_are_the_same_in_every_process() -> None:
    assert shingles("Word").tolist() == [3528960632065290874, 6228202498012262218, 16509768412183907790]


def test_a_million_characters_are_read_in_seconds() -> None:
    start = time.process_time()
    long = " ".join(np.random.default_rng(1).integers(10**6, size=150_000).astype(str))
    assert len(long) > 10**6
    assert linked(long, long + " more", "x" * 10**6) == [0, 0, 1]
    assert time.process_time() - start < 10


def test_25_000_equal_or_nearly_equal_texts_are_not_compared_in_pairs() -> None:
    start = time.process_time()
    same, form = shingles(" ".join(text(1))), text(2, 40)
    assert not components([same] * 25_000).any()
    alike = [shingles(" ".join([*form[:20], str(number), *form[20:]])) for number in range(5_000)]
    assert not components(alike).any()
    assert found_in(alike, [[" ".join(form)] * 100]).all()
    assert time.process_time() - start < 30


def test_more_texts_of_one_form_than_are_compared_in_a_band() -> None:
    """Two forms in turns: each text is compared with the next 32 of its band alone, and both forms are whole."""
    forms = [text(3, 60), text(4, 60)]
    texts = [shingles(" ".join([*forms[number % 2], str(number)])) for number in range(200)]
    assert components(texts).tolist() == [0, 1] * 100
