"""Speed of fine-tuning against Hugging Face's `Trainer`: dynamic padding, grouped by length, padded to 512.

The BERT classifier (with pooler and head), weights, texts, batch size and threads are the same; the losses are compared
first. The sides take turns in one process. Ours is `stages.finetuning` in `training.loop`. One profile, in a minute:

    PYTHONPATH=scripts:tests python bench/finetuning.py --profile ag --pairs 3 --against dynamic group

Estimator: each side orders 12,000 texts (TREC: 5,452) into the batches of an epoch with its own sampler: ours and
``dynamic`` at random, ``group`` with `Trainer`'s `LengthGroupedSampler`. The batches of an epoch are sorted by the
tokens that a side computes (with padding, where it pads) and divided into ``--steps`` equal strata; the middle batch of
each is trained on. Each pair has its own seed. Speed is the number of tokens without padding over the seconds. A
warm-up step on the shortest texts is not counted.
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
from bertfit.config.encoder_schema import Shape
from bertfit.config.hyperparameters import Finetune
from bertfit.hugging_face import hf_encoder
from bertfit.plan import flops
from bertfit.stages.evaluate import EvaluationSet
from bertfit.stages.finetuning import FinetuningTask
from bertfit.tokens.token_file import Tokens
from bertfit.tokens.truncation import truncate
from bertfit.training import devices
from bertfit.training.loop import run

ENCODERS = {
    "L2-H64": Shape(layers=2, hidden=64, heads=2, intermediate=256),
    "L4-H256": Shape(layers=4, hidden=256, heads=4, intermediate=1024),
    "L6-H384": Shape(layers=6, hidden=384, heads=12, intermediate=1536),
    "L12-H768": Shape(layers=12, hidden=768, heads=12, intermediate=3072),
}
RECIPE = Finetune(pooler=True, epochs=1)
TEXTS = {"trec": 5452, "ag": 12_000, "imdb": 12_000}
STEPS = {"trec": 4, "ag": 4, "imdb": 2}
GOALS = {
    ("trec", "dynamic"): 1.3, ("ag", "dynamic"): 1.8, ("ag", "group"): 1.25, ("ag", "padded"): 8.0,
    ("imdb", "dynamic"): 2.0, ("imdb", "group"): 1.3,
}  # fmt: skip
CPU = torch.device("cpu")
Padding = Literal["dynamic", "group", "padded"]
PADDINGS: dict[Padding, str] = {"dynamic": "dynamic padding", "group": "group_by_length", "padded": "padded to 512"}


@dataclass(frozen=True)
class Inputs:
    """Training data and encoder of both sides."""

    profile: str
    shape: str
    data: Tokens
    tokenizer: Any
    folder: Path

    @property
    def sizes(self) -> Array:
        """(texts,) numbers of tokens."""
        return packing.lengths(self.data, RECIPE)


# ---------------------------------------------------------------------------------------------- batches


def sampled(order: Array, cost: Callable[[Array], int], steps: int) -> list[Array]:
    """Rows of the middle batches of ``steps`` equal strata of an epoch's full batches, sorted by ``cost``."""
    whole = len(order) // RECIPE.batch_size
    epoch = sorted(np.split(order[: whole * RECIPE.batch_size], whole), key=cost)
    return [epoch[int((step + 0.5) * whole / steps)] for step in range(steps)]


def with_first(inputs: Inputs, chosen: list[Array]) -> list[Array]:
    """``chosen`` after a warm-up batch of the shortest texts."""
    return [np.argsort(inputs.sizes, kind="stable")[: RECIPE.batch_size], *chosen]


def our_batches(inputs: Inputs, seed: int, steps: int) -> list[Array]:
    """Sampled batches in our order; a packed batch costs its tokens."""
    order = example_order.permutation(seed, 0, len(inputs.data))
    return sampled(order, lambda rows: int(inputs.sizes[rows].sum()), steps)


def their_batches(inputs: Inputs, padding: Padding, seed: int, steps: int) -> list[Array]:
    """Sampled batches in `Trainer`'s order; a padded batch costs its longest text."""
    random = torch.Generator().manual_seed(seed)
    sizes = inputs.sizes
    if padding == "group":
        sampler = LengthGroupedSampler(RECIPE.batch_size, lengths=sizes.tolist(), generator=random)
        order = np.array(list(sampler))
    else:
        order = torch.randperm(len(sizes), generator=random).numpy()
    return sampled(order, lambda rows: int(sizes[rows].max()), steps)


# ---------------------------------------------------------------------------------------------- the two sides


class Timed(FinetuningTask):
    """Our fine-tuning on chosen batches, with the time at which each step began."""

    def __init__(self, inputs: Inputs, encoder: Any, chosen: Sequence[Array], device: torch.device = CPU) -> None:
        few = EvaluationSet(inputs.data, RECIPE, device, chosen[0])
        recipe = RECIPE.model_copy(update={"steps": len(chosen)})
        super().__init__(recipe, 1, inputs.data, few, encoder, device)
        self.chosen = chosen
        self.began: list[float] = []

    def batch(self, step: int) -> Batch:
        """Called by the loop."""
        return packing.collate(self.train, self.chosen[step], self.recipe)

    def reached(self, step: int, check: Callable[[], None]) -> None:
        """Called by the loop."""
        self.began.append(time.perf_counter())


def same_weights(inputs: Inputs) -> tuple[Any, BertForSequenceClassification]:
    """Our encoder, and their classifier with Hugging Face's attention and the same weights."""
    ours: Any = hf_encoder.scratch(ENCODERS[inputs.shape], inputs.data.vocabulary_size, 1).encoder
    config = BertConfig.from_dict(ours.config.to_dict())
    config._attn_implementation = "sdpa"
    config.num_labels = len(inputs.data.label_names)
    theirs = BertForSequenceClassification(config)
    theirs.bert.load_state_dict(ours.state_dict())
    return ours, theirs


def loop(inputs: Inputs, task: Timed) -> None:
    """Train in our loop, without checkpoints."""
    run(task, inputs.folder / "state", "bench", save_seconds=float("inf"))


def our_seconds(inputs: Inputs, chosen: Sequence[Array]) -> float:
    """Duration of our steps but the first."""
    task = Timed(inputs, same_weights(inputs)[0], with_first(inputs, list(chosen)))
    loop(inputs, task)
    return task.began[-1] - task.began[1]


def rows(inputs: Inputs, chosen: Sequence[Array]) -> list[dict[str, Any]]:
    """Examples as a tokenised data set yields them."""
    data = inputs.data
    examples = []
    for row in np.concatenate(chosen):
        (segment,) = truncate(data.ids(row), None, RECIPE, data.cls, data.sep)
        ids, types = segment.ids.tolist(), segment.types.tolist()
        mask = [1] * len(ids)
        labels = int(data.labels[row])
        examples.append({"input_ids": ids, "token_type_ids": types, "attention_mask": mask, "labels": labels})
    return examples


def collator(inputs: Inputs, padding: Padding) -> DataCollatorWithPadding:
    """Hugging Face's collator."""
    full = {"padding": "max_length", "max_length": RECIPE.max_length} if padding == "padded" else {"padding": True}
    return DataCollatorWithPadding(inputs.tokenizer, **full)


def their_seconds(inputs: Inputs, padding: Padding, chosen: Sequence[Array]) -> float:
    """Duration of all steps of `Trainer` but the first."""
    texts = rows(inputs, with_first(inputs, list(chosen)))
    model = same_weights(inputs)[1]
    return trainer.seconds(
        model, texts, collator(inputs, padding), RECIPE.batch_size, RECIPE.lr, inputs.folder / "trainer"
    )


# ---------------------------------------------------------------------------------------------- comparisons


def check_losses(inputs: Inputs) -> None:
    """Exit if the losses of one batch without dropout differ by more than 1e-5, as the models then differ."""
    (chosen,) = our_batches(inputs, 1, 1)
    encoder, theirs = same_weights(inputs)
    task = Timed(inputs, encoder, [chosen])
    task.model.eval()
    theirs.eval().classifier.load_state_dict(task.model.output.state_dict())
    with torch.inference_mode():
        loss = float(task.loss(task.inputs(task.batch(0)))[0])
        expected = float(theirs(**collator(inputs, "dynamic")(rows(inputs, [chosen]))).loss)
    if abs(loss - expected) > 1e-5:
        raise SystemExit(f"loss of one batch: ours {loss:.7f}, theirs {expected:.7f}; they differ by more than 1e-5")


def measured(inputs: Inputs, paddings: Sequence[Padding], pairs: int, steps: int) -> list[measure.Record]:
    """A record for each padding of `Trainer`, all against the same turns of ours."""
    check_losses(inputs)

    def rate(chosen: Sequence[Array], seconds: float) -> float:
        return sum(int(inputs.sizes[rows].sum()) for rows in chosen) / seconds

    def ours(pair: int) -> float:
        chosen = our_batches(inputs, pair, steps)
        return rate(chosen, our_seconds(inputs, chosen))

    def other(padding: Padding) -> Callable[[int], float]:
        def theirs(pair: int) -> float:
            chosen = their_batches(inputs, padding, pair, 1 if padding == "padded" else steps)
            return rate(chosen, their_seconds(inputs, padding, chosen))

        return theirs

    speeds = []
    for turn in measure.turns(pairs, ours, *map(other, paddings)):
        speeds.append(turn)
        print(
            f"  {inputs.profile} {inputs.shape}: " + ", ".join(f"{rate:,.0f}" for rate in turn), "tokens/s", flush=True
        )
    limits = limited(inputs, float(np.median([turn[0] for turn in speeds])))
    return [
        measure.compare(
            f"fine-tuning, {inputs.profile} lengths, {inputs.shape}, against {PADDINGS[padding]}",
            "tokens/s",
            GOALS.get((inputs.profile, padding)),
            [(turn[0], turn[place + 1]) for turn in speeds],
        )
        | {"limits": limits}
        for place, padding in enumerate(paddings)
    ]


def limited(inputs: Inputs, tokens_per_second: float) -> measure.Record:
    """`speed.limits` of our side, profiled on two steps with a batch of median size."""
    sizes, shape = inputs.sizes.astype(float), ENCODERS[inputs.shape]
    load = flops.Load(len(sizes), sizes.sum(), (sizes**2).sum())
    size = flops.Size(shape.layers, shape.hidden, shape.intermediate, inputs.data.vocabulary_size)
    operations = flops.finetune(size, load, shape.layers) / load.tokens
    (chosen,) = our_batches(inputs, 1, 1)
    task = Timed(inputs, same_weights(inputs)[0], [chosen, chosen])
    record = speed.limits(operations * tokens_per_second, lambda: loop(inputs, task))
    print("  {gflops} GFLOP/s of {peak_gflops} by a plain product; shares of our step: {shares}".format(**record))
    return record


def main() -> None:
    """Measure, print and write the records."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--out", type=Path, default=Path("results/bench/finetuning.json"))
    parser.add_argument("--profile", nargs="+", choices=lengths.CORPORA, default=list(lengths.CORPORA))
    parser.add_argument("--encoder", nargs="+", choices=ENCODERS, default=["L4-H256"])
    parser.add_argument("--against", nargs="+", choices=PADDINGS, help="padded is, by default, only for ag and L4-H256")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads of all sides")
    parser.add_argument("--pairs", type=int, default=5, help="at least 5 for a median")
    parser.add_argument("--steps", type=int, help="batches of one side in a pair; by default 4, for imdb 2")
    options = parser.parse_args()
    devices.prepare(options.threads)
    records = []
    with tempfile.TemporaryDirectory() as temporary:
        tokenizer = BertTokenizer.from_pretrained(lengths.uncased_vocabulary(Path(temporary, "uncased")))
        for shape in options.encoder:
            for profile in options.profile:
                data = lengths.corpus(profile, TEXTS[profile])
                inputs = Inputs(profile, shape, data, tokenizer, Path(temporary))
                usual: list[Padding] = ["dynamic", "group"]
                if (profile, shape) == ("ag", "L4-H256"):
                    usual.append("padded")
                records += measured(inputs, options.against or usual, options.pairs, options.steps or STEPS[profile])
    measure.write(options.out, records, options.threads)


if __name__ == "__main__":
    main()
