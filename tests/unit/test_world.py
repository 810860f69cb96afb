"""The generated world: pure functions of the seed, and what is planted is there before any training."""

from __future__ import annotations

from collections import Counter

import pandas as pd
import pytest
from bertfit import world
from bertfit.errors import UserError


@pytest.mark.parametrize("corpus", world.CORPORA)
def test_a_corpus_is_a_function_of_its_seed(corpus: str) -> None:
    rows = world.read(corpus, "train", 1)
    pd.testing.assert_frame_equal(rows, world.read(corpus, "train", 1))
    assert not rows.equals(world.read(corpus, "train", 2))
    counts = Counter(rows["label"])
    assert set(counts) == set(range(len(world.label_names(corpus))))
    assert max(counts.values()) - min(counts.values()) <= 1 or corpus == "trec", "classes are even"
    assert all(text.strip() for field in rows.columns if field != "label" for text in rows[field])


def test_splits_do_not_share_texts_of_the_long_corpora() -> None:
    for corpus in ("imdb", "sogou"):
        column = "text" if corpus == "imdb" else "content"
        train, test = (set(world.read(corpus, split, 1)[column]) for split in ("train", "test"))
        assert not train & test


def test_long_texts_exceed_the_encoder_and_questions_do_not() -> None:
    words = world.read("imdb", "train", 1)["text"].str.split().str.len()
    assert words.min() > 64
    assert world.read("sogou", "train", 1)["content"].str.len().min() > 64
    assert world.read("trec", "train", 1)["text"].str.split().str.len().max() < 20


def test_sogou_is_written_in_chinese_characters() -> None:
    text = "".join(world.read("sogou", "test", 1)["content"])
    assert not any(character.isascii() and character.isalpha() for character in text)


def head_and_tail_majorities(rows: pd.DataFrame, words: int) -> tuple[float, float]:
    """Accuracy of a word-count classifier on the first words and on the last words of held-out texts."""
    found = []
    for part in (lambda text: text[:words], lambda text: text[-3 * words :]):
        known: dict[str, Counter[int]] = {}
        train, test = rows.iloc[: len(rows) // 2], rows.iloc[len(rows) // 2 :]
        for text, label in zip(train["text"], train["label"], strict=True):
            for word in set(part(text.lower().split())):
                known.setdefault(word, Counter())[label] += 1
        right = 0
        for text, label in zip(test["text"], test["label"], strict=True):
            votes: Counter[int] = Counter()
            for word in set(part(text.lower().split())):
                if word in known:
                    total = sum(known[word].values())
                    votes.update({cls: count / total - 0.5 for cls, count in known[word].items()})
            right += bool(votes) and votes.most_common(1)[0][0] == label
        found.append(right / len(test))
    return found[0], found[1]


def test_evidence_stands_at_the_head_and_at_the_tail() -> None:
    rows = pd.concat([world.read("imdb", "train", 1), world.read("imdb", "test", 1)], ignore_index=True)
    head, tail = head_and_tail_majorities(rows, 14)
    assert 0.6 < head < 0.9 and 0.6 < tail < 0.95, "each end tells of a share of the texts only"


def test_what_is_planted_is_declared_by_name() -> None:
    assert {"effect", "null", "unknown"} == {kind for kind, _ in world.PLANTED.values()}
    assert world.PLANTED["table5 trec"][0] == "null"


def test_unknown_names_are_told() -> None:
    with pytest.raises(UserError, match="imdb"):
        world.read("imbd", "train", 1)
    with pytest.raises(UserError, match="validation"):
        world.read("imdb", "validation", 1)
