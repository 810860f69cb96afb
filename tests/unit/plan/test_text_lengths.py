"""Lengths of texts: of truncated texts, counted in a file, or assumed from an average."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from bertfit.config.hyperparameters import Finetune
from bertfit.plan import text_lengths
from bertfit.tokens import token_file, truncation
from helpers import tiny
from helpers.planned import load


@pytest.mark.parametrize("how", ["head", "tail", "head+tail", "hier-mean"])
@pytest.mark.parametrize("paired", [False, True])
def test_lengths_are_those_of_the_truncated_texts(how: str, paired: bool) -> None:
    recipe = Finetune.model_validate({"truncation": how, "max_length": 12, "head_tokens": 3, "fractions": 3})
    draw = np.random.default_rng(1)
    first, second = draw.integers(0, 50, 60), draw.integers(0, 20, 60)
    ours = text_lengths.Lengths(first.astype(float), second.astype(float) if paired else None, 60, True).load(recipe)
    pieces = [
        len(segment.ids)
        for a, b in zip(first, second, strict=True)
        for segment in truncation.truncate(np.zeros(a, int), np.zeros(b, int) if paired else None, recipe, 1, 2)
    ]
    assert ours == load(pieces)


def test_counted_lengths_are_those_of_the_file(tmp_path: Path) -> None:
    path = tiny.tokens_file(tmp_path / "train.arrow", tiny.vocabulary(tmp_path / "words"), 30, 2)
    found, read = text_lengths.counted(path), token_file.read(path)
    assert found is not None and found.second is None and found.documents == 30
    assert found.first.tolist() == [len(read.ids(row)) for row in range(30)]
    assert text_lengths.counted(tmp_path / "none.arrow") is None


def test_assumed_lengths_have_the_average_and_stand_for_all_documents() -> None:
    found = text_lengths.assumed(292, 25_000)
    assert found.first.mean() == pytest.approx(292, rel=0.005)
    assert (found.first > 512).mean() == pytest.approx(math.exp(-512 / 292), abs=0.002)
    cut = found.load(Finetune())
    assert cut.sequences == 25_000
    assert cut.tokens / 25_000 == pytest.approx(292 * (1 - math.exp(-510 / 292)) + 2, rel=0.005)
    assert found.pieces == pytest.approx(292 * 25_000, rel=0.005)
