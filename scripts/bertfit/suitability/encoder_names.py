"""Names of languages, and encoders of the BERT family that know them."""

from __future__ import annotations

from bertfit.texts.found_language import UNDETERMINED

MULTILINGUAL = "google-bert/bert-base-multilingual-cased"
MORE_LANGUAGES = "sentence-transformers/LaBSE"  # knows scripts that the former does not
ENCODERS = {
    "ar": "asafaya/bert-base-arabic",
    "de": "google-bert/bert-base-german-cased",
    "en": "google-bert/bert-base-uncased",
    "es": "dccuchile/bert-base-spanish-wwm-cased",
    "fi": "TurkuNLP/bert-base-finnish-cased-v1",
    "it": "dbmdz/bert-base-italian-cased",
    "nl": "GroNLP/bert-base-dutch-cased",
    "pt": "neuralmind/bert-base-portuguese-cased",
    "ru": "DeepPavlov/rubert-base-cased",
    "sv": "KB/bert-base-swedish-cased",
    "tr": "dbmdz/bert-base-turkish-cased",
    "zh": "google-bert/bert-base-chinese",
} | dict.fromkeys(("am", "bo", "dz", "km", "lo", "or", "si", "ti"), MORE_LANGUAGES)
"""Hub ids by language; others are in `MULTILINGUAL`."""
NAMES = {
    "am": "Amharic", "ar": "Arabic", "bg": "Bulgarian", "bn": "Bengali", "bo": "Tibetan", "ca": "Catalan",
    "cs": "Czech", "da": "Danish", "de": "German", "dz": "Dzongkha", "el": "Greek", "en": "English", "es": "Spanish",
    "et": "Estonian", "fa": "Persian", "fi": "Finnish", "fr": "French", "gu": "Gujarati", "he": "Hebrew",
    "hi": "Hindi", "hr": "Croatian", "hu": "Hungarian", "hy": "Armenian", "id": "Indonesian", "it": "Italian",
    "ja": "Japanese", "ka": "Georgian", "km": "Khmer", "kn": "Kannada", "ko": "Korean", "lo": "Lao",
    "lt": "Lithuanian", "lv": "Latvian", "ml": "Malayalam", "mr": "Marathi", "ms": "Malay", "my": "Burmese",
    "ne": "Nepali", "nl": "Dutch", "no": "Norwegian", "pl": "Polish", "pt": "Portuguese", "ro": "Romanian",
    "ru": "Russian", "si": "Sinhala", "sk": "Slovak", "sl": "Slovenian", "sr": "Serbian", "sv": "Swedish",
    "sw": "Swahili", "ta": "Tamil", "te": "Telugu", "th": "Thai", "ti": "Tigrinya", "tl": "Tagalog",
    "tr": "Turkish", "uk": "Ukrainian", "ur": "Urdu", "vi": "Vietnamese", "zh": "Chinese",
}  # fmt: skip


def named(code: str) -> str:
    """The English name of a language code, as it stands in a sentence."""
    if code == UNDETERMINED:
        return "an undetermined language"
    return NAMES.get(code, f"the language {code!r} (ISO 639)")


def examples(code: str) -> list[str]:
    """Hub ids of encoders that know a language, the nearest first; a multilingual one where it is undetermined."""
    nearest = ENCODERS.get(code)
    return [nearest, MULTILINGUAL] if nearest and nearest != MORE_LANGUAGES else [nearest or MULTILINGUAL]
