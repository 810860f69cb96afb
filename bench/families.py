"""Speed of fine-tuning encoders of other families against Hugging Face's `Trainer` with `group_by_length`.

As bench/finetuning.py: the same texts, batches by each side's own order, the sides in turns in one process. Both sides
have an encoder of 4 layers of 256 with random weights; equal weights, as `make equal` shows, compute the same.

    PYTHONPATH=scripts:tests python bench/families.py --profile ag --pairs 3
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import measure  # before torch: imports bertfit, which sets how threads of OpenMP wait

# isort: split
from transformers import AutoConfig, AutoModelForSequenceClassification, BertTokenizer

import finetuning
import lengths
import trainer
from bertfit.batching.example_order import Array
from bertfit.encoders.families import FAMILIES
from bertfit.hugging_face import hf_encoder
from bertfit.training import devices
from finetuning import RECIPE, STEPS, TEXTS, Inputs

SHAPE = "L4-H256"
NAMES = ("roberta", "modernbert")
GOAL = 1.0
SPECIAL = {"pad": 0, "unk": 1, "cls": 2, "sep": 3, "mask": 4}


def encoder(name: str, inputs: Inputs) -> Any:
    """Ours, with random weights."""
    shape = finetuning.ENCODERS[SHAPE].model_copy(update={"family": name})
    return hf_encoder.scratch(shape, inputs.data.vocabulary_size, 1, SPECIAL).encoder


def our_seconds(name: str, inputs: Inputs, chosen: Sequence[Array]) -> float:
    """Duration of our steps but the first."""
    task = finetuning.Timed(inputs, encoder(name, inputs), finetuning.with_first(inputs, list(chosen)))
    finetuning.loop(inputs, task)
    return task.began[-1] - task.began[1]


def their_seconds(name: str, inputs: Inputs, chosen: Sequence[Array]) -> float:
    """Duration of all steps of `Trainer` but the first, on the same configuration with transformers' attention."""
    config = AutoConfig.for_model(name).from_dict(encoder(name, inputs).module.config.to_dict())
    config.num_labels, family = len(inputs.data.label_names), FAMILIES[name]
    for keys, probability in (
        (family.hidden_dropout, RECIPE.dropout),
        (family.attention_dropout, RECIPE.attention_dropout),
    ):
        for key in keys:
            setattr(config, key, probability)
    model = AutoModelForSequenceClassification.from_config(config, attn_implementation="sdpa")
    texts = finetuning.rows(inputs, finetuning.with_first(inputs, list(chosen)))
    if not family.token_types:
        texts = [{key: value for key, value in text.items() if key != "token_type_ids"} for text in texts]
    folder = inputs.folder / "trainer"
    return trainer.seconds(model, texts, finetuning.collator(inputs, "group"), RECIPE.batch_size, RECIPE.lr, folder)


def measured(name: str, inputs: Inputs, pairs: int, steps: int) -> measure.Record:
    """The record of one family and profile of lengths."""

    def rate(chosen: Sequence[Array], seconds: float) -> float:
        return sum(int(inputs.sizes[rows].sum()) for rows in chosen) / seconds

    def ours(pair: int) -> float:
        chosen = finetuning.our_batches(inputs, pair, steps)
        return rate(chosen, our_seconds(name, inputs, chosen))

    def theirs(pair: int) -> float:
        chosen = finetuning.their_batches(inputs, "group", pair, steps)
        return rate(chosen, their_seconds(name, inputs, chosen))

    speeds = []
    for turn in measure.turns(pairs, ours, theirs):
        speeds.append(turn)
        print(f"  {inputs.profile} {name}: " + ", ".join(f"{rate:,.0f}" for rate in turn), "tokens/s", flush=True)
    title = f"fine-tuning, {inputs.profile} lengths, {FAMILIES[name].title} {SHAPE}, against group_by_length"
    return measure.compare(title, "tokens/s", GOAL, speeds)


def main() -> None:
    """Measure, print and write the records."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--out", type=Path, default=Path("results/bench/families.json"))
    parser.add_argument("--family", nargs="+", choices=NAMES, default=list(NAMES))
    parser.add_argument("--profile", nargs="+", choices=lengths.CORPORA, default=["ag", "imdb"])
    parser.add_argument("--threads", type=int, default=2, help="CPU threads of both sides")
    parser.add_argument("--pairs", type=int, default=5, help="at least 5 for a median")
    options = parser.parse_args()
    devices.prepare(options.threads)
    records = []
    with tempfile.TemporaryDirectory() as temporary:
        tokenizer = BertTokenizer.from_pretrained(lengths.uncased_vocabulary(Path(temporary, "uncased")))
        tokenizer.model_input_names = ["input_ids", "attention_mask"]
        for profile in options.profile:
            inputs = Inputs(profile, SHAPE, lengths.corpus(profile, TEXTS[profile]), tokenizer, Path(temporary))
            records += [measured(name, inputs, options.pairs, STEPS[profile]) for name in options.family]
    measure.write(options.out, records, options.threads)


if __name__ == "__main__":
    main()
