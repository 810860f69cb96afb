"""Speed of further pre-training against Hugging Face's `Trainer` and the official data creation.

Both sides take turns in one process, on the same instances and threads; padding does not count. Run it
with ``make bench``; it takes a minute or two.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import measure  # before torch: imports bertfit, which sets how threads of OpenMP wait

# isort: split
import numpy as np
import torch
from transformers import BertForPreTraining

import lengths
import news
import trainer
from bertfit.batching import example_order, model_inputs, packing
from bertfit.config.encoder_schema import Shape
from bertfit.config.hyperparameters import Pretrain
from bertfit.hugging_face import hf_encoder
from bertfit.model import pretrainer
from bertfit.model.bert_heads import PretrainingBert
from bertfit.stages.pretraining import PretrainingTask
from bertfit.tokens import create_instances, instance_file
from bertfit.tokens.instance_file import Instance, Instances
from bertfit.training import devices, loop
from helpers import reference
from helpers import reference_instances as plain

SHAPE = Shape(layers=4, hidden=256, heads=4, intermediate=1024)
BATCH = 32
CPU = torch.device("cpu")


# ---------------------------------------------------------------------------------------------- their side


def padded(chosen: Sequence[Instance]) -> dict[str, torch.Tensor]:
    """Instances as `BertForPreTraining` takes them: padded to the longest; labels are -100 at other tokens."""
    size = (len(chosen), max(len(instance.ids) for instance in chosen))
    ids, types, mask, labels = (np.full(size, fill, np.int64) for fill in (0, 0, 0, -100))
    for row, instance in enumerate(chosen):
        length = len(instance.ids)
        ids[row, :length], mask[row, :length], types[row, instance.a_length : length] = instance.ids, 1, 1
        labels[row, instance.positions] = instance.labels
    follows = np.array([instance.random_next for instance in chosen], np.int64)
    named = {"input_ids": ids, "token_type_ids": types, "attention_mask": mask, "labels": labels}
    return {name: torch.from_numpy(array) for name, array in (named | {"next_sentence_label": follows}).items()}


# ---------------------------------------------------------------------------------------------- our side


class Timed(PretrainingTask):
    """Our pre-training, with the time at which each step began."""

    def reached(self, step: int, check: Callable[[], None]) -> None:
        """Called by the loop."""
        self.began = [*getattr(self, "began", []), time.perf_counter()]
        super().reached(step, check)


def our_seconds(task: Timed, state: Path) -> float:
    """Seconds of all steps of a task but the first."""
    loop.run(task, state, "bench", save_seconds=float("inf"))
    return task.began[-1] - task.began[1]


def same_weights(size: int, shape: Shape = SHAPE) -> tuple[PretrainingBert, BertForPreTraining]:
    """Ours and theirs: the same weights, our attention and Hugging Face's own."""
    ours = hf_encoder.scratch(shape, size, 1)
    assert isinstance(ours, PretrainingBert)
    return ours, reference.transformers_model(ours, "sdpa").train()


# ---------------------------------------------------------------------------------------------- comparisons


def compare_losses(data: Instances, size: int) -> measure.Record:
    """MLM + NSP loss of one batch without dropout; the two may differ by 1e-5."""
    model, theirs = (side.eval() for side in same_weights(size))
    batch = packing.collate_masked(data, range(BATCH))
    with torch.inference_mode():
        inputs = model_inputs.on_device(model_inputs.instances(batch), model.device)
        logits = pretrainer.Pretrainer(model, Pretrain()).eval().logits(inputs)
        mlm, nsp, _, _ = pretrainer.pretraining_scores(*logits, inputs)
        expected = float(theirs(**padded([data.get(number) for number in range(BATCH)])).loss)
    loss = float(mlm + nsp)
    name = "pre-training, difference of the losses of one batch"
    return measure.alone(name, "nats", 1e-5, [abs(loss - expected)], at_most=True)


def compare_training(data: Instances, size: int, pairs: int, steps: int, folder: Path) -> measure.Record:
    """Tokens per second of whole training steps: packed with the MLM head at masked words, against `Trainer`."""
    pretrain = Pretrain(steps=steps + 1, batch_size=BATCH)

    def order(pair: int) -> list[int]:
        batches = [example_order.stream(len(data), BATCH, pair, step) for step in range(steps + 1)]
        return np.concatenate(batches).tolist()

    def ours(pair: int) -> float:
        return our_seconds(Timed(pretrain, pair, data, None, same_weights(size)[0], CPU), folder / "state")

    def theirs(pair: int) -> float:
        rows = [data.get(number) for number in order(pair)]
        return trainer.seconds(same_weights(size)[1], rows, padded, BATCH, pretrain.lr, folder / "trainer")

    speeds = []
    for pair, seconds in enumerate(measure.turns(pairs, ours, theirs)):
        tokens = sum(len(data.get(number).ids) for number in order(pair)[BATCH:])
        speeds.append((tokens / seconds[0], tokens / seconds[1]))
        print(f"  pair {pair + 1}: {speeds[-1][0]:,.0f} and {speeds[-1][1]:,.0f} tokens/s", flush=True)
    return measure.compare("pre-training, L4-H256, against Trainer", "tokens/s", 2.0, speeds)


def compare_creation(text: Path, vocabulary: Path, pairs: int, folder: Path) -> measure.Record:
    """Instances per second from text on one core, against a plain port of create_pretraining_data.py."""
    counts: list[int] = []

    def ours(_: int) -> float:
        began = time.perf_counter()
        counts.append(create_instances.build([text], vocabulary, Pretrain(), folder / "speed.arrow")["instances"])
        return time.perf_counter() - began

    def theirs(_: int) -> float:
        began = time.perf_counter()
        entries = plain.read_vocabulary(vocabulary / "vocab.txt")
        counts.append(len(plain.create(plain.read_documents([text], entries), entries)))
        return time.perf_counter() - began

    seconds = list(measure.turns(pairs, ours, theirs))
    assert len(set(counts)) == 1, counts  # both create the same instances
    speeds = [(counts[0] / our_seconds, counts[0] / their_seconds) for our_seconds, their_seconds in seconds]
    return measure.compare("instances from text, one core, against a plain port", "instances/s", 3.0, speeds)


def main() -> None:
    """Measure, print and write the records."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--out", type=Path, default=Path("results/bench/pretraining.json"))
    parser.add_argument("--threads", type=int, default=2, help="CPU threads of both sides")
    parser.add_argument("--pairs", type=int, default=5, help="at least 5 for a median")
    parser.add_argument("--steps", type=int, default=3, help="training steps of one side in a pair")
    options = parser.parse_args()
    devices.prepare(options.threads)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        vocabulary, text, instances = (
            lengths.uncased_vocabulary(folder / "uncased"),
            folder / "news.txt",
            folder / "news.arrow",
        )
        news.write(text, vocabulary, 1500)
        create_instances.build([text], vocabulary, Pretrain(), instances)
        data = instance_file.read(instances)
        sizes = [len(data.get(number).ids) for number in range(len(data))]
        full = statistics.mean(length == 128 for length in sizes)
        print(f"{len(data)} instances of {statistics.mean(sizes):.1f} tokens, {full:.1%} of them 128", flush=True)
        size = len((vocabulary / "vocab.txt").read_text(encoding="utf-8").splitlines())
        records = [
            compare_losses(data, size),
            compare_training(data, size, options.pairs, options.steps, folder),
            compare_creation(text, vocabulary, options.pairs, folder),
        ]
    measure.write(options.out, records, options.threads)


if __name__ == "__main__":
    main()
