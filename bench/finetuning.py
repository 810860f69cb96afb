"""Speed of fine-tuning beside Hugging Face's `Trainer`: dynamic padding, grouped by length, padded to 512.

Same BERT classifier (pooler and head; the losses are compared first), weights, texts, batch size and threads; the sides
take turns in one process. Ours are the steps of `finetuning` in the loop of `loop`. One alone, in a minute:

    PYTHONPATH=scripts:tests python bench/finetuning.py --profile ag --pairs 3 --against dynamic group

Estimator: each side orders 12,000 texts (TREC: 5,452) into the batches of an epoch as it does by itself: ours and
``dynamic`` at random, ``group`` by `Trainer`'s own `LengthGroupedSampler`. Of an epoch sorted by the tokens that a side
computes (padding included where it pads), the batches in the middle of ``--steps`` equal shares are trained on, so
short and long ones have their part; a pair has a seed of its own. What is reported are real tokens of these batches
over their seconds: a share of batches that is a bit too short or long then changes little. One step before, on the
shortest texts, does not count.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import measure  # before torch: imports bertfit, which sets how threads of OpenMP wait

# isort: split
import numpy as np
import torch
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    BertTokenizer,
    DataCollatorWithPadding,
)
from transformers.trainer_pt_utils import LengthGroupedSampler

import lengths
import speed
import trainer
from bertfit.batching import example_order, packing
from bertfit.batching.example_order import Array
from bertfit.batching.packing import Batch
from bertfit.config.hyperparameters import Finetune
from bertfit.config.study_schema import Shape
from bertfit.model import hf_encoder
from bertfit.plan import flops
from bertfit.stages.evaluate import Evaluated
from bertfit.stages.finetuning import Finetuning
from bertfit.tokens.token_file import Tokens
from bertfit.tokens.truncation import truncate
from bertfit.training import device
from bertfit.training.loop import run

ENCODERS = {
    "L4-H256": Shape(layers=4, hidden=256, heads=4, intermediate=1024),
    "L6-H384": Shape(layers=6, hidden=384, heads=12, intermediate=1536),
}
RECIPE = Finetune(pooler=True, epochs=1)
TEXTS = {"trec": 5452, "ag": 12_000, "imdb": 12_000}
STEPS = {"trec": 4, "ag": 4, "imdb": 2}
GOALS = {
    ("trec", "dynamic"): 1.3, ("ag", "dynamic"): 1.8, ("ag", "group"): 1.25, ("ag", "padded"): 8.0,
    ("imdb", "dynamic"): 2.0, ("imdb", "group"): 1.3,
}  # fmt: skip
CPU = torch.device("cpu")
Way = Literal["dynamic", "group", "padded"]
WAYS: dict[Way, str] = {"dynamic": "dynamic padding", "group": "group_by_length", "padded": "padded to 512"}


@dataclass(frozen=True)
class World:
    """What both sides train on."""

    profile: str
    shape: str
    data: Tokens
    tokenizer: Any
    folder: Path

    @property
    def sizes(self) -> Array:
        """(texts,) tokens of each text."""
        return packing.lengths(self.data, RECIPE)


# ---------------------------------------------------------------------------------------------- which batches


def sampled(order: Array, cost: Callable[[Array], int], steps: int) -> list[Array]:
    """Rows of the batches in the middle of ``steps`` equal shares of an epoch's whole batches, sorted by ``cost``."""
    whole = len(order) // RECIPE.batch_size
    epoch = sorted(np.split(order[: whole * RECIPE.batch_size], whole), key=cost)
    return [epoch[int((step + 0.5) * whole / steps)] for step in range(steps)]


def with_first(world: World, chosen: list[Array]) -> list[Array]:
    """``chosen`` behind a batch of the shortest texts, whose step is not counted."""
    return [np.argsort(world.sizes, kind="stable")[: RECIPE.batch_size], *chosen]


def our_batches(world: World, seed: int, steps: int) -> list[Array]:
    """Of our own order; packed rows cost their tokens."""
    order = example_order.permutation(seed, 0, len(world.data))
    return sampled(order, lambda rows: int(world.sizes[rows].sum()), steps)


def their_batches(world: World, way: Way, seed: int, steps: int) -> list[Array]:
    """Of `Trainer`'s order; padded rows cost the longest one each."""
    random = torch.Generator().manual_seed(seed)
    sizes = world.sizes
    if way == "group":
        sampler = LengthGroupedSampler(RECIPE.batch_size, lengths=sizes.tolist(), generator=random)
        order = np.array(list(sampler))
    else:
        order = torch.randperm(len(sizes), generator=random).numpy()
    return sampled(order, lambda rows: int(sizes[rows].max()), steps)


# ---------------------------------------------------------------------------------------------- the two sides


class Timed(Finetuning):
    """Our fine-tuning on chosen batches, with the time at which each step began."""

    def __init__(self, world: World, encoder: Any, chosen: Sequence[Array]) -> None:
        few = Evaluated(world.data, RECIPE, CPU, chosen[0])
        recipe = RECIPE.model_copy(update={"steps": len(chosen)})
        super().__init__(recipe, 1, world.data, few, encoder, CPU)
        self.chosen = chosen
        self.began: list[float] = []

    def batch(self, step: int) -> Batch:
        """Called by the loop."""
        return packing.collate(self.train, self.chosen[step], self.recipe)

    def reached(self, step: int, check: Callable[[], None]) -> None:
        """Called by the loop."""
        self.began.append(time.perf_counter())


def twins(world: World) -> tuple[Any, BertForSequenceClassification]:
    """Ours, an encoder, and theirs, a classifier with Hugging Face's own attention: the same weights."""
    ours = hf_encoder.scratch(ENCODERS[world.shape], world.data.vocabulary_size, 1).bert
    config = BertConfig.from_dict(ours.config.to_dict())
    config._attn_implementation = "sdpa"
    config.num_labels = len(world.data.label_names)
    theirs = BertForSequenceClassification(config)
    theirs.bert.load_state_dict(ours.state_dict())
    return ours, theirs


def loop(world: World, task: Timed) -> None:
    """Our training loop; a bench saves no state."""
    run(task, world.folder / "state", "bench", save_seconds=float("inf"))


def our_seconds(world: World, chosen: Sequence[Array]) -> float:
    """Of all steps but the first."""
    task = Timed(world, twins(world)[0], with_first(world, list(chosen)))
    loop(world, task)
    return task.began[-1] - task.began[1]


def rows(world: World, chosen: Sequence[Array]) -> list[dict[str, Any]]:
    """Texts as a tokenised data set gives them."""
    data = world.data
    found = []
    for row in np.concatenate(chosen):
        (segment,) = truncate(data.ids(row), None, RECIPE, data.cls, data.sep)
        ids, types = segment.ids.tolist(), segment.types.tolist()
        mask = [1] * len(ids)
        labels = int(data.labels[row])
        found.append({"input_ids": ids, "token_type_ids": types, "attention_mask": mask, "labels": labels})
    return found


def collator(world: World, way: Way) -> DataCollatorWithPadding:
    """Hugging Face's own."""
    full = {"padding": "max_length", "max_length": RECIPE.max_length} if way == "padded" else {"padding": True}
    return DataCollatorWithPadding(world.tokenizer, **full)


def their_seconds(world: World, way: Way, chosen: Sequence[Array]) -> float:
    """Of all steps of `Trainer` but the first."""
    texts = rows(world, with_first(world, list(chosen)))
    model = twins(world)[1]
    return trainer.seconds(model, texts, collator(world, way), RECIPE.batch_size, RECIPE.lr, world.folder / "trainer")


# ---------------------------------------------------------------------------------------------- comparisons


def check_losses(world: World) -> None:
    """Refuse to measure if the losses of one batch without dropout differ by more than 1e-5: not the same model."""
    (chosen,) = our_batches(world, 1, 1)
    encoder, theirs = twins(world)
    task = Timed(world, encoder, [chosen])
    task.model.eval()
    theirs.eval().classifier.load_state_dict(task.model.output.state_dict())
    with torch.inference_mode():
        found = float(task.loss(task.batch(0)))
        expected = float(theirs(**collator(world, "dynamic")(rows(world, [chosen]))).loss)
    if abs(found - expected) > 1e-5:
        raise SystemExit(f"loss of one batch: ours {found:.7f}, theirs {expected:.7f}; they differ by more than 1e-5")


def measured(world: World, ways: Sequence[Way], pairs: int, steps: int) -> list[measure.Record]:
    """A record for each way of `Trainer`, all against the same turns of ours."""
    check_losses(world)

    def rate(chosen: Sequence[Array], seconds: float) -> float:
        return sum(int(world.sizes[rows].sum()) for rows in chosen) / seconds

    def ours(pair: int) -> float:
        chosen = our_batches(world, pair, steps)
        return rate(chosen, our_seconds(world, chosen))

    def other(way: Way) -> Callable[[int], float]:
        def theirs(pair: int) -> float:
            chosen = their_batches(world, way, pair, 1 if way == "padded" else steps)
            return rate(chosen, their_seconds(world, way, chosen))

        return theirs

    speeds = []
    for found in measure.turns(pairs, ours, *map(other, ways)):
        speeds.append(found)
        print(
            f"  {world.profile} {world.shape}: " + ", ".join(f"{each:,.0f}" for each in found), "tokens/s", flush=True
        )
    limits = limited(world, float(np.median([each[0] for each in speeds])))
    return [
        measure.compare(
            f"fine-tuning, {world.profile} lengths, {world.shape}, against {WAYS[way]}",
            "tokens/s",
            GOALS.get((world.profile, way)),
            [(each[0], each[place + 1]) for each in speeds],
        )
        | {"limits": limits}
        for place, way in enumerate(ways)
    ]


def limited(world: World, tokens_per_second: float) -> measure.Record:
    """What limits our side, see `speed.limits`; profiled are two steps on a batch of middle size."""
    sizes, shape = world.sizes.astype(float), ENCODERS[world.shape]
    load = flops.Load(len(sizes), sizes.sum(), (sizes**2).sum())
    size = flops.Size(shape.layers, shape.hidden, shape.intermediate, world.data.vocabulary_size)
    operations = flops.finetune(size, load, shape.layers) / load.tokens
    (chosen,) = our_batches(world, 1, 1)
    task = Timed(world, twins(world)[0], [chosen, chosen])
    found = speed.limits(operations * tokens_per_second, lambda: loop(world, task))
    print("  {gflops} GFLOP/s of {peak_gflops} by a plain product; shares of our step: {shares}".format(**found))
    return found


def main() -> None:
    """Measure, print and write the records."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--out", type=Path, default=Path("results/bench/finetuning.json"))
    parser.add_argument("--profile", nargs="+", choices=lengths.CORPORA, default=list(lengths.CORPORA))
    parser.add_argument("--encoder", nargs="+", choices=ENCODERS, default=["L4-H256"])
    parser.add_argument("--against", nargs="+", choices=WAYS, help="padded is, by default, only for ag and L4-H256")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads of all sides")
    parser.add_argument("--pairs", type=int, default=5, help="at least 5 for a median")
    parser.add_argument("--steps", type=int, help="batches of one side in a pair; by default 4, for imdb 2")
    options = parser.parse_args()
    device.prepare(options.threads)
    records = []
    with tempfile.TemporaryDirectory() as temporary:
        tokenizer = BertTokenizer.from_pretrained(lengths.uncased_vocabulary(Path(temporary, "uncased")))
        for shape in options.encoder:
            for profile in options.profile:
                data = lengths.corpus(profile, TEXTS[profile])
                world = World(profile, shape, data, tokenizer, Path(temporary))
                usual: list[Way] = ["dynamic", "group", *(["padded"] if (profile, shape) == ("ag", "L4-H256") else [])]
                records += measured(world, options.against or usual, options.pairs, options.steps or STEPS[profile])
    measure.write(options.out, records, options.threads)


if __name__ == "__main__":
    main()
