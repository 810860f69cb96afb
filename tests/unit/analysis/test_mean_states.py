"""Mean states: those of the encoder by transformers' own padded computation, special tokens left out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import BertModel

from bertfit.analysis import mean_states
from bertfit.core.errors import UserError
from bertfit.tokens import token_file
from helpers import tiny

CPU = torch.device("cpu")


def test_the_mean_of_the_last_states(tmp_path: Path) -> None:
    words = tiny.vocabulary(tmp_path / "words")
    tokens = token_file.read(tiny.tokens_file(tmp_path / "train.arrow", words, 12, 1))
    encoder = tiny.encoder(tmp_path / "encoder", words)
    found = mean_states.encode(tokens, encoder, CPU)
    model = BertModel.from_pretrained(encoder).eval()
    assert found.shape == (12, tiny.SHAPE.hidden) and (np.diff(tokens.offsets) > tiny.SHAPE.positions).any()
    for number, vector in enumerate(found):
        ids = tokens.ids(number)[: tiny.SHAPE.positions - 2].tolist()
        with torch.no_grad():
            states = model(torch.tensor([[tokens.cls, *ids, tokens.sep]])).last_hidden_state[0, 1:-1]
        mean = states.mean(dim=0).numpy() if ids else np.zeros(tiny.SHAPE.hidden)
        assert vector == pytest.approx(mean / max(np.linalg.norm(mean), 1e-9), abs=1e-4)


def test_another_vocabulary_is_refused(tmp_path: Path) -> None:
    words = tiny.vocabulary(tmp_path / "words")
    tokens = token_file.read(tiny.tokens_file(tmp_path / "train.arrow", words, 4, 1))
    small = tmp_path / "encoder"
    from bertfit.hugging_face import hf_encoder

    hf_encoder.save(hf_encoder.scratch(tiny.SHAPE, 10, 1), words, small, {})
    with pytest.raises(UserError, match=r"a vocabulary of 10 where the tokens have 85; tokenise"):
        mean_states.encode(tokens, small, CPU)
