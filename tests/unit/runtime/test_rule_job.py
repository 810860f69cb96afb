"""A job as a script sees it: the same from Snakemake's object and from the stages of an archive."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from snakemake.iocontainers import InputFiles, Log, OutputFiles, Params, ResourceList, Snakemake, Wildcards

from bertfit.runtime import rule_job
from bertfit.runtime.rule_job import JobFiles, JobIdentity, RuleJob
from conftest import ROOT

COMMANDS = {
    "compare",
    "export_results",
    "make_crate",
    "merge",
    "predict",
    "push",
    "rebuild",
    "run_job",
    "slim_archive",
    "verify",
}
SCRIPTS = sorted(path for path in (ROOT / "scripts").glob("*.py") if path.stem not in COMMANDS)


def given(folder: Path) -> Snakemake:
    """The object of a script whose rule has an input by its place, one by name, several by name, and an empty one."""
    read = InputFiles(["a.txt", "b.txt", "c.txt", "d.txt"])
    for name, start, end in (("train", 1, None), ("cards", 2, 4), ("parent", 4, 4)):
        read._set_name(name, start, end=end)
    job = {"code": "0123", "spec": {"seeds": [1, 2]}}
    return Snakemake(
        read,
        OutputFiles(fromdict={"table": str(folder / "table.csv")}),
        Params(fromdict={"job": job}),
        Wildcards(fromdict={"corpus": "imdb"}),
        2,
        ResourceList(fromdict={"gpu": 0}),
        Log([str(folder / "job.log")]),
        {},
        "tabulate_runs",
        None,
    )


def test_snakemakes_object(tmp_path: Path) -> None:
    job = RuleJob.of(given(tmp_path))
    assert list(job.input) == [Path(f"{name}.txt") for name in "abcd"] and len(job.input) == 4
    assert job.input[0] == Path("a.txt") and job.input["train"] == Path("b.txt") == job.input.get("train")
    assert job.input.group("cards") == [Path("c.txt"), Path("d.txt")] and job.input.group("parent") == []
    assert job.input.get("parent") is None and job.input.get("plan") is None
    with pytest.raises(KeyError):
        job.input["plan"]
    with pytest.raises(ValueError, match="too many"):
        job.input["cards"]
    assert job.output.named() == {"table": tmp_path / "table.csv"} and job.log == tmp_path / "job.log"
    assert job.identity == JobIdentity("0123", {"seeds": [1, 2]}) and job.spec["seeds"] == [1, 2]
    assert (job.threads, job.resources, job.wildcards) == (2, {"gpu": 0}, {"corpus": "imdb"})


def test_files_of_an_archives_stage() -> None:
    named = JobFiles.of({"cards": ["a", "b"], "published": "c"})
    assert list(named) == [Path("a"), Path("b"), Path("c")] and named["published"] == Path("c") == named[2]
    assert named.group("cards") == [Path("a"), Path("b")] and named.get("plan") is None
    assert list(JobFiles.of(["x"])) == [Path("x")] and list(JobFiles.of([])) == []


def test_a_script_writes_into_its_log(tmp_path: Path) -> None:
    rule_job.run_script(lambda job: print("seeds", job.spec["seeds"]), {"snakemake": given(tmp_path)})
    assert (tmp_path / "job.log").read_text() == "seeds [1, 2]\n"


def test_a_script_without_snakemake_says_how_to_run_it() -> None:
    with pytest.raises(SystemExit, match=r"to run one job: python scripts/run_job\.py OUTPUT"):
        rule_job.run_script(lambda job: None, {})


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_each_script_is_imports_main_and_run_script(script: Path) -> None:
    """Nothing runs when a script is imported, as a process of several GPUs and `run_job` do."""
    docstring, *imports, main, last = ast.parse(script.read_text()).body
    assert isinstance(docstring, ast.Expr) and all(isinstance(node, ast.Import | ast.ImportFrom) for node in imports)
    assert isinstance(main, ast.FunctionDef)
    assert ast.unparse(main.args) == "job: RuleJob" and (main.name, ast.unparse(main.returns)) == ("main", "None")
    assert ast.unparse(last) == "if __name__ == '__main__':\n    run_script(main, globals())"


def test_scripts_bear_the_names_of_their_rules() -> None:
    text = "".join(path.read_text() for path in (ROOT / "rules").glob("*.smk"))
    for script in SCRIPTS:
        assert re.search(rf"^(?:rule|checkpoint) {script.stem}:", text, re.MULTILINE), script.name
        assert f'"../scripts/{script.name}"' in text and f'job("{script.stem}"' in text.replace("(\n", "(").replace(
            "            ", ""
        ), script.name
