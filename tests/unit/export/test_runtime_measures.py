"""Speed and agreement of the runtimes: what is compared, and by value what the numbers say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bertfit.export import runtime_measures
from bertfit.inference.answers import Decision


@pytest.mark.usefixtures("cpu")
def test_all_three_on_the_same_texts(delivered: Path) -> None:
    texts = [f"w{number} w{number + 1}" for number in range(70)]
    found = runtime_measures.measure(delivered / "model", texts, seconds=20)
    torch, onnx, eight = found.measures
    assert [each.title for each in found.measures] == ["torch", "ONNX, float32", "ONNX, 8-bit"]
    assert found.compared == 70 and found.threads == 1 and found.processor and not found.reason
    assert (torch.same, torch.difference) == (1, 0)
    assert onnx.same == 1 and 0 < onnx.difference < 1e-4 < eight.difference < 0.5
    for each in found.measures:
        assert each.single_ms > 0 and each.per_second > 0 and each.size > 1000
    assert torch.size == (delivered / "model/model.safetensors").stat().st_size


def test_a_time_limit_leaves_whole_batches(delivered: Path) -> None:
    found = runtime_measures.measure(delivered / "model", ["w1"] * 200, seconds=0)
    assert found.compared == found.batch == 1
    assert [runtime_measures.batch_size(single, 4) for single in (9, 1.1, 0.5, 0.001)] == [1, 3, 8, 32]
    with pytest.raises(ValueError, match="no texts"):
        runtime_measures.measure(delivered / "model", [])


def test_agreement_and_difference_by_value() -> None:
    one, several = Decision.of(["a", "b"], False), Decision.of(["a", "b"], True)
    ours = np.log(np.array([[3, 1], [1, 3], [1, 1]], np.float32))
    others = np.log(np.array([[3, 1], [3, 1], [1, 1]], np.float32))
    assert runtime_measures.agreement(one, ours, others) == pytest.approx(2 / 3)
    assert runtime_measures.largest_difference(one, ours, others) == pytest.approx(0.5)
    assert runtime_measures.agreement(several, np.array([[1, -1], [1, 1]]), np.array([[1, 1], [1, 1]])) == 0.5
    found = runtime_measures.largest_difference(several, np.array([[0.0, 0.0]]), np.array([[np.log(3), 0.0]]))
    assert found == pytest.approx(0.25)
