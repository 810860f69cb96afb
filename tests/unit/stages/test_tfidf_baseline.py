from __future__ import annotations

import json
import time
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import load_file
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline

from bertfit.batching import example_order
from bertfit.config.corpus_schema import Corpus, TextForm
from bertfit.config.hyperparameters import Finetune
from bertfit.core import yaml_loader
from bertfit.core.errors import UserError
from bertfit.data import corpora
from bertfit.energy import energy_meter
from bertfit.evaluation import score_runs
from bertfit.evaluation.score_runs import RunFiles
from bertfit.experiments.cells import RunGroup
from bertfit.runtime.rule_job import JobIdentity
from bertfit.stages import seed_block, tfidf_baseline
from bertfit.word_counts.classifier import ARRAYS, WordCounts

ROOT = Path(__file__).parents[3]
ENGLISH = TextForm()


def write(path: Path, columns: dict[str, list[str]], labels: list[int], names: list[str]) -> Path:
    table = pa.table(columns | {"label": pa.array(labels, pa.int32())})
    pq.write_table(table.replace_schema_metadata({"label_names": json.dumps(names)}), path)
    return path


def sentences(size: int, seed: int, classes: int) -> tuple[list[str], list[int]]:
    """Texts of ten frequent words, some of which are said more often of one class."""
    draw = np.random.default_rng(seed)
    labels = draw.integers(0, classes, size)
    words = np.array([f"word{number}" for number in range(30)])
    chance = np.ones((classes, 30)) + 1.5 * (np.arange(30) % classes == np.arange(classes)[:, None])
    return [
        " ".join(draw.choice(words, 10, p=chance[label] / chance[label].sum())) for label in labels
    ], labels.tolist()


def run(folder: Path, form: TextForm = ENGLISH, **more: Any) -> dict[str, Path]:
    out = {name: folder / f"{name}.{end}" for name, end in (("predictions", "parquet"), ("history", "csv"))}
    tfidf_baseline.run(
        train=folder / "train.parquet",
        test=folder / "test.parquet",
        form=form,
        record=folder / "run.json",
        job=JobIdentity("c0de", {"corpus": "c"}),
        threads=1,
        **out,
        **more,
    )
    return out


def scored(folder: Path, out: dict[str, Path]) -> pd.DataFrame:
    score_runs.build([RunFiles(RunGroup("c", "tfidf", "default"), **out)], folder / "results", study="s")
    return pd.read_parquet(folder / "results")


def logits(path: Path) -> np.ndarray:
    return np.stack(pd.read_parquet(path)["logits"].to_list())


@pytest.mark.parametrize("classes", [2, 4])
def test_error_and_loss_are_scikit_learns_own(tmp_path, classes):
    names = list("abcd")[:classes]
    (texts, labels), (unseen, truth) = sentences(150, 1, classes), sentences(80, 2, classes)
    write(tmp_path / "train.parquet", {"text": texts}, labels, names)
    write(tmp_path / "test.parquet", {"text": unseen}, truth, names)
    out = run(tmp_path)
    model = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2), LogisticRegression(C=10, max_iter=1000)
    ).fit(texts, labels)
    error = 100 * (1 - model.score(unseen, truth))
    assert 5 < error < 60
    table = scored(tmp_path, out)
    assert table[["seed", "selection", "step", "epoch", "n"]].to_numpy().tolist() == [
        [1, "last", 1, 1.0, 80], [1, "best", 1, 1.0, 80]
    ]  # fmt: skip
    assert table["error"].tolist() == pytest.approx([error, error])
    history = pd.read_csv(out["history"])
    assert list(history.columns) == list(seed_block.HISTORY) and len(history) == 1
    assert history["test_error"][0] == pytest.approx(error)
    assert history["train_error"][0] == pytest.approx(100 * (1 - model.score(texts, labels)))
    assert history["loss"][0] == pytest.approx(log_loss(labels, model.predict_proba(texts)), abs=2e-3)  # ours: float32
    found = np.exp(logits(out["predictions"]))
    np.testing.assert_allclose(found / found.sum(1, keepdims=True), model.predict_proba(unseen), atol=5e-3)


def test_same_bits_again_and_the_record(tmp_path):
    for name, seed in (("train", 1), ("test", 2)):
        texts, labels = sentences(60, seed, 3)
        write(tmp_path / f"{name}.parquet", {"text": texts}, labels, list("abc"))
    first = {name: path.read_bytes() for name, path in run(tmp_path).items()}
    assert {name: path.read_bytes() for name, path in run(tmp_path).items()} == first
    record = json.loads((tmp_path / "run.json").read_text())
    assert record["code"] == "c0de" and record["spec"] == {"corpus": "c"}
    assert record["versions"]["scikit-learn"] == version("scikit-learn")
    assert set(record["inputs"]) == {"train", "test"} and record["cost"]["threads"] == 1
    assert record["baseline"].keys() == {"texts", "features", "analyzer", "min_df", "C", "iterations"}


def test_time_and_energy_are_of_the_same_block(tmp_path, monkeypatch):
    """Of fitting and answering: reading the corpus and writing are in neither."""
    for name, seed in (("train", 1), ("test", 2)):
        texts, labels = sentences(60, seed, 3)
        write(tmp_path / f"{name}.parquet", {"text": texts}, labels, list("abc"))
    limits: list[float] = []

    @contextmanager
    def watched(gpu):
        with energy_meter.measuring(gpu) as meter:
            limits.append(time.monotonic())
            yield meter
            limits.append(time.monotonic())

    monkeypatch.setattr(tfidf_baseline, "energy_meter", SimpleNamespace(measuring=watched))
    run(tmp_path)
    cost = json.loads((tmp_path / "run.json").read_text())["cost"]
    assert 0 < cost["seconds"] <= limits[1] - limits[0]


def test_characters_a_part_of_the_texts_and_a_saved_model(tmp_path):
    for name, seed, size in (("train", 1, 80), ("test", 2, 40)):
        texts, labels = sentences(size, seed, 3)
        write(tmp_path / f"{name}.parquet", {"text": texts}, labels, list("abc"))
    out = run(tmp_path, analyzer="characters", fraction=0.25, models=tmp_path / "models")
    model = WordCounts.load(tmp_path / "models" / "seed1")
    saved = load_file(tmp_path / "models" / "seed1" / ARRAYS)
    record = json.loads((tmp_path / "run.json").read_text())
    assert record["classifier"]["parameters"] == sum(array.size for array in saved.values())
    assert record["classifier"]["evaluation"]["texts"] == 40 and record["classifier"]["evaluation"]["seconds"] > 0
    assert record["cost"]["energy"]["gpu_kwh"] == 0 and record["cost"]["energy"]["cpu_seconds"] > 0
    assert (model.unit, model.label_names) == ("char_wb", list("abc"))
    unseen = pq.read_table(tmp_path / "test.parquet")["text"].to_pylist()
    assert (model.logits(unseen) == logits(out["predictions"])).all()
    assert record["baseline"]["texts"] == 20 and record["baseline"]["analyzer"] == "char_wb"


def test_a_part_is_what_fine_tuning_with_seed_1_reads(tmp_path, monkeypatch):
    texts, labels = sentences(200, 1, 4)
    for name in ("train", "test"):
        write(tmp_path / f"{name}.parquet", {"text": texts}, labels, list("abcd"))
    seen: dict[float, list[str]] = {}
    fit = WordCounts.fit
    for fraction in (0.1, 0.25, 1.0):
        monkeypatch.setattr(
            WordCounts,
            "fit",
            lambda texts, *rest, fraction=fraction, **more: (
                seen.update({fraction: list(texts)}) or fit(texts, *rest, **more)
            ),
        )
        run(tmp_path, fraction=fraction)
    for fraction, of_part in seen.items():
        rows = example_order.plan(np.array(labels), Finetune(fraction=fraction), 1)[0].rows
        assert of_part == [texts[row] for row in rows] and len(rows) == 200 * fraction
    assert set(seen[0.1]) <= set(seen[0.25])


def test_long_texts_are_not_all_counted_by_characters(tmp_path, monkeypatch):
    texts, labels = sentences(60, 1, 2)
    for name in ("train", "test"):
        write(tmp_path / f"{name}.parquet", {"text": texts}, labels, list("ab"))
    monkeypatch.setattr(tfidf_baseline, "MAX_CHARACTERS", sum(map(len, texts)) // 2)
    used = {}
    for analyzer in ("words", "characters"):
        run(tmp_path, analyzer=analyzer)
        used[analyzer] = json.loads((tmp_path / "run.json").read_text())["baseline"]["texts"]
    assert used == {"words": 60, "characters": 30}
    monkeypatch.setattr(tfidf_baseline, "MAX_CHARACTERS", 1)
    run(tmp_path, analyzer="characters")  # one text of each class
    assert json.loads((tmp_path / "run.json").read_text())["baseline"]["texts"] == 2


def test_several_labels_a_text(tmp_path):
    """The label is the number of a set of classes; the logits have a column for each class, the error is of the set."""
    texts = ["red", "red blue", "blue", "green", "red", "blue red", "blue", "grey"] * 3
    sets = [[0], [0, 1], [1], []]
    for name, labels in (("train", [0, 1, 2, 3] * 6), ("test", [0, 1, 2, 2] * 6)):
        path = write(tmp_path / f"{name}.parquet", {"text": texts}, labels, ["red", "blue"])
        table = pq.read_table(path)
        pq.write_table(
            table.replace_schema_metadata((table.schema.metadata or {}) | {b"label_sets": json.dumps(sets)}), path
        )
    out = run(tmp_path, analyzer="words")
    history = pd.read_csv(out["history"])
    assert history["train_error"][0] == 0 and history["test_error"][0] == 25 and 0 < history["loss"][0] < 0.4
    found = logits(out["predictions"])
    assert found.shape == (24, 2) and (found[:4] > 0).tolist() == [
        [True, False],
        [True, True],
        [False, True],
        [False] * 2,
    ]


def test_the_class_weights_raise_a_rare_class(tmp_path):
    texts, labels = sentences(200, 1, 2)
    rare = [label and number % 4 == 0 for number, label in enumerate(labels)]
    for name in ("train", "test"):
        write(tmp_path / f"{name}.parquet", {"text": texts}, [int(label) for label in rare], list("ab"))
    answers = {
        weights: int((logits(run(tmp_path, class_weights=weights)["predictions"]).argmax(1) == 1).sum())
        for weights in ("none", "balanced")
    }
    assert answers["balanced"] > answers["none"]


@pytest.mark.parametrize(
    ("columns", "labels", "form", "message"),
    [
        ({"text": ["one", "two"]}, [1, 1], ENGLISH, "1 classes to learn and 2 texts to test"),
        ({"text": ["!", "?"]}, [0, 1], ENGLISH, "no text has words to count; count characters"),
        ({"body": ["one", "two"]}, [0, 1], ENGLISH, r"no column 'text' \(it has body, label\)"),
    ],
)
def test_corpora_that_nothing_can_be_learnt_from(tmp_path, columns, labels, form, message):
    for name in ("train", "test"):
        write(tmp_path / f"{name}.parquet", columns, labels, ["x", "y"])
    with pytest.raises(UserError, match=message):
        run(tmp_path, form)
    assert not (tmp_path / "history.csv").exists()


@pytest.mark.parametrize(("name", "most"), [("trec", 10), ("sogou", 45)])
def test_corpora_of_the_miniature_study(tmp_path, name, most):
    """By chance 83 % are wrong. The synthetic TREC has short questions, the synthetic Sogou long Chinese texts."""
    declared = yaml_loader.load(ROOT / "studies" / "miniature.yaml").value["corpora"][name]
    corpus = Corpus.model_validate(declared)
    paths = {name: tmp_path / f"{name}.parquet" for name in ("train", "test", "clusters")}
    corpora.build(name, corpus, files={}, sample=None, card=tmp_path / "card.json", **paths)
    form = TextForm.model_validate(corpus.model_dump(include=set(TextForm.model_fields)))
    error = float(scored(tmp_path, run(tmp_path, form))["error"][0])
    assert error < most
