"""Steps, tokens and operations of jobs, by hand and against the paper."""

from __future__ import annotations

import numpy as np
import pytest

from bertfit.batching import multitask_sampling
from bertfit.config import recipe_semantics
from bertfit.config.hyperparameters import Finetune
from bertfit.plan import flops, job_cost, text_lengths
from bertfit.plan.flops import Load, Size
from helpers.planned import averages, job, paper_plan


def test_imdb_takes_the_papers_steps() -> None:
    spec = paper_plan()
    sizes = job_cost.StudySizes(spec, averages())
    done = sizes.work(job(spec, "runs/imdb/bert-base/default/seeds42-42"))
    assert done.steps == 4168  # 4 epochs of ceil(25,000 / 24) batches
    one = text_lengths.assumed(292, 25_000).load(Finetune())
    base = Size(12, 768, 3072, 30522)
    assert done.tokens == pytest.approx(4 * one.tokens)
    assert done.train == pytest.approx(flops.finetune(base, one.times(4), 12))
    assert done.evaluate == pytest.approx(4 * flops.read(base, one, 12))
    assert (done.evaluations, done.evaluated, done.relative_depth) == (4, pytest.approx(4 * one.tokens), 1)
    assert done.bytes == 25_000 * 2 * (2 * 4 + job_cost.ROW_BYTES)
    figure2 = sizes.work(job(spec, "runs/imdb/bert-base/evaluate_every=250+steps=5000/seeds42-42"))
    assert figure2.steps == 5000 and figure2.evaluate == pytest.approx(20 * flops.read(base, one, 12))


def test_pretraining_takes_the_papers_steps() -> None:
    spec = paper_plan()
    sizes = job_cost.StudySizes(spec, averages())
    base = sizes.work(job(spec, "encoders/bert-base~imdb@100k.s1"))
    one = Load(1, 128 * 0.95, (128 * 0.95) ** 2)
    count = 100_000 * 32
    assert base.steps == 100_000 and base.tokens == pytest.approx(count * 128 * 0.95)
    assert base.pretrain == pytest.approx(flops.pretrain(Size(12, 768, 3072, 30522), one.times(count), 18 * count))
    large = sizes.work(job(spec, "encoders/bert-large~imdb@120k.s1"))
    assert large.relative_depth == 2, "24 layers, where steps of 12 are timed"
    assert large.steps == 120_000 and large.bytes == 4 * 336_226_108


def test_multitask_takes_as_many_steps_as_its_mixture() -> None:
    spec = paper_plan()
    found = job(spec, "encoders/bert-base~mt-four.s1")
    rows = {name: np.arange(size) for name, size in (("imdb", 25_000), ("yelp_p", 560_000), ("ag", 120_000))}
    rows["dbpedia"] = np.arange(560_000)
    mixture = multitask_sampling.Mixture(rows, found.group, found.whole)
    assert job_cost.StudySizes(spec, averages()).work(found).steps == mixture.steps


def test_few_shot_and_validation_shrink_the_training_set() -> None:
    planned, held_out = job_cost.plan(Finetune(fraction=0.1, validation=0.2, batch_size=7, epochs=1.5), 1000)
    assert (len(planned.rows), held_out, planned.steps) == (80, 20, 18)  # 12 batches, the last of 3; then 6
    assert job_cost.examples(planned) == 80 + 42
    assert recipe_semantics.evaluations(18, 12, None) == 2


@pytest.mark.parametrize(("layers", "read"), [("last", 6), ("all", 6), ("last4", 6), ("first4", 4), ("0", 1), ("3", 4)])
def test_layers_read(layers: str, read: int) -> None:
    assert job_cost.depth(Finetune(layers=layers), Size(6, 8, 16, 10)) == read
    assert max(recipe_semantics.layer_numbers(layers, 6)) + 1 == read
