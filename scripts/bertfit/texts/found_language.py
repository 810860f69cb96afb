"""The language of texts: by their script where one language alone uses it, else by py3langid (n-grams of bytes)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from bertfit.texts import unicode_scripts
from bertfit.texts.stored_texts import evenly_spaced

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

UNDETERMINED = "undetermined"
NO_LANGUAGE = "zxx"  # of py3langid: program code, tables
SAMPLE, LONGEST = 1_000, 2_000  # texts that are looked at; characters of each
PART, PARTS = 500, 40  # characters of a part of the sample whose language is found; parts at most
FEWEST_OF_SCRIPT, FEWEST_LETTERS = 5, 20  # letters that tell a language by its script, and by py3langid
SURE = 0.75  # mean probability of the language over the parts
ONE_LANGUAGE = {
    "Armn": "hy", "Geor": "ka", "Grek": "el", "Gujr": "gu", "Guru": "pa", "Hang": "ko", "Khmr": "km", "Knda": "kn",
    "Laoo": "lo", "Mlym": "ml", "Mymr": "my", "Orya": "or", "Sinh": "si", "Taml": "ta", "Telu": "te", "Thai": "th",
    "Tibt": "bo",
}  # fmt: skip
"""Scripts of one language of today."""
LANGUAGES = {
    "Arab": {"ar", "ary", "arz", "fa", "ps", "sd", "sdh", "ug", "ur", "uzs"},
    "Beng": {"as", "bn"},
    "Cyrl": {"ba", "be", "bg", "kk", "ky", "mk", "mn", "ru", "sr", "tg", "tt", "uk"},
    "Deva": {"gom", "hi", "mr", "ne", "sa"},
    "Ethi": {"am"},
    "Hebr": {"hbo", "he"},
}
"""Scripts of several languages, which py3langid chooses from."""
NOT_LATIN = set[str]().union(ONE_LANGUAGE.values(), *LANGUAGES.values(), {"ja", "wuu", "yue", "zh"}) - {"sr"}
KANA, KANA_SHARE = ("Hira", "Kana"), 0.1  # of Han and kana; Japanese text has a half, Chinese text none


@dataclass(frozen=True)
class FoundLanguage:
    """A language code (ISO 639), or `UNDETERMINED`; ``probability`` of the most probable language in either case.

    For a language told by its script alone, the probability is the share of that script.
    """

    code: str
    probability: float


def find(texts: Collection[str]) -> FoundLanguage:
    """The language of most texts, of a sample of which the parts are judged one by one.

    Undetermined where there are few letters, languages are mixed, or none is probable: see `SURE`.
    """
    sample = [text[:LONGEST] for text in evenly_spaced(texts, SAMPLE)]
    scripts = unicode_scripts.counts(sample)
    letters = scripts.total()
    if letters < FEWEST_OF_SCRIPT:
        return FoundLanguage(UNDETERMINED, 0.0)
    script, number = scripts.most_common(1)[0]
    kana, han = sum(scripts[name] for name in KANA), scripts["Hani"]
    if kana + han >= SURE * letters:
        japanese = kana >= KANA_SHARE * (kana + han)
        return FoundLanguage("ja" if japanese else "zh", round((kana + han) / letters, 4))
    if script in ONE_LANGUAGE and number >= SURE * letters:
        return FoundLanguage(ONE_LANGUAGE[script], round(number / letters, 4))
    if letters < FEWEST_LETTERS:
        return FoundLanguage(UNDETERMINED, 0.0)
    joined = " ".join(" ".join(text.split()) for text in sample)
    every = max(PART, len(joined) // PARTS)
    parts = [joined[start : start + PART] for start in range(0, len(joined), every)]
    chances: Counter[str] = Counter()
    for part in parts:
        for code, chance in _identifier().rank(part):
            if code in LANGUAGES[script] if script in LANGUAGES else code not in NOT_LATIN:
                chances[code] += chance * len(part) / sum(map(len, parts))
    code, chance = chances.most_common(1)[0]
    sure = chance >= SURE and code != NO_LANGUAGE
    return FoundLanguage(code if sure else UNDETERMINED, round(chance, 4))


@cache
def _identifier() -> LanguageIdentifier:
    """Loads the model of the package: arrays without pickled objects (`py3langid.modelio`)."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
