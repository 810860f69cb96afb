"""One job run by hand, without Snakemake's executor: the same bytes, and clear words where it cannot be."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import ROOT, Workflow

STUDY = ("--config", "study=tiny")
RESULTS = "results/tiny"
RUN = f"{RESULTS}/runs/imdb/mini/save_model=true/seeds1-2"


@pytest.fixture(scope="module")
def finished(make_workflow) -> Workflow:
    """One table of the tiny study and all that is behind it, made by Snakemake."""
    workflow = make_workflow("by hand")
    shutil.copy(ROOT / "tests/studies/tiny.yaml", workflow.folder / "studies/tiny.yaml")
    workflow.run(f"{RESULTS}/tables/kept.csv", *STUDY)
    return workflow


def by_hand(workflow: Workflow, *arguments: str, code: int = 0, debugger: tuple[str, ...] = (), typed: str = "") -> str:
    """Run scripts/run_job.py, with what is typed at its prompt; return what it printed."""
    command = [sys.executable, *debugger, "scripts/run_job.py", *arguments]
    done = subprocess.run(
        command,
        cwd=workflow.folder,
        input=typed,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
    )
    assert done.returncode == code, done.stdout[-4000:]
    return done.stdout


def content(folder: Path) -> dict[str, bytes]:
    """Path -> bytes of a file, or of all files of a folder."""
    files = [path for path in folder.rglob("*") if path.is_file()] if folder.is_dir() else [folder]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files if path.name[0] != "."}


@pytest.mark.parametrize(
    ("target", "made"),
    [
        (f"{RESULTS}/tokens/mini/imdb/train.arrow", ["tokens/mini/imdb/train.arrow"]),
        (
            f"{RESULTS}/corpora/imdb/card.json",
            [f"corpora/imdb/{name}" for name in ("train.parquet", "clusters.parquet", "card.json")],
        ),
        (
            f"{RUN}/run.json",
            [
                f"runs/imdb/mini/save_model=true/seeds1-2/{name}"
                for name in ("predictions.parquet", "history.csv", "models")
            ],
        ),
        (f"{RESULTS}/scores/kept.parquet", ["scores/kept.parquet"]),
        (f"{RESULTS}/tables/kept.tex", [f"tables/kept.{form}" for form in ("csv", "md", "tex", "html")]),
    ],
    ids=["tokenize_corpus", "build_corpus", "finetune_and_save", "score_runs", "tabulate_runs"],
)
def test_the_bytes_are_those_of_snakemake(finished: Workflow, target: str, made: list[str]) -> None:
    paths = [finished.folder / RESULTS / name for name in made]
    before = [content(path) for path in paths]
    log = {path: path.stat().st_mtime_ns for path in (finished.folder / RESULTS / "logs").rglob("*.log")}
    for path in paths:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    by_hand(finished, target, *STUDY)
    assert [content(path) for path in paths] == before
    assert log == {path: path.stat().st_mtime_ns for path in log}, "logs are those of Snakemake's run"


def test_a_debugger_stops_in_the_library(finished: Workflow) -> None:
    """Its prompt is on the terminal, not in the log; so is that of ``breakpoint()``."""
    module = "bertfit/artefacts/error_table.py"
    tree = ast.parse((finished.folder / "scripts" / module).read_text())
    (build,) = (node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "build")
    commands = [f"b {module}:{build.body[1].lineno}", "c", "p 'key is ' + spec.key", "q"]
    debugger = ("-m", "pdb", *(part for command in commands for part in ("-c", command)))
    assert "'key is kept'" in by_hand(finished, f"{RESULTS}/tables/kept.csv", *STUDY, debugger=debugger)
    path = finished.folder / "scripts/tabulate_runs.py"
    source = path.read_text()
    line = '    """Write the table."""\n'
    path.write_text(source.replace(line, f"{line}    breakpoint()\n"))
    printed = by_hand(finished, f"{RESULTS}/tables/kept.csv", *STUDY, typed="p 'key is ' + job.spec['key']\nc\n")
    path.write_text(source)
    assert "(Pdb) 'key is kept'" in printed


def test_missing_inputs_are_named_with_the_command_that_makes_them(finished: Workflow) -> None:
    vocabulary = f"{RESULTS}/vocabularies/mini/tokenizer.json"
    aside = finished.folder / "aside"
    (finished.folder / vocabulary).rename(aside)
    printed = by_hand(finished, f"{RESULTS}/tokens/mini/imdb/test.arrow", *STUDY, code=2)
    aside.rename(finished.folder / vocabulary)
    assert f"error: inputs of rule tokenize_corpus are missing: {vocabulary}\n" in printed
    assert printed.endswith(f"  snakemake {vocabulary} --config study=tiny\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            (f"{RESULTS}/tables/nothing.csv", *STUDY),
            "nothing.csv: no rule makes this file in the study of this command",
        ),
        ((f"{RUN}/run.json",), "run.json: no rule makes this file in the study of this command"),
        (
            ("kept", *STUDY),
            "rule kept has no script, it only collects files; give one of them: results/tiny/tables/kept.csv",
        ),
        (("finetune", *STUDY), "Target rules may not contain wildcards"),
        ((f"{RUN}/run.json", "--config", "study=tinny"), "no study 'tinny' in"),
    ],
)
def test_what_is_no_job_is_told(finished: Workflow, arguments: tuple[str, ...], said: str) -> None:
    printed = by_hand(finished, *arguments, code=2)
    assert "error: " in printed and said in printed and "Traceback" not in printed


def test_a_dry_run_says_what_the_job_is(finished: Workflow) -> None:
    before = content(finished.folder / RUN)
    printed = by_hand(finished, f"{RUN}/predictions.parquet", *STUDY, "--cores", "1", "-n")
    assert (
        "rule: finetune_and_save\nwildcards: corpus=imdb, encoder=mini, recipe=save_model=true, block=seeds1-2"
        in printed
    )
    assert "threads: 1\n" in printed and printed.endswith("script: scripts/finetune.py\n")
    assert content(finished.folder / RUN) == before


def test_an_error_of_the_job_keeps_its_traceback(finished: Workflow) -> None:
    """A debugger stops where it is raised; Snakemake's log has the message alone."""
    published = finished.folder / "paper/published.csv"
    kept = published.read_bytes()
    published.write_bytes(b"torn")
    printed = by_hand(finished, f"{RESULTS}/tables/kept.csv", *STUDY, code=1)
    published.write_bytes(kept)
    assert "Traceback" in printed and "published.csv" in printed.splitlines()[-1]


def test_changed_inputs_are_told(finished: Workflow) -> None:
    tokens = finished.folder / RESULTS / "tokens/mini/imdb/train.arrow"
    kept = tokens.read_bytes()
    with open(tokens, "r+b") as file:
        file.truncate(100)
    printed = by_hand(finished, f"{RUN}/run.json", *STUDY, code=2)
    with open(tokens, "r+b") as file:
        file.write(kept)
    assert "train.arrow: it has changed since it was written" in printed


def test_snakemake_has_nothing_to_do_afterwards(finished: Workflow) -> None:
    by_hand(finished, f"{RESULTS}/scores/kept.parquet", *STUDY)
    by_hand(finished, f"{RUN}/run.json", *STUDY)
    assert "Nothing to be done" in finished.run("-n", f"{RESULTS}/tables/kept.csv", *STUDY)
