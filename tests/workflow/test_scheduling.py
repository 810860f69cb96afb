"""What Snakemake's main process does while jobs run."""

from __future__ import annotations

from pathlib import Path

import pytest

from conftest import Workflow

JOBS = 40
RULES = f"""

rule count_threads:
    output: "threads/{{number}}"
    shell: "ls /proc/$PPID/task | wc -l > {{output}}"

rule count_all:
    input: expand("threads/{{number}}", number=range({JOBS}))
"""


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="counts threads in /proc")
def test_the_main_process_starts_no_thread_for_each_job(workflow: Workflow) -> None:
    """Snakemake's limit of job starts does; the workflow lifts it unless the user sets one."""
    snakefile = workflow.folder / "Snakefile"
    snakefile.write_text(snakefile.read_text(encoding="utf-8") + RULES, encoding="utf-8")

    def most_threads(*options: str) -> int:
        workflow.run("count_all", "--cores", "2", "--forceall", *options)
        return max(int(path.read_text()) for path in (workflow.folder / "threads").iterdir())

    assert most_threads("--max-jobs-per-timespan", "1000/2s") > JOBS / 2
    assert most_threads() < JOBS / 2
