"""Label errors: labels changed at random are found, and the rows of the file are those of the texts."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bertfit.analysis import label_errors
from bertfit.config.corpus_schema import TextForm
from bertfit.core.errors import UserError
from bertfit.tokens import tokenize_corpus
from helpers import tiny

NAMES = ["a", "=b", "c"]


def made_up(size: int, seed: int) -> tuple[list[str], list[int]]:
    """Texts of 5 to 20 words, two of five from those of their class; some texts are of doubtful class."""
    draw = np.random.default_rng(seed)
    labels = draw.integers(0, 3, size)
    texts = []
    for label in labels:
        words = draw.integers(0, tiny.WORDS, draw.integers(5, 21))
        of_class = draw.random(len(words)) < 0.4
        words[of_class] = words[of_class] % 20 + 20 * label
        texts.append(" ".join(f"w{word}" for word in words))
    return texts, labels.tolist()


class Bench:
    """An encoder, and label errors of corpora of words of its vocabulary."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.words = tiny.vocabulary(folder / "words")
        self.encoder = tiny.encoder(folder / "encoder", self.words)

    def found(
        self, texts: list[str], labels: list[int], sets: list[list[int]] | None = None, **columns: list
    ) -> pd.DataFrame:
        table = pa.table({"text": texts, "label": pa.array(labels, pa.int32())} | columns)
        metadata = {"label_names": json.dumps(NAMES)} | ({"label_sets": json.dumps(sets)} if sets else {})
        paths = {name: self.folder / name for name in ("train.parquet", "train.arrow", "label_errors.csv")}
        pq.write_table(table.replace_schema_metadata(metadata), paths["train.parquet"])
        tokenize_corpus.build(paths["train.parquet"], self.words, TextForm(), paths["train.arrow"])
        return self.build()

    def build(self) -> pd.DataFrame:
        out = self.folder / "label_errors.csv"
        label_errors.build(
            train=self.folder / "train.parquet",
            tokens=self.folder / "train.arrow",
            encoder=self.encoder,
            form=TextForm(),
            out=out,
            threads=1,
        )
        found = pd.read_csv(out, keep_default_na=False)
        assert tuple(found.columns) == label_errors.COLUMNS
        return found


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_changed_labels_are_found(bench: Bench) -> None:
    """Of a tenth that is changed, at least 70 % are in the first tenth."""
    texts, labels = made_up(800, 1)
    draw = np.random.default_rng(2)
    changed = np.sort(draw.choice(800, 80, replace=False))
    given = np.array(labels)
    given[changed] = (given[changed] + draw.integers(1, 3, 80)) % 3
    row = (np.arange(800) * 2 + 7).tolist()
    found = bench.found(texts, given.tolist(), **{"@row": row})
    assert len(found) == 160 and found["score"].is_monotonic_increasing
    position = (found["row"].to_numpy() - 7) // 2
    assert np.isin(position[:80], changed).mean() >= 0.7
    names = [name if name != "=b" else "'=b" for name in NAMES]  # no formula in a spreadsheet
    assert found["given"].tolist() == [names[given[number]] for number in position]
    assert found["text"].tolist() == [texts[number][: label_errors.CHARACTERS] for number in position]
    hit = np.isin(position, changed)
    assert (found["suggested"] == [names[labels[number]] for number in position])[hit].mean() > 0.8
    assert (found["probability of given"] == found["score"]).all()
    assert (found["probability of suggested"] >= found["probability of given"]).all()
    assert bench.build().equals(found), "deterministic"


def test_several_labels_a_text(bench: Bench) -> None:
    draw = np.random.default_rng(3)
    sets = [[], [0], [0, 1], [1], [2]]
    labels = draw.integers(0, 5, 300)
    texts = [
        " ".join(f"w{20 * name + draw.integers(8)}" for name in sets[label] for _ in range(5)) or "w79"
        for label in labels
    ]
    given = labels.copy()
    changed = draw.choice(300, 15, replace=False)
    given[changed] = (given[changed] + 2) % 5
    found = bench.found(texts, given.tolist(), sets)
    assert len(found) == 100 and np.isin(found["row"][:15] - 1, changed).mean() >= 0.8
    shown = ["", "a", "a; =b", "'=b", "c"]
    assert found["given"].tolist() == [shown[given[row - 1]] for row in found["row"]]
    assert (found["suggested"] == [shown[labels[row - 1]] for row in found["row"]])[:10].mean() >= 0.8
    assert found["probability of suggested"].min() >= 0.4999


def test_classes_that_are_too_small_are_not_judged(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    texts = [f"w{number % 7} w{number % 11}" for number in range(60)] + ["w70"] * 9
    found = bench.found(texts, [number % 2 for number in range(60)] + [2] * 9)
    assert sorted(found["row"]) == list(range(1, 61)), "nine copies are one text"
    assert "9 of 69 texts are of classes too small" in caplog.text


def test_few_texts_give_an_empty_table(bench: Bench) -> None:
    assert not len(bench.found(["w1", "w2", "w3"] * 6, [0, 1, 2] * 6))


def test_the_encoder_is_left_out_for_very_many_texts(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    texts, labels = made_up(60, 4)
    monkeypatch.setattr(label_errors, "MOST_ENCODED", {"cpu": 10, "cuda": 10})
    monkeypatch.setattr(label_errors.mean_states, "encode", None)
    assert len(bench.found(texts, labels)) == 60


def test_texts_without_words_have_states_alone(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    texts = ["!" * (number + 1) for number in range(30)]
    with caplog.at_level("INFO"):
        assert len(bench.found(texts, [number % 3 for number in range(30)])) == 30
    assert "no word counts: " in caplog.text


def test_tokens_of_other_texts_are_refused(bench: Bench) -> None:
    texts, labels = made_up(60, 5)
    bench.found(texts, labels)
    pq.write_table(pq.read_table(bench.folder / "train.parquet").slice(0, 50), bench.folder / "train.parquet")
    with pytest.raises(UserError, match=r"train\.arrow: 60 texts, and .*train\.parquet has 50"):
        bench.build()
