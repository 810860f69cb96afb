"""Canonical names of recipes, encoders and seed blocks: they are wildcard values and path components.

They have neither slash nor comma (a comma breaks the submission of jobs to a cluster by Snakemake) and under 100
characters; ``parse(format(x)) == x``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from bertfit.config.hyperparameters import Finetune
from bertfit.contributions.seed_ranges import MOST_SEEDS
from bertfit.core.errors import UserError

LONGEST = 100
_FIELD = re.compile(r"\+(?=[a-z_]+=)")  # a plus that begins a field; `head+tail` holds one that does not
_COUNT = r"(\d+k?)"
_SEED = r"(?:s(\d+)|each)"
_PRETRAINING = re.compile(rf"([a-z][a-z0-9_-]*)@{_COUNT}(?:of{_COUNT})?\.{_SEED}")
_MULTITASK = re.compile(rf"mt-([a-z][a-z0-9_-]*)\.{_SEED}")


def format_recipe(recipe: Finetune, default: Finetune) -> str:
    """The differences from the study's default recipe: ``lr=5e-05+truncation=tail``, or ``default``."""
    values, defaults = recipe.model_dump(), default.model_dump()
    parts = [f"{key}={_text(value)}" for key, value in sorted(values.items()) if value != defaults[key]]
    return _checked("+".join(parts) or "default")


def parse_recipe(text: str, default: Finetune) -> Finetune:
    """Inverse of `format_recipe`. Raises `UserError` for any other text."""
    if text == "default":
        return default
    values: dict[str, Any] = {}
    for part in _FIELD.split(text):
        key, _, value = part.partition("=")
        if key not in Finetune.model_fields or key in values:
            raise UserError(f"recipe {text!r}: {key!r} is not a field of a recipe, or a duplicate")
        values[key] = None if value == "none" else value
    recipe = Finetune.model_validate(default.model_dump() | values)
    if format_recipe(recipe, default) != text:
        raise UserError(f"recipe {text!r} is not canonical; write {format_recipe(recipe, default)!r}")
    return recipe


@dataclass(frozen=True)
class PretrainingStage:
    """A stage of further pre-training: mix, number of steps and seed; ``imdb@10k.s1``.

    ``of``: steps of the longer run of which this is the checkpoint after ``steps``, ``imdb@10kof100k.s1``; None for
    a separate run. ``seed``: None for that of the run which starts from it, ``imdb@100k.each``: every seed of a run
    group then has an encoder of its own (`of_seed`).
    """

    mix: str
    steps: int
    seed: int | None = 1
    of: int | None = None

    @property
    def total(self) -> int:
        """Steps of the whole run."""
        return self.of or self.steps

    def __str__(self) -> str:
        of = f"of{_steps(self.of)}" if self.of else ""
        return f"{self.mix}@{_steps(self.steps)}{of}.{_seed(self.seed)}"


@dataclass(frozen=True)
class MultitaskStage:
    """A stage of multi-task fine-tuning on a declared group of corpora; ``mt-four.s1``, or ``mt-four.each``."""

    group: str
    seed: int | None = 1

    def __str__(self) -> str:
        return f"mt-{self.group}.{_seed(self.seed)}"


Stage = PretrainingStage | MultitaskStage


@dataclass(frozen=True)
class Lineage:
    """A base encoder and the training stages that follow it."""

    base: str
    stages: tuple[Stage, ...] = ()

    @property
    def parent(self) -> Lineage:
        """The encoder before the last stage."""
        return Lineage(self.base, self.stages[:-1])

    @property
    def last(self) -> Stage | None:
        """The last stage; None for a base encoder."""
        return self.stages[-1] if self.stages else None

    @property
    def varies(self) -> bool:
        """Whether a stage has the seed of the run, so that this is an encoder for each seed and not one."""
        return any(stage.seed is None for stage in self.stages)

    def of_seed(self, seed: int) -> Lineage:
        """The encoder that the run of ``seed`` starts from."""
        stages = (replace(stage, seed=seed) if stage.seed is None else stage for stage in self.stages)
        return Lineage(self.base, tuple(stages))


def format_encoder(lineage: Lineage) -> str:
    """``bert-base~imdb@100k.s1~mt-four.s1``: the base, then each stage."""
    return _checked("~".join([lineage.base, *map(str, lineage.stages)]))


def parse_encoder(text: str) -> Lineage:
    """Inverse of `format_encoder`. Raises `UserError` for any other text."""
    base, *stages = text.split("~")
    lineage = Lineage(base, tuple(_stage(stage, text) for stage in stages))
    if format_encoder(lineage) != text:
        raise UserError(f"encoder {text!r} is not canonical; write {format_encoder(lineage)!r}")
    return lineage


def saved_from(text: str) -> str | None:
    """The final encoder of the run of which ``text`` is an intermediate checkpoint; None if it is not one."""
    lineage = parse_encoder(text)
    last = lineage.last
    if not isinstance(last, PretrainingStage) or last.of is None:
        return None
    return format_encoder(Lineage(lineage.base, (*lineage.stages[:-1], PretrainingStage(last.mix, last.of, last.seed))))


def encoders_of(text: str, seeds: Iterable[int]) -> list[str]:
    """The encoders that the runs of ``seeds`` start from: ``text``, or where it varies one for each seed."""
    lineage = parse_encoder(text)
    return [format_encoder(lineage.of_seed(seed)) for seed in seeds] if lineage.varies else [text]


def with_ancestors(text: str, seeds: Iterable[int]) -> list[str]:
    """The encoders that the runs of ``seeds`` start from, each after those that it was trained from."""
    lineages = map(parse_encoder, encoders_of(text, seeds))
    return [
        format_encoder(Lineage(lineage.base, lineage.stages[:count]))
        for lineage in lineages
        for count in range(len(lineage.stages) + 1)
    ]


def _stage(stage: str, text: str) -> Stage:
    if match := _MULTITASK.fullmatch(stage):
        return MultitaskStage(match[1], int(match[2]) if match[2] else None)
    if match := _PRETRAINING.fullmatch(stage):
        mix, steps, of, seed = match.groups()
        return PretrainingStage(mix, _count(steps), int(seed) if seed else None, _count(of) if of else None)
    raise UserError(f"encoder {text!r}: {stage!r} is neither <mix>@<steps>.s<seed> nor mt-<group>.s<seed>")


def _seed(seed: int | None) -> str:
    return "each" if seed is None else f"s{seed}"


def format_block(seeds: Iterable[int]) -> str:
    """``seeds1-3`` for the consecutive seeds 1, 2, 3. Raises `ValueError` for seeds that are not consecutive."""
    seeds = list(seeds)
    if not seeds or seeds != list(range(seeds[0], seeds[-1] + 1)):
        raise ValueError(f"a block holds consecutive seeds, not {seeds}")
    return f"seeds{seeds[0]}-{seeds[-1]}"


def parse_block(text: str) -> list[int]:
    """Inverse of `format_block`. Raises `UserError` for any other text, and for more seeds than a study has."""
    match = re.fullmatch(r"seeds(\d{1,10})-(\d{1,10})", text)
    if not match or not 0 <= int(match[2]) - int(match[1]) < MOST_SEEDS:
        raise UserError(f"{text[:LONGEST]!r} is not a block of seeds such as seeds1-3")
    return list(range(int(match[1]), int(match[2]) + 1))


def blocks(seeds: Iterable[int], size: int) -> list[list[int]]:
    """Split seeds into blocks of at most ``size`` with fixed bounds, so that an added seed moves no other seed."""
    result: list[list[int]] = []
    for seed in sorted(set(seeds)):
        last = result[-1][-1] if result else None
        if last is not None and seed == last + 1 and (seed - 1) // size == (last - 1) // size:
            result[-1].append(seed)
        else:
            result.append([seed])
    return result


def wildcard(values: Iterable[str]) -> str:
    """A wildcard constraint that matches exactly these values, and nothing if there are none."""
    return "|".join(sorted(map(re.escape, values), key=len, reverse=True)) or r"(?!)"


def _text(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return repr(value) if isinstance(value, float) else str(value)


def _steps(steps: int) -> str:
    return f"{steps // 1000}k" if steps % 1000 == 0 else str(steps)


def _count(text: str) -> int:
    return int(text.removesuffix("k")) * (1000 if text.endswith("k") else 1)


def _checked(text: str) -> str:
    if len(text) >= LONGEST:
        raise UserError(f"{text!r} has {len(text)} characters, more than {LONGEST - 1}: change fewer keys at once")
    if not re.fullmatch(r"[A-Za-z0-9._~@=+-]+", text):
        raise UserError(f"{text!r} holds a character that a path component of the workflow may not have")
    return text
