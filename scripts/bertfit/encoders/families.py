"""The families of encoders, and what differs between them, as data.

Modules, configurations and weights of all families but BERT are those of transformers. Names of modules and of keys of
config.json are those of transformers 5.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Activation = Literal["tanh", "gelu", "relu"]
FamilyName = Literal[
    "bert", "roberta", "xlm-roberta", "camembert", "electra", "distilbert", "albert", "modernbert", "eurobert",
    "deberta-v2", "mpnet",
]  # fmt: skip
"""``model_type`` of the families."""


@dataclass(frozen=True)
class ClassificationHead:
    """The head of ``AutoModelForSequenceClassification``: dense, activation, an optional norm, output."""

    dense: str
    activation: Activation
    output: str
    norm: str | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    """Keys of config.json that make this head read the state of the first token, and give ``dense`` a bias."""


@dataclass(frozen=True)
class Family:
    """What differs between the encoders that config.json calls ``model_type``."""

    model_type: str
    title: str
    way: Literal["packed", "padded"]
    """Without padding, where transformers calls a registered function for attention; else in padded groups of texts of
    similar length, as its attention depends on the places of the tokens (relative positions)."""
    layers: str
    """The list of layers, in the encoder. Empty if all layers share their weights."""
    embeddings: tuple[str, ...]
    """What is below the layers, in the encoder: modules and parameters that `frozen` and `embeddings` of a recipe mean.
    """
    masked_words: tuple[str, ...]
    """The modules of the head of masked-language modelling, in ``AutoModelForMaskedLM``, in their order."""
    head: ClassificationHead
    detector: str = ""
    """The head of replaced-token detection, in ``AutoModelForPreTraining``; empty in families without one."""
    adds_mask: bool = False
    """Whether padded groups come with a mask that is added to the scores of attention, as transformers would make it
    from one of zeros and ones; for that it reads values, and a host waits for its GPU."""
    norm: str | None = None
    """Normalises the state of the last layer, in encoders whose layers do not; here it normalises any layer's that is
    read, as if the encoder ended there."""
    hidden_dropout: tuple[str, ...] = ("hidden_dropout_prob",)
    attention_dropout: tuple[str, ...] = ("attention_probs_dropout_prob",)
    token_types: bool = False
    """Whether an embedding tells the second segment from the first."""
    first_position: int | Literal["after padding"] = 0
    """Position of a text's first token; after padding: the id of the padding token plus 1."""
    padding: int | None = None
    """The id that its modules take for padding, whatever config.json says."""
    without_pooler: Mapping[str, Any] = field(default_factory=dict)
    """Arguments of ``AutoModel`` that leave out a pooler."""
    scratch: Mapping[str, Any] = field(default_factory=dict)
    """Keys of config.json, by BERT's names, of an encoder that starts from random weights."""
    keys: Mapping[str, str] = field(default_factory=dict)
    """Keys of config.json with another name than BERT's, by BERT's name."""

    feed_forward: float = 1.0
    """Size of the feed-forward part, as a multiple of the two matrices of BERT's: 1.5 with a gate."""

    @property
    def shares_layers(self) -> bool:
        """Whether all layers have the same weights."""
        return not self.layers

    def lacks(self, *, pooler: bool, layer_decay: float, frozen: int) -> str | None:
        """Why an encoder of the family cannot have what a recipe asks for; None if it can."""
        if pooler and self.model_type != "bert":
            return f"no pooler of {self.title} was trained"
        if self.shares_layers and (layer_decay != 1 or frozen):
            return f"all layers of {self.title} have the same weights"
        return None

    def offset(self, config: Mapping[str, Any]) -> int:
        """Position of the first token of a text, with a configuration."""
        if self.first_position != "after padding":
            return self.first_position
        padding = config.get("pad_token_id", 1)
        return 1 + (1 if padding is None else int(padding))

    def value(self, config: Mapping[str, Any], key: str) -> Any:
        """The value of ``key``, by BERT's name; None if config.json does not say it."""
        return config.get(self.keys.get(key, key), config.get(key))

    def positions(self, config: Mapping[str, Any]) -> int | None:
        """Tokens of the longest text that the encoder reads; None if config.json does not say it."""
        size = self.value(config, "max_position_embeddings")
        return None if size is None else int(size) - self.offset(config)


_NO_POOLER = {"add_pooling_layer": False}
_ROBERTA_HEAD = ClassificationHead("classifier.dense", "tanh", "classifier.out_proj")


def _roberta(model_type: str, title: str) -> Family:
    return Family(
        model_type,
        title,
        way="packed",
        layers="encoder.layer",
        embeddings=("embeddings",),
        masked_words=("lm_head",),
        head=_ROBERTA_HEAD,
        first_position="after padding",
        without_pooler=_NO_POOLER,
    )


BERT = Family(
    "bert",
    "BERT",
    way="packed",
    layers="encoder.layer",
    embeddings=("embeddings",),
    masked_words=("cls.predictions",),
    head=ClassificationHead("bert.pooler.dense", "tanh", "classifier"),
    token_types=True,
)
"""Its modules are those of `model.bert`."""

FAMILIES: dict[str, Family] = {
    family.model_type: family
    for family in (
        BERT,
        _roberta("roberta", "RoBERTa"),
        _roberta("xlm-roberta", "XLM-RoBERTa"),
        _roberta("camembert", "CamemBERT"),
        Family(
            "electra",
            "ELECTRA",
            way="packed",
            layers="encoder.layer",
            embeddings=("embeddings", "embeddings_project"),
            masked_words=("generator_predictions", "generator_lm_head"),
            head=ClassificationHead("classifier.dense", "gelu", "classifier.out_proj"),
            detector="discriminator_predictions",
            token_types=True,
        ),
        Family(
            "distilbert",
            "DistilBERT",
            way="packed",
            layers="transformer.layer",
            embeddings=("embeddings",),
            masked_words=("vocab_transform", "activation", "vocab_layer_norm", "vocab_projector"),
            head=ClassificationHead("pre_classifier", "relu", "classifier"),
            hidden_dropout=("dropout",),
            attention_dropout=("attention_dropout",),
            keys={
                "hidden_size": "dim",
                "num_hidden_layers": "n_layers",
                "num_attention_heads": "n_heads",
                "intermediate_size": "hidden_dim",
                "hidden_act": "activation",
            },
        ),
        Family(
            "albert",
            "ALBERT",
            way="packed",
            layers="",
            embeddings=("embeddings", "encoder.embedding_hidden_mapping_in"),
            masked_words=("predictions",),
            head=ClassificationHead("albert.pooler", "tanh", "classifier"),
            token_types=True,
            without_pooler=_NO_POOLER,
        ),
        Family(
            "modernbert",
            "ModernBERT",
            way="packed",
            layers="layers",
            embeddings=("embeddings",),
            masked_words=("head", "decoder"),
            head=ClassificationHead(
                "head.dense",
                "gelu",
                "classifier",
                norm="head.norm",
                config={"classifier_pooling": "cls", "classifier_bias": True, "classifier_activation": "gelu"},
            ),
            norm="final_norm",
            hidden_dropout=("embedding_dropout", "mlp_dropout"),
            attention_dropout=("attention_dropout",),
            feed_forward=1.5,
            keys={"hidden_act": "hidden_activation"},
        ),
        Family(
            "eurobert",
            "EuroBERT",
            way="packed",
            layers="layers",
            embeddings=("embed_tokens",),
            masked_words=("lm_head",),
            head=ClassificationHead("dense", "gelu", "classifier", config={"classifier_pooling": "bos"}),
            norm="norm",
            hidden_dropout=(),
            attention_dropout=("attention_dropout",),
            feed_forward=1.5,
        ),
        Family(
            "deberta-v2",
            "DeBERTa-v3",
            way="padded",
            layers="encoder.layer",
            embeddings=("embeddings", "encoder.rel_embeddings", "encoder.LayerNorm", "encoder.conv"),
            masked_words=("cls",),
            head=ClassificationHead("pooler.dense", "gelu", "classifier", config={"pooler_hidden_act": "gelu"}),
            token_types=True,
            scratch={
                "relative_attention": True,
                "pos_att_type": ["p2c", "c2p"],
                "position_biased_input": False,
                "position_buckets": 256,
                "share_att_key": True,
                "norm_rel_ebd": "layer_norm",
                "type_vocab_size": 0,
            },
        ),
        Family(
            "mpnet",
            "MPNet",
            way="padded",
            layers="encoder.layer",
            embeddings=("embeddings", "encoder.relative_attention_bias"),
            masked_words=("lm_head",),
            head=_ROBERTA_HEAD,
            adds_mask=True,
            first_position=2,
            padding=1,
            without_pooler=_NO_POOLER,
        ),
    )
}


def of(config: Mapping[str, Any]) -> Family | None:
    """The family that a config.json names; None if it is none of `FAMILIES`. The first BERTs do not name theirs."""
    return FAMILIES.get(str(config.get("model_type", "bert")))


def names() -> str:
    """The families, for a message."""
    *first, last = (family.title for family in FAMILIES.values())
    return f"{', '.join(first)} and {last}"
