"""Run one job of any rule in this process, where a debugger can stop it: without Snakemake's executor and log file.

    python scripts/run_job.py OUTPUT --config study=miniature
    python -m pdb scripts/run_job.py OUTPUT --config study=miniature

OUTPUT is a file that the job writes, such as a run.json or predictions.parquet below results/, or the name of a rule
without wildcards. Its inputs must exist; the command that makes missing ones is printed. Rule, files, values, threads
and resources are Snakemake's, read from the Snakefile and the profile; options after OUTPUT are passed to Snakemake
(--config, --cores, --resources, --profile ...).

The job logs to the terminal, so that breakpoint() works, and errors keep their traceback. The outputs are replaced, by
the same bytes as Snakemake would write. Snakemake keeps no record of this run: if you changed the code, delete the
outputs afterwards and let Snakemake make them again.
"""

from __future__ import annotations

import argparse
import logging
import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bertfit.core import checksums
from bertfit.core.errors import UserError, listed
from bertfit.runtime.rule_job import RuleJob, load_main

if TYPE_CHECKING:
    from snakemake.dag import DAG

TIMESTAMP = ".snakemake_timestamp"  # a file that Snakemake writes into each folder that is an output
THREAD_VARIABLES = (
    "OMP_NUM_THREADS", "GOTO_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)  # fmt: skip
"""environment variables that Snakemake sets to the threads of a job: numpy and torch read them"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0, or 2 if there is no such job or its inputs are missing. Errors of the job itself are raised."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", metavar="OUTPUT", help="first argument: an output file of the job, or a rule")
    parser.add_argument("--config", nargs="+", default=[], metavar="KEY=VALUE", help="as for snakemake")
    parser.add_argument("-n", "--dry-run", action="store_true", help="describe the job and do not run it")
    options, others = parser.parse_known_args(arguments)
    config = ["--config", *options.config] if options.config else []
    try:
        rule, script, job = resolve(options.output, [*others, *config])
        print(f"{describe(rule, job)}script: {os.path.relpath(script)}", file=sys.stderr)
        missing = [str(path) for path in job.input if not path.exists()]
        if missing:
            command = shlex.join(["snakemake", *missing, *others, *config])
            raise UserError(f"inputs of rule {rule} are missing: {listed(missing)}\nMake them first:\n  {command}")
        checksums.check(job.input)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if not options.dry_run:
        run(script, job)
    return 0


def describe(rule: str, job: RuleJob) -> str:
    """Rule, wildcards, files, threads and digest of the code of a job, a line each."""
    lines = [("rule", rule), ("wildcards", ", ".join(f"{name}={value}" for name, value in job.wildcards.items()))]
    lines += [("input", " ".join(map(str, job.input))), ("output", " ".join(map(str, job.output)))]
    lines += [("threads", str(job.threads)), ("code", job.code)]
    return "".join(f"{name}: {value}\n" for name, value in lines)


def run(script: Path, job: RuleJob) -> None:
    """Call ``main`` of the script as Snakemake would, in this process."""
    for path in job.output:
        path.parent.mkdir(parents=True, exist_ok=True)
    os.environ |= dict.fromkeys(THREAD_VARIABLES, str(job.threads))
    vars(sys.modules["__main__"]).setdefault("__spec__", None)  # missing under pdb; needed to start ranks
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", force=True)
    logging.captureWarnings(True)
    load_main(script)(job)
    for path in filter(Path.is_dir, job.output):
        (path / TIMESTAMP).touch()


def resolve(target: str, options: Sequence[str]) -> tuple[str, Path, RuleJob]:
    """Rule, script and job of ``target``, an output file or the name of a rule; ``options`` are Snakemake's.

    Raises `UserError` if no rule or several make the file, or if the rule has no script.
    """
    from snakemake.api import ApiError
    from snakemake.exceptions import MissingRuleException, WorkflowError

    try:
        with opened(options) as dag:
            workflow = dag.workflow
            if workflow.is_rule(target):
                jobs = [workflow.async_run(dag.rule2job(workflow.get_rule(target)))]
            else:
                jobs = workflow.async_run(dag.file2jobs(os.path.relpath(target)))
            if len(jobs) > 1:
                raise UserError(f"{target}: several rules make it: {', '.join(job.rule.name for job in jobs)}")
            rule, job = jobs[0].rule, jobs[0]
            if not rule.script:
                files = listed(job.input) or "none"
                raise UserError(f"rule {rule.name} has no script, it only collects files; give one of them: {files}")
            folder = Path(rule.basedir.get_path_or_uri(secret_free=True))
            return rule.name, (folder / rule.script).resolve(), RuleJob.of(job)
    except MissingRuleException:
        raise UserError(
            f"{target}: no rule makes this file in the study of this command; check the path, and give the study as "
            "to snakemake (--config study=NAME)"
        ) from None
    except (ApiError, WorkflowError) as error:
        raise UserError(str(error)) from error


@contextmanager
def opened(options: Sequence[str]) -> Iterator[DAG]:
    """The DAG, without jobs, of the Snakefile in the working folder, read with Snakemake's ``options`` and profile."""
    from snakemake import api, cli, workflow
    from snakemake.settings import types as settings

    _, args = cli.parse_args(list(options))
    quiet = settings.OutputSettings(quiet={settings.Quietness.ALL}, enable_file_logging=False)
    with api.SnakemakeApi(quiet) as snakemake:
        read = snakemake.workflow(
            settings.ResourceSettings(
                cores=args.cores or 1,
                max_threads=args.max_threads,
                resources=args.resources,
                overwrite_threads=args.set_threads,
                overwrite_resources=args.set_resources,
                default_resources=args.default_resources,
            ),
            settings.ConfigSettings(
                config=cli.parse_config(args.config), configfiles=args.configfile, config_args=args.config
            ),
            snakefile=args.snakefile,
            workdir=args.directory,
        )
        read.dag()  # reads it
        yield workflow.DAG(read._workflow, read._workflow.rules)


if __name__ == "__main__":
    sys.exit(main())
