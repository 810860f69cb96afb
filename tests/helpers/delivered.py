"""A delivered model: an exported block of two seeds of a tiny encoder, with its card, predictions and mistakes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bertfit.config.corpus_schema import Corpus, TextForm
from bertfit.config.hyperparameters import Finetune
from bertfit.data import corpora
from bertfit.evaluation import predictions
from bertfit.experiments.job_specs import DeliverySpec
from bertfit.export import deliver
from bertfit.search.outcome_record import ModelOutcome, TemperatureScaling
from bertfit.stages import finetuning
from bertfit.tokens import tokenize_corpus
from helpers import dataset_results, tiny

RECIPE = Finetune(max_length=24, head_tokens=6, lr=2e-3, steps=6, batch_size=8, head_init=1.0, save_model=True)
NAMES = ["=a", "b|c", "-1"]
SPEC = DeliverySpec.model_validate({
    "study": "example.t", "seed": 2, "text": "full text", "pretrained_on": ["texts", "unlabelled"],
    "encoder": {"title": "Tiny", "hub": None, "revision": None, "package": "p", "folder": None, "licence": "MIT"},
    "recipe": RECIPE.model_dump(), "pretrain": {"steps": 7, "batch_size": 32, "max_length": 24, "lr": 5e-5},
    "sizes": [{"key": "finetune.max_length", "paper": 512, "here": 24}], "template": "",
})  # fmt: skip


def make(root: Path) -> Path:
    """An exported block of two seeds, trained on a corpus of texts up to 60 words."""
    words = tiny.vocabulary(root / "words")
    for split, size, seed in (("train", 60, 1), ("test", 90, 2)):
        lines, labels = tiny.texts(size, seed)
        lines[3] = "<script>w1</script>|w2 w3"
        table = pa.table({"text": lines, "label": [NAMES[label] for label in labels]})
        pq.write_table(table, root / f"{split}.raw.parquet")
    local = {"train": "train.raw.parquet", "test": "test.raw.parquet", "label_names": NAMES, "format": "parquet"}
    for split in ("train", "test"):  # an official format may have empty texts; so may these
        raw = pq.read_table(root / f"{split}.raw.parquet").to_pandas()
        raw.loc[raw["text"] == "", "text"] = "w0"
        pq.write_table(pa.Table.from_pandas(raw, preserve_index=False), root / f"{split}.raw.parquet")
    corpus = Corpus.model_validate({"title": "T", "domain": "topic", "source": {"local": local}})
    paths = {split: root / f"{split}.parquet" for split in ("train", "test")}
    others = {"clusters": root / "clusters.parquet", "card": root / "card.json"}
    corpora.build("t", corpus, files=corpus.source.files(root), sample=None, **others, **paths)
    for split, path in paths.items():
        tokenize_corpus.build(path, words, TextForm(), root / f"{split}.arrow")
    tiny.encoder(root / "encoder", words)
    finetuning.run(
        recipe=RECIPE,
        files=tiny.input_files(root),
        block=tiny.block(root, [1, 2], model_folder=root / "models"),
    )
    labels = pq.read_table(root / "test.parquet")["label"].to_numpy()
    dataset_results.write(root / "choice.json", dataset_results.choice())
    export(root, root, outcome_of(labels, logits_of(root)))
    return root


def export(root: Path, out: Path, outcome: ModelOutcome) -> None:
    """Export the trained block of ``root``, whose search had this outcome, to ``out``."""
    dataset_results.write(out / "outcome.json", outcome)
    deliver.build(
        spec=SPEC, models=root / "models", predictions=root / "predictions.parquet", test=root / "test.parquet",
        corpus=root / "card.json", choice=root / "choice.json", outcome=out / "outcome.json", coverage=None,
        model=out / "model", answered=out / "predictions.csv", mistakes=out / "mistakes.csv",
    )  # fmt: skip


def outcome_of(labels: np.ndarray, logits: np.ndarray) -> ModelOutcome:
    """The outcome of the exported seed; its logits are not scaled."""
    calibration = TemperatureScaling(temperature=1.0, note="few validation texts", before=0.1, after=0.1)
    return dataset_results.outcome(labels, logits, NAMES, calibration=calibration)


def logits_of(root: Path) -> np.ndarray:
    return next(
        one.logits
        for one in predictions.last_evaluations(predictions.read_evaluations(root / "predictions.parquet"))
        if one.seed == 2
    )
