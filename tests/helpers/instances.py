"""Pre-training instances of made-up texts, by us and by the plain version."""

from __future__ import annotations

import random
from pathlib import Path

from bertfit.config.hyperparameters import Pretrain
from bertfit.tokens import create_instances
from helpers import reference_instances as reference

ENTRIES = ["[PAD]", "a", "[UNK]", "[CLS]", "b", "[SEP]", "[MASK]", "c", "##a", "##b", ".", "é"]


def both(text: str | list[str], vocabulary: Path, folder: Path, pretrain: Pretrain) -> tuple[str, str, dict[str, int]]:
    """Digest by us, digest by the plain version, counts."""
    files = []
    for number, content in enumerate([text] if isinstance(text, str) else text):
        files.append(folder / f"{number}.txt")
        files[-1].write_bytes(content.encode())
    counts = create_instances.build(files, vocabulary, pretrain, folder / "out.arrow")
    entries = reference.read_vocabulary(vocabulary)
    expected = reference.create(
        reference.read_documents(files, entries),
        entries,
        seed=pretrain.data_seed,
        dupe=pretrain.dupe,
        max_length=pretrain.max_length,
        max_predictions=pretrain.max_predictions,
        masked_share=pretrain.masked_share,
        short_share=pretrain.short_share,
    )
    assert counts["instances"] == len(expected)
    assert counts["random_next"] == sum(instance.is_random_next for instance in expected)
    assert counts["tokens"] == sum(len(instance.tokens) for instance in expected)
    assert counts["masked"] == sum(len(instance.positions) for instance in expected)
    return create_instances.digest(folder / "out.arrow", vocabulary), reference.digest(expected), counts


def random_text(seed: int, documents: int, words: int = 30) -> str:
    rng = random.Random(seed)
    known = ["a", "b", "c", "ab", "abba", "ca.", "q"]
    return "\n\n".join(
        "\n".join(" ".join(rng.choices(known, k=rng.randint(1, words))) for _ in range(lines))
        for lines in (rng.randint(1, 8) for _ in range(documents))
    )
