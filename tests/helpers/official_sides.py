"""Ours and the official training side by side: made-up texts, ours recorded, the port from the same weights."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import BertModel

from bertfit.config.hyperparameters import Finetune
from bertfit.tokens.instance_file import Instances
from bertfit.tokens.token_file import Tokens
from bertfit.training import loop
from helpers import reference, tiny
from helpers.official_training import Classifiers, Facts, Plan, Seen, Training


def made_up(size: int, classes: int, seed: int, *, paired: bool = False) -> Tokens:
    """Texts of 0 to 59 word pieces, whose first ones follow the class; of pairs every seventh second text is empty."""
    draw = np.random.default_rng(seed)
    labels = draw.integers(0, classes, size)
    labels[:classes] = range(classes)
    texts = [draw.integers(5, tiny.WORDS, draw.integers(0, 60)) for _ in labels]
    for text, label in zip(texts, labels, strict=True):
        text[:4] = text[:4] % 15 + 5 + 15 * label
    pairs = [draw.integers(5, tiny.WORDS, draw.integers(1, 40) if number % 7 else 0) for number in range(size)]

    def flat(rows: list[np.ndarray]) -> tuple[Any, Any]:
        return np.concatenate(rows).astype(np.uint16), np.cumsum([0, *map(len, rows)]).astype(np.int32)

    second = flat(pairs) if paired else (None, None)
    names, special = [f"class {label}" for label in range(classes)], {"pad": 0, "unk": 1, "cls": 2, "sep": 3, "mask": 4}
    return Tokens(*flat(texts), *second, labels.astype(np.int32), names, **special, vocabulary_size=tiny.WORDS + 5)


def by_official_name(named: Iterable[tuple[str, Tensor]], heads: Sequence[slice]) -> dict[str, Tensor]:
    """Tensors of a `classifier.Classifier` by the names of the port: the rows of its linear layer are ``heads``."""
    found = {}
    for name, tensor in named:
        if name.startswith("output."):
            found |= {name.replace("output", f"head.{task}"): tensor[rows] for task, rows in enumerate(heads)}
        else:
            found[name.removeprefix("encoder.")] = tensor
    return {name: tensor.detach().clone() for name, tensor in found.items()}


def trained(task: Any, folder: Path) -> tuple[list[Seen], dict[str, Tensor]]:
    """Train a task of `finetuning` or `multitask` by the loop of real runs, with 64 bits: its updates and weights."""
    model, heads, seen = task.model.double(), getattr(task, "heads", [slice(None)]), []
    parameters = dict(model.named_parameters())
    loss_of, logits_of, step_of, last = task.loss, model.logits, task.optimizer.step, {}

    def logits(inputs: Any) -> Tensor:
        last["logits"] = logits_of(inputs)
        return last["logits"]

    def loss(inputs: Any) -> Any:
        result = loss_of(inputs)
        shown = last["logits"].detach()[:, heads[getattr(inputs, "corpus", 0)]]
        last["seen"] = (shown, result[0].item())
        return result

    def step(number: int) -> None:
        gradients = ((name, each.grad) for name, each in parameters.items() if each.grad is not None)
        seen.append(Seen(*last["seen"], by_official_name(gradients, heads)))
        step_of(number)

    model.logits, task.loss, task.optimizer.step = logits, loss, step
    if len(heads) == 1:
        task.logits = logits  # without the rounding to 32 bits, which comes before the loss
    loop.run(task, folder / "state", "key")
    return seen, by_official_name(parameters.items(), heads)


def port(folder: Path, task: Any, *, plan: Plan, facts: Facts = Facts(), **form: Any) -> Training:  # noqa: B008
    """The official training from the encoder in ``folder`` and the new heads of ``task``, before its first update."""
    heads = []
    for rows in getattr(task, "heads", [slice(None)]):
        weight, bias = task.model.output.weight[rows].detach(), task.model.output.bias[rows].detach()
        head = nn.Linear(weight.shape[1], len(bias))
        head.weight.data, head.bias.data = weight.clone(), bias.clone()
        heads.append(head)
    bert = without_dropout(BertModel.from_pretrained(folder, attn_implementation="eager", dtype=torch.float32))
    return Training(Classifiers(bert, heads, **form).double(), plan, facts)


def without_dropout(model: Any) -> Any:
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    return model


def batch(corpus: Tokens, rows: Iterable[int], recipe: Finetune) -> tuple[list[Any], list[int]]:
    """What the official code reads of some texts: ids and types of each, and the labels."""
    inputs = []
    for row in rows:
        pair = corpus.pair(row)
        second = None if pair is None else pair.tolist()
        inputs += reference.truncated(corpus.ids(row).tolist(), second, recipe, corpus.cls, corpus.sep)
    return inputs, corpus.labels[list(rows)].tolist()


def difference(one: dict[str, Tensor], other: dict[str, Tensor]) -> float:
    """The largest of any element of the tensors in ``one``."""
    rows = [torch.cat([each[name].detach().flatten() for name in one]) for each in (one, other)]
    return float((rows[0] - rows[1]).abs().max())


def plain(instances: Instances, number: int) -> tuple[list[int], list[int], list[int], list[int], int]:
    """Ids, token types, masked positions, their words, and whether the second segment is random."""
    each = instances.get(int(number))
    types = [0] * each.a_length + [1] * (len(each.ids) - each.a_length)
    return each.ids.tolist(), types, each.positions.tolist(), each.labels.tolist(), int(each.random_next)
