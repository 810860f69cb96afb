from __future__ import annotations

import ast
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
    code_digest.of_script.cache_clear()
    return code_digest.of_script("train", scripts)


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ('RATE = 0.9\n"""Share of the total."""\n', 'RATE = 0.9\n"""In percent."""\n'),
        ('RATE = 0.9\n"""Share of the total."""\n', "RATE = 0.9\n"),
        ('class A:\n    """Of x."""\n\n    x: int\n    """Rows."""\n', "class A:\n    x: int\n"),
        ('def f(x):\n    """Of x."""\n    if x:\n        "never"\n', "def f(x):\n    if x:\n        pass\n"),
    ],
)
def test_a_text_below_a_field_or_constant_leaves_the_digest(text: str, other: str) -> None:
    assert code_digest.normal_form(text) == code_digest.normal_form(other)


@pytest.mark.parametrize("text", ['x = "a"\n', 'f("a")\n', 'def f():\n    return "a"\n', 'x: "a" = 1\n'])
def test_a_string_that_has_an_effect_counts(text: str) -> None:
    assert code_digest.normal_form(text) != code_digest.normal_form(text.replace('"a"', '"b"'))


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
        export.archive
    """,
    "build_corpus": """
        core.row_readers core.pydantic_errors data.class_labels data.corpora data.corpus_card
        data.hub data.local_files data.splits data.synthetic data.synthetic_lexicon
    """,
    "build_report": """
        artefacts.paper_comparison artefacts.table_rendering claims.claim_record claims.claim_schema
        claims.claims_markdown claims.expected config.validation core.formatting core.pydantic_errors core.yaml_loader
        data.corpus_card evaluation.mistakes evaluation.predictions evaluation.results_file
        experiments.job_record report.artefact_view report.cost_summary report.page_data report.report_page
        report.run_explorer report.verdict_view
    """,
    "build_vocabulary": """
        tokens.build_vocabulary tokens.vocabulary_file
    """,
    "compare": """
        core.formatting core.pydantic_errors data.corpus_card evaluation.bootstrap
        evaluation.compare_page evaluation.compare_results evaluation.metrics evaluation.paired_tests
        evaluation.predictions experiments.ids experiments.job_record
    """,
    "create_instances": """
        tokens.create_instances tokens.instance_file tokens.official_draws tokens.official_wordpiece
        tokens.pretraining_text tokens.vocabulary_file
    """,
    "deliver_model": """
        core.formatting core.pydantic_errors data.corpus_card evaluation.bootstrap
        evaluation.calibration evaluation.metrics evaluation.paired_tests evaluation.predictions
        evaluation.results_file export.deliver export.model_card
    """,
    "draw_lineage": """
        artefacts.figure_style artefacts.paper_comparison artefacts.stage_diagram core.formatting
        evaluation.results_file
    """,
    "fetch_encoder": """
        batching.transfer model.flash_attention model.grouped_attention model.hf_encoder
        model.packed_attention stages.fetch_encoder tokens.build_vocabulary tokens.vocabulary_file
    """,
    "finetune": """
        batching.example_order batching.packing batching.rank_split batching.transfer
        config.recipe_semantics model.dropout model.flash_attention model.grouped_attention model.hf_encoder
        model.hf_export model.packed_attention model.packed_bert stages.classification stages.evaluate
        stages.finetuning stages.input_checks stages.prediction_writer stages.seed_block tokens.token_file
        tokens.truncation training.checkpoint training.devices training.distributed training.loop
        training.optimizer training.task
    """,
    "judge_claims": """
        claims.assess claims.claim_record claims.claim_schema claims.claims_markdown claims.expected claims.verdicts
        config.validation core.formatting core.pydantic_errors core.yaml_loader evaluation.bootstrap
        evaluation.paired_tests evaluation.predictions evaluation.results_file experiments.ids
    """,
    "measure_speed": """
        batching.example_order batching.multitask_sampling batching.packing batching.rank_split
        batching.transfer config.recipe_semantics model.dropout model.flash_attention
        model.grouped_attention model.hf_encoder model.hf_export model.packed_attention model.packed_bert
        plan.device_speed plan.flops plan.job_cost plan.measure_speed plan.text_lengths runtime.hardware
        stages.classification
        stages.evaluate stages.finetuning stages.input_checks stages.prediction_writer stages.pretraining
        stages.seed_block tokens.instance_file tokens.token_file tokens.truncation tokens.vocabulary_file
        training.checkpoint training.devices training.distributed training.loop training.optimizer
        training.task
    """,
    "multitask_encoder": """
        batching.example_order batching.multitask_sampling batching.packing batching.rank_split
        batching.transfer config.recipe_semantics model.dropout model.flash_attention
        model.grouped_attention model.hf_encoder model.packed_attention model.packed_bert stages.evaluate
        stages.input_checks stages.multitask stages.prediction_writer tokens.token_file tokens.truncation
        training.checkpoint training.devices training.distributed training.loop training.optimizer
        training.task
    """,
    "plan": """
        batching.example_order batching.multitask_sampling config.recipe_semantics
        core.formatting core.pydantic_errors experiments.job_record plan.device_speed plan.disk_usage plan.estimate
        plan.flops plan.job_cost plan.measured_cost plan.plan_page plan.plan_record plan.text_lengths
    """,
    "plot_curves": """
        artefacts.figure_style artefacts.learning_curves artefacts.paper_comparison core.formatting
        evaluation.results_file
    """,
    "plot_reliability": """
        artefacts.figure_style artefacts.paper_comparison artefacts.reliability_diagram core.formatting
        evaluation.calibration evaluation.predictions evaluation.results_file
    """,
    "plot_sizes": """
        artefacts.figure_style artefacts.paper_comparison artefacts.training_set_size core.formatting
        evaluation.results_file
    """,
    "plot_steps": """
        artefacts.figure_style artefacts.paper_comparison artefacts.pretraining_steps core.formatting
        evaluation.results_file
    """,
    "predict": """
        batching.example_order batching.packing batching.transfer config.recipe_semantics
        core.formatting core.row_readers core.pydantic_errors data.corpus_card evaluation.bootstrap
        evaluation.calibration evaluation.metrics evaluation.paired_tests evaluation.predictions
        evaluation.results_file export.deliver export.model_card export.predict model.dropout
        model.flash_attention model.grouped_attention model.hf_encoder model.hf_export model.packed_attention
        model.packed_bert stages.evaluate stages.prediction_writer tokens.token_file tokens.truncation
        tokens.vocabulary_file training.devices training.distributed
    """,
    "pretrain_encoder": """
        batching.example_order batching.packing batching.rank_split batching.transfer
        config.recipe_semantics model.dropout model.flash_attention model.grouped_attention model.hf_encoder
        model.packed_attention model.packed_bert stages.input_checks stages.pretraining tokens.instance_file
        tokens.truncation tokens.vocabulary_file training.checkpoint training.devices training.distributed
        training.loop training.optimizer training.task
    """,
    "rebuild": """
        export.archive export.rebuild
    """,
    "run_baseline": """
        stages.prediction_writer stages.tfidf_baseline training.distributed
    """,
    "run_job": """
        core.checksums
    """,
    "score_runs": """
        evaluation.bootstrap evaluation.metrics evaluation.paired_tests evaluation.predictions
        evaluation.results_file evaluation.score_runs
    """,
    "tabulate_corpora": """
        artefacts.corpus_statistics artefacts.paper_comparison artefacts.table_rendering core.formatting
        evaluation.results_file
    """,
    "tabulate_forgetting": """
        artefacts.forgetting artefacts.paper_comparison artefacts.table_rendering
        core.formatting core.pydantic_errors evaluation.results_file experiments.job_record
    """,
    "tabulate_runs": """
        artefacts.average_improvement artefacts.error_table artefacts.paper_comparison
        artefacts.table_rendering core.formatting evaluation.results_file
    """,
    "tokenize_corpus": """
        tokens.tokenize_corpus tokens.vocabulary_file
    """,
    "train_on_features": """
        batching.example_order batching.packing batching.rank_split batching.transfer
        config.recipe_semantics model.bilstm model.dropout model.flash_attention model.grouped_attention
        model.hf_encoder model.packed_attention model.packed_bert stages.bert_feat stages.classification
        stages.evaluate stages.feature_cache stages.input_checks stages.prediction_writer stages.seed_block
        tokens.token_file tokens.truncation training.checkpoint training.devices training.distributed
        training.loop training.optimizer training.task
    """,
    "verify": """
        core.checksums
    """,
    "write_documents": """
        data.documents data.sentences
    """,
    "write_text": """
        core.row_readers data.hub data.local_files data.sentences data.synthetic data.synthetic_lexicon
        data.unlabelled_text
    """,
}
"""modules that count in the digest of each script"""


@pytest.mark.parametrize("script", sorted(REACHED))
def test_what_each_script_reaches(script: str) -> None:
    """Exactly these: a further module would cause needless re-runs, a missing one would keep outdated results."""
    names = code_digest.sources(script).keys() - {script}
    assert names == {f"bertfit.{name}" for name in REACHED[script].split()}


def test_every_script_is_pinned() -> None:
    assert REACHED.keys() == {path.stem for path in code_digest.SCRIPTS.glob("*.py")}


def test_what_changes_results_counts_and_builders_do_not_retrain() -> None:
    assert "bertfit.core.formatting" in code_digest.sources("tabulate_runs"), "it makes cells of CSV files safe"
    trained = code_digest.sources("finetune")
    assert "bertfit.config.recipe_semantics" in trained
    builders = ("build_vocabulary", "tokenize_corpus", "create_instances", "official_wordpiece", "pretraining_text")
    for script in ("finetune", "pretrain_encoder", "multitask_encoder", "train_on_features"):
        assert not {f"bertfit.tokens.{name}" for name in builders} & code_digest.sources(script).keys()


def test_what_is_ignored_exists() -> None:
    for name in code_digest.IGNORED:
        assert code_digest.SCRIPTS.joinpath(*name.split(".")).with_suffix(".py").is_file(), name


@pytest.mark.parametrize("module", ["job_specs", "summary_specs"])
def test_specifications_hold_no_formula(module: str) -> None:
    """They count in no digest though each job reads its values through them: what they compute must be for writing."""
    tree = ast.parse((code_digest.SCRIPTS / f"bertfit/experiments/{module}.py").read_text())
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    reading = [
        node.name
        for node in functions
        if node.name != "plain" and not any("serializer" in ast.unparse(mark) for mark in node.decorator_list)
    ]
    assert reading == [], "a property or validator belongs in a module that counts"


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
