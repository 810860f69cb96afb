"""Loss, logits and gradients of the fast models, each beside its plain twin in `reference`."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from bertfit.model import flash_attention, packed_attention, packed_bert
from bertfit.model.dropout import Dropout
from helpers import reference
from twins import EXAMPLES, NEARLY_NONE, PLAIN, PRETRAIN, ROUNDING, Differences, Values, World, bfloat16, compare

SCALE = 1e-4  # share: a rate of 0.1 has 16 bits in ours, so kept values differ by 7e-6 a dropout


def packed(world: World) -> Differences:
    """A packed row, without padding, beside transformers' forward of a padded batch with a mask."""
    # On CUDA float32 always takes the grouped way, and torch's dropout has no probability that drops nothing but 0.
    grouped = () if world.where.type == "cuda" else (("head+tail", NEARLY_NONE),)
    for truncation, rate in (("head+tail", 0.0), *grouped, ("hier-attention", 0.0)):
        recipe = PLAIN.model_copy(update={"truncation": truncation, "attention_dropout": rate})
        way = "packed, grouped" if rate else "packed"
        ours, plain = _ours(world, recipe), _plain(world, recipe)
        for quantity in ours:
            yield compare(f"{way} / padded, {truncation}", quantity, ours[quantity], plain[quantity], ROUNDING)


def head(world: World) -> Differences:
    """The MLM head at the masked words beside the head at all of them."""
    ours, plain = _ours_pretraining(world), _plain_pretraining(world)
    for quantity in ours:
        yield compare("head at masked words / at all", quantity, ours[quantity], plain[quantity], ROUNDING)


def top(world: World) -> Differences:
    """The highest layer at the rows that are read beside all layers at all tokens."""
    batch = world.batch(PLAIN)
    found: list[tuple[Tensor, Values]] = []
    for needed in (True, False):
        model = world.classifier(PLAIN)
        starts = torch.from_numpy(batch.starts).to(world.where)
        packing = packed_attention.Packing(batch.lengths.tolist(), world.where)
        if needed:
            states = packed_bert.encode(model.encoder, batch, starts)
        else:
            states = reference.whole(model.encoder, batch, packing)[starts]
        states.square().mean().backward()
        found.append((states, reference.by_name(model)))
    for quantity, ours, plain in zip(("states of [CLS]", "gradients"), *found, strict=True):
        yield compare("top layer at needed rows / whole", quantity, ours, plain, ROUNDING)


def attentions(world: World) -> Differences:
    """Attention of a packed row beside a block mask over the row: without dropout, with it, and on CUDA in bfloat16."""
    lengths = [1, 9, 9, 30, 64, 65, 66, 70, 130, 130]
    packing = packed_attention.Packing(lengths, world.where)
    module = nn.Module()
    module.dropout = nn.Identity()
    draw = torch.Generator().manual_seed(1)
    start = [torch.randn(1, sum(lengths), 2, 64, generator=draw).to(world.where) for _ in range(3)]

    def ours(rate: float, kind: torch.dtype = torch.float32) -> list[Tensor]:
        def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
            return packed_attention.packed_attention(
                module, query, key, value, None, scaling=0.125, dropout=rate, packing=packing
            )[0]

        return _attended(attend, start, kind)

    def plain(kind: torch.dtype = torch.float32) -> list[Tensor]:
        return _attended(lambda *parts: reference.attend(*parts, lengths), start, kind)

    exact = plain()
    for name, rate in (("attention by runs of one length", 0.0), ("attention in groups", NEARLY_NONE)):
        for quantity, one, other in zip(("values", "gradients"), _halves(ours(rate)), _halves(exact), strict=True):
            yield compare(f"{name} / per document", quantity, one, other, ROUNDING)
    if flash_attention.usable(start[0].bfloat16().transpose(1, 2)):
        half = torch.bfloat16
        sides = (_halves(each) for each in (ours(0.0, half), plain(half), exact))
        for quantity, one, other, truth in zip(("values", "gradients"), *sides, strict=True):
            yield bfloat16("attention of variable length, bfloat16", quantity, one, other, truth)


def dropout(world: World) -> Differences:
    """Our dropout beside torch's formula with the same keep masks; on a CPU, as CUDA has torch's own."""
    recipe = PLAIN.model_copy(update={"dropout": 0.1, "attention_dropout": 0.1})
    found = []
    for plain in (False, True):
        model = world.classifier(recipe).cpu()
        if plain:
            for parent in list(model.modules()):
                for name, child in list(parent.named_children()):
                    if isinstance(child, Dropout):
                        setattr(parent, name, reference.Dropped(child.p, child.noise))
        model.noise.reseed(1, 7)
        batch = world.batch(recipe)
        found.append(_quantities(model(batch), torch.from_numpy(batch.labels), model))
    for quantity in found[0]:
        yield compare("dropout, ours / torch's, same mask", quantity, found[0][quantity], found[1][quantity], SCALE)


def threads(world: World) -> Differences:
    """Two threads beside one, on a CPU."""
    before = torch.get_num_threads()
    found = []
    try:
        for count in (2, 1):
            torch.set_num_threads(count)
            model, batch = world.classifier(PLAIN).cpu(), world.batch(PLAIN)
            found.append(_quantities(model(batch), torch.from_numpy(batch.labels), model))
    finally:
        torch.set_num_threads(before)
    for quantity in found[0]:
        yield compare("two threads / one", quantity, found[0][quantity], found[1][quantity], ROUNDING)


def half(world: World) -> Differences:
    """bfloat16: our error against float32 beside that of the padded, eager way."""
    kinds = (True, False)  # in bfloat16, in float32
    for rate in (0.0,) if world.where.type == "cuda" else (0.0, NEARLY_NONE):
        recipe = PLAIN.model_copy(update={"attention_dropout": rate})
        ours, (plain, exact) = _ours(world, recipe, True), (_plain(world, recipe, kind) for kind in kinds)
        name = "bfloat16, fine-tuning" + (", grouped" if rate else "")
        for quantity in ours:
            yield bfloat16(name, quantity, ours[quantity], plain[quantity], exact[quantity])
    ours, (plain, exact) = _ours_pretraining(world, True), (_plain_pretraining(world, kind) for kind in kinds)
    for quantity in ours:
        yield bfloat16("bfloat16, pre-training", quantity, ours[quantity], plain[quantity], exact[quantity])


# ---------------------------------------------------------------------------------------------- both sides


def _autocast(world: World, half: bool) -> torch.autocast:
    return torch.autocast(world.where.type, torch.bfloat16, enabled=half)


def _ours(world: World, recipe: object, half: bool = False) -> dict[str, Values]:
    model, batch = world.classifier(recipe), world.batch(recipe)
    with _autocast(world, half):
        logits = model(batch)
    return _quantities(logits, world.labels(batch), model)


def _plain(world: World, recipe: object, half: bool = False) -> dict[str, Values]:
    with _autocast(world, half):
        plain, logits = reference.classified(world.classifier(recipe), world.train, EXAMPLES, recipe)
    return _quantities(logits, world.labels(world.batch(recipe)), plain)


def _quantities(logits: Tensor, labels: Tensor, model: nn.Module) -> dict[str, Values]:
    """Losses of the documents: the mean of a batch may be near by chance."""
    losses = functional.cross_entropy(logits.float(), labels, reduction="none")
    losses.mean().backward()
    return {"losses": losses, "logits": logits, "gradients": reference.by_name(model)}


def _ours_pretraining(world: World, half: bool = False) -> dict[str, Values]:
    model, batch = world.pretrainer(PRETRAIN), world.masked_batch()
    with _autocast(world, half):
        words, follows = model(batch)
    mlm, nsp, _, _ = packed_bert.pretraining_scores(words, follows, batch)
    (mlm + nsp).backward()
    return {"losses": torch.stack([mlm, nsp]), "logits": words, "gradients": reference.by_name(model.model)}


def _plain_pretraining(world: World, half: bool = False) -> dict[str, Values]:
    batch = world.masked_batch()
    with _autocast(world, half):
        plain, words, follows = reference.pretrained(world.pretrainer(PRETRAIN).model, batch)
    mlm, nsp = reference.pretraining_losses(words.float(), follows.float(), batch)
    (mlm + nsp).backward()
    losses, masked = torch.stack([mlm, nsp]), words[torch.from_numpy(batch.masked)]
    return {"losses": losses, "logits": masked, "gradients": reference.by_name(plain)}


def _attended(attend: object, start: list[Tensor], kind: torch.dtype) -> list[Tensor]:
    """Values, and the gradients of query, key and value, in float32."""
    leaves = [each.detach().to(kind).requires_grad_() for each in start]
    found = attend(*(leaf.transpose(1, 2) for leaf in leaves))
    weights = torch.from_numpy(np.linspace(-1, 1, found.numel(), dtype=np.float32)).to(found.device)
    gradients = torch.autograd.grad((found * weights.view(found.shape)).sum(), leaves)
    return [each.float() for each in (found, *gradients)]


def _halves(results: list[Tensor]) -> tuple[Values, Values]:
    return results[0], dict(zip(("query", "key", "value"), results[1:], strict=True))
