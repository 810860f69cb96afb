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


REACHED = {
    "archive_study": """
        archive
    """,
    "build_corpus": """
        classes corpora hub lexicon localfiles splits textrows world
    """,
    "build_report": """
        answers checks claimspec claimtable comparison costs exhibits explorer findings machines mistakes
        mixes owntexts planted rendering report scores settings textfiles textrows webpage yamlfile
    """,
    "build_vocabulary": """
        vocabularies
    """,
    "compare": """
        checks claimspec columns compare comparepage comparison ids machines mixes outcomes owntexts paired
        scores settings textfiles textrows yamlfile
    """,
    "create_instances": """
        documents draws instances vocabularies
    """,
    "deliver_model": """
        answers bootstrap comparison delivery metrics mistakes modelcard paired reliability scores style
    """,
    "draw_lineage": """
        comparison lineage scores style
    """,
    "fetch_encoder": """
        attention devices encoders grouped varlen vocabularies
    """,
    "finetune": """
        attention batches classifying devices distributed dropout encoders evaluation export finetuning
        fitting grouped models optim parts predictions seeds tokens training truncation varlen vocabularies
    """,
    "judge_claims": """
        assessment bootstrap checks claimspec claimtable ids machines mixes outcomes owntexts paired planted
        scores settings textfiles textrows verdicts yamlfile
    """,
    "make_plan": """
        actual batches columns disk flops lengths plan planpage sampling truncation work
    """,
    "measure_speed": """
        attention batches calibration classifying devices distributed documents draws dropout encoders
        evaluation export finetuning fitting flops grouped instances lengths machines models optim parts
        predictions pretraining sampling seeds tokens training truncation varlen vocabularies work
    """,
    "multitask_encoder": """
        attention batches devices distributed dropout encoders evaluation fitting grouped models multitask
        optim parts predictions sampling tokens training truncation varlen vocabularies
    """,
    "plot_curves": """
        comparison curves scores style
    """,
    "plot_reliability": """
        answers comparison mistakes reliability scores style
    """,
    "plot_sizes": """
        comparison scores sizes style
    """,
    "plot_steps": """
        comparison scores steps style
    """,
    "predict": """
        answers attention batches bootstrap comparison delivery devices distributed dropout encoders
        evaluation export grouped metrics mistakes modelcard models optim paired parts predicting
        predictions reliability scores style textfiles textrows tokens training truncation varlen
        vocabularies
    """,
    "pretrain_encoder": """
        attention batches devices distributed documents draws dropout encoders fitting grouped instances
        models optim parts pretraining training truncation varlen vocabularies
    """,
    "rebuild": """
        archive rebuilding
    """,
    "run_baseline": """
        baseline distributed predictions
    """,
    "score_runs": """
        answers bootstrap metrics paired scores scoring
    """,
    "tabulate_corpora": """
        comparison corpora_table rendering scores webpage
    """,
    "tabulate_forgetting": """
        comparison forgetting rendering scores webpage
    """,
    "tabulate_runs": """
        averages comparison rendering scores tables webpage
    """,
    "tokenize_corpus": """
        tokens vocabularies
    """,
    "train_on_features": """
        attention batches classifying devices distributed dropout encoders evaluation features fitting
        frozen grouped lstm models optim parts predictions seeds tokens training truncation varlen
        vocabularies
    """,
    "verify": """
        digests
    """,
    "write_documents": """
        documents vocabularies
    """,
    "write_text": """
        documents hub lexicon localfiles textfiles textrows texts vocabularies world
    """,
}
"""modules that count in the digest of each script"""


@pytest.mark.parametrize("script", sorted(REACHED))
def test_what_each_script_reaches(script: str) -> None:
    """Exactly: what more it reached would run anew for nothing, what less would leave old results."""
    names = fingerprint.sources(script).keys() - {script}
    assert names == {f"bertfit.{name}" for name in REACHED[script].split()}


def test_every_script_is_pinned() -> None:
    assert REACHED.keys() == {path.stem for path in fingerprint.SCRIPTS.glob("*.py")}


def test_what_is_ignored_exists() -> None:
    for name in fingerprint.IGNORED:
        assert fingerprint.SCRIPTS.joinpath(*name.split(".")).with_suffix(".py").is_file(), name


@pytest.mark.parametrize(
    ("line", "reached"),
    [
        ("from bertfit.inner import leaf", True),
        ("from bertfit.inner.leaf import x", True),
        ("import bertfit.inner.leaf", True),
        ("from .inner import leaf", True),
        ("from .inner.leaf import x", True),
        ("from . import inner", False),
        ("from other.inner import leaf", False),
    ],
)
def test_modules_of_folders_are_found_however_they_are_imported(scripts: Path, line: str, reached: bool) -> None:
    (scripts / "bertfit/inner").mkdir()
    (scripts / "bertfit/inner/__init__.py").write_text('"""A folder."""\n')
    (scripts / "bertfit/inner/leaf.py").write_text("from ..other import x\n")
    (scripts / "bertfit/stage.py").write_text(f"{line}\n{STAGE}")
    names = {"train", "bertfit.stage", "bertfit.formula"}
    more = {"bertfit.inner.leaf", "bertfit.other"} if reached else set()
    assert fingerprint.sources("train", scripts).keys() == names | more


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
