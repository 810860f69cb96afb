"""Losses, logits and gradients of the fast models against the reference implementations in `reference`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from bertfit.attention import flash_attention, packed_attention
from bertfit.batching.model_inputs import documents, instances, on_device
from bertfit.config.hyperparameters import Finetune
from bertfit.model import pretrainer
from bertfit.model.dropout import Dropout
from equal_inputs import (
    EXAMPLES,
    NEARLY_NONE,
    PLAIN,
    PRETRAIN,
    ROUNDING,
    Differences,
    Inputs,
    Values,
    bfloat16,
    compare,
)
from helpers import reference

SCALE = 1e-4  # share: a rate of 0.1 has 16 bits in ours, so values differ by 7e-6 after each dropout


def packed(inputs: Inputs) -> Differences:
    """A packed batch, without padding, against transformers' forward pass of a padded batch with a mask."""
    # On CUDA float32 always takes the grouped path, and torch's dropout drops nothing only at probability 0.
    grouped = () if inputs.device.type == "cuda" else (("head+tail", NEARLY_NONE),)
    for truncation, rate in (("head+tail", 0.0), *grouped, ("hier-attention", 0.0)):
        recipe = PLAIN.model_copy(update={"truncation": truncation, "attention_dropout": rate})
        path = "packed, grouped" if rate else "packed"
        ours, plain = _ours(inputs, recipe), _plain(inputs, recipe)
        for quantity in ours:
            yield compare(f"{path} / padded, {truncation}", quantity, ours[quantity], plain[quantity], ROUNDING)


def head(inputs: Inputs) -> Differences:
    """The MLM head at the masked tokens against the head at all tokens."""
    ours, plain = _ours_pretraining(inputs), _plain_pretraining(inputs)
    for quantity in ours:
        yield compare("head at masked tokens / at all", quantity, ours[quantity], plain[quantity], ROUNDING)


def top(inputs: Inputs) -> Differences:
    """The last layer at the needed rows against all layers at all tokens."""
    batch = inputs.batch(PLAIN)
    sides: list[tuple[Tensor, Values]] = []
    for needed in (True, False):
        model = inputs.classifier(PLAIN)
        if needed:
            trained = model.encoder
            states = trained.last_states(on_device(documents(batch), inputs.device))
        else:
            in_order = batch.starts[np.argsort(batch.documents, kind="stable")]
            trained, everywhere = reference.whole(model.encoder, batch)
            states = everywhere[torch.from_numpy(in_order).to(inputs.device)]
        states.square().mean().backward()
        sides.append((states, reference.by_name(trained)))
    for quantity, ours, plain in zip(("states of [CLS]", "gradients"), *sides, strict=True):
        yield compare("top layer at needed rows / whole", quantity, ours, plain, ROUNDING)


class _Kept(nn.Dropout):
    """Drops nothing, whatever its probability, which chooses the way that attention is computed."""

    def forward(self, input: Tensor) -> Tensor:
        """``input``."""
        return input


def attentions(inputs: Inputs) -> Differences:
    """Attention of a packed batch against a block mask: without dropout, with it, and on CUDA in bfloat16."""
    lengths = [1, 9, 9, 30, 64, 65, 66, 70, 130, 130]
    packing = packed_attention.Packing.of(lengths, inputs.device)
    draw = torch.Generator().manual_seed(1)
    start = [torch.randn(1, sum(lengths), 2, 64, generator=draw).to(inputs.device) for _ in range(3)]

    def ours(rate: float, kind: torch.dtype = torch.float32) -> list[Tensor]:
        def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
            return packed_attention.attend(query, key, value, packing, scaling=0.125, dropout=_Kept(rate))

        return _attended(attend, start, kind)

    def plain(kind: torch.dtype = torch.float32) -> list[Tensor]:
        def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
            return reference.attend(query, key, value, lengths)

        return _attended(attend, start, kind)

    exact = plain()
    for name, rate in (("attention by runs of one length", 0.0), ("attention in groups", NEARLY_NONE)):
        for quantity, fast, slow in zip(("values", "gradients"), _halves(ours(rate)), _halves(exact), strict=True):
            yield compare(f"{name} / per document", quantity, fast, slow, ROUNDING)
    if flash_attention.usable(start[0].bfloat16().transpose(1, 2)):
        half = torch.bfloat16
        sides = (_halves(results) for results in (ours(0.0, half), plain(half), exact))
        for quantity, fast, slow, truth in zip(("values", "gradients"), *sides, strict=True):
            yield bfloat16("attention of variable length, bfloat16", quantity, fast, slow, truth)


def dropout(inputs: Inputs) -> Differences:
    """Our dropout against torch's formula with the same keep masks; on a CPU, since CUDA uses torch's own."""
    recipe = PLAIN.model_copy(update={"dropout": 0.1, "attention_dropout": 0.1})
    sides = []
    for plain in (False, True):
        model = inputs.classifier(recipe).cpu()
        if plain:
            for parent in list(model.modules()):
                for name, child in list(parent.named_children()):
                    if isinstance(child, Dropout):
                        setattr(parent, name, reference.Dropped(child.p, child.noise))
        model.noise.reseed(1, 7)
        batch = inputs.batch(recipe)
        sides.append(_quantities(model(batch), torch.from_numpy(batch.labels), model))
    for quantity in sides[0]:
        yield compare("dropout, ours / torch's, same mask", quantity, sides[0][quantity], sides[1][quantity], SCALE)


def threads(inputs: Inputs) -> Differences:
    """Two threads against one, on a CPU."""
    before = torch.get_num_threads()
    sides = []
    try:
        for count in (2, 1):
            torch.set_num_threads(count)
            model, batch = inputs.classifier(PLAIN).cpu(), inputs.batch(PLAIN)
            sides.append(_quantities(model(batch), torch.from_numpy(batch.labels), model))
    finally:
        torch.set_num_threads(before)
    for quantity in sides[0]:
        yield compare("two threads / one", quantity, sides[0][quantity], sides[1][quantity], ROUNDING)


def half(inputs: Inputs) -> Differences:
    """bfloat16: our error relative to float32 against that of the padded, eager model."""
    kinds = (True, False)  # in bfloat16, in float32
    for rate in (0.0,) if inputs.device.type == "cuda" else (0.0, NEARLY_NONE):
        recipe = PLAIN.model_copy(update={"attention_dropout": rate})
        ours, (plain, exact) = _ours(inputs, recipe, True), (_plain(inputs, recipe, kind) for kind in kinds)
        name = "bfloat16, fine-tuning" + (", grouped" if rate else "")
        for quantity in ours:
            yield bfloat16(name, quantity, ours[quantity], plain[quantity], exact[quantity])
    ours, (plain, exact) = _ours_pretraining(inputs, True), (_plain_pretraining(inputs, kind) for kind in kinds)
    for quantity in ours:
        yield bfloat16("bfloat16, pre-training", quantity, ours[quantity], plain[quantity], exact[quantity])


# ---------------------------------------------------------------------------------------------- both sides


def _autocast(inputs: Inputs, half: bool) -> torch.autocast:
    return torch.autocast(inputs.device.type, torch.bfloat16, enabled=half)


def _ours(inputs: Inputs, recipe: Finetune, half: bool = False) -> dict[str, Values]:
    model, batch = inputs.classifier(recipe), inputs.batch(recipe)
    with _autocast(inputs, half):
        logits = model(batch)
    return _quantities(logits, inputs.labels(batch), model)


def _plain(inputs: Inputs, recipe: Finetune, half: bool = False) -> dict[str, Values]:
    with _autocast(inputs, half):
        plain, logits = reference.classified(inputs.classifier(recipe), inputs.train, EXAMPLES, recipe)
    return _quantities(logits, inputs.labels(inputs.batch(recipe)), plain)


def _quantities(logits: Tensor, labels: Tensor, model: nn.Module) -> dict[str, Values]:
    """Losses of single documents, whose mean over a batch could be close by chance, logits and gradients."""
    losses = functional.cross_entropy(logits.float(), labels, reduction="none")
    losses.mean().backward()
    return {"losses": losses, "logits": logits, "gradients": reference.by_name(model)}


def _ours_pretraining(inputs: Inputs, half: bool = False) -> dict[str, Values]:
    model, batch = inputs.pretrainer(PRETRAIN), inputs.masked_batch()
    with _autocast(inputs, half):
        on_its_device = on_device(instances(batch), inputs.device)
        words, follows = model.logits(on_its_device)
    mlm, nsp, _, _ = pretrainer.pretraining_scores(words, follows, on_its_device)
    (mlm + nsp).backward()
    return {"losses": torch.stack([mlm, nsp]), "logits": words, "gradients": reference.by_name(model.model)}


def _plain_pretraining(inputs: Inputs, half: bool = False) -> dict[str, Values]:
    batch = inputs.masked_batch()
    with _autocast(inputs, half):
        plain, words, follows = reference.pretrained(inputs.pretrainer(PRETRAIN).model, batch)
    mlm, nsp = reference.pretraining_losses(words.float(), follows.float(), batch)
    (mlm + nsp).backward()
    losses, masked = torch.stack([mlm, nsp]), words[torch.from_numpy(batch.masked)]
    return {"losses": losses, "logits": masked, "gradients": reference.by_name(plain)}


def _attended(
    attend: Callable[[Tensor, Tensor, Tensor], Tensor], start: list[Tensor], kind: torch.dtype
) -> list[Tensor]:
    """Values, and the gradients of query, key and value, in float32."""
    leaves = [tensor.detach().to(kind).requires_grad_() for tensor in start]
    query, key, value = (leaf.transpose(1, 2) for leaf in leaves)
    output = attend(query, key, value)
    weights = torch.from_numpy(np.linspace(-1, 1, output.numel(), dtype=np.float32)).to(output.device)
    gradients = torch.autograd.grad((output * weights.view(output.shape)).sum(), leaves)
    return [tensor.float() for tensor in (output, *gradients)]


def _halves(results: list[Tensor]) -> tuple[Values, Values]:
    return results[0], dict(zip(("query", "key", "value"), results[1:], strict=True))
