"""The random draws of pre-training data: shares of masks, numbers moved to disk."""

from __future__ import annotations

from array import array
from pathlib import Path
from random import Random

import numpy as np
import pytest

from bertfit.config.hyperparameters import Pretrain
from bertfit.tokens import instance_file, official_draws
from bertfit.tokens.pretraining_text import Documents
from helpers.instances import ENTRIES, both, random_text
from helpers.vocabularies import write_vocabulary


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory) -> Path:
    return write_vocabulary(tmp_path_factory.mktemp("vocabulary"), ENTRIES)


def test_small_blocks_and_spills_change_nothing(tmp_path, vocabulary, monkeypatch):
    monkeypatch.setattr(instance_file, "BLOCK_ROWS", 7)
    monkeypatch.setattr(official_draws, "_IN_MEMORY", 50)
    monkeypatch.setattr(official_draws, "_BLOCK", 16)
    ours, expected, counts = both(random_text(3, 20), vocabulary, tmp_path, Pretrain())
    assert ours == expected and counts["instances"] > 70


def test_shares_of_masks(tmp_path, vocabulary):
    both(random_text(2, 60), vocabulary, tmp_path, Pretrain())
    read = instance_file.read(tmp_path / "out.arrow")
    now = np.concatenate([read.get(i).ids[read.get(i).positions] for i in range(len(read))])
    before = np.concatenate([read.get(i).labels for i in range(len(read))])
    assert np.mean(now == 6) == pytest.approx(0.8 + 0.1 / 12, abs=0.02)
    assert np.mean((now != 6) & (now != before)) < 0.1


def test_numbers_below_a_limit_are_those_of_randrange():
    ours, theirs = Random(7), Random(7)
    for limit in (1, 2, 3, 7, 8, 9, 1000):
        assert [official_draws._below(ours.getrandbits, limit) for _ in range(20)] == [
            theirs.randrange(limit) for _ in range(20)
        ]


def test_numbers_on_disk_are_found_by_their_places(tmp_path, monkeypatch):
    monkeypatch.setattr(official_draws, "_BLOCK", 2)
    spill = official_draws.Spill("h", tmp_path)
    spill.values.extend([5, -1, 7])
    spill.save()
    assert len(spill.values) == 0
    spill.values.extend([9, 4])
    assert spill.take(np.array([4, 0, 3, 1, 1])).tolist() == [4, 5, 9, -1, -1]
    assert list(tmp_path.iterdir()) == [], "the file has no name"


def test_the_draws_of_one_line_by_hand(tmp_path):
    """A document of one line has no next one: B is a random one, of the same document where there is no other."""
    texts = Documents(array("H", [5, 6, 7]), array("q", [0, 3]), array("q", [0, 1]))
    pretrain = Pretrain(dupe=2, short_share=0, masked_share=0.5, max_length=16)
    plan = official_draws.draw(texts, 10, pretrain, tmp_path)
    assert sorted(plan.order) == [0, 1]
    places = plan.places.take(np.arange(14)).reshape(2, 7)
    # A and B are the three pieces; round((6 + 3) / 2) = 4 of them are masked
    assert places.tolist() == [[0, 3, 0, 3, 1, 0, 4], [0, 3, 0, 3, 1, 4, 4]]
    masked = plan.candidates.take(np.arange(8)).reshape(2, 4).tolist()
    assert all(len(set(row)) == 4 and set(row) <= set(range(6)) for row in masked)
    actions = plan.actions.take(np.arange(8)).tolist()
    assert all(action in (official_draws.MASK, official_draws.KEEP, *range(10)) for action in actions)


def test_all_draws_are_kept_in_the_folder(tmp_path, monkeypatch):
    folders = []
    create = official_draws.tempfile.TemporaryFile
    monkeypatch.setattr(official_draws.tempfile, "TemporaryFile", lambda dir: folders.append(dir) or create(dir=dir))
    texts = Documents(array("H", [5, 6, 7]), array("q", [0, 3]), array("q", [0, 1]))
    official_draws.draw(texts, 10, Pretrain(dupe=1), tmp_path)
    assert folders == [tmp_path] * 3
