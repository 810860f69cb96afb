"""Data sets with the difficulties that people's own files have, made from a seed, for `own_datasets`."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

GOOD = [
    "bright",
    "friendly",
    "clean",
    "quiet",
    "lovely",
    "helpful",
    "fresh",
    "warm",
    "spotless",
    "generous",
    "charming",
    "excellent",
]
BAD = ["dirty", "rude", "noisy", "broken", "stale", "cold", "tiny", "awful", "smelly", "slow", "shabby", "overpriced"]
THINGS = [
    "room",
    "staff",
    "breakfast",
    "bed",
    "shower",
    "lobby",
    "view",
    "towel",
    "service",
    "pool",
    "kitchen",
    "lift",
    "garden",
    "parking",
]
OPENINGS = [
    "We stayed two nights.",
    "Second visit this year.",
    "Booked at short notice.",
    "Travelled with children.",
    "",
]
TOPICS = {
    "sport": [
        "match",
        "goal",
        "coach",
        "league",
        "striker",
        "season",
        "referee",
        "stadium",
        "injury",
        "penalty",
        "title",
        "transfer",
    ],
    "money": [
        "shares",
        "profit",
        "bank",
        "inflation",
        "market",
        "merger",
        "dividend",
        "loan",
        "tax",
        "forecast",
        "budget",
        "bond",
    ],
    "science": [
        "telescope",
        "enzyme",
        "fossil",
        "orbit",
        "genome",
        "laboratory",
        "particle",
        "vaccine",
        "climate",
        "glacier",
        "neuron",
        "probe",
    ],
    "travel": [
        "airport",
        "visa",
        "luggage",
        "beach",
        "hotel",
        "cruise",
        "passport",
        "museum",
        "hiking",
        "ferry",
        "souvenir",
        "tour",
    ],
}
VERBS = ["cancel", "renew", "transfer", "block", "check", "update", "order", "return", "upgrade", "report"]
OBJECTS = ["card", "subscription", "insurance", "delivery", "booking", "password"]
ASKING = [
    "how do I {v} my {o}", "please {v} the {o}", "I want to {v} my {o} today", "can you {v} a {o} for me",
    "need to {v} {o} asap", "{o}: {v} it please", "is it possible to {v} my {o}?", "help me {v} the {o} from last week",
]  # fmt: skip
HAPPY, ANGRY = ["😀", "😍", "🎉", "🥳", "👍", "❤️", "😊"], ["😡", "🤬", "👎", "💔", "😠", "🤮", "😤"]
ARABIC = {
    "رياضة": ["مباراة", "هدف", "مدرب", "فريق", "لاعب", "بطولة", "ملعب", "حكم", "كأس"],
    "اقتصاد": ["بنك", "سوق", "أسهم", "ربح", "تضخم", "ميزانية", "قرض", "استثمار", "عملة"],
}
FILLER = [
    "the",
    "of",
    "and",
    "a",
    "to",
    "in",
    "was",
    "for",
    "on",
    "with",
    "as",
    "by",
    "at",
    "from",
    "it",
    "this",
    "that",
    "which",
    "had",
    "were",
]

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Made:
    """A data set: its rows, and the switches with which it is classified."""

    name: str
    about: str
    rows: Rows
    switches: dict[str, str] = field(default_factory=dict)


def review(draw: random.Random, mood: Sequence[str]) -> str:
    """A short hotel review of a mood."""
    parts = [f"The {draw.choice(THINGS)} was {draw.choice(mood)}." for _ in range(draw.randint(1, 3))]
    return " ".join(filter(None, [draw.choice(OPENINGS), *parts]))


def about_topic(draw: random.Random, words: Sequence[str], size: int, share: float = 0.35) -> str:
    """Words of which a ``share`` is of a topic, the rest filler."""
    return " ".join(draw.choice(words) if draw.random() < share else draw.choice(FILLER) for _ in range(size))


def imbalanced(draw: random.Random) -> Rows:
    """2,000 harmless messages and 10 of spam."""
    ham = [{"text": review(draw, draw.choice([GOOD, BAD])), "label": "ham"} for _ in range(2000)]
    prizes = ["voucher", "phone", "cruise", "bonus", "lottery"]
    spam = [
        {"text": f"Claim your free {draw.choice(prizes)} now, call {draw.randint(10**6, 10**7)}!", "label": "spam"}
        for _ in range(10)
    ]
    return ham + spam


def sixty(draw: random.Random) -> Rows:
    """60 intents with eight examples each."""
    return [
        {"text": form.format(v=verb, o=thing) + f" {draw.choice(FILLER)}", "label": f"{verb} {thing}"}
        for verb in VERBS
        for thing in OBJECTS
        for form in ASKING
    ]


def forty(draw: random.Random) -> Rows:
    """40 texts in all."""
    return [
        {"text": f"{review(draw, mood)} ({number})", "label": label}
        for number in range(20)
        for label, mood in (("good", GOOD), ("bad", BAD))
    ]


def long_documents(draw: random.Random) -> Rows:
    """Documents of about 900 words, whose class shows in the last 40."""
    rows = []
    for number in range(300):
        label = list(TOPICS)[number % len(TOPICS)]
        body = " ".join(about_topic(draw, draw.choice(list(TOPICS.values())), 90, 0.1) for _ in range(10))
        rows.append({"text": f"{body} {about_topic(draw, TOPICS[label], 40, 0.6)}", "label": label})
    return rows


def emoji_and_arabic(draw: random.Random) -> Rows:
    """Messages of emoji alone, and Arabic ones."""
    rows = []
    for _ in range(150):
        for label, signs in (("happy", HAPPY), ("angry", ANGRY)):
            rows.append({"text": "".join(draw.choice(signs) for _ in range(draw.randint(2, 6))), "label": label})
        for label, words in ARABIC.items():
            rows.append({"text": " ".join(draw.choice(words) for _ in range(8)), "label": label})
    return rows


def noisy_table(draw: random.Random) -> Rows:
    """Texts between columns of numbers, dates and identifiers, and such noise within the texts."""
    rows = []
    for number in range(500):
        label, mood = draw.choice([("5", GOOD), ("1", BAD)])
        day, hour = draw.randint(1, 9), draw.randint(0, 9)
        noise = f"#{draw.randint(10**5, 10**6)} | 2026-0{day}-11T0{hour}:30 | {draw.random():.6f}"
        rows.append({
            "id": number, "price": round(draw.uniform(1, 400), 2), "shop": draw.choice("ABC"),
            "text": f"{noise} | {review(draw, mood)} | ref={draw.getrandbits(64):x}", "label": label,
        })  # fmt: skip
    return rows


def conflicting(draw: random.Random) -> Rows:
    """Texts of four topics, a third of them two or three times, with another label in a third of the repeats."""
    rows = []
    for number in range(400):
        label = list(TOPICS)[number % len(TOPICS)]
        text = about_topic(draw, TOPICS[label], 25)
        rows.append({"text": text, "label": label})
        for _ in range(draw.choice([0, 0, 1, 1, 2]) if number % 3 == 0 else 0):
            other = draw.choice(list(TOPICS)) if draw.random() < 1 / 3 else label
            rows.append({"text": text, "label": other})
    return rows


def several_labels(draw: random.Random) -> Rows:
    """One to three topics a text; some have none."""
    rows = []
    for _ in range(700):
        chosen = draw.sample(list(TOPICS), draw.choice([0, 1, 1, 2, 2, 3]))
        text = " ".join(about_topic(draw, TOPICS[topic], 12, 0.5) for topic in chosen) or about_topic(draw, FILLER, 15)
        rows.append({"text": text, "label": ";".join(sorted(chosen))})
    return rows


MAKERS: dict[str, tuple[str, Callable[[random.Random], Rows], dict[str, str]]] = {
    "imbalanced": ("2,000 messages, 10 of them spam for 2,000 that are not (1:200)", imbalanced, {}),
    "sixty": ("60 classes with eight short texts each", sixty, {}),
    "forty": ("40 texts in all", forty, {}),
    "long": ("300 documents of 940 words, the class shows at the end", long_documents, {}),
    "scripts": ("emoji alone, and Arabic", emoji_and_arabic, {}),
    "noisy": ("numbers, dates and identifiers around the text, classes 1 and 5", noisy_table, {}),
    "conflicting": ("repeated texts with conflicting labels", conflicting, {}),
    "several": ("several labels a text", several_labels, {"multilabel": ";"}),
}


def make(name: str, seed: int = 1) -> Made:
    """The data set of a name, a function of the seed."""
    about, maker, switches = MAKERS[name]
    return Made(name, about, maker(random.Random(f"{name} {seed}")), switches)
