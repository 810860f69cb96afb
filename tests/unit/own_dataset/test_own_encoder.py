"""The encoder of a search: which candidates its family allows. Folders and hub ids: own_dataset/test_own_data."""

from __future__ import annotations

import pytest

from bertfit.core import yaml_loader
from bertfit.own_dataset import own_encoder
from conftest import ROOT

CANDIDATES = yaml_loader.load(ROOT / "studies/example.yaml").value["own"]["candidates"]


@pytest.mark.parametrize("family", [None, "roberta", "modernbert"])
def test_other_families_have_all_candidates(family: str | None) -> None:
    assert own_encoder.fitting(CANDIDATES, {"family": family}) == {}


def test_shared_layers_have_one_rate() -> None:
    changed = own_encoder.fitting(CANDIDATES, {"family": "albert"})["candidates"]
    assert changed == {"layers": None, "further": {"recipe": {"layer_decay": None}}}
