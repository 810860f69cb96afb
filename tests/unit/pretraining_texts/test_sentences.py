"""Where sentences end: by rules, by a pipeline of the user's, and in Chinese."""

from __future__ import annotations

import pytest

from bertfit.core.errors import UserError
from bertfit.pretraining_texts.sentences import sentence_splitter


@pytest.mark.parametrize(
    "sentences",
    [
        [" LOS ANGELES (Reuters) -", "Apple Inc. (Nasdaq) - now - rose."],
        ["ATHENS, Aug. 19 (Xinhuanet) --", "He won."],
        ["AP - A company won."],
        ["It rained.", "(It often does.)", "We left."],
        ["He stopped.", '"Go," she said.', "They went."],
        ['("No.")', "Then it rained.", "'Tis so."],
        ["He asked.", '["Why not?"]', "Nobody knew."],
        ["The No. 1 player lost to No. 2 again.", "Yes."],
        ["He paid.", "&lt;b&gt; Then he left."],
        ['"A report, said Sophos."\\\\"The man was caught.', "He spoke."],
        ["AT&T of the U.S. (the country) paid Mr. (or Dr.) Fox."],
    ],
)
def test_where_english_sentences_end(sentences):
    """What the plain sentencizer gets wrong: datelines, what opens or closes a sentence, numbers."""
    split, name = sentence_splitter("en")
    assert [[line.strip() for line in found] for found in split([" ".join(sentences)])] == [
        [line.strip() for line in sentences]
    ]
    assert name == "rules"


def test_texts_that_need_no_second_look_are_split_by_the_sentencizer_alone():
    import spacy

    plain = spacy.blank("en")
    plain.add_pipe("sentencizer")
    texts = ["", " ", "One. Two?Three!! four... Five", "e.g. this, etc. That (in brackets) is 'fine'. No. No 1."]
    assert sentence_splitter("en")[0](texts) == [[part.text for part in doc.sents] for doc in plain.pipe(texts)]


def test_a_pipeline_is_used_where_it_is_installed(tmp_path, caplog):
    """A pipeline of the user's that splits at semicolons; one that is not installed is replaced, and said to be."""
    import spacy

    pipeline = spacy.blank("en")
    pipeline.add_pipe("sentencizer", config={"punct_chars": [";"]})
    pipeline.meta["version"] = "1.2.3"
    pipeline.to_disk(tmp_path / "semicolons")
    split, name = sentence_splitter("en", str(tmp_path / "semicolons"))
    assert split(["One. Two; three."]) == [["One. Two;", "three."]]
    assert name == f"{tmp_path / 'semicolons'} 1.2.3"
    split, name = sentence_splitter("en", "en_core_web_none")
    assert split(["One. Two; three."]) == [["One.", "Two; three."]] and name == "rules"
    assert "en_core_web_none is not installed" in caplog.text
    spacy.blank("en").to_disk(tmp_path / "blank")
    with pytest.raises(UserError, match=r"blank finds no sentences; take one with a parser"):
        sentence_splitter("en", str(tmp_path / "blank"))


def test_chinese_ends_a_sentence_after_its_marks_by_hand():
    split, name = sentence_splitter("zh")
    assert split(["你好。今天好吗？！再见", ""]) == [["你好。", "今天好吗？！", "再见"], []]
    assert split(["。。开头. 不分"]) == [["。。", "开头. 不分"]], "marks alone; another stop is none"
    assert name == "。？！"


def test_a_text_of_more_than_a_million_characters_is_split(tmp_path):
    """By rules, also where a pipeline of the user's takes no more than a million."""
    import spacy

    text = "It rained all day. " * 60_000
    small = spacy.blank("en")
    small.add_pipe("sentencizer", config={"punct_chars": ["r"]})
    small.to_disk(tmp_path / "pipeline")
    for pipeline, short in ((None, ["One.", "Two."]), (str(tmp_path / "pipeline"), ["One. Two."])):
        split, _ = sentence_splitter("en", pipeline)
        first, long, last = split(["One. Two.", text, "Three."])
        assert len(long) == 60_000 and {line.strip() for line in long} == {"It rained all day."}
        assert [line.strip() for line in first] == short and last == ["Three."]
