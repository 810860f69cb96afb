"""Exports a classifier to ONNX: in float32, and with 8-bit weights for the CPU.

Any folder that `AutoModelForSequenceClassification` loads will do. The batch and the length of the texts are free; the
output is the logits, for one label a text and for several. B: texts of a batch, T: word pieces.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn

from bertfit.core import files
from bertfit.core.errors import UserError
from bertfit.encoders import families
from bertfit.inference.model_folder import ONNX
from bertfit.inference.onnx_classifier import INPUTS, OUTPUT


class _Logits(nn.Module):
    """A model of transformers with tensors as its inputs and output."""

    def __init__(self, model: nn.Module, token_types: bool) -> None:
        super().__init__()
        self.model = model
        self.token_types = token_types

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor) -> Tensor:
        """(B, C) logits of inputs (B, T) int64."""
        types = {"token_type_ids": token_type_ids} if self.token_types else {}
        return self.model(input_ids=input_ids, attention_mask=attention_mask, **types, return_dict=False)[0]


def write(folder: Path) -> None:
    """Write both ONNX files into a folder with a classifier, at the places of `model_folder.ONNX`.

    Raises `UserError` if transformers cannot load it.
    """
    (folder / ONNX["onnx"]).parent.mkdir(exist_ok=True)
    export(folder, folder / ONNX["onnx"])
    head = (families.of(files.read_json(folder / "config.json")) or families.BERT).head
    # States of a head with relu are shifted (`hf_export`), so that one scale for all would lose their differences.
    quantise(folder / ONNX["onnx"], folder / ONNX["onnx8"], kept=2 if head.activation == "relu" else 0)


def export(folder: Path, out: Path) -> None:
    """Write the classifier of ``folder`` to ``out`` in float32, with free batch and length.

    The inputs are `INPUTS`, each (B, T) int64, the output `OUTPUT`, (B, C) float32. Raises `UserError` if transformers
    cannot load it.
    """
    from transformers import AutoModelForSequenceClassification

    try:
        family = families.of(files.read_json(folder / "config.json")) or families.BERT
        attention = "sdpa" if family.way == "packed" else "eager"
        model = AutoModelForSequenceClassification.from_pretrained(
            folder, attn_implementation=attention, dtype=torch.float32, local_files_only=True, use_safetensors=True
        )
    except (OSError, ValueError) as error:
        raise UserError(
            f"{folder}: transformers cannot load it ({str(error).splitlines()[0]}); export the model again"
        ) from error
    # Sizes of 1 would be taken for constants, and a tensor that is passed twice for one input.
    example = tuple(torch.full((2, 8), value, dtype=torch.int64) for value in (2, 1, 0))
    free = {0: torch.export.Dim("texts", min=1), 1: torch.export.Dim("pieces", min=2)}
    with files.atomic(out) as temporary, _quiet():
        torch.onnx.export(
            _Logits(model, family.token_types).eval(),
            example,
            temporary,
            input_names=list(INPUTS),
            output_names=[OUTPUT],
            dynamic_shapes=(free, free, free),
            dynamo=True,
            external_data=False,
            verbose=False,
        )


def quantise(source: Path, out: Path, *, kept: int = 0) -> None:
    """Write the float32 model ``source`` with 8-bit weights of its matrix products; embeddings stay.

    Products are of integers: weights have a scale for each column, inputs one for each batch. Weights use 7 of the 8
    bits, since sums of full ones overflow on processors without VNNI, and answers would depend on the processor. The
    last ``kept`` products stay in float32.
    """
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    # The quantiser makes a MatMul and a sum of a Gemm, and calls it so.
    names = {"MatMul": "{}", "Gemm": "{}_MatMul"}
    nodes = onnx.load(source).graph.node if kept else []
    products = [names[node.op_type].format(node.name) for node in nodes if node.op_type in names]
    with files.atomic(out) as temporary, _quiet():
        quantize_dynamic(
            source,
            temporary,
            op_types_to_quantize=["MatMul"],
            nodes_to_exclude=products[-kept:] if kept else [],
            weight_type=QuantType.QInt8,
            per_channel=True,
            reduce_range=True,
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """Suppress what exporter and quantiser say of their own affairs."""
    previous = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(previous)
