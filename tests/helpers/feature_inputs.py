"""Small inputs of BERT-Feat, and a run of it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from bertfit.config.hyperparameters import Finetune
from bertfit.config.layout_schema import Join, TextForm
from bertfit.stages import bert_feat
from bertfit.tokens import tokenize_corpus
from helpers import tiny

CPU = torch.device("cpu")
RECIPE = Finetune(
    classifier="bilstm", lstm=8, lstm_attention=6, max_length=24, head_tokens=6, lr=1e-2, epochs=3, batch_size=8
)


def but(**differences) -> Finetune:
    return RECIPE.model_copy(update=differences)


def make(tmp_path_factory):
    """Vocabulary, encoder and tokens."""
    folder = tiny.block_inputs(tmp_path_factory.mktemp("inputs"))
    first, labels = tiny.texts(20, 3)
    second, _ = tiny.texts(20, 4)
    table = pa.table({"text": first, "answer": second, "label": pa.array(labels, pa.int32())})
    pq.write_table(
        table.replace_schema_metadata({"label_names": json.dumps(["a", "b", "c"])}), folder / "pairs.parquet"
    )
    form = TextForm(fields=["text", "answer"], pair=Join(fields=["answer"]))
    tokenize_corpus.build(folder / "pairs.parquet", folder / "words" / "built", form, folder / "pairs.arrow")
    return folder


def run(inputs: Path, out: Path, recipe: Finetune, seeds: list[int], cache_mb: int = 1) -> Path:
    bert_feat.run(recipe=recipe, files=tiny.input_files(inputs), block=tiny.block(out, seeds), cache_mb=cache_mb)
    return out


def logits(frame: pd.DataFrame) -> np.ndarray:
    return np.stack(frame["logits"].to_list())


# ---------------------------------------------------------------------------------------------- states
