"""Checks that token files, an encoder and a recipe fit together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bertfit.config import hyperparameters
from bertfit.config.hyperparameters import Finetune, Pretrain
from bertfit.config.reasons import NotApplicable
from bertfit.core.errors import UserError
from bertfit.encoders.families import BERT, Family
from bertfit.tokens import vocabulary_file

if TYPE_CHECKING:
    from bertfit.tokens.token_file import Tokens


def check(recipe: Finetune, config: Any, splits: Mapping[Path, Tokens], family: Family = BERT) -> None:
    """Refuse inputs that do not fit together: ``splits`` of one corpus, and an encoder with this ``config``."""
    layers(recipe, config.num_hidden_layers, family)
    positions("recipe", recipe.max_length, config)
    for path, split in splits.items():
        if not len(split):
            raise UserError(f"{path}: no examples")
        vocabulary(path, split.vocabulary_size, config)
    if len({(tuple(split.label_names), str(split.label_sets)) for split in splits.values()}) > 1:
        raise UserError(f"{' and '.join(map(str, splits))}: their label_names differ; build both from one corpus")


def layers(recipe: Finetune, depth: int, family: Family = BERT) -> None:
    """Refuse a recipe that names or freezes layers which an encoder of ``depth`` layers, or its family, lacks."""
    fitted = hyperparameters.fitted(recipe, depth, family=family)
    if isinstance(fitted, NotApplicable):
        default = Finetune()
        asked = [f"{key}={getattr(recipe, key)}" for key in ("layers", "frozen", "pooler", "layer_decay")
                 if getattr(recipe, key) != getattr(default, key)]  # fmt: skip
        raise UserError(f"recipe: {', '.join(asked)}, but {fitted.reason}; ask for no more")


def positions(key: str, max_length: int, config: Any) -> None:
    """Refuse sequences longer than the encoder's positions; ``key`` names the study's key in the message."""
    if max_length > config.max_position_embeddings:
        raise UserError(
            f"{key}: max_length={max_length}, but the encoder has {config.max_position_embeddings} positions; set "
            f"`max_length` of `{'finetune' if key == 'recipe' else key}` in the study to at most that"
        )


def vocabulary(path: Path, size: int, config: Any) -> None:
    """Refuse a file whose vocabulary is larger than the encoder's."""
    if size > config.vocab_size:
        raise UserError(
            f"{path}: made with {size} word pieces, but the encoder has {config.vocab_size}; give texts and encoder "
            "the same vocabulary"
        )


def pretraining(pretrain: Pretrain, saves: Sequence[int], config: Any, folder: Path, size: int) -> None:
    """Refuse saves at steps that the run does not have, and instances that the encoder cannot read.

    ``folder`` is that of the vocabulary, of ``size`` word pieces.
    """
    if saves and not 0 < saves[0] <= saves[-1] < pretrain.steps:
        raise UserError(f"saves: steps {saves}, but the run has steps 1 to {pretrain.steps}, the last one its result")
    positions("pretrain", pretrain.max_length, config)
    vocabulary(folder, size, config)


def generator(folder: Path, pretrain: Pretrain, config: Any, own: Path) -> None:
    """Refuse a generator that cannot fill the texts of an encoder, whose vocabulary is in the folder ``own``."""
    if pretrain.max_length > config.max_position_embeddings:
        raise UserError(
            f"{folder}: the generator has {config.max_position_embeddings} positions, but `pretrain` reads "
            f"max_length={pretrain.max_length}; give a smaller length, or another `generator`"
        )
    if vocabulary_file.load(folder).get_vocab() != vocabulary_file.load(own).get_vocab():
        raise UserError(
            f"{folder}: the generator has another vocabulary than {own}; give one that was trained with the encoder's"
        )
