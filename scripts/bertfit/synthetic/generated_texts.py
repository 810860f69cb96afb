"""Synthetic counterparts of the paper's eight corpora, and general text, with effects by construction.

Every text is a pure function of (name, split, seed). A text is a list of sentences; a sentence is a template with slots
to fill: N, V and A are a noun, a verb and an adjective of the text's background topic, E is a word of evidence.
The evidence of a text is for one `Meaning`, which determines the class: each E is drawn with probability ``purity``
from that meaning (else from any meaning of the lexicon), and is plain or jargon. The effects (`claims/expected` lists
the claims that they support):

* Long texts (imdb, sogou) have evidence at both ends (50 %), at the head only (20 %) or at the tail only (30 %), and
  background text in the other place. Their middle holds equally dense evidence for another class. So head+tail sees all
  evidence for the label, head-only and tail-only each miss it in a share of the texts, and pooling over fractions adds
  misleading evidence.
* Jargon consists of clusters of interchangeable words. In general text they occur in random contexts. In a corpus a
  cluster co-occurs with its plain topic, which the encoder knows: further pre-training on the unlabelled corpus teaches
  what jargon means. In a share ``bare`` of the texts all evidence for the label is jargon, hard to learn in four epochs
  from few labels: each word is rare, and texts with plain words already explain the labels.
* Corpora of one domain share a lexicon, so in-domain text teaches the same clusters.
* The class of trec depends on the question word, which general text contains; its jargon is random and 4 % of its
  labels are noise. Further pre-training on it has no benefit.
* Nothing is built in for learning rates: training at too high a rate fails by itself.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import pandas as pd

from bertfit.core.errors import UserError, nearest
from bertfit.synthetic.lexicon import CHINESE, CHINESE_FILLER, MEANINGS, MOODS, THEMES, Meaning, Topic

Draw = Callable[[], str]

ENGLISH_GENERAL: tuple[str, ...] = (
    "A N V near A N .",
    "N and A N V .",
    "A N V while N V .",
    "A N V with A N .",
    "N V , A N V .",
    "was N A ?",
    "N as A as N !",
    "N A , N A .",
    "A N V , how A !",
    "A N V A N .",
    "N A N V A N .",
    "A N A N V N .",
    "N V A N V N .",
    "A A N N V .",
)
CHINESE_GENERAL: tuple[str, ...] = ("ANVN。", "这N和ANV。", "NVANV。", "N是AN。", "NANVA！", "AN不V，AN？")
EVIDENCE: dict[str, tuple[str, ...]] = {
    "sentiment": ("found it E and E .", "it was E , even E .", "such E , E film !", "felt E , then E ."),
    "question": ("how to E a E ?", "is E better than E ?", "anyone know E for E ?", "try E with E .", "i think E E ."),
    "topic": ("E meets new E .", "E known for E .", "E of E says E .", "officials see E in E ."),
    "news": ("E和EEE。", "这E是EE。", "EEE，E也E！", "有E不E，EE？"),
}
OPENING: dict[str, tuple[str, ...]] = {"sentiment": ("E , E and E .", "so E , so E !"), "news": ("EEE和EE，EE和EEE",)}
QUESTIONS: dict[str, tuple[str, ...]] = {
    "abbreviation": ("what does E stand for ?", "what is E short for ?"),
    "entity": ("what N has a A E ?", "which N is called E ?"),
    "description": ("how did N of E V ?", "why is E so A ?"),
    "human": ("who V N of E ?", "who was E ?"),
    "location": ("where is E found ?", "where did E V ?"),
    "number": ("how many N has E ?", "how much is N of E ?"),
}
LABEL_NOISE = 0.04  # share of trec's questions with a random label
GENERAL_ROWS = {"train": 6000, "test": 600}


class Profile(NamedTuple):
    """A corpus: lexicon, the meanings of each class, sizes, and the strength of its evidence."""

    lexicon: str
    classes: dict[str, tuple[int, ...]]
    fields: dict[str, tuple[int, int]]
    """Field -> minimum and maximum number of sentences; not used for long texts."""
    rows: dict[str, int]
    purity: float = 0.9
    plain: float = 0.5
    bare: float = 0.3
    long: bool = False


def _one_meaning_per_class(names: list[str]) -> dict[str, tuple[int, ...]]:
    return {name: (number,) for number, name in enumerate(names)}


def _sections(**sections: str) -> dict[str, tuple[int, ...]]:
    return {name: tuple(list(THEMES).index(theme) for theme in themes.split()) for name, themes in sections.items()}


LONG: dict[str, tuple[int, int]] = {"text": (0, 0)}
POLES: dict[str, tuple[int, ...]] = {"negative": (0, 1), "positive": (3, 4)}
SECTIONS = _sections(
    outdoors="sea farm forest garden", society="school castle medicine law", trade="kitchen traffic market",
    leisure="music sky house",
)  # fmt: skip
REVIEW: dict[str, tuple[int, int]] = {"text": (4, 6)}
CORPORA = {
    "imdb": Profile("sentiment", POLES, LONG, {"train": 400, "test": 600}, long=True),
    "yelp_p": Profile("sentiment", POLES, REVIEW, {"train": 240, "test": 600}, bare=0.5),
    "yelp_f": Profile(
        "sentiment", _one_meaning_per_class(list(MOODS)), REVIEW, {"train": 300, "test": 600}, purity=0.8
    ),
    "trec": Profile("question", dict.fromkeys(QUESTIONS, ()), {"text": (1, 1)}, {"train": 240, "test": 600}),
    "yahoo": Profile(
        "question",
        _one_meaning_per_class(list(THEMES)[:10]),
        {"title": (1, 1), "content": (1, 2), "answer": (2, 2)},
        {"train": 300, "test": 600},
    ),
    "ag": Profile("topic", SECTIONS, {"title": (1, 1), "body": (3, 4)}, {"train": 280, "test": 600}),
    "dbpedia": Profile(
        "topic", _one_meaning_per_class(list(THEMES)), {"title": (1, 1), "content": (3, 4)}, {"train": 350, "test": 600}
    ),
    "sogou": Profile(
        "news",
        _one_meaning_per_class(list(CHINESE)),
        {"title": (0, 0), "content": (0, 0)},
        {"train": 400, "test": 600},
        long=True,
    ),
}
TEXTS = ("general",)


def label_names(corpus: str) -> list[str]:
    """Class names of a corpus in the order of its labels."""
    return list(_profile(corpus).classes)


def read(corpus: str, split: str, seed: int) -> pd.DataFrame:
    """Rows of a corpus: its text fields and ``label`` (class number), with classes of equal size up to one row.

    Raises `UserError` for an unknown corpus or split.
    """
    profile = _profile(corpus)
    if split not in profile.rows:
        raise UserError(f"the synthetic corpus {corpus!r} has no split {split!r}{nearest(split, profile.rows)}")
    rng = random.Random(f"{corpus}/{split}/{seed}")
    labels = [row % len(profile.classes) for row in range(profile.rows[split])]
    rng.shuffle(labels)
    compose = _question if corpus == "trec" else _long if profile.long else _short
    return pd.DataFrame([compose(profile, label, rng) | {"label": label} for label in labels])


def documents(text: str, split: str, seed: int) -> Iterator[list[str]]:
    """General text: documents of two to seven sentences about one topic; about every sixth sentence contains jargon.

    Most documents are short, from which a small encoder learns co-occurrence sooner. Raises `UserError` for an unknown
    text or split.
    """
    if text not in TEXTS or split not in GENERAL_ROWS:
        raise UserError(f"there is no synthetic text {text!r}, split {split!r}; known: general; train, test")
    rng = random.Random(f"{text}/{split}/{seed}")
    english = [*THEMES.values(), *MOODS.values()]
    chinese = [*CHINESE.values(), *CHINESE_FILLER]
    jargon = {lexicon: [word for meaning in MEANINGS[lexicon] for word in meaning.jargon] for lexicon in MEANINGS}
    english_lexicons = [lexicon for lexicon in MEANINGS if lexicon != "news"]
    for _ in range(GENERAL_ROWS[split]):
        in_chinese = rng.random() < 0.25
        topic = rng.choice(chinese if in_chinese else english)
        sentences = []
        for _ in range(rng.randint(2, 4) if rng.random() < 0.85 else rng.randint(5, 7)):
            lexicon = "news" if in_chinese else rng.choice(english_lexicons)
            kind = rng.random()
            templates = CHINESE_GENERAL if in_chinese else ENGLISH_GENERAL
            if kind < 0.1:
                templates = EVIDENCE[lexicon]
            elif kind < 0.24 and not in_chinese:
                templates = rng.choice(list(QUESTIONS.values()))
            sentences += _sentences(1, templates, topic, partial(rng.choice, jargon[lexicon]), rng)
        yield sentences


def _profile(corpus: str) -> Profile:
    if corpus not in CORPORA:
        raise UserError(f"there is no synthetic corpus {corpus!r}{nearest(corpus, CORPORA)}")
    return CORPORA[corpus]


def _sentences(number: int, templates: tuple[str, ...], topic: Topic, evidence: Draw, rng: random.Random) -> list[str]:
    """Sentences from templates drawn at random, with their slots filled."""
    slots: dict[str, Draw] = {
        "N": lambda: rng.choice(topic.nouns),
        "V": lambda: rng.choice(topic.verbs),
        "A": lambda: rng.choice(topic.adjectives),
        "E": evidence,
    }
    sentences = []
    for _ in range(number):
        template = rng.choice(templates)
        chinese = not template.isascii()
        words = [slots[word]() if word in slots else word for word in (template if chinese else template.split())]
        text = "".join(words if chinese else [word if word in ",.?!" else f" {word}" for word in words]).strip()
        sentences.append(text if chinese else text[0].upper() + text[1:])
    return sentences


def _evidence(profile: Profile, target: Meaning, plain: float, rng: random.Random) -> Draw:
    """A source of evidence for ``target``: a share ``plain`` of its words are plain, the others jargon."""

    def draw() -> str:
        meaning = target if rng.random() < profile.purity else rng.choice(MEANINGS[profile.lexicon])
        return rng.choice(meaning.plain.words if rng.random() < plain else meaning.jargon)

    return draw


def _class_evidence(profile: Profile, label: int, rng: random.Random) -> Draw:
    """A source of evidence for a class: for one of its meanings, in a share ``bare`` of texts by jargon only."""
    meaning = MEANINGS[profile.lexicon][rng.choice(list(profile.classes.values())[label])]
    return _evidence(profile, meaning, 0.0 if rng.random() < profile.bare else profile.plain, rng)


def _short(profile: Profile, label: int, rng: random.Random) -> dict[str, str]:
    topic, evidence = rng.choice(list(THEMES.values())), _class_evidence(profile, label, rng)
    return {
        field: " ".join(_sentences(rng.randint(*span), EVIDENCE[profile.lexicon], topic, evidence, rng))
        for field, span in profile.fields.items()
    }


def _question(profile: Profile, label: int, rng: random.Random) -> dict[str, str]:
    topic = rng.choice(list(THEMES.values()))
    shown = rng.randrange(len(QUESTIONS)) if rng.random() < LABEL_NOISE else label
    jargon = [word for meaning in MEANINGS[profile.lexicon] for word in meaning.jargon]
    return {"text": _sentences(1, list(QUESTIONS.values())[shown], topic, partial(rng.choice, jargon), rng)[0]}


def _long(profile: Profile, label: int, rng: random.Random) -> dict[str, str]:
    chinese = profile.lexicon == "news"
    general = CHINESE_GENERAL if chinese else ENGLISH_GENERAL
    topic = rng.choice(CHINESE_FILLER if chinese else list(THEMES.values()))
    evidence = _class_evidence(profile, label, rng)
    other = rng.choice([number for number in range(len(profile.classes)) if number != label])
    where = rng.choices(("both", "head", "tail"), (50, 20, 30))[0]

    def say(number: int, draw: Draw | None, opening: bool = False) -> list[str]:
        templates = OPENING if opening else EVIDENCE
        return _sentences(number, templates[profile.lexicon] if draw else general, topic, draw or str, rng)

    head = say(1 if chinese else 2, None if where == "tail" else evidence, opening=True)
    body = say(3, None if where == "tail" else evidence) + say(2, None) + say(7, _class_evidence(profile, other, rng))
    body += say(2, None) + say(7, None if where == "head" else evidence)
    return {"title": head[0], "content": "".join(body)} if chinese else {"text": " ".join(head + body)}
