"""The record of the winner on the test split is read back, and a damaged one is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bertfit.core.errors import UserError
from bertfit.search import outcome_record
from helpers import dataset_results


def test_it_is_read_back(tmp_path: Path) -> None:
    labels = np.array([0, 1, 1, 0], np.int32)
    made = dataset_results.outcome(labels, np.eye(2, dtype=np.float32)[[0, 1, 0, 0]], ["a", "b"])
    path = dataset_results.write(tmp_path / "outcome.json", made)
    assert outcome_record.read(path) == made and made.thresholds is None
    several = made.model_copy(update={"several_labels": True})
    assert several.thresholds == [0.5, 0.5]


def test_what_is_no_outcome_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "outcome.json"
    for content in ("", "{}", '{"texts": "many"}'):
        path.write_text(content)
        with pytest.raises(UserError, match=r"outcome\.json: not the outcome of a search .*delete it and run again"):
            outcome_record.read(path)
