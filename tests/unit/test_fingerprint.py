from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from bertfit.workflow import code_digest

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
    code_digest.stage.cache_clear()
    return code_digest.stage("train", scripts)


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
        claimspec claimtable comparison costs exhibits explorer findings formatting mistakes planted
        predictions rendering report scores validation yamlfile
    """,
    "build_vocabulary": """
        build_vocabulary vocabularies
    """,
    "compare": """
        bootstrap compare comparepage formatting ids metrics paired predictions
    """,
    "create_instances": """
        create_instances draws instance_file official_wordpiece pretraining_text vocabularies
    """,
    "deliver_model": """
        bootstrap calibration delivery formatting metrics modelcard paired predictions scores
    """,
    "draw_lineage": """
        comparison formatting lineage scores style
    """,
    "fetch_encoder": """
        attention build_vocabulary devices encoders fetch_encoder grouped varlen vocabularies
    """,
    "finetune": """
        attention batches checkpoint classifying device devices distributed dropout encoders evaluate
        example_order export finetuning fitting grouped models optim parts prediction_writer
        recipe_semantics seeds task tokens training truncation varlen
    """,
    "judge_claims": """
        assessment bootstrap claimspec claimtable formatting ids paired planted predictions scores
        validation verdicts yamlfile
    """,
    "make_plan": """
        actual disk example_order flops formatting lengths plan planpage recipe_semantics sampling work
    """,
    "measure_speed": """
        attention batches checkpoint classifying device devices distributed dropout encoders evaluate
        example_order export finetuning fitting flops grouped instance_file lengths machines measure_speed
        models optim parts prediction_writer pretraining recipe_semantics sampling seeds task tokens
        training truncation varlen vocabularies work
    """,
    "multitask_encoder": """
        attention batches checkpoint device devices distributed dropout encoders evaluate example_order
        fitting grouped models multitask optim parts prediction_writer recipe_semantics sampling task tokens
        training truncation varlen
    """,
    "plot_curves": """
        comparison curves formatting scores style
    """,
    "plot_reliability": """
        calibration comparison formatting predictions reliability scores style
    """,
    "plot_sizes": """
        comparison formatting scores sizes style
    """,
    "plot_steps": """
        comparison formatting scores steps style
    """,
    "predict": """
        attention batches bootstrap calibration delivery device devices distributed dropout encoders
        evaluate example_order export formatting grouped metrics modelcard models paired predicting
        prediction_writer predictions recipe_semantics scores textrows tokens truncation varlen vocabularies
    """,
    "pretrain_encoder": """
        attention batches checkpoint device devices distributed dropout encoders example_order fitting
        grouped instance_file models optim parts pretraining recipe_semantics task training truncation
        varlen vocabularies
    """,
    "rebuild": """
        archive rebuilding
    """,
    "run_baseline": """
        baseline distributed prediction_writer
    """,
    "score_runs": """
        bootstrap metrics paired predictions scores scoring
    """,
    "tabulate_corpora": """
        comparison corpora_table formatting rendering scores
    """,
    "tabulate_forgetting": """
        comparison forgetting formatting rendering scores
    """,
    "tabulate_runs": """
        averages comparison formatting rendering scores tables
    """,
    "tokenize_corpus": """
        tokenize_corpus vocabularies
    """,
    "train_on_features": """
        attention batches checkpoint classifying device devices distributed dropout encoders evaluate
        example_order features fitting frozen grouped lstm models optim parts prediction_writer
        recipe_semantics seeds task tokens training truncation varlen
    """,
    "verify": """
        digests
    """,
    "write_documents": """
        documents sentences
    """,
    "write_text": """
        hub lexicon localfiles sentences textrows texts world
    """,
}
"""modules that count in the digest of each script"""


@pytest.mark.parametrize("script", sorted(REACHED))
def test_what_each_script_reaches(script: str) -> None:
    """Exactly: what more it reached would run anew for nothing, what less would leave old results."""
    names = code_digest.sources(script).keys() - {script}
    assert names == {f"bertfit.{name}" for name in REACHED[script].split()}


def test_every_script_is_pinned() -> None:
    assert REACHED.keys() == {path.stem for path in code_digest.SCRIPTS.glob("*.py")}


def test_what_is_ignored_exists() -> None:
    for name in code_digest.IGNORED:
        assert code_digest.SCRIPTS.joinpath(*name.split(".")).with_suffix(".py").is_file(), name


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
    assert code_digest.sources("train", scripts).keys() == names | more


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
