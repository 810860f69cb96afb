"""Exports a classifier for transformers: ``AutoModelForSequenceClassification``, ``pipeline``.

The heads there apply a dense layer and an activation to the state of the first token, which our linear classifier
lacks. The exported dense layer is written so that the activation leaves the state as it is:

- tanh: ``EPSILON`` times the identity, so that tanh is in its linear range, and the head's weights are divided by
  ``EPSILON``, exactly, as it is a power of two. The curvature of tanh leaves for a state h a relative error of
  (EPSILON h)^2 / 3: 3e-5 at h = 10;
- gelu: as tanh, with ``TINY``, since gelu halves what is near zero, and the head's weights divided by half of it. For a
  state h it leaves a relative error of 0.8 TINY h: 5e-7 at h = 10;
- relu: the identity, and ``SHIFT`` added, above which it returns what it is given; the head's biases take it off again.
  States of encoders end in a norm, which bounds them. The sum rounds to 4e-6;
- gelu and a norm (ModernBERT): the state as the encoder's own last norm had it before its weights and biases, so that
  its variance is 1 already, and ``SHIFT``, which the norm of the head takes off. That norm has the same weights.

These are exact enough in float32, in which models are written; in half precision logits are off by some 0.1 to 0.5 for
relu and for a norm, and gelu needs bfloat16.

A pooler that was trained (BERT's) is exported as it is.
"""

from __future__ import annotations

import copy
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bertfit.config.hyperparameters import Finetune
from bertfit.core import files
from bertfit.core.errors import UserError
from bertfit.encoders import encoder_folder, families
from bertfit.encoders.families import ClassificationHead, Family
from bertfit.hugging_face import hf_encoder
from bertfit.hugging_face.hf_encoder import TOKENIZER
from bertfit.model.classifier_head import Classifier
from bertfit.model.packed_encoder import PackedEncoder

EPSILON = 2.0**-10
TINY = 2.0**-24
SHIFT = 64.0
TRUNCATION_KEYS = ("truncation", "head_tokens", "max_length")  # of a recipe


def write(
    model: Classifier,
    label_names: Sequence[str],
    *,
    recipe: Finetune,
    tokenizer: Path,
    out: Path,
    multilabel: bool = False,
) -> None:
    """Write the folder ``out``: configuration with class names, weights (safetensors), the files of ``tokenizer``.

    ``recipe`` must satisfy the conditions of `Finetune` for ``save_model``: one text, one layer, a linear head. Layers
    above the one that is read are left out. With ``truncation=True`` the written tokenizer truncates texts to the head
    of ``recipe.max_length`` pieces; the truncation of the training is recorded in config.json under ``bertfit``. Of
    ``multilabel`` classifiers, whose texts have several labels or none, pipelines give a probability for each label.
    """
    names = dict(enumerate(label_names))
    about: dict[str, Any] = {
        "id2label": names,
        "label2id": {name: number for number, name in names.items()},
        "problem_type": f"{'multi' if multilabel else 'single'}_label_classification",
        "dtype": "float32",
        "bertfit": recipe.model_dump(include=set(TRUNCATION_KEYS)),
    }
    family = model.encoder.family
    about |= dict.fromkeys(family.hidden_dropout, model.dropout.p) | dict(family.head.config)
    written, weights = _empty_bert(model, about) if family is families.BERT else _empty(model, about)
    weights |= _head(model, family)
    written.load_state_dict({name: weight.detach().cpu() for name, weight in weights.items()}, assign=True)
    with files.atomic(out) as folder:
        written.save_pretrained(folder)
        for name in TOKENIZER:
            shutil.copyfile(tokenizer / name, folder / name)
        settings = files.read_json(tokenizer / "tokenizer_config.json") | {"model_max_length": recipe.max_length}
        files.write_json(folder / "tokenizer_config.json", settings)


def load(folder: Path) -> tuple[Classifier, Finetune, list[str]]:
    """The classifier, the recipe of its truncation and the class names of a folder written by `write`.

    What `write` added to the head is undone: the logits are those of training, of heads with tanh to the bit, or these
    divided by the temperature that the head was scaled by. Raises `UserError` for other folders.
    """
    from safetensors.torch import load_file

    config, weights = folder / "config.json", folder / "model.safetensors"
    if not config.is_file() or not weights.is_file():
        raise UserError(f"{folder}: no model in it (config.json, model.safetensors); give results/<study>/model")
    facts = encoder_folder.read_config(folder)
    if "bertfit" not in facts or "id2label" not in facts:
        raise UserError(f"{config}: bertfit did not write this model (`save_model: true`); give results/<study>/model")
    family = families.of(facts)
    assert family is not None, "read_config refuses others"
    tensors = load_file(weights)
    dense = tensors[f"{family.head.dense}.weight"]
    trained_pooler = family is families.BERT and not torch.equal(dense, EPSILON * torch.eye(len(dense)))
    encoder = hf_encoder.load_encoder(folder, pooler=trained_pooler)
    names = [facts["id2label"][str(number)] for number in range(len(facts["id2label"]))]
    written = {key: value for key, value in facts["bertfit"].items() if key in TRUNCATION_KEYS}
    recipe = Finetune.model_validate(written | {"pooler": trained_pooler})
    model = Classifier(encoder, len(names), recipe, seed=0)
    weight, bias = (tensors[f"{family.head.output}.{kind}"] for kind in ("weight", "bias"))
    if not trained_pooler:
        weight, bias = _undone(family.head, weight, bias)
    with torch.no_grad():
        model.output.weight.copy_(weight)
        model.output.bias.copy_(bias)
    return model, recipe, names


# ------------------------------------------------------------------------------------------ parts


def _empty_bert(model: Classifier, about: Mapping[str, Any]) -> tuple[Any, dict[str, Tensor]]:
    """A classifier of transformers whose weights are to be assigned, and the encoder's weights by their names there."""
    from transformers.models.bert.configuration_bert import BertConfig
    from transformers.models.bert.modeling_bert import BertForSequenceClassification

    config = BertConfig.from_dict(model.encoder.config.to_dict() | about)
    with torch.device("meta"):
        written = BertForSequenceClassification(config)
    return written, {f"bert.{name}": weight for name, weight in model.encoder.state_dict().items()}


def _empty(model: Classifier, about: Mapping[str, Any]) -> tuple[Any, dict[str, Tensor]]:
    """The same for other families, whose buffers are not among the weights: those of a random encoder."""
    from transformers import AutoModelForSequenceClassification

    module: Any = model.encoder.get_submodule("module")
    config = copy.deepcopy(module.config)
    for key, value in about.items():
        setattr(config, key, value)
    with torch.random.fork_rng(devices=[]):
        written = AutoModelForSequenceClassification.from_config(config)
    return written, {f"{written.base_model_prefix}.{name}": weight for name, weight in module.state_dict().items()}


def _head(model: Classifier, family: Family) -> dict[str, Tensor]:
    """The weights of the head by their names in transformers."""
    head, weight, bias = family.head, model.output.weight.detach().cpu(), model.output.bias.detach().cpu()
    output = {f"{head.output}.weight": weight, f"{head.output}.bias": bias}
    if model.encoder.pooler is not None:
        return output
    dense, shift = torch.eye(weight.shape[1]), torch.full([weight.shape[1]], SHIFT)
    if linear := _linear(head):
        before, after = linear
        dense, shift = before * dense, torch.zeros(weight.shape[1])
        output[f"{head.output}.weight"] = weight / after
    elif head.norm:
        scale, offset, biased = _last_norm(model.encoder, family)
        inverse = torch.where(scale == 0, 0.0, 1 / scale)
        dense, shift = torch.diag(inverse), shift - inverse * offset
        output |= {f"{head.norm}.weight": scale} | ({f"{head.norm}.bias": offset} if biased else {})
    else:
        output[f"{head.output}.bias"] = bias - SHIFT * weight.sum(1)
    return output | {f"{head.dense}.weight": dense, f"{head.dense}.bias": shift}


def _linear(head: ClassificationHead) -> tuple[float, float] | None:
    """By what states are multiplied so that the activation is linear, before it and with it; None where it is not."""
    if head.norm:
        return None
    return {"tanh": (EPSILON, EPSILON), "gelu": (TINY, TINY / 2)}.get(head.activation)


def _last_norm(encoder: PackedEncoder, family: Family) -> tuple[Tensor, Tensor, bool]:
    """(D,) weights and biases of the norm after the last layer, and whether it has biases; else they are zero."""
    norm: Any = encoder.get_submodule(f"module.{family.norm}")
    weight = norm.weight.detach().cpu().clone()
    bias = torch.zeros_like(weight) if norm.bias is None else norm.bias.detach().cpu().clone()
    return weight, bias, norm.bias is not None


def _undone(head: ClassificationHead, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """Weight and bias of a linear head on the state itself, of those that `_head` wrote."""
    if linear := _linear(head):
        return weight * linear[1], bias
    return (weight, bias) if head.norm else (weight, bias + SHIFT * weight.sum(1))
