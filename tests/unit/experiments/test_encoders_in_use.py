"""The encoders of a study by how they are made."""

from __future__ import annotations

from bertfit.experiments.encoders_in_use import EncodersInUse
from bertfit.experiments.registry import open_registry
from conftest import ROOT


def test_encoders_by_the_way_they_are_made() -> None:
    used = EncodersInUse(open_registry({"study": "paper"}, ROOT))
    assert {"bert-base", "bert-large"} <= set(used.fetched) and not set(used.fetched) & set(used.pretrained)
    assert set(used.multitasked) == {"bert-base~mt-four.s1", "bert-base~all@100k.s1~mt-four.s1"}
    assert used.saves["bert-base~imdb@100k.s1"][10_000] == "bert-base~imdb@10kof100k.s1"
    assert "bert-base~imdb@100k.s1" not in used.alone and "bert-base~ag@100k.s1" in used.alone
    assert used.further_pretrained["bert-base~ag@100k.s1"] == ["bert-base~ag@100k.s1"]
    assert "bert-base~ag@100k.s1" in used.starts


def test_encoders_of_several_seeds_are_one_start() -> None:
    used = EncodersInUse(open_registry({"study": "miniature"}, ROOT))
    (ag,) = [start for start in used.starts if start.startswith("mini~ag@")]
    assert ag.endswith(".each") and ag not in used.pretrained
    seeds = used.further_pretrained[ag]
    assert len(seeds) > 1 and set(seeds) <= set(used.alone)
