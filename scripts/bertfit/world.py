"""The miniature world."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

from bertfit.lexicon import ATTITUDES, CHINESE, CLUSTERS, ENGLISH, Topic

GENERAL = (
    "the A N V near the N .",
    "a N and a G N V .",
    "once the N V , and the N was A .",
    "it was a A N with a A N .",
    "the N V because the A N V .",
    "was the N A ?",
    "no N is as A as the N !",
    "the N was G and G .",
    "a G N V , how G !",
)
LISTS = (
    "N , A N , N and N V .",
    "A N and N V A N .",
    "N V , N V , A N !",
    "G N , A N and G N .",
    "A , A and G , N and N V .",
)
FILLER = tuple(t for t in GENERAL if "G" not in t)
SENTENCES = {
    "sentiment": (
        "i found it E and E .",
        "the N was E , even E .",
        "such a E and E film !",
        "it felt E , then E to me .",
    ),
    "question": (
        "how do i E a E ?",
        "is E better than E ?",
        "does anyone know a E for my E ?",
        "try E with some E .",
        "i think E is E .",
    ),
    "topic": (
        "the E and a new E met on monday .",
        "E is known for its E .",
        "a E of the E said so .",
        "officials saw E in E .",
    ),
    "news": ("E和E在E。", "这E是E的E。", "E了E，E也E！", "有E不E，E？"),
}
LISTING = 0.6
GENERAL_CHINESE = ("AN在N，V了。", "这N和NV。", "N是A的，N也V！", "有N不V，是AN？")
HEADLINES = {"sentiment": ("E , E and E .", "so E , so E !"), "news": ("E和E与EE",)}
TREC = {
    "abbreviation": ("what does E stand for ?", "what is E short for ?"),
    "entity": ("what N has a A E ?", "which N is called E ?"),
    "description": ("how did the N of E V ?", "why is E so A ?"),
    "human": ("who V the N of E ?", "who was E ?"),
    "location": ("where is E found ?", "where did E V ?"),
    "number": ("how many N has E ?", "how much is the N of E ?"),
}


@dataclass(frozen=True)
class Profile:
    domain: str
    classes: dict[str, tuple[int, ...]]
    train: int
    test: int
    lexicon: str
    fields: dict[str, tuple[int, int]]
    purity: float = 0.9
    plain: float = 0.5
    bare: float = 0.3
    long: bool = False


def _each(names: str) -> dict[str, tuple[int, ...]]:
    return {n: (i,) for i, n in enumerate(names.split())}


PN = {"negative": (0, 1), "positive": (3, 4)}
CORPORA = {
    "imdb": Profile("sentiment", PN, 240, 400, "sentiment", {"text": (0, 0)}, long=True),
    "yelp_p": Profile("sentiment", PN, 240, 400, "sentiment", {"text": (4, 6)}),
    "yelp_f": Profile("sentiment", _each("1 2 3 4 5"), 300, 400, "sentiment", {"text": (4, 6)}, purity=0.8),
    "trec": Profile(
        "question",
        dict.fromkeys(["abbreviation", "entity", "description", "human", "location", "number"], ()),
        90,
        400,
        "question",
        {"text": (1, 1)},
    ),
    "yahoo": Profile(
        "question",
        _each("society science health education computers sports business entertainment family politics"),
        300,
        400,
        "question",
        {"title": (1, 1), "content": (1, 2), "answer": (2, 2)},
    ),
    "ag": Profile(
        "topic",
        {"world": (0, 1, 2), "sports": (3, 4, 5, 6), "business": (7, 8, 9), "science": (10, 11, 12, 13)},
        280,
        400,
        "topic",
        {"title": (1, 1), "body": (3, 4)},
    ),
    "dbpedia": Profile(
        "topic",
        _each(
            "company school artist athlete politician transport building nature village animal plant album film book"
        ),
        350,
        400,
        "topic",
        {"title": (1, 1), "content": (3, 4)},
    ),
    "sogou": Profile(
        "news",
        _each("sports house business entertainment women technology"),
        240,
        400,
        "news",
        {"title": (0, 0), "content": (0, 0)},
        long=True,
    ),
}


def anchor(lexicon: str, k: int) -> Sequence[str]:
    if lexicon == "sentiment":
        return ATTITUDES[k]
    t = (CHINESE if lexicon == "news" else ENGLISH)[k]
    return (*t.nouns, *t.adjectives, *t.verbs)


ANCHOR = {c: [anchor(c, k) for k in range(len(CLUSTERS[c]))] for c in CLUSTERS}


def _fill(
    template: str, topic: Topic, evidence: Callable[[], str] | None, rng: random.Random, attitude=ATTITUDES[2]
) -> str:
    chinese = template[-1] in "。！？" or not template.isascii()
    out = []
    for token in template if chinese else template.split():
        match token:
            case "N":
                token = rng.choice(topic.nouns)
            case "V":
                token = rng.choice(topic.verbs)
            case "A":
                token = rng.choice(topic.adjectives)
            case "G":
                token = rng.choice(attitude)
            case "E":
                token = evidence()
        out.append(token)
    if chinese:
        return "".join(out)
    s = " ".join(out)
    for mark in ",.?!":
        s = s.replace(f" {mark}", mark)
    return s[0].upper() + s[1:]


def label_names(corpus):
    return list(CORPORA[corpus].classes)


def read(corpus: str, split: str, seed: int) -> pd.DataFrame:
    p = CORPORA[corpus]
    rng = random.Random(f"{seed}/{corpus}/{split}")
    names = list(p.classes)
    n = p.train if split == "train" else p.test
    labels = [i % len(names) for i in range(n)]
    rng.shuffle(labels)
    rows = [_row(corpus, p, label, rng) | {"label": label} for label in labels]
    return pd.DataFrame(rows)


def _row(corpus, p, label, rng):
    lex = CLUSTERS[p.lexicon]
    anc = ANCHOR[p.lexicon]
    chinese = p.domain == "news"
    topic = rng.choice(CHINESE[6:] if chinese else ENGLISH)
    names = list(p.classes)
    if corpus == "trec":
        anyword = lambda: rng.choice(rng.choice(lex))
        if rng.random() < 0.04:
            label = rng.randrange(6)
        return {"text": _fill(rng.choice(TREC[names[label]]), topic, anyword, rng, None)}
    own = rng.choice(p.classes[names[label]])
    plain = 0.0 if rng.random() < p.bare else p.plain

    def draw(cluster):
        def word():
            k = cluster if rng.random() < p.purity else rng.randrange(len(lex))
            return rng.choice(anc[k] if rng.random() < plain else lex[k])

        return word

    if p.long:
        return _long(corpus, p, label, own, topic, rng, draw)
    return {
        f: " ".join(_fill(rng.choice(SENTENCES[p.lexicon]), topic, draw(own), rng) for _ in range(rng.randint(*n)))
        for f, n in p.fields.items()
    }


def _long(corpus, p, label, own, topic, rng, draw):
    lex = CLUSTERS[p.lexicon]
    names = list(p.classes)
    zh = p.domain == "news"
    gen = GENERAL_CHINESE if zh else FILLER
    where = rng.choices(("both", "head", "tail"), (50, 20, 30))[0]
    scattered = lambda: draw(rng.randrange(len(lex)))()
    head = draw(own) if where != "tail" else scattered
    tail = draw(own) if where != "head" else scattered
    other = rng.choice([c for i, n in enumerate(names) if i != label for c in p.classes[n]])
    f = lambda t, e, k: [_fill(rng.choice(t), topic, e, rng) for _ in range(k)]
    opening = f(HEADLINES[p.lexicon], head, 2)
    middle = f(SENTENCES[p.lexicon], draw(other), 4)
    end = f(SENTENCES[p.lexicon], tail, 4)
    before, after = f(gen, None, 6), f(gen, None, 4 if zh else 3)
    if zh:
        return {"title": "，".join(opening), "content": "".join(before + middle + after + end)}
    return {"text": " ".join(opening + before + middle + after + end)}


def documents(text: str, split: str, seed: int, count: int = 6000) -> Iterator[list[str]]:
    rng = random.Random(f"{seed}/{text}/{split}")
    english = [w for c in ("sentiment", "question", "topic") for k in CLUSTERS[c] for w in k]
    chinese = [w for k in CLUSTERS["news"] for w in k]
    for _ in range(count if split == "train" else count // 10):
        zh = rng.random() < 0.15
        topic = rng.choice(CHINESE if zh else ENGLISH)
        attitude = rng.choice(ATTITUDES)
        stray = (lambda: rng.choice(chinese)) if zh else (lambda: rng.choice(english))
        doc = []
        listing = rng.random() < LISTING
        for _ in range(rng.randint(2, 4) if rng.random() < 0.85 else rng.randint(5, 7)):
            if rng.random() < 0.25:
                t = rng.choice(
                    SENTENCES["news"]
                    if zh
                    else SENTENCES[rng.choice(("sentiment", "question", "topic"))]
                    if rng.random() < 0.7
                    else TREC[rng.choice(list(TREC))]
                )
            else:
                t = rng.choice(GENERAL_CHINESE if zh else (LISTS if listing else GENERAL))
            doc.append(_fill(t, topic, stray, rng, attitude))
        yield doc
