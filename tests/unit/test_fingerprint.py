from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from bertfit import fingerprint

SCRIPT = "from bertfit import stage\nstage.run()\n"
STAGE = "from . import formula\n\n\ndef run():\n    return formula.rate(3)\n"
FORMULA = "def rate(x):\n    return 0.9 * x\n"


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    (tmp_path / "bertfit").mkdir()
    (tmp_path / "train.py").write_text(SCRIPT)
    (tmp_path / "bertfit" / "stage.py").write_text(STAGE)
    (tmp_path / "bertfit" / "formula.py").write_text(FORMULA)
    (tmp_path / "bertfit" / "other.py").write_text("x = 1\n")
    return tmp_path


def digest(scripts: Path) -> str:
    fingerprint.stage.cache_clear()
    return fingerprint.stage("train", scripts)


@pytest.mark.parametrize(
    ("file", "text", "same"),
    [
        (
            "bertfit/formula.py",
            '"""New words."""\n\n# why\ndef rate(x):\n    """Of x."""\n    return 0.9 * x  # so\n',
            True,
        ),
        ("bertfit/other.py", "x = 2\n", True),
        ("bertfit/formula.py", FORMULA.replace("0.9", "0.8"), False),
        ("train.py", SCRIPT.replace("run()", "run(2)"), False),
        ("bertfit/stage.py", STAGE.replace("3", "4"), False),
    ],
)
def test_what_changes_the_digest(scripts: Path, file: str, text: str, same: bool) -> None:
    before = digest(scripts)
    (scripts / file).write_text(text)
    assert (digest(scripts) == before) == same


def test_a_declared_refactor_keeps_the_digest_and_a_later_change_does_not(scripts: Path) -> None:
    before = digest(scripts)
    (scripts / "bertfit/formula.py").write_text(FORMULA.replace("x", "value"))
    refactored = digest(scripts)
    (scripts / "bertfit/equivalent.json").write_text(json.dumps({refactored: before}))
    assert digest(scripts) == before
    (scripts / "bertfit/formula.py").write_text(FORMULA.replace("x", "value").replace("0.9", "0.7"))
    assert digest(scripts) not in (before, refactored)


ENCODING = {"attention", "devices", "encoders", "grouped", "varlen", "vocabularies"}
TRAINING = {
    *ENCODING,
    "batches",
    "distributed",
    "dropout",
    "fitting",
    "models",
    "optim",
    "parts",
    "training",
    "truncation",
}
CLASSIFYING = {*TRAINING, "evaluation", "predictions", "tokens"}


@pytest.mark.parametrize(
    ("script", "modules"),
    [
        ("fetch_encoder", ENCODING),
        ("pretrain_encoder", {*TRAINING, "documents", "draws", "instances", "pretraining"}),
        ("multitask_encoder", {*CLASSIFYING, "multitask", "sampling"}),
        ("finetune", {*CLASSIFYING, "classifying", "export", "finetuning", "seeds"}),
        ("train_on_features", {*CLASSIFYING, "classifying", "features", "frozen", "lstm", "seeds"}),
        ("run_baseline", {"baseline", "distributed", "predictions"}),
    ],
)
def test_what_each_training_stage_reaches(script: str, modules: set[str]) -> None:
    """Exactly: what more it reached would train anew for nothing, what less would leave old results."""
    assert {path.stem for path in fingerprint.sources(script)} == {script, *modules}


def test_every_stage_reaches_the_modules_it_runs() -> None:
    names = {path.stem for path in fingerprint.sources("finetune")}
    assert {
        "finetune",
        "finetuning",
        "training",
        "optim",
        "models",
        "attention",
        "batches",
        "truncation",
        "tokens",
    } <= names
    assert not names & {"tables", "curves", "spec", "errors", "documents", "instances"}
    names = {path.stem for path in fingerprint.sources("create_instances")}
    assert {"documents", "draws", "instances", "vocabularies"} <= names and not names & {"truncation", "training"}


def test_imports_for_annotations_do_not_count(scripts: Path) -> None:
    before = digest(scripts)
    (scripts / "bertfit/stage.py").write_text(STAGE + "\nif TYPE_CHECKING:\n    from .other import x\n")
    with_annotation = digest(scripts)
    (scripts / "bertfit/other.py").write_text("x = 9\n")
    assert digest(scripts) == with_annotation != before


def test_imports_inside_functions_count(tmp_path: Path, scripts: Path) -> None:
    shutil.copy(scripts / "bertfit/other.py", scripts / "bertfit/late.py")
    before = digest(scripts)
    (scripts / "bertfit/stage.py").write_text(STAGE + "\n\ndef late():\n    from .late import x\n\n    return x\n")
    with_late = digest(scripts)
    (scripts / "bertfit/late.py").write_text("x = 5\n")
    assert len({before, with_late, digest(scripts)}) == 3
