from __future__ import annotations

import re

from bertfit.suitability import encoder_names
from bertfit.suitability.encoder_names import MORE_LANGUAGES, MULTILINGUAL, examples, named
from bertfit.texts import found_language
from bertfit.texts.found_language import UNDETERMINED


def test_names():
    assert named("zh") == "Chinese" and named("fo") == "the language 'fo' (ISO 639)"
    assert named(UNDETERMINED) == "an undetermined language"
    told_by_script = {*found_language.ONE_LANGUAGE.values(), "zh", "ja"} - {"or", "pa"}
    assert told_by_script <= encoder_names.NAMES.keys() >= encoder_names.ENCODERS.keys() - {"or"}


def test_examples_begin_with_the_nearest():
    assert examples("zh") == ["google-bert/bert-base-chinese", MULTILINGUAL]
    assert examples("fr") == examples(UNDETERMINED) == [MULTILINGUAL]
    assert examples("km") == [MORE_LANGUAGES]
    assert all(re.fullmatch(r"[\w-]+/[\w.-]+", name) for code in encoder_names.NAMES for name in examples(code))
