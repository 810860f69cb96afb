"""Exports a classifier for transformers: ``AutoModelForSequenceClassification``, ``pipeline``.

`BertForSequenceClassification` applies a pooler (dense + tanh) to [CLS], which our classifier on the raw [CLS] lacks.
The exported pooler is ``EPSILON`` times the identity, so that tanh is in its linear range, and the head's weights are
divided by ``EPSILON``, exactly, as it is a power of two. The curvature of tanh leaves for a state h a relative error of
(EPSILON h)^2 / 3: 3e-5 at h = 10.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import torch

from bertfit.config.hyperparameters import Finetune
from bertfit.core import files
from bertfit.core.errors import UserError
from bertfit.model import hf_encoder
from bertfit.model.hf_encoder import TOKENIZER
from bertfit.model.packed_bert import Classifier

EPSILON = 2.0**-10
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
    from transformers.models.bert.configuration_bert import BertConfig
    from transformers.models.bert.modeling_bert import BertForSequenceClassification

    names = dict(enumerate(label_names))
    config = BertConfig.from_dict(
        model.encoder.config.to_dict()
        | {
            "id2label": names,
            "label2id": {name: number for number, name in names.items()},
            "problem_type": f"{'multi' if multilabel else 'single'}_label_classification",
            "hidden_dropout_prob": model.dropout.p,
            "dtype": "float32",
            "bertfit": recipe.model_dump(include=set(TRUNCATION_KEYS)),
        }
    )
    with torch.device("meta"):
        written = BertForSequenceClassification(config)
    weights = {f"bert.{name}": weight.detach().cpu() for name, weight in model.encoder.state_dict().items()}
    head = model.output.weight.detach().cpu()
    if model.encoder.pooler is None:
        width = head.shape[1]
        weights |= {
            "bert.pooler.dense.weight": EPSILON * torch.eye(width),
            "bert.pooler.dense.bias": torch.zeros(width),
        }
        head = head / EPSILON
    weights |= {"classifier.weight": head, "classifier.bias": model.output.bias.detach().cpu()}
    written.load_state_dict(weights, assign=True)
    with files.atomic(out) as folder:
        written.save_pretrained(folder)
        for name in TOKENIZER:
            shutil.copyfile(tokenizer / name, folder / name)
        settings = files.read_json(tokenizer / "tokenizer_config.json") | {"model_max_length": recipe.max_length}
        files.write_json(folder / "tokenizer_config.json", settings)


def load(folder: Path) -> tuple[Classifier, Finetune, list[str]]:
    """The classifier, the recipe of its truncation and the class names of a folder written by `write`.

    The scaling of the pooler that `write` added is undone exactly: the logits are those of training, or these divided
    by the temperature that the head was scaled by. Raises `UserError` for other folders.
    """
    from safetensors.torch import load_file

    config, weights = folder / "config.json", folder / "model.safetensors"
    if not config.is_file() or not weights.is_file():
        raise UserError(f"{folder}: no model in it (config.json, model.safetensors); give results/<study>/model")
    facts = files.read_json(config)
    if "bertfit" not in facts or "id2label" not in facts:
        raise UserError(f"{config}: bertfit did not write this model (`save_model: true`); give results/<study>/model")
    encoder = hf_encoder.load_encoder(folder, pooler=True)
    head = {name: tensor for name, tensor in load_file(weights).items() if name.startswith("classifier.")}
    assert encoder.pooler is not None
    dense = encoder.pooler.dense
    no_pooler = not dense.bias.any() and torch.equal(dense.weight, EPSILON * torch.eye(len(dense.bias)))
    names = [facts["id2label"][str(number)] for number in range(len(facts["id2label"]))]
    written = {key: value for key, value in facts["bertfit"].items() if key in TRUNCATION_KEYS}
    recipe = Finetune.model_validate(written | {"pooler": not no_pooler})
    model = Classifier(encoder, len(names), recipe, seed=0)
    with torch.no_grad():
        model.output.weight.copy_(head["classifier.weight"] * (EPSILON if no_pooler else 1.0))
        model.output.bias.copy_(head["classifier.bias"])
    return model, recipe, names
