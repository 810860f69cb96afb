"""Pre-training documents of a corpus: its fields in their order as sentences, without the texts of test sets."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bertfit.config.layout_schema import Join, TextForm
from bertfit.core.errors import UserError
from bertfit.pretraining_texts import documents

SHARED = Path(os.environ.get("BERTFIT_SHARED") or Path(__file__).parents[4] / "shared")
GOLDEN = SHARED / "paper/golden/agnews_first100.txt"
AG = SHARED / "corpora/agnews/test.parquet"
NEWS = TextForm(fields=["title", "body"], text=Join(fields=["title"]), lines=["title"])


def written(folder: Path, form: TextForm, **fields: list[str]) -> str:
    count = len(next(iter(fields.values())))
    pq.write_table(pa.table({**fields, "label": pa.array([0] * count, pa.int32())}), folder / "c.parquet")
    documents.build(folder / "c.parquet", form, folder / "c.txt")
    return (folder / "c.txt").read_bytes().decode()


def test_a_title_is_one_line_and_the_body_is_split(tmp_path):
    text = written(
        tmp_path,
        NEWS,
        title=["Is it so? Yes. No!", "", "Only a title"],
        body=["It rained all day. Nobody came! Why?", "  One sentence without an end ", ""],
    )
    assert text == (
        "Is it so? Yes. No!\nIt rained all day.\nNobody came!\nWhy?\n\nOne sentence without an end\n\nOnly a title\n\n"
    )


def test_line_ends_inside_a_text_become_spaces_and_rows_without_text_vanish(tmp_path):
    text = written(
        tmp_path,
        NEWS,
        title=["One\ntwo\r\nthree", " ", "x"],
        body=["a\n\n\nb c\u2028d\x85day. \n\n Night came.", "\n\n", "\x0b"],
    )
    assert text == "One two three\na   b c d day.\nNight came.\n\nx\n\n"


def test_fields_come_in_the_declared_order(tmp_path):
    form = TextForm(fields=["q", "a"], text=Join(fields=["q"]))
    assert written(tmp_path, form, a=["Third."], q=["First. Second."]) == "First.\nSecond.\nThird.\n\n"


def test_chinese_sentences_end_with_their_marks(tmp_path):
    text = written(tmp_path, TextForm(language="zh"), text=["你好。今天好吗？！很好，谢谢！再见", "。。开头. 不分"])
    assert text == "你好。\n今天好吗？！\n很好，谢谢！\n再见\n\n。。\n开头. 不分\n\n"


def test_sentences_of_a_language_that_is_found(tmp_path):
    auto = TextForm(language="auto")
    chinese = ["你好。今天好吗？！很好，谢谢！再见", "NBA 开赛。"]
    assert written(tmp_path, auto, text=chinese) == "你好。\n今天好吗？！\n很好，谢谢！\n再见\n\nNBA 开赛。\n\n"
    japanese = written(tmp_path, auto, text=["料理は冷たかった。店員は無愛想でした。"])
    assert japanese == "料理は冷たかった。\n店員は無愛想でした。\n\n"
    german = ["Das Essen war kalt. Wir kommen nicht wieder!"]
    assert written(tmp_path, auto, text=german) == "Das Essen war kalt.\nWir kommen nicht wieder!\n\n"


def test_the_pipeline_of_a_corpus_reaches_its_text_and_card(tmp_path):
    import spacy

    class Form(TextForm):
        pipeline: str | None = None

    pipeline = spacy.blank("en")
    pipeline.add_pipe("sentencizer", config={"punct_chars": [";"]})
    pipeline.to_disk(tmp_path / "p")
    train = yelp(tmp_path / "c/train.parquet", ["One. Two; three."])
    documents.build(train, Form(pipeline=str(tmp_path / "p")), tmp_path / "c.txt", card=tmp_path / "c.json")
    assert (tmp_path / "c.txt").read_text() == "One. Two;\nthree.\n\n"
    assert json.loads((tmp_path / "c.json").read_text())["sentences"] == f"{tmp_path / 'p'} 0.0.0"


def test_yahoo_has_title_content_and_answer(tmp_path):
    """Section 5.1: the title is a line, content and best answer are split; empty parts leave nothing."""
    form = TextForm(fields=["title", "content", "answer"], text=Join(fields=["title"]), lines=["title"])
    fields = {"title": ["Why? And how?", "So?"], "content": ["I ask. I do.", ""], "answer": ["Because.", "Yes. No."]}
    assert written(tmp_path, form, **fields) == ("Why? And how?\nI ask.\nI do.\nBecause.\n\nSo?\nYes.\nNo.\n\n")


def test_a_missing_field_is_named(tmp_path):
    with pytest.raises(UserError, match=r"no column 'body' .it has title, label"):
        written(tmp_path, NEWS, title=["a"])


def yelp(path: Path, texts: list[str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"text": texts, "label": pa.array([0] * len(texts), pa.int32())}), path)
    return path


def test_texts_of_the_test_sets_are_removed_in_both_directions(tmp_path):
    """Each Yelp corpus loses what is in the test set of either, white space apart, and says how much that was."""
    polarity = ["Good food.", "Bad  food.\nVery bad.", "Only here.", "Bad food. Very bad.", "good food."]
    full = ["Fine place.", "Good\tfood. ", "Also here. Twice."]
    splits = {
        "yelp_p": (yelp(tmp_path / "yelp_p/train.parquet", polarity), ["Fine place.", "Nowhere else."]),
        "yelp_f": (yelp(tmp_path / "yelp_f/train.parquet", full), ["Good food.", "Bad food. Very bad. "]),
    }
    tests = [yelp(tmp_path / name / "test.parquet", texts) for name, (_, texts) in splits.items()]
    left = {"yelp_p": "Only here.\n\ngood food.\n\n", "yelp_f": "Also here.\nTwice.\n\n"}
    counts = {"yelp_p": (2, 2, 3), "yelp_f": (1, 2, 2)}
    for name, (train, _) in splits.items():
        text, card = tmp_path / f"{name}.txt", tmp_path / f"{name}.json"
        documents.build(train, TextForm(), text, card=card, overlaps=tests)
        assert text.read_text() == left[name]
        keys = ("documents", "lines", "removed")
        assert json.loads(card.read_text()) == dict(zip(keys, counts[name], strict=True)) | {
            "overlaps": list(splits),
            "sentences": "rules",
        }


def test_the_fields_of_a_row_count_together(tmp_path):
    train = tmp_path / "train.parquet"
    pq.write_table(pa.table({"title": ["A", "A", "A b"], "body": ["b c", "b d", "c"], "label": [0, 0, 0]}), train)
    (tmp_path / "c").mkdir()
    pq.write_table(pa.table({"title": ["A"], "body": ["b c"], "label": [1]}), tmp_path / "c/test.parquet")
    documents.build(train, NEWS, tmp_path / "c.txt", card=tmp_path / "c.json", overlaps=[tmp_path / "c/test.parquet"])
    assert (tmp_path / "c.txt").read_text() == "A\nb d\n\n"
    assert json.loads((tmp_path / "c.json").read_text())["removed"] == 2


def test_agreement_with_the_official_sentences(tmp_path, capsys):
    """The official corpus was split by a parser that is no longer published; the rules agree where there is a stop."""
    if not (GOLDEN.exists() and AG.exists()):
        pytest.skip("needs the shared AG corpus and the golden text (BERTFIT_SHARED)")
    rows = pq.read_table(AG, columns=["title", "description"]).slice(0, 100).to_pydict()
    ours = paragraphs(written(tmp_path, NEWS, title=rows["title"], body=rows["description"]))
    official = paragraphs(GOLDEN.read_text(encoding="utf-8"))
    assert [lines[0] for lines in ours] == [lines[0] for lines in official]
    assert ["".join(lines) for lines in ours] == ["".join(lines) for lines in official], "the same text, split or not"
    same = sum(a == b for a, b in zip(ours, official, strict=True)) / len(official)
    found, expected = borders(ours), borders(official)
    f1 = 2 * len(found & expected) / (len(found) + len(expected))
    with capsys.disabled():
        print(f" identical {same:.0%} of documents, F1 of sentence borders {f1:.2f} ", end="")
    assert same >= 0.72 and f1 >= 0.7
    assert len(found & expected) / len(found) >= 0.85, "hardly a border that the official text lacks"


def paragraphs(text: str) -> list[list[str]]:
    """Lines of each document, without spaces."""
    return [["".join(line.split()) for line in part.split("\n")] for part in text.strip().split("\n\n")]


def borders(texts: list[list[str]]) -> set[tuple[int, int]]:
    """(document, characters before the border) of the borders inside the bodies."""
    return {(number, sum(map(len, lines[:end]))) for number, lines in enumerate(texts) for end in range(2, len(lines))}
