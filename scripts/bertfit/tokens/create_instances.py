"""Builds the official masked-LM and next-sentence pre-training instances, in the official order.

`official_draws` repeats the official random draws, which give the positions of each instance's segments in the flat
array of all word pieces; numpy then writes the instances in blocks, in their final, shuffled order. Memory: 2 bytes per
word piece of the text, 8 per line and document, 4 per instance; the draws are in temporary files beside the output.
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from bertfit.config.hyperparameters import Pretrain
from bertfit.core.errors import UserError
from bertfit.core.files import atomic
from bertfit.tokens import instance_file, official_draws, pretraining_text, special_tokens, vocabulary_file
from bertfit.tokens.pretraining_text import Documents


def build(files: list[Path], vocabulary: Path, pretrain: Pretrain, out: Path) -> dict[str, int]:
    """Write the instances of texts in the official format to the Arrow file ``out``.

    Returns counts: documents, instances, random_next, tokens (with special ones) and masked. Raises `UserError` for
    files that are missing, not UTF-8 or without text.
    """
    tokenizer = vocabulary_file.load(vocabulary)
    texts = pretraining_text.read(files, tokenizer)
    special = special_tokens.ids(tokenizer)
    entries = np.sort(np.fromiter(tokenizer.get_vocab().values(), np.int32))
    out.parent.mkdir(parents=True, exist_ok=True)
    plan = official_draws.draw(texts, len(entries), pretrain, out.parent)

    ids_type = pa.list_(pa.from_numpy_dtype(np.dtype(texts.pieces.typecode)))
    columns = {"input_ids": ids_type, "a_length": pa.int16(), "random_next": pa.bool_()}
    columns |= {"positions": pa.list_(pa.int16()), "labels": ids_type}
    facts = special | {"vocabulary_size": int(entries[-1]) + 1, "instances": len(plan.order)}
    schema = pa.schema(list(columns.items()), metadata={name: str(number) for name, number in facts.items()})
    blocks = _Blocks(texts, special, entries, plan)
    counts = {"documents": len(texts.documents) - 1, "instances": len(plan.order)}
    counts |= {"random_next": 0, "tokens": 0, "masked": 0}
    with atomic(out) as temporary, pa.OSFile(str(temporary), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
        for start in range(0, len(plan.order), instance_file.BLOCK_ROWS):
            batch = pa.record_batch(blocks.arrays(start), schema=schema)
            writer.write_batch(batch)
            counts["random_next"] += batch["random_next"].true_count
            counts["tokens"] += len(batch["input_ids"].values)
            counts["masked"] += len(batch["labels"].values)
    return counts


class _Blocks:
    """Instances of a plan as Arrow columns, a block at a time."""

    def __init__(
        self, texts: Documents, special: dict[str, int], entries: npt.NDArray[np.int32], plan: official_draws.DrawPlan
    ) -> None:
        self._pieces = np.frombuffer(texts.pieces, texts.pieces.typecode)
        self._special = special
        self._entries = entries.astype(self._pieces.dtype)
        self._plan = plan

    def arrays(self, start: int) -> list[pa.Array]:
        """Columns of the block that begins with instance ``start`` of the final order."""
        numbers = np.array(self._plan.order[start : start + instance_file.BLOCK_ROWS], np.int64)
        width = len(official_draws.PLACE)
        places = self._plan.places.take((numbers[:, None] * width + np.arange(width)).ravel()).reshape(-1, width)
        a_start, a_length, b_start, b_length, random_next, first_masked, masked = places.T
        starts = _offsets(a_length + b_length + 3)
        # [CLS] A [SEP] B [SEP]: A is copied with one free slot before it, B with one before and one after.
        slots = np.stack([a_length + 1, b_length + 2], axis=1)
        slot_starts = _offsets(slots.ravel())[:-1].reshape(-1, 2)
        sources = np.stack([a_start, b_start], axis=1) - 1 - slot_starts
        ids = self._pieces.take(np.arange(starts[-1]) + np.repeat(sources.ravel(), slots.ravel()), mode="clip")
        ids[starts[:-1]] = self._special["cls"]
        ids[slot_starts[:, 1]] = self._special["sep"]
        ids[starts[1:] - 1] = self._special["sep"]

        mask_starts = _offsets(masked)
        source = np.arange(mask_starts[-1]) + np.repeat(first_masked - mask_starts[:-1], masked)
        candidates, actions = self._plan.candidates.take(source), self._plan.actions.take(source)
        in_b = candidates >= np.repeat(a_length, masked)
        places_in_ids = np.repeat(starts[:-1], masked) + candidates + 1 + in_b
        ascending = np.argsort(places_in_ids)
        places_in_ids, actions = places_in_ids[ascending], actions[ascending]
        labels = ids[places_in_ids]
        replaced = np.where(
            actions == official_draws.MASK, self._special["mask"], self._entries.take(actions, mode="clip")
        )
        ids[places_in_ids] = np.where(actions == official_draws.KEEP, labels, replaced)
        return [
            _lists(starts, ids),
            pa.array((a_length + 2).astype(np.int16)),
            pa.array(random_next.astype(bool)),
            _lists(mask_starts, (places_in_ids - np.repeat(starts[:-1], masked)).astype(np.int16)),
            _lists(mask_starts, labels),
        ]


def digest(path: Path, vocabulary: Path) -> str:
    """SHA-256 of an instances file as text: a line ``tokens|segment ids|random next|positions|labels`` per instance."""
    entries = vocabulary_file.load(vocabulary).get_vocab()
    tokens = {number: token for token, number in entries.items()}
    instances = instance_file.read(path)
    state = hashlib.sha256()
    for number in range(len(instances)):
        ids, a_length, random_next, positions, labels = instances.get(number)
        columns = (
            [tokens[piece] for piece in ids.tolist()],
            ["0"] * a_length + ["1"] * (len(ids) - a_length),
            [str(random_next)],
            map(str, positions.tolist()),
            [tokens[piece] for piece in labels.tolist()],
        )
        state.update(("|".join(map(" ".join, columns)) + "\n").encode())
    return state.hexdigest()


def main(arguments: list[str] | None = None) -> None:
    """Make the instances of text files and print their counts and digest."""
    defaults = Pretrain.model_fields
    parser = argparse.ArgumentParser(prog="python -m bertfit.tokens.create_instances", description=main.__doc__)
    parser.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="one sentence per line, documents separated by blank lines"
    )
    parser.add_argument("--vocab", type=Path, required=True, help="vocab.txt or folder of a vocabulary")
    parser.add_argument("--seed", type=int, default=defaults["data_seed"].default)
    parser.add_argument("--dupe", type=int, default=defaults["dupe"].default, help="passes over the documents")
    options = parser.parse_args(arguments)
    try:
        pretrain = Pretrain.model_validate({"data_seed": options.seed, "dupe": options.dupe})
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder, "instances.arrow")
            counts = build(options.files, options.vocab, pretrain, out)
            facts = {name: counts[name] for name in ("instances", "random_next", "tokens", "masked")}
            print(*(f"{name}={value}" for name, value in facts.items()), f"sha256={digest(out, options.vocab)}")
    except (UserError, ValueError) as error:
        parser.exit(1, f"{error}\n")


def _offsets(lengths: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(lengths)])


def _lists(offsets: npt.NDArray[np.int64], values: npt.NDArray[Any]) -> pa.Array:
    return pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), pa.array(values))


if __name__ == "__main__":
    main()
