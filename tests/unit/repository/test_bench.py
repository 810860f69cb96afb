"""What the benches measure with: turns, records, sampled batches, lengths, slopes; no clock."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from transformers import BertTokenizer

import busy
import calibration
import finetuning
import former_tests
import growth
import lengths
import measure
import memory
import news
import rejection_rates
from bertfit.batching import packing
from bertfit.config.corpus_schema import TextForm
from bertfit.config.encoder_schema import Shape
from bertfit.statistics.difference import Difference
from bertfit.tokens import token_file, tokenize_corpus
from helpers.simulated_errors import Situation, clusters_of


def test_sides_take_turns() -> None:
    calls: list[str] = []

    def side(name: str, value: float):
        return lambda pair: calls.append(f"{name}{pair}") or value + pair

    found = list(measure.turns(3, side("a", 10), side("b", 20), side("c", 30)))
    assert found == [(10, 20, 30), (11, 21, 31), (12, 22, 32)]
    assert calls == ["a0", "b0", "c0", "b1", "c1", "a1", "c2", "a2", "b2"]


def test_record_of_a_comparison() -> None:
    record = measure.compare("x", "tokens/s", 1.8, [(10, 5), (9, 6), (40, 10)])
    assert record == {
        "name": "x", "ours": 10, "theirs": 6, "unit": "tokens/s", "ratio": 2, "low": 1.5, "high": 4, "pairs": 3,
        "goal": 1.8, "at_most": False, "met": True,
    }  # fmt: skip
    assert not measure.compare("x", "tokens/s", 2.1, [(10, 5)])["met"]


def test_bounds_hold_for_the_median() -> None:
    record = measure.alone("start", "s", 6.0, [9.0, 5.0, 6.5], at_most=True)
    assert (record["ours"], record["low"], record["high"], record["ratio"]) == (6.5, 5.0, 9.0, None)
    assert not record["met"]
    assert measure.alone("start", "s", 6.0, [6.0], at_most=True)["met"]
    assert measure.alone("start", "s", 6.0, [7.0], at_most=False)["met"]


def test_a_package_that_is_not_installed_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "PACKAGES", ("torch", "no-such-package"))
    versions = measure.machine(1)["versions"]
    assert versions["no-such-package"] == "not installed" and versions["torch"][0].isdigit()


def test_table_says_what_is_missed(tmp_path: Path) -> None:
    records = [
        measure.compare("fast", "tokens/s", 1.5, [(10, 5)]),
        measure.alone("slow", "s", 6.0, [7.0], at_most=True),
        measure.alone("seen", "s", None, [7.0], at_most=True),
    ]
    measure.write(tmp_path / "b.json", records, threads=2)
    found = measure.read(tmp_path)
    assert found[0]["machine"]["threads"] == 2 and found[0]["machine"]["versions"]["torch"]
    assert [each["ours"] for each in found] == [10, 7, 7]
    lines = measure.table(found).splitlines()[1:]
    assert [line.split("  ")[-1].strip().split(" ", 3)[-1] for line in lines[:1]] == ["met"]
    assert lines[1].endswith("at most 6: MISSED") and lines[2].endswith("none")


def test_summary_of_lengths() -> None:
    found = lengths.summary(np.repeat([3, 5, 105], [500, 499, 1]))
    assert (found["documents"], found["mean"], found["largest"]) == (1000, 4.1, 105)
    assert found["quantiles"] == [3] * 500 + [5] * 499 + [105]


@pytest.mark.parametrize("profile", lengths.CORPORA)
def test_made_up_corpus_is_as_long_as_the_real_one(profile: str) -> None:
    facts = json.loads(lengths.FILE.read_text())[profile]
    corpus = lengths.corpus(profile, 2 * lengths.QUANTILES)
    sizes = np.diff(corpus.offsets)
    assert np.sort(sizes)[::2].tolist() == facts["quantiles"]
    assert sizes.mean() == pytest.approx(facts["mean"], rel=0.01)
    assert corpus.values.min() >= 999 and corpus.values.max() < lengths.PIECES
    assert len(set(corpus.labels.tolist())) == len(corpus.label_names)


def test_sampled_batches_stand_for_the_epoch() -> None:
    order = np.arange(24 * 10 + 7)[::-1]  # ten whole batches and a rest
    cost = {int(rows[0]): place for place, rows in enumerate(np.split(order[:240], 10))}
    found = finetuning.sampled(order, lambda rows: cost[int(rows[0])], 5)
    assert [cost[int(rows[0])] for rows in found] == [1, 3, 5, 7, 9]
    (middle,) = finetuning.sampled(order, lambda rows: cost[int(rows[0])], 1)
    assert cost[int(middle[0])] == 5


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> finetuning.Inputs:
    folder = tmp_path_factory.mktemp("bench")
    words = lengths.uncased_vocabulary(folder / "uncased")
    return finetuning.Inputs("imdb", "tiny", lengths.corpus("imdb", 2400), BertTokenizer.from_pretrained(words), folder)


def test_grouping_pads_less(inputs: finetuning.Inputs) -> None:
    def padded(padding: finetuning.Padding) -> float:
        chosen = finetuning.their_batches(inputs, padding, 1, 20)
        assert all(len(set(rows.tolist())) == 24 for rows in chosen)
        return sum(24 * inputs.sizes[rows].max() for rows in chosen) / sum(inputs.sizes[rows].sum() for rows in chosen)

    assert 1 <= padded("group") < 1.2 < 1.7 < padded("dynamic")


def test_sampled_batches_have_the_epochs_tokens(inputs: finetuning.Inputs) -> None:
    mean = 24 * inputs.sizes.mean()
    for chosen in (finetuning.our_batches(inputs, 1, 20), finetuning.their_batches(inputs, "group", 1, 20)):
        assert np.mean([inputs.sizes[rows].sum() for rows in chosen]) == pytest.approx(mean, rel=0.03)


def test_both_sides_read_the_same_ids(inputs: finetuning.Inputs) -> None:
    (chosen,) = finetuning.our_batches(inputs, 1, 1)
    packed = packing.collate(inputs.data, chosen, finetuning.RECIPE)
    rows = finetuning.rows(inputs, [chosen])
    documents = np.split(packed.input_ids, packed.starts[1:])
    assert sorted(ids.tolist() for ids in documents) == sorted(row["input_ids"] for row in rows)
    assert max(len(row["input_ids"]) for row in rows) == 512
    full = finetuning.collator(inputs, "padded")(rows[:2])
    assert full["input_ids"].shape == (2, 512)
    assert full["attention_mask"].sum(1).tolist() == [len(row["input_ids"]) for row in rows[:2]]


def test_both_sides_are_the_same_model(inputs: finetuning.Inputs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(finetuning.ENCODERS, "tiny", Shape(layers=1, hidden=16, heads=2, intermediate=32))
    finetuning.check_losses(inputs)
    same_weights = finetuning.same_weights

    def other(inputs: finetuning.Inputs):
        ours, theirs = same_weights(inputs)
        theirs.bert.pooler.dense.bias.data += 1
        return ours, theirs

    monkeypatch.setattr(finetuning, "same_weights", other)
    with pytest.raises(SystemExit, match="differ by more than 1e-5"):
        finetuning.check_losses(inputs)


def test_slopes() -> None:
    assert growth.slope([1, 4, 16], [2, 8, 32]) == pytest.approx(1)
    assert growth.slope([1, 4, 16], [1, 16, 256]) == pytest.approx(2)
    assert growth.slope([1, 4, 16], [5, 5, 5]) == pytest.approx(0)


def test_large_file_is_a_tokens_file(tmp_path: Path) -> None:
    memory.write(tmp_path / "x.arrow", 50)
    found, made = token_file.read(tmp_path / "x.arrow"), lengths.corpus("ag", 50)
    assert len(found) == 50 and found.pair(3) is None
    assert all(found.ids(row).tolist() == made.ids(row).tolist() for row in range(50))
    assert found.labels.tolist() == made.labels.tolist()


def test_news_are_as_long_as_the_real_ones(inputs: finetuning.Inputs, tmp_path: Path) -> None:
    news.corpus(tmp_path / "news.parquet", inputs.folder / "uncased", 300)
    tokenize_corpus.build(tmp_path / "news.parquet", inputs.folder / "uncased", TextForm(), tmp_path / "news.arrow")
    mean = float(np.diff(token_file.read(tmp_path / "news.arrow").offsets).mean())
    assert mean == pytest.approx(json.loads(lengths.FILE.read_text())["ag"]["mean"], rel=0.1)


def speed(rate: float, per_cpu_second: float, loop: float = 1.0) -> busy.Speed:
    return busy.Speed(rate, per_cpu_second, loop, others=0.0)


def test_a_thread_is_due_its_share_of_the_cores() -> None:
    """Two threads and a loop on two cores: two thirds of a core each, or less where other programs run too."""
    alone = speed(1500, 1000)
    assert busy.beyond(alone, speed(1000, 1000, loop=0.9), cores=2, threads=2, loops=1) == pytest.approx(4 / 3)
    assert busy.beyond(alone, speed(1000, 1000, loop=0.5), cores=2, threads=2, loops=1) == pytest.approx(1)
    assert busy.beyond(alone, speed(100, 1000, loop=0.9), cores=2, threads=2, loops=2) == pytest.approx(10)


def test_records_of_training_beside_busy_loops() -> None:
    """Ours is alone at 1,500, then at its share of 2 / 3 and half a core; threads that spin at a tenth of ours."""
    rates = [1500, 1500, 4000 / 3, 400 / 3, 1000, 100]
    records = busy.records([[speed(rate, 1000) for rate in rates]] * 3, cores=2, threads=2)
    slowdowns = {record["name"]: record for record in records if record["unit"] == "times"}
    assert [record["ours"] for record in slowdowns.values()] == pytest.approx([1, 10, 1, 10])
    assert [record["goal"] for record in slowdowns.values()] == [2.5, None, 2.5, None]
    ratios = [record["ratio"] for record in records if record["unit"] == "tokens/s"]
    assert ratios == pytest.approx([1, 10, 10])


def test_busy_loops_end() -> None:
    with pytest.raises(KeyboardInterrupt), busy.busy(2) as loops:
        assert [process.poll() for process in loops] == [None, None]
        raise KeyboardInterrupt
    assert None not in [process.returncode for process in loops]


def test_situations_of_the_calibration_are_distinct_and_bounded() -> None:
    cases = list(calibration.cases())
    assert len({(case.group, case.name) for case in cases}) == len(cases) > 100
    assert {case.group for case in cases if not case.full} == {case.group for case in cases}
    assert {case.group for case in cases if case.bound is None} == {
        "unstable side found better, all studies",
        "equal ways are called equal",
    }


def test_a_situation_without_its_correction_rejects_too_often() -> None:
    clusters = clusters_of("10", 400, np.random.default_rng(1))
    rates = rejection_rates.rejections(Situation(400, 0.2, (0.0, 0.0), clusters=clusters), 1, 200)
    assert rates.before > 20 and rates.after < 10


def test_sizes_of_clusters() -> None:
    random = np.random.default_rng(1)
    assert np.bincount(clusters_of("3", 10, random)).tolist() == [3, 3, 3, 1]
    assert sorted(np.bincount(clusters_of("1+30", 100, random)))[:50] == [1] * 50
    mixed = np.bincount(clusters_of("1-30", 3000, random))
    assert mixed.sum() == 3000 and mixed.max() <= 30 and len(set(mixed)) > 20


def test_the_former_mean_borrowed_the_spread_of_other_corpora() -> None:
    parts = [
        Difference(0.10, 0.03, 4, 5, 100),
        Difference(0.02, 0.04, 10, 3, 400),
        Difference(0.03, 0.01, 999, 1, 1000),
    ]
    found = former_tests.average(parts, [0.0010, 0.0004, 0.0])
    borrowed = (4 * 0.0010 + 2 * 0.0004) / 6
    assert found.error == pytest.approx((0.03**2 + 0.04**2 + 0.01**2 + borrowed) ** 0.5 / 3)
