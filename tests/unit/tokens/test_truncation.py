from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bertfit.config.hyperparameters import Finetune
from bertfit.tokens.truncation import cut_pair, truncate

CLS, SEP = 60_000, 60_001
SINGLE = ("head", "tail", "head+tail")
HIER = ("hier-mean", "hier-max", "hier-attention")


def text(length: int, start: int = 0) -> np.ndarray:
    """Distinct ids, so that order and origin can be read off."""
    return np.arange(start, start + length, dtype=np.uint16)


def body(segment) -> list[int]:
    assert segment.ids[0] == CLS and segment.ids[-1] == SEP
    assert segment.ids.dtype == np.uint16 and len(segment.types) == len(segment.ids)
    return segment.ids[1:-1].tolist()


@pytest.mark.parametrize(
    ("truncation", "expected"),
    [
        ("head", list(range(510))),
        ("tail", list(range(90, 600))),
        ("head+tail", [*range(128), *range(600 - 382, 600)]),
    ],
)
def test_the_paper_s_three_strategies_on_600_pieces(truncation, expected):
    (segment,) = truncate(text(600), None, Finetune(truncation=truncation), CLS, SEP)
    assert body(segment) == expected
    assert len(segment.ids) == 512 and not segment.types.any()


def test_510_pieces_are_not_cut_and_511_are():
    recipe = Finetune(truncation="head+tail")
    assert body(truncate(text(510), None, recipe, CLS, SEP)[0]) == list(range(510))
    assert body(truncate(text(511), None, recipe, CLS, SEP)[0]) == [*range(128), *range(129, 511)]


def test_head_tokens_may_take_everything_or_nothing_but_not_more():
    whole = Finetune(truncation="head+tail", max_length=10, head_tokens=8)
    assert body(truncate(text(20), None, whole, CLS, SEP)[0]) == list(range(8))
    none = Finetune(truncation="head+tail", max_length=10, head_tokens=0)
    assert body(truncate(text(20), None, none, CLS, SEP)[0]) == list(range(12, 20))
    with pytest.raises(ValidationError, match="head_tokens=9 does not fit into max_length=10"):
        Finetune(truncation="head+tail", max_length=10, head_tokens=9)


@given(
    length=st.integers(0, 90),
    max_length=st.integers(8, 40),
    truncation=st.sampled_from(SINGLE),
    share=st.floats(0, 1),
)
def test_single_texts(length, max_length, truncation, share):
    room = max_length - 2
    head_tokens = int(share * room)
    recipe = Finetune(truncation=truncation, max_length=max_length, head_tokens=head_tokens)
    (segment,) = truncate(text(length), None, recipe, CLS, SEP)
    pieces = body(segment)
    assert len(pieces) == min(length, room)
    assert pieces == sorted(set(pieces)), "order is kept and nothing is repeated"
    if length <= room:
        assert pieces == list(range(length))
    else:
        head = {"head": room, "tail": 0, "head+tail": head_tokens}[truncation]
        assert pieces[:head] == list(range(head))
        assert pieces[head:] == list(range(length - (room - head), length))


@given(
    length=st.integers(0, 200), max_length=st.integers(8, 30), limit=st.integers(1, 8), truncation=st.sampled_from(HIER)
)
def test_fractions(length, max_length, limit, truncation):
    recipe = Finetune(truncation=truncation, max_length=max_length, fractions=limit)
    segments = truncate(text(length), None, recipe, CLS, SEP)
    room = max_length - 2
    assert len(segments) == min(limit, max(1, -(-length // room)))
    joined = [piece for segment in segments for piece in body(segment)]
    assert joined == list(range(min(length, limit * room)))
    assert all(len(segment.ids) == max_length for segment in segments[:-1])


@given(
    first=st.integers(0, 60),
    second=st.integers(1, 60),
    max_length=st.integers(8, 50),
    truncation=st.sampled_from(SINGLE + HIER),
)
def test_pairs_equal_popping_piece_by_piece(first, second, max_length, truncation):
    a, b = list(range(first)), list(range(1000, 1000 + second))
    while len(a) + len(b) > max_length - 3:
        (a if len(a) > len(b) else b).pop()
    recipe = Finetune(truncation=truncation, max_length=max_length, head_tokens=0)
    (segment,) = truncate(text(first), text(second, 1000), recipe, CLS, SEP)
    assert segment.ids.tolist() == [CLS, *a, SEP, *b, SEP]
    assert segment.types.tolist() == [0] * (len(a) + 2) + [1] * (len(b) + 1)


@given(first=st.integers(0, 200), max_length=st.integers(8, 30), truncation=st.sampled_from(SINGLE + HIER))
def test_a_pair_without_a_second_text_is_a_single_text(first, max_length, truncation):
    """[CLS] a [SEP] with one token type, cut as a corpus without pairs: the official code asks ``if tokens_b``."""
    recipe = Finetune(truncation=truncation, max_length=max_length, head_tokens=2, fractions=3)
    found = truncate(text(first), text(0), recipe, CLS, SEP)
    expected = truncate(text(first), None, recipe, CLS, SEP)
    assert [segment.ids.tolist() for segment in found] == [segment.ids.tolist() for segment in expected]
    assert not any(segment.types.any() for segment in found)


@pytest.mark.parametrize("kind", [np.uint16, np.int32])
@pytest.mark.parametrize("second", [None, 0, 30])
def test_ids_keep_their_type_and_token_types_are_bytes(kind, second):
    pair = None if second is None else text(second).astype(kind)
    for truncation in SINGLE + HIER:
        recipe = Finetune(truncation=truncation, max_length=20, head_tokens=4)
        for segment in truncate(text(40).astype(kind), pair, recipe, CLS, SEP):
            assert segment.ids.dtype == kind and segment.types.dtype == np.uint8


def test_a_pair_without_a_first_text_stays_a_pair():
    (segment,) = truncate(text(0), text(2), Finetune(), CLS, SEP)
    assert segment.ids.tolist() == [CLS, SEP, 0, 1, SEP] and segment.types.tolist() == [0, 0, 1, 1, 1]


def test_pair_of_the_paper_s_length():
    first, second = cut_pair(text(600), text(400), 509)
    assert (len(first), len(second)) == (255, 254)
    first, second = cut_pair(text(600), text(100), 509)
    assert (len(first), len(second)) == (409, 100)
