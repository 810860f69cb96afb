"""What stands beside a verdict: the paper's gain, what was given and expected; the page; unfit predictions."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bertfit.claims import expected
from bertfit.claims.claim_record import ClaimRecord
from bertfit.claims.claim_schema import Contrast
from bertfit.core.errors import UserError
from bertfit.evaluation import predictions
from bertfit.experiments.cells import RunGroup
from helpers.claim_data import LABELS, make, write


@pytest.fixture
def world(tmp_path):
    return make(tmp_path)


def test_the_papers_gain_stands_beside_ours(world):
    path = world.folder / "published.csv"
    path.write_text(
        "artefact,row,column,value,confidence\ntable2,a,IMDb,5.4,seen\ntable2,b,IMDb,5.63,seen\ntable2,b,AG,/,seen\n"
    )
    contrast = world.contrast("good", "bad")

    def at(*columns):
        keys = [[("table2", row, column) for row in "ab"] for column in columns]
        return contrast.model_copy(update={"columns": [
            [runs.model_copy(update={"paper": key}) for runs, key in zip(contrast.columns[0], each, strict=True)]
            for each in keys
        ]})  # fmt: skip

    (one,) = world.judge(at("IMDb"), published=path)["comparisons"]
    assert one["published"] == pytest.approx(0.23)
    page = (world.folder / "claims.md").read_text()
    assert "| published | p for |" in page and "| +0.23 |" in page
    assert world.judge(at("IMDb", "AG"), published=path)["comparisons"][0]["published"] is None
    (one,) = world.judge(contrast, published=path)["comparisons"]
    assert one["published"] is None and "published" not in (world.folder / "claims.md").read_text()
    assert world.judge(at("IMDb"))["comparisons"][0]["published"] is None


def test_given_one_pretraining(world):
    write(world.folder / "p/predictions.parquet", [range(20)] * 3)
    encoder = "mini~imdb@300.s1~mt-four.s1"
    world.runs["p"] = (RunGroup("imdb", encoder, "x"), world.folder / "p/predictions.parquet")
    terms = [world.term(-1, "x", [1, 2, 3], encoder=encoder), world.term(1, "bad", [1, 2, 3])]
    record = world.judge(Contrast(kind="better", a="x", b="bad", margin=2, columns=[terms]))
    assert record["notes"] == ["given one pre-training", "given one multi-task fine-tuning"]
    page = (world.folder / "claims.md").read_text()
    assert record["wording"] == "holds, given one pre-training, given one multi-task fine-tuning"
    assert f"**{record['wording']}**" in page


@pytest.mark.parametrize(
    ("kind", "names", "truth", "as_expected"),
    [
        ("better", ("good", "bad"), "effect", True),
        ("better", ("bad", "good"), "effect", False),
        ("better", ("good", "same"), "effect", False),  # a gain of 2 points is excluded
        ("better", ("good", "bad"), "null", False),
        ("better", ("bad", "good"), "null", False),
        ("better", ("good", "same"), "null", True),
        ("better", ("good", "bad"), "unknown", None),
        ("not better", ("good", "same"), "null", True),
        ("not better", ("good", "bad"), "null", False),
        ("not better", ("bad", "good"), "null", False),  # the claim holds, and yet there is a difference
        ("not better", ("good", "bad"), "effect", True),
        ("equal", ("good", "same"), "null", True),
    ],
)
def test_expected_truth(world, kind, names, truth, as_expected):
    record = world.judge(world.contrast(*names, kind=kind), expected={"claim": truth})
    assert (record["expected"], record["as_expected"]) == (truth, as_expected)


@pytest.mark.parametrize(("kind", "truth"), [("better", "effect"), ("better", "null"), ("not better", "null")])
def test_what_is_not_decided_is_not_as_expected(world, kind, truth):
    record = world.judge(world.contrast("good", "same", kind=kind, margin=0.1), expected={"claim": truth})
    assert (record["verdict"], record["as_expected"]) == ("inconclusive", None)
    missing = Contrast(kind="better", a="good", b="sogou", margin=2, reason="no files")
    assert world.judge(missing, expected={"claim": truth})["as_expected"] is None


def test_expected_effects_and_nulls_are_counted():
    marks = [("effect", True), ("effect", None), ("effect", False), ("effect", True), ("null", True), ("unknown", None)]
    records = [ClaimRecord.model_construct(expected=mark, as_expected=outcome) for mark, outcome in marks]
    assert expected.tally(records).split("; ") == [
        "of 4 expected effects found 2, undecided 1, contradicted 1",
        "of 1 expected null found 1, undecided 0, contradicted 0",
    ]
    assert expected.tally(records[-1:]) == ""


def test_expected_is_empty_outside_the_synthetic_corpora(world):
    assert world.judge(world.contrast("good", "bad"))["expected"] is None
    assert world.judge(world.contrast("good", "bad"), expected={})["expected"] == "unknown"
    with pytest.raises(UserError, match="'clam', which .* did you mean 'claim'"):
        world.judge(world.contrast("good", "bad"), expected={"clam": "effect"})
    with pytest.raises(UserError, match="'efect'; did you mean 'effect'"):
        world.judge(world.contrast("good", "bad"), expected={"claim": "efect"})


# ---------------------------------------------------------------------------------------------- files


def test_each_file_is_read_once_and_others_not_at_all(world, monkeypatch):
    opened = []
    real = predictions.last_errors
    monkeypatch.setattr(predictions, "last_errors", lambda path: opened.append(path.parent.name) or real(path))
    world.judge(world.contrast("good", "bad"), world.contrast("good", "same"))
    assert sorted(opened) == ["bad", "good", "same"]


def test_verdicts_are_the_same_bytes_again(world):
    world.judge(world.contrast("good", "bad"))
    before = (world.folder / "claims.json").read_bytes(), (world.folder / "claims.md").read_bytes()
    world.judge(world.contrast("good", "bad"))
    assert before == ((world.folder / "claims.json").read_bytes(), (world.folder / "claims.md").read_bytes())


def test_the_page(world):
    world.judge(world.contrast("good", "bad"), expected={"claim": "effect"})
    page = (world.folder / "claims.md").read_text()
    lines = page.split("\n")
    assert lines[0] == "# Claims: tiny" and lines[2] == "holds: 1."
    assert "These corpora are synthetic: of 1 expected effect found 1, undecided 0, contradicted 0." in lines
    (row,) = [line for line in lines if line.startswith("| **holds**")]
    assert row.startswith("| **holds** | It is \\| so. | Table 2 | +20.00 | +")
    assert row.endswith("| < 0.001 | 3 | effect, found |")
    assert "| 95 % interval | resampled | p for |" in page and "Resampled: 95 % interval of the Multi-Bootstrap" in page


def test_the_last_evaluation_counts_and_blocks_are_joined(tmp_path):
    write(tmp_path / "a/predictions.parquet", [[0, 5]])
    write(tmp_path / "b/predictions.parquet", [[7]], first=2, step=30)
    runs = [(RunGroup("c", "e", "r"), tmp_path / part / "predictions.parquet") for part in "ab"]
    found = predictions.read_errors(runs, {("c", "e", "r")})["c", "e", "r"]
    assert {seed: np.flatnonzero(wrong).tolist() for seed, wrong in found.wrong.items()} == {1: [0, 5], 2: [7]}
    assert np.array_equal(found.labels, LABELS)
    with pytest.raises(UserError, match="seed 1 is in another block"):
        predictions.read_errors([runs[0], runs[0]], {("c", "e", "r")})
    write(tmp_path / "b/predictions.parquet", [[7]], labels=1 - LABELS, first=2)
    with pytest.raises(UserError, match="other test examples"):
        predictions.read_errors(runs, {("c", "e", "r")})


def test_predictions_that_do_not_serve(world):
    with pytest.raises(UserError, match="no predictions of imdb/mini/good with seed \\[4\\]"):
        world.judge(world.contrast("good", "bad", seeds=[1, 4]))
    with pytest.raises(UserError, match="no predictions of imdb/mini/none with seed \\[1, 2, 3\\]"):
        world.judge(world.contrast("good", "none"))
    world.train("bad", [range(5)] * 3, labels=np.arange(300) % 2)
    with pytest.raises(UserError, match="runs on imdb have different test examples"):
        world.judge(world.contrast("good", "bad"))
    _, path = world.runs["imdb", "mini", "bad"]
    path.write_bytes(b"PAR1 torn")
    with pytest.raises(UserError, match="bad/predictions.parquet: cannot be read"):
        world.judge(world.contrast("good", "bad"))


def test_examples_that_are_missing_or_twice(tmp_path):
    path = tmp_path / "predictions.parquet"
    write(path, [[1], [2]])
    table = pq.read_table(path)
    pq.write_table(pa.concat_tables([table.slice(0, len(table) - 2), table.slice(len(table) - 1)]), path)
    with pytest.raises(UserError, match="seed 2 lacks test examples"):
        predictions.last_errors(path)
    pq.write_table(pa.concat_tables([table, table.slice(len(table) - 1)]), path)
    with pytest.raises(UserError, match="an example is predicted twice at one step"):
        predictions.last_errors(path)
    pq.write_table(table.slice(0, 0), path)
    with pytest.raises(UserError, match="logits are missing, ragged or not finite"):
        predictions.last_errors(path)
