from __future__ import annotations

import pytest

from bertfit.texts import unicode_scripts

TEXTS = {
    "english": (["A good film, 10/10!", "not bad"], True),
    "german": (["Ein schöner Tag für alle"], True),
    "arabic": (["فيلم رائع جدا", "خدمة سيئة"], True),
    "hindi": (["यह एक अच्छी फिल्म है"], True),
    "korean": (["정말 좋은 영화"], True),
    "chinese": (["股市上涨，投资者高兴。"], False),
    "chinese with english names": (["iPhone 新品发布会举行", "NBA 总决赛湖人获胜"], False),
    "japanese": (["とても良い映画でした"], False),
    "thai": (["หนังดีมาก"], False),
    "emoji": (["😀😀", "👎 !!", "12"], False),
}


@pytest.mark.parametrize("name", TEXTS)
def test_whether_spaces_separate_words(name):
    texts, spaces = TEXTS[name]
    assert unicode_scripts.has_spaces(unicode_scripts.counts(texts)) is spaces
    assert unicode_scripts.resolved("auto", texts) == ("en" if spaces else "zh")
    assert [unicode_scripts.resolved(language, texts) for language in ("en", "zh")] == ["en", "zh"]


def test_letters_are_counted_by_script_and_nothing_else_is():
    found = unicode_scripts.counts(["abc é 1, 😀", "股 ア ไทย", "e\u0301"])
    assert found == {"Latn": 5, "Hani": 1, "Kana": 1, "Thai": 3}


def test_a_sample_of_many_texts_decides(monkeypatch):
    monkeypatch.setattr(unicode_scripts, "SAMPLE", 2)  # the first and the last
    assert unicode_scripts.resolved("auto", ["good", *["股市"] * 5, "film"]) == "en"
