from __future__ import annotations

from pathlib import Path

import pytest

from bertfit.config.hyperparameters import Finetune
from bertfit.core.errors import UserError
from bertfit.runtime.rule_job import JobFiles, RuleJob
from bertfit.stages.classification import InputFiles
from helpers import tiny


def test_files_of_a_rule():
    inputs = JobFiles.of({"model": "encoders/e/model.safetensors", "train": "t/train.arrow", "test": "t/test.arrow"})
    files = InputFiles.of(RuleJob(inputs, JobFiles(()), {}, Path("log")), [1, 2])
    assert files == InputFiles(Path("t/train.arrow"), Path("t/test.arrow"), Path("encoders/e"))
    assert files.of_seed(2) == Path("encoders/e")


def test_an_encoder_for_each_seed():
    model = [f"encoders/e.s{seed}/model.safetensors" for seed in (3, 4)]
    inputs = JobFiles.of({"model": model, "train": "train.arrow", "test": "test.arrow"})
    job = RuleJob(inputs, JobFiles(()), {}, Path("log"))
    files = InputFiles.of(job, [3, 4])
    assert files.encoder == files.of_seed(3) == Path("encoders/e.s3") and files.of_seed(4) == Path("encoders/e.s4")
    with pytest.raises(ValueError, match="zip"):
        InputFiles.of(job, [3, 4, 5])


def test_inputs_are_read_and_recorded(tmp_path):
    words = tiny.vocabulary(tmp_path / "words")
    for split, size in (("train", 12), ("test", 5)):
        tiny.tokens_file(tmp_path / f"{split}.arrow", words, size, 1)
    tiny.encoder(tmp_path / "encoder", words)
    files = tiny.input_files(tmp_path)
    inputs = files.read(Finetune(max_length=24, head_tokens=6))
    assert len(inputs.train) == 12 and len(inputs.test) == 5 and inputs.encoder.config.num_hidden_layers == 2
    assert inputs.recorded == {
        "train": files.train, "test": files.test, "encoder": tmp_path / "encoder" / "model.safetensors"
    }  # fmt: skip
    with pytest.raises(UserError, match="max_length=64, but the encoder has 40 positions"):
        files.read(Finetune(max_length=64, head_tokens=6))
    with pytest.raises(UserError, match="examples=2 keeps 2 training examples"):
        files.read(Finetune(max_length=24, head_tokens=6, examples=2))
