"""Learning curves: points and predictions by value, what is said where nothing can be predicted, and the files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bertfit.analysis import learning_curve
from bertfit.analysis.learning_curve import LearningCurve
from bertfit.artefacts.figure_style import FigureFiles
from bertfit.core.errors import UserError

TEXTS = 1000


def run(path: Path, *wrong: int, labels: int = 0) -> Path:
    """Predictions of seeds 1, 2, ... with so many wrong ones each."""
    rows = []
    for seed, count in enumerate(wrong, 1):
        for example in range(TEXTS):
            logits = [0.0, 1.0] if example < count else [1.0, 0.0]
            rows.append({"seed": seed, "step": 1, "epoch": 1.0, "example": example, "label": labels, "logits": logits})
    schema = pa.schema(
        [("seed", pa.int32()), ("step", pa.int32()), ("epoch", pa.float64()), ("example", pa.int32()),
         ("label", pa.int32()), ("logits", pa.list_(pa.float32()))]
    )  # fmt: skip
    pq.write_table(pa.Table.from_pylist(rows, schema), path)
    return path


class Bench:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.out = folder / "learning_curve.json"
        self.files = FigureFiles(*(folder / f"learning_curve.{ending}" for ending in ("svg", "png", "csv")))

    def build(self, runs: list[tuple[int, tuple[int, ...]]]) -> LearningCurve:
        paths = [run(self.folder / f"{at}.parquet", *wrong) for at, (_, wrong) in enumerate(runs)]
        curve = learning_curve.build(paths, [size for size, _ in runs], out=self.out, files=self.files)
        assert LearningCurve.model_validate_json(self.out.read_text()) == curve
        assert self.files.png.read_bytes()[:4] == b"\x89PNG" and b"<svg" in self.files.svg.read_bytes()
        return curve


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_a_curve_and_its_predictions(bench: Bench) -> None:
    """Errors of 5 % + 5 % (n / 4000)^-0.5 on 1,000 texts; the order of the files does not matter."""
    exact = {size: round(1000 * (0.05 + 0.05 * (size / 4000) ** -0.5)) for size in (4000, 500, 1000, 2000)}
    curve = bench.build([(size, (wrong,)) for size, wrong in exact.items()])
    assert [(point.training_texts, point.error) for point in curve.points] == [
        (500, pytest.approx(19.1)), (1000, pytest.approx(15.0)),
        (2000, pytest.approx(12.1)), (4000, pytest.approx(10.0)),
    ]  # fmt: skip
    assert curve.points[-1].low == pytest.approx(8.29, abs=0.01) and curve.points[-1].high == pytest.approx(
        12.02, abs=0.01
    )
    assert curve.validation_texts == TEXTS and curve.note == "" and curve.fit
    assert [(each.factor, each.training_texts) for each in curve.predictions] == [(2, 8000), (4, 16000), (8, 32000)]
    for prediction, size in zip(curve.predictions, (8000, 16000, 32000), strict=True):
        true = 5 + 5 * (size / 4000) ** -0.5
        assert prediction.low < true < prediction.high and prediction.error == pytest.approx(true, abs=1)
        assert curve.fit.c + curve.fit.a * size**-curve.fit.b == pytest.approx(prediction.error, abs=1e-6)
    written = pd.read_csv(bench.files.csv)
    assert tuple(written.columns) == learning_curve.COLUMNS
    assert written["kind"].tolist() == ["measured"] * 4 + ["predicted"] * 3
    assert written["training_texts"].tolist() == [500, 1000, 2000, 4000, 8000, 16000, 32000]
    before = [path.read_bytes() for path in (bench.out, bench.files.svg, bench.files.png)]
    bench.build([(size, (wrong,)) for size, wrong in exact.items()])
    assert [path.read_bytes() for path in (bench.out, bench.files.svg, bench.files.png)] == before


def test_seeds_are_averaged_wherever_they_are(bench: Bench) -> None:
    curve = bench.build([(500, (200, 220)), (1000, (150,)), (2000, (120, 130)), (500, (240,)), (4000, (100, 101, 102))])
    assert [(point.seeds, round(point.error, 6)) for point in curve.points] == [
        (3, 22.0), (1, 15.0), (2, 12.5), (3, 10.1)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("wrong", "note"),
    [
        ([10, 5, 2, 0], "no error is left on the validation texts"),
        ([80, 100, 120, 140], "the error does not fall"),
        ([100, 100, 100, 100], "the error does not fall"),
        ([300, 60, 290, 100], "the errors do not follow a falling curve"),
    ],
)
def test_what_speaks_against_the_fit(bench: Bench, wrong: list[int], note: str) -> None:
    curve = bench.build([(500 * 2**at, (count,)) for at, count in enumerate(wrong)])
    assert note in curve.note
    last = curve.predictions[1]
    assert last.low <= last.error <= last.high and last.high - last.low > max(0.2, 0.25 * last.error)


@pytest.mark.parametrize("count", [1, 2])
def test_too_few_sizes_predict_nothing(bench: Bench, count: int) -> None:
    curve = bench.build([(500 * 2**at, (100,)) for at in range(count)])
    assert (curve.fit, curve.predictions, len(curve.points)) == (None, [], count)
    assert curve.note == f"no prediction: measured at {count} sizes of the training set, and at least 3 are needed"


def test_other_texts_are_refused(bench: Bench) -> None:
    paths = [run(bench.folder / "a.parquet", 10), run(bench.folder / "b.parquet", 10, labels=1)]
    with pytest.raises(UserError, match=r"b\.parquet: measured on other texts than .*a\.parquet"):
        learning_curve.build(paths, [1, 2], out=bench.out, files=bench.files)
    with pytest.raises(ValueError, match="no predictions"):
        learning_curve.build([], [], out=bench.out, files=bench.files)


def test_points_of_a_share(bench: Bench) -> None:
    curve = bench.build([(10, (500,)), (20, (400,)), (30, (350,))])
    assert np.isfinite([value for each in curve.predictions for value in (each.low, each.high)]).all()
