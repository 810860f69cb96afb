"""Schemas of pre-training, fine-tuning and multi-task fine-tuning: each key with meaning, unit and default.

A description may end with its source in brackets, `(section 5.2)` or `(official code)`: `config_reference` gives it a
column of its own. The defaults are the paper's (section 5.2) or, where the paper is silent, the official code's
(github:xuyige/BERT4doc-Classification at 9da5d11).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from bertfit.config import recipe_semantics
from bertfit.config.corpus_schema import Seed, Spec
from bertfit.config.reasons import NotApplicable
from bertfit.core.errors import UserError
from bertfit.encoders.families import BERT, Family

Truncation = Literal["head", "tail", "head+tail", "hier-mean", "hier-max", "hier-attention"]
Layers = Annotated[str, Field(pattern=recipe_semantics.LAYERS)]
Share = Annotated[float, Field(ge=0, le=1)]
Rate = Annotated[float, Field(ge=0, lt=1)]
# Some keys of a model, merged over others and validated after that. ``keys_of`` names the model for the reference.
FinetuneKeys = Annotated[dict[str, float | int | str | bool | None], Field(json_schema_extra={"keys_of": "Finetune"})]
PretrainKeys = Annotated[dict[str, float | int | str | bool], Field(json_schema_extra={"keys_of": "Pretrain"})]


class Pretrain(Spec):
    """MLM + NSP pre-training (sections 4.2 and 5.2; create_pretraining_data.py and run_pretraining.py)."""

    objective: Literal["mlm+nsp", "mlm", "rtd"] | None = Field(
        None,
        description="mlm+nsp: the official instances, masked once; mlm: masked words alone, others each time, in "
        "sentences that fill the length, as RoBERTa; rtd: which words the encoder's `generator` has replaced, of the "
        "same texts, as ELECTRA; default: mlm+nsp for BERT, mlm for families without that head",
    )
    whole_words: bool = Field(
        False,
        description="for mlm and rtd: all pieces of a word are masked together; for vocabularies of word pieces (##)",
    )
    steps: int = Field(100_000, gt=0, description="optimiser steps (section 5.2)")
    batch_size: int = Field(32, gt=0, description="instances in a batch (section 5.2)")
    lr: float = Field(5e-5, gt=0, description="peak learning rate (section 5.2)")
    warmup: Share = Field(0.1, description="share of the steps in which the rate rises: 10,000 steps (section 5.2)")
    max_length: int = Field(128, ge=8, description="word pieces of an instance, [CLS] and two [SEP] too (section 5.2)")
    max_predictions: int = Field(20, gt=0, description="masked word pieces of an instance at most (official code)")
    masked_share: Share = Field(0.15, description="share of the word pieces that are to be predicted (official code)")
    short_share: Share = Field(
        0.1, description="share of the documents whose instances get a random shorter length (official code)"
    )
    dupe: int = Field(5, gt=0, description="passes over the documents, each with other masks (official code)")
    data_seed: Seed = Field(12345, description="random seed of the data creation (official code)")
    weight_decay: float = Field(0.01, ge=0, description="not on biases and LayerNorm (official code)")
    clip: float = Field(1.0, gt=0, description="largest norm of the whole gradient (official code)")
    dropout: Rate = Field(0.1, description="dropout of hidden states and embeddings (section 5.2)")
    attention_dropout: Rate = Field(0.1, description="dropout of attention weights (section 5.2)")
    head_steps: int = Field(
        0,
        ge=0,
        description="the first ones of `steps` (half of them at most) in which only heads are trained that the encoder "
        "lacked and got newly initialised, with a warm-up and decay of their own; none where it has trained heads",
    )
    log_every: int = Field(100, gt=0, description="steps between two rows of history.csv")

    @property
    def blocks(self) -> bool:
        """Whether it reads blocks of text, masked or replaced anew at each step, and not the official instances."""
        return self.objective in ("mlm", "rtd")


class Finetune(Spec):
    """A recipe: how an encoder is fine-tuned on a corpus."""

    truncation: Truncation = Field(
        "head+tail",
        description="part of a long text that is kept; hier-*: fractions of the whole text, pooled (section 5.3.1)",
    )
    max_length: int = Field(512, ge=8, description="word pieces of a text, [CLS] and [SEP] included (section 5.3.1)")
    head_tokens: int = Field(
        128, ge=0, description="head+tail: word pieces taken from the head; 128 + 382 of 512 (section 5.3.1)"
    )
    fractions: int = Field(6, gt=0, description="hier-*: at most this many fractions of max_length (section 5.3.1)")

    classifier: Literal["linear", "bilstm"] = Field(
        "linear",
        description="linear: on [CLS]; bilstm: BERT-Feat, a biLSTM with self-attention on the states of a frozen "
        "encoder (section 5.4.3)",
    )
    layers: Layers = Field(
        "last", description="layers read: last, all, first4, last4, or a number; 0 is the lowest (section 5.3.2)"
    )
    combine: Literal["concat", "mean", "max"] = Field(
        "concat", description="how several layers become one vector (section 5.3.2)"
    )
    pooler: bool = Field(
        False, description="read [CLS] through the encoder's dense layer and tanh; false: unchanged (official code)"
    )
    frozen: int = Field(
        0, ge=0, description="number of lowest layers that are not trained; above 0, the embeddings are not either"
    )
    lstm: int = Field(300, gt=0, description="bilstm: units in each direction (Lin et al. 2017)")
    lstm_attention: int = Field(350, gt=0, description="bilstm: width of the self-attention (Lin et al. 2017)")

    lr: float = Field(2e-5, gt=0, description="peak learning rate of the highest layer and the head (section 5.2)")
    layer_decay: float = Field(
        1.0, gt=0, le=1, description="xi: each layer has this share of the rate of the layer above (section 4.1)"
    )
    embeddings: Literal["base", "decayed"] = Field(
        "base", description="rate of the embeddings: lr, or decayed once more than the lowest layer's (official code)"
    )
    epochs: float = Field(4, gt=0, description="passes over the training set (section 5.2)")
    steps: int | None = Field(None, gt=0, description="optimiser steps, instead of epochs")
    minimum_steps: int = Field(0, ge=0, description="optimiser steps at least; 100 examples in 4 epochs are only 20")
    batch_size: int = Field(24, gt=0, description="texts in a batch (section 5.2)")
    warmup: Share = Field(0.1, description="share of the steps in which the rate rises (section 5.2)")
    schedule: Literal["official", "continuous"] = Field(
        "official",
        description="official: the rate drops by the share `warmup` when the warm-up ends; continuous: it does not "
        "(official code)",
    )
    bias_correction: bool = Field(False, description="bias correction of Adam, which BERTAdam lacks (official code)")
    weight_decay: float = Field(0.01, ge=0, description="not on biases and LayerNorm (official code)")
    clip: float = Field(1.0, gt=0, description="largest gradient norm (official code)")
    clip_by: Literal["tensor", "global"] = Field(
        "tensor",
        description="clip each tensor by its own norm, or all by the norm of the whole gradient (official code)",
    )
    dropout: Rate = Field(0.1, description="dropout of hidden states and head (section 5.2)")
    attention_dropout: Rate = Field(0.1, description="dropout of attention weights (section 5.2)")
    head_init: float = Field(0.02, gt=0, description="standard deviation of the new head's weights (official code)")
    lora: int | None = Field(
        None,
        gt=0,
        description="rank of adapters of all linear maps of the layers, which are trained with the head alone "
        "(LoRA, Hu et al. 2022); default: all weights are trained",
    )
    lora_alpha: float = Field(16.0, gt=0, description="adapters are scaled by lora_alpha / lora")
    class_weights: Literal["none", "balanced"] = Field(
        "none",
        description="weight of each text in the loss: 1, or inversely proportional to the training texts of its class "
        "(balanced: texts / (classes * texts of the class), as scikit-learn)",
    )
    focal: float = Field(
        0.0,
        ge=0,
        description="gamma of the focal loss, in which easy texts weigh less (Lin et al. 2017)",
    )
    reproduce_negative_lr: bool = Field(
        False, description="keep the negative rate that the schedule has in its very last steps (official code)"
    )

    evaluate_every: int | None = Field(None, gt=0, description="steps between evaluations; default: an epoch")
    validation: Share = Field(
        0.0, description="share of the training set held out for validation; `best` is then chosen on it"
    )
    patience: int | None = Field(
        None,
        gt=0,
        description="stop after this many evaluations in a row without a lower error on validation data, and save the "
        "model of the best one; the schedule stays that of all steps; default: train to the end",
    )
    stop_on: Literal["validation", "test"] = Field(
        "validation",
        description="patience: validation data are the share `validation`, or the test split, for a corpus whose test "
        "split is itself validation data of another one",
    )
    fraction: float = Field(1.0, gt=0, le=1, description="share of the training set that is used (section 5.6)")
    examples: int | None = Field(None, gt=0, description="examples of the training set that are used, not a share")
    save_model: bool = Field(False, description="save the fine-tuned model as a folder that transformers loads")

    @model_validator(mode="after")
    def _together(self) -> Finetune:
        """Refuse combinations of keys that cannot be trained, before any job runs. No other module checks them."""
        hierarchical = recipe_semantics.is_hierarchical(self.truncation)
        single = recipe_semantics.is_single_layer(self.layers)
        if self.truncation == "head+tail" and self.head_tokens > self.max_length - 2:
            raise ValueError(f"head_tokens={self.head_tokens} does not fit into max_length={self.max_length} less two")
        if self.pooler and self.layers != "last":
            raise ValueError("the pooler reads the last layer: leave out `layers` or `pooler`")
        if self.classifier == "bilstm" and (hierarchical or self.pooler or self.save_model):
            raise ValueError(
                "classifier: bilstm reads the words of one truncated text, and is not saved: leave out "
                "hier-*, pooler and `save_model`"
            )
        if self.lora and (self.classifier == "bilstm" or self.frozen):
            raise ValueError("lora trains adapters of all layers: leave out `frozen`, and `classifier: bilstm`")
        if self.save_model and (hierarchical or not single):
            raise ValueError(
                "save_model: transformers loads a classifier of one text and one layer: leave out hier-* and several "
                "layers"
            )
        if self.patience and self.stop_on == "validation" and not self.validation:
            raise ValueError(
                f"patience={self.patience} needs validation data: give a share `validation`, or `stop_on: test` where "
                "the test split is validation data"
            )
        if self.patience and self.stop_on == "test" and self.validation:
            raise ValueError("stop_on: test makes the test split the validation data: leave out `validation`")
        return self


class Multitask(Spec):
    """Multi-task fine-tuning (sections 4.3 and 5.5): shared encoder, a head per corpus, one corpus per batch."""

    corpora: list[str] = Field(
        min_length=1, description="corpora trained on together; those that are unavailable are left out (section 5.5)"
    )
    sampling: Literal["proportional", "equal", "temperature"] = Field(
        "proportional",
        description="how often a batch is of a corpus: by its size, equally, or by size ** (1 / temperature)",
    )
    temperature: float = Field(2.0, gt=0, description="sampling: temperature; 1 is by size, larger is more equal")
    order: Literal["official", "epochs"] = Field(
        "official",
        description="official: each batch is drawn afresh; epochs: an epoch reads every example once (official code)",
    )
    recipe: FinetuneKeys = Field({}, description="differences from the study's recipe")
    seed: Seed = Field(
        1, description="random seed of this training; with `stage_seeds: each` by default that of each run"
    )


def check_multitask(recipe: Finetune, where: str) -> None:
    """Raise `UserError` if multi-task fine-tuning cannot use ``recipe``; ``where``: its place, for the message."""
    if recipe.classifier != "linear":
        raise UserError(f"{where}: multitask: classifier={recipe.classifier} has no encoder to train; take linear")
    if recipe_semantics.is_hierarchical(recipe.truncation):
        raise UserError(
            f"{where}: multitask: truncation={recipe.truncation} is not available; take head, tail or head+tail"
        )
    default = Finetune()
    for key in ("patience", "class_weights", "focal", "lora"):
        if (value := getattr(recipe, key)) != getattr(default, key):
            raise UserError(f"{where}: multitask: {key}={value} is of one corpus; leave it out of the group's recipe")


MAX_FRACTION_CHARACTERS = 6  # a longer fraction would make the recipe's id unreadable: the number is kept


def fitted(recipe: Finetune, depth: int, rows: int | None = None, family: Family = BERT) -> Finetune | NotApplicable:
    """The canonical form of a recipe for an encoder of ``depth`` layers, or why that encoder cannot have it.

    Different names of the same layers become one name (the highest layer is ``last``), and so do ``examples`` and
    ``fraction`` for a training set of ``rows`` examples; ``stop_on`` has its default without ``patience``, and
    ``lora_alpha`` without ``lora``. So one experiment is one run.
    """
    lacking = family.lacks(pooler=recipe.pooler, layer_decay=recipe.layer_decay, frozen=recipe.frozen)
    if lacking:
        return NotApplicable(lacking)
    kind, count = recipe_semantics.layer_name(recipe.layers)
    number = count or 0
    if (kind == "" and number >= depth) or number > depth:
        return NotApplicable(f"the encoder has {depth} layers")
    if recipe.frozen > depth:
        return NotApplicable(f"the encoder has {depth} layers, {recipe.frozen} cannot be frozen")
    layers = recipe.layers
    if (kind == "" and number == depth - 1) or (kind == "last" and number == 1):
        layers = "last"
    elif kind == "first" and number == 1:
        layers = "0"
    elif number == depth:
        layers = "all"
    if depth == 1:
        layers = "last"
    single = recipe_semantics.is_single_layer(layers)
    same: dict[str, Any] = {"layers": layers, "combine": "concat" if single else recipe.combine}
    if recipe.patience is None:
        same["stop_on"] = "validation"
    if recipe.lora is None:
        same["lora_alpha"] = Finetune.model_fields["lora_alpha"].default
    if rows and recipe.examples is not None and recipe.examples <= rows:
        fraction = recipe.examples / rows
        if len(repr(fraction)) <= MAX_FRACTION_CHARACTERS:  # 100 of 25,000 are 0.004
            same |= {"examples": None, "fraction": fraction}
    return recipe.model_copy(update=same)


def too_small(recipe: Finetune, rows: int | None, classes: int | None) -> NotApplicable | None:
    """Why the part of ``rows`` training examples that a recipe uses is too small; None if it is not, or unknown."""
    if rows is None or (recipe.examples is None and recipe.fraction == 1):
        return None
    size = recipe_semantics.training_examples(rows, recipe.fraction, recipe.examples)
    if size > rows:
        return NotApplicable(f"the training set has {rows} examples")
    if classes and size < classes:
        return NotApplicable(f"{size} of {rows} examples are fewer than one for each of {classes} classes")
    size -= recipe_semantics.validation_examples(size, recipe.validation)
    steps = recipe_semantics.schedule_steps(size, recipe.batch_size, recipe.epochs, recipe.steps, recipe.minimum_steps)
    if steps == 1 and recipe.warmup and not recipe.reproduce_negative_lr:
        return NotApplicable(f"{size} training examples make a schedule of one step, whose learning rate is 0")
    return None


def share(recipe: Finetune, rows: int | None) -> float | None:
    """Percent of the training set that a recipe uses; None for ``examples`` of an unknown number of ``rows``."""
    if recipe.examples is None:
        return 100 * recipe.fraction
    return 100 * recipe.examples / rows if rows else None
