"""torch as the runtime: the logits are those of training, to the bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from bertfit.core.errors import UserError
from bertfit.inference.packed_classifier import PackedClassifier
from helpers.delivered import NAMES, logits_of


@pytest.mark.usefixtures("cpu")
def test_logits_are_those_of_training_to_the_bit(delivered: Path) -> None:
    model = PackedClassifier.load(delivered / "model", threads=1)
    texts = pq.read_table(delivered / "test.parquet")["text"].to_pylist()
    assert max(len(text.split()) for text in texts) > 40, "some are cut, head and tail"
    assert np.array_equal(model.logits(texts), logits_of(delivered))
    few = np.concatenate([model.logits(texts[:7]), model.logits(texts[7:])])
    assert np.abs(few - logits_of(delivered)).max() < 1e-5, "in other pieces, too"
    assert model.names == NAMES


def test_a_chosen_device(delivered: Path) -> None:
    model = PackedClassifier.load(delivered / "model", 1, torch.device("cpu"))
    assert model.device.type == "cpu" and next(model.model.parameters()).device.type == "cpu"


def test_an_encoder_is_no_classifier(delivered: Path) -> None:
    with pytest.raises(UserError, match="bertfit did not write this model"):
        PackedClassifier.load(delivered / "encoder", threads=1)
