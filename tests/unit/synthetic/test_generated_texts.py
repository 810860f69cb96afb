"""The synthetic corpora: the same texts for a seed, and the effects that are built into them."""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from itertools import combinations
from statistics import mean, median

import pytest

from bertfit.core.errors import UserError
from bertfit.synthetic import generated_texts, lexicon
from helpers.synthetic_texts import meaning_of, texts, tokens

BODY = 62  # word pieces of a text that an encoder with 64 positions sees
HEAD = 15


def verdict(corpus: str, words: list[str]) -> int | None:
    """The class that most evidence in ``words`` speaks of; None where there is none. It knows all meanings."""
    profile = generated_texts.CORPORA[corpus]
    classes = {meaning: label for label, meanings in enumerate(profile.classes.values()) for meaning in meanings}
    known = meaning_of(profile.lexicon)
    votes = Counter(classes[known[word]] for word in words if word in known and known[word] in classes)
    return votes.most_common(1)[0][0] if votes else None


def error(corpus: str, cut) -> float:
    rows = generated_texts.read(corpus, "test", 1)
    found = [verdict(corpus, cut(tokens(text))) for text in texts(corpus, "test")]
    return 100 * mean(answer != label for answer, label in zip(found, rows.label, strict=True))


def test_golden_digest_of_all_texts() -> None:
    digest = hashlib.sha256()
    for corpus in generated_texts.CORPORA:
        for split in ("train", "test"):
            digest.update(generated_texts.read(corpus, split, 1).to_csv(index=False, lineterminator="\n").encode())
    for split in ("train", "test"):
        digest.update(repr(list(generated_texts.documents("general", split, 1))).encode())
    assert digest.hexdigest() == "b5b7d04a6c1ef8ff1ffcfc053d929f746ab29289b6754297981f4bb11b4e9189"


@pytest.mark.parametrize("corpus", generated_texts.CORPORA)
def test_rows_are_a_function_of_split_and_seed(corpus: str) -> None:
    first = generated_texts.read(corpus, "train", 1)
    assert first.equals(generated_texts.read(corpus, "train", 1))
    assert not first.equals(generated_texts.read(corpus, "train", 2))
    profile = generated_texts.CORPORA[corpus]
    assert list(first.columns) == [*profile.fields, "label"]
    assert len(first) == profile.rows["train"]
    assert not set(texts(corpus)) & set(texts(corpus, "test")) or corpus == "trec"


@pytest.mark.parametrize(
    ("corpus", "classes"),
    [("imdb", 2), ("yelp_p", 2), ("yelp_f", 5), ("trec", 6), ("yahoo", 10), ("ag", 4), ("dbpedia", 14), ("sogou", 6)],
)
def test_classes_are_the_papers_in_number_and_even(corpus: str, classes: int) -> None:
    assert len(generated_texts.label_names(corpus)) == classes
    for split in ("train", "test"):
        counts = generated_texts.read(corpus, split, 1).label.value_counts()
        assert set(counts.index) == set(range(classes))
        assert counts.max() - counts.min() <= 1


def test_no_field_is_empty_and_sogou_is_chinese() -> None:
    for corpus, profile in generated_texts.CORPORA.items():
        for split in ("train", "test"):
            assert generated_texts.read(corpus, split, 1)[list(profile.fields)].map(str.strip).ne("").all(axis=None), (
                corpus
            )
    assert not re.search("[A-Za-z]", "".join(texts("sogou")))


def test_only_imdb_and_sogou_exceed_the_encoder() -> None:
    for corpus in generated_texts.CORPORA:
        lengths = [len(tokens(text)) for text in texts(corpus)]
        assert min(lengths) > 2 * BODY if corpus in ("imdb", "sogou") else max(lengths) <= BODY, corpus
    assert max(len(tokens(text)) for text in texts("trec")) <= 8


@pytest.mark.parametrize("corpus", ["imdb", "sogou"])
def test_evidence_is_at_both_ends_and_misleads_in_the_middle(corpus: str) -> None:
    classes = len(generated_texts.label_names(corpus))
    assert error(corpus, lambda t: t[:HEAD] + t[-(BODY - HEAD) :]) < 7
    # Nothing at the head in 30 % of the texts, at the tail in 20 %: what an all-knowing reader then lacks.
    assert 20 < error(corpus, lambda t: t[:HEAD]) < 40
    assert 15 < error(corpus, lambda t: t[-(BODY - HEAD) :]) < 28
    assert error(corpus, lambda t: t[BODY : len(t) - BODY]) > 100 * (1 - 1 / classes)
    assert error(corpus, lambda t: t) > 15


@pytest.mark.parametrize("corpus", ["yelp_p", "yelp_f", "yahoo", "ag", "dbpedia"])
def test_meanings_decide_the_class(corpus: str) -> None:
    assert error(corpus, lambda t: t) < 3


@pytest.mark.parametrize("corpus", ["imdb", "yelp_p", "yelp_f", "yahoo", "ag", "dbpedia", "sogou"])
def test_plain_words_alone_do_not(corpus: str) -> None:
    """In a share ``bare`` of the texts no plain word is there to speak, but for stray ones of other meanings."""
    profile = generated_texts.CORPORA[corpus]
    plain = {word for meaning in lexicon.MEANINGS[profile.lexicon] for word in meaning.plain.words}
    found = error(corpus, lambda t: [w for w in t[:HEAD] + t[-(BODY - HEAD) :] if w in plain])
    assert found > 100 * profile.bare * 0.7


def togetherness(documents: list[list[str]], name: str) -> float:
    """Share of pairs of different jargon words in one text that belong to one cluster."""
    cluster = {word: number for number, meaning in enumerate(lexicon.MEANINGS[name]) for word in meaning.jargon}
    pairs: Counter[bool] = Counter()
    for document in documents:
        pairs.update(cluster[a] == cluster[b] for a, b in combinations(sorted(set(document) & set(cluster)), 2))
    return pairs[True] / pairs.total()


def test_jargon_keeps_company_in_corpora_and_none_in_general_text() -> None:
    general = [tokens(" ".join(document)) for document in generated_texts.documents("general", "train", 1)]
    corpora = {"yelp_p": "sentiment", "yelp_f": "sentiment", "yahoo": "question", "ag": "topic", "dbpedia": "topic"}
    for corpus, name in corpora.items():
        chance = 1 / len(lexicon.MEANINGS[name])
        assert togetherness(general, name) == pytest.approx(chance, abs=0.04)
        assert togetherness([tokens(text) for text in texts(corpus)], name) > max(0.5, 3 * chance), corpus


def test_general_text_knows_every_word_and_keeps_plain_topics_together() -> None:
    documents = [tokens(" ".join(document)) for document in generated_texts.documents("general", "train", 1)]
    counts = Counter(word for document in documents for word in document)
    words = {word for name in lexicon.MEANINGS for word in meaning_of(name)}
    assert words <= set(counts)
    assert median(counts[word] for word in words) >= 8
    topic = {word: name for name, t in (lexicon.THEMES | lexicon.MOODS).items() for word in t.words}
    assert all(len({topic[word] for word in document if word in topic}) <= 1 for document in documents)


def test_trec_is_decided_by_its_question_and_has_noise() -> None:
    patterns = {
        label: [re.sub(r"\b[NVAE]\b", "[a-z]+", template.replace(" ?", r"\?")) for template in templates]
        for label, templates in enumerate(generated_texts.QUESTIONS.values())
    }
    rows = generated_texts.read("trec", "test", 1)
    asked = [next(k for k, ps in patterns.items() if any(re.fullmatch(p, t.lower()) for p in ps)) for t in rows.text]
    share = mean(a != b for a, b in zip(asked, rows.label, strict=True))
    assert 0.01 < share < 0.06  # 4 % drawn again, a sixth of them the same
    by_class = defaultdict(Counter)
    known = {word: number for number, meaning in enumerate(lexicon.MEANINGS["question"]) for word in meaning.jargon}
    for text, label in zip(rows.text, rows.label, strict=True):
        by_class[label].update(known[word] for word in tokens(text) if word in known)
    assert max(max(counts.values()) / counts.total() for counts in by_class.values()) < 0.3  # of ten clusters


def test_general_text_has_a_held_out_split() -> None:
    train = {" ".join(document) for document in generated_texts.documents("general", "train", 1)}
    test = [" ".join(document) for document in generated_texts.documents("general", "test", 1)]
    assert (len(train), len(test)) == (len(train), 600)
    assert mean(document in train for document in test) < 0.01


def test_unknown_names_are_told() -> None:
    with pytest.raises(UserError, match="no synthetic corpus 'imbd'; did you mean 'imdb'"):
        generated_texts.read("imbd", "train", 1)
    with pytest.raises(UserError, match="'trec' has no split 'dev'"):
        generated_texts.read("trec", "dev", 1)
    with pytest.raises(UserError, match="no synthetic text 'wiki'"):
        list(generated_texts.documents("wiki", "train", 1))
