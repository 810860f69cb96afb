"""Each comparison of `make equal` holds, and fails when its fast path is broken."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import count
from pathlib import Path

import numpy as np
import pytest
import torch

import equal
import equal_inputs
from bertfit.attention import packed_attention
from bertfit.batching import packing
from bertfit.config.encoder_schema import Shape
from bertfit.model import classifier_head, dropout
from bertfit.model.packed_encoder import PackedEncoder
from bertfit.stages import feature_cache
from bertfit.tokens import truncation
from bertfit.training import optimizer

SMALL = Shape(layers=2, hidden=32, heads=2, intermediate=64, positions=64, initializer_range=0.2)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(equal_inputs, "SHAPE", SMALL)
        yield equal_inputs.make(tmp_path_factory.mktemp("inputs"), torch.device("cpu"))


@pytest.mark.parametrize("name", equal.PATHS)
def test_fast_paths_equal_their_references(inputs, name):
    found = list(equal.PATHS[name](inputs))
    assert found and all(line.ok for line in found), equal.table(found, "cpu")


# ---------------------------------------------------------------------------------------------- broken on purpose


def wrong_positions(patch):
    patch.setattr(packing, "positions", lambda lengths: np.zeros(lengths.sum(), np.int32))


def other_rows(patch):
    last = PackedEncoder.last_states
    patch.setattr(
        PackedEncoder, "last_states", lambda self, inputs: last(self, replace(inputs, rows=inputs.rows.roll(1)))
    )


def scaled_scores(patch):
    attend = packed_attention.attend
    patch.setattr(
        packed_attention,
        "attend",
        lambda *tensors, scaling, **more: attend(*tensors, scaling=1.01 * scaling, **more),
    )


def scaled_masks(patch):
    keep = dropout.Noise.keep
    patch.setattr(dropout.Noise, "keep", lambda *arguments: 1.01 * keep(*arguments))


def logits_of_threads(patch):
    logits = classifier_head.Classifier.logits
    patch.setattr(classifier_head.Classifier, "logits", lambda *args: logits(*args) + 0.01 * torch.get_num_threads())


def logits_of_autocast(patch):
    logits = classifier_head.Classifier.logits
    patch.setattr(classifier_head.Classifier, "logits", lambda *args: logits(*args) + torch.is_autocast_enabled("cpu"))


def large_epsilon(patch):
    patch.setattr(optimizer, "EPSILON", 1e-4)


def running_generator(patch):
    patch.setattr(dropout.Noise, "reseed", lambda *arguments: None)


def heads_of_calls(patch):
    draw, calls = classifier_head.draw, count()
    patch.setattr(classifier_head, "draw", lambda modules, std, seed: draw(modules, std, seed + next(calls)))


def scaled_states(patch):
    read = feature_cache.Cache.__call__
    patch.setattr(feature_cache.Cache, "__call__", lambda *arguments: 1.01 * read(*arguments))


def other_half(patch):
    def cut(first, second, room):
        return first[: max(room - len(second), room // 2)], second[: max(room - len(first), (room + 1) // 2)]

    patch.setattr(truncation, "cut_pair", cut)


EXCEEDED = {
    "packed": wrong_positions,
    "head": other_rows,
    "top": other_rows,
    "attention": scaled_scores,
    "dropout": scaled_masks,
    "threads": logits_of_threads,
    "bfloat16": logits_of_autocast,
    "adam": large_epsilon,
    "resume": running_generator,
    "seeds": heads_of_calls,
    "states": scaled_states,
    "truncation": other_half,
    "families": scaled_scores,
}


@pytest.mark.parametrize("name", equal.PATHS)
def test_a_broken_path_is_seen(inputs, monkeypatch, name):
    EXCEEDED[name](monkeypatch)
    assert not all(line.ok for line in equal.PATHS[name](inputs))


# ---------------------------------------------------------------------------------------------- table, file, status


def run(out: Path, *paths: str) -> tuple[int, list[dict]]:
    status = equal.main([*paths, "--out", str(out), "--threads", str(torch.get_num_threads())])
    return status, json.loads(out.read_text())


def test_the_status_says_whether_all_bounds_hold(tmp_path, monkeypatch, capsys):
    status, (record,) = run(tmp_path / "equal.json", "truncation")
    assert status == 0 and record["met"] and record["ours"] == record["goal"] == 0
    assert record["path"] == "truncation views / plain Python" and record["quantity"] == "examples that differ"
    assert {"device", "processor", "versions", "threads"} <= record["machine"].keys()
    assert "1 of 1 within their bounds" in capsys.readouterr().out
    other_half(monkeypatch)
    status, (record,) = run(tmp_path / "equal.json", "truncation")
    assert status == 1 and not record["met"] and record["ours"] > 0
    assert "EXCEEDED" in (shown := capsys.readouterr().out) and "0 of 1 within their bounds" in shown


def test_an_unknown_path_is_refused(capsys):
    with pytest.raises(SystemExit):
        equal.main(["pakced"])
    assert "no such path: pakced" in capsys.readouterr().err


def test_distance_by_hand():
    ours, plain = (
        {"a": torch.tensor([1.0, 2.5]), "b": torch.tensor([[0.0]])},
        {"a": torch.tensor([1.0, 2.0]), "b": torch.tensor([[-4.0]])},
    )
    assert equal_inputs.distance(ours, plain) == 4 and equal_inputs.distance(ours["a"], plain["a"]) == 0.5
    found = equal_inputs.compare("path", "quantity", ours, plain, 0.5)
    assert (found.difference, found.bound, found.ok) == (4, 2, False)
    assert not equal_inputs.compare("path", "quantity", torch.tensor([torch.nan]), torch.tensor([1.0]), 1e9).ok
    assert not equal_inputs.compare("path", "quantity", {"a": plain["a"]}, plain, 1e9).ok
    assert not equal_inputs.compare("path", "quantity", torch.zeros(1, 2), torch.zeros(2), 1e9).ok
    rule = equal_inputs.bfloat16("path", "quantity", torch.tensor([1.25]), torch.tensor([1.125]), torch.tensor([1.0]))
    assert (rule.difference, rule.bound, rule.ok) == (0.25, 0.375, True)
