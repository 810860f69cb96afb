"""Common to all rules: the registry of the study, job specifications and resources. Contains no rules."""

import inspect
import os
import sys
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(FOLDER / "scripts"))

from bertfit.archiving.archive_jobs import ArchiveJobs
from bertfit.core import files
from bertfit.core.errors import UserError
from bertfit.experiments import job_specs, results_owner
from bertfit.experiments.baseline_ids import COUNTS
from bertfit.experiments.ids import wildcard
from bertfit.experiments.registry import open_registry
from bertfit.runtime import hardware, job_start_limit, limits, signals
from bertfit.terminal import run_display, study_display
from bertfit.workflow import code_digest, resources
from bertfit.workflow.artefact_jobs import ArtefactJobs
from bertfit.workflow.delivery_jobs import DeliveryJobs
from bertfit.workflow.report_jobs import ReportJobs
from bertfit.workflow.search_jobs import SearchJobs
from bertfit.workflow.training_jobs import TrainingJobs
from snakemake.exceptions import WorkflowError
from snakemake.logging import logger


@contextmanager
def errors_shown():
    """Show an error of the user as Snakemake shows its own, without a traceback."""
    try:
        yield
    except UserError as error:
        raise WorkflowError(str(error)) from None


if Path(files.PROJECT).resolve() != FOLDER.resolve():
    raise WorkflowError(
        f"{files.PROJECT} and {FOLDER}: two copies of bertfit in one workflow; use one of them, in as many modules as "
        "needed"
    )
if workflow.modifier.path_modifier.replace_prefix("results") != "results":
    raise WorkflowError(
        "module bertfit: a prefix of paths would lead archives astray; leave out `prefix` and run it in a folder of its "
        "own (--directory)"
    )
with errors_shown():
    REGISTRY = open_registry(config, FOLDER)
    files.check_links(Path(REGISTRY.root))
    JOBS = TrainingJobs(REGISTRY)
    REPORT = ReportJobs(JOBS)
    ARTEFACTS = ArtefactJobs(JOBS)
    ARCHIVE = ArchiveJobs(JOBS, ARTEFACTS, REPORT)
    JOBS.check()
    REPORT.check()
    ARCHIVE.shards.check()
if workflow.is_main_process:
    run_display.attach(
        logger, workflow.output_settings, study_display.answers(REGISTRY, workflow)
    )
if ARCHIVE.shards.note and workflow.is_main_process:
    logger.info(ARCHIVE.shards.note)
if workflow.remote_exec:
    signals.pass_on()  # a cluster warns this process of the time limit, not the training
STUDY = REGISTRY.settings.study
SEARCH = SearchJobs(JOBS) if STUDY.own else None
DELIVERY = DeliveryJobs(SEARCH) if STUDY.own else None
TARGETS = DELIVERY.targets() if STUDY.own else ARCHIVE.targets()
# By --resources or a profile, not by another module.
GIVEN = workflow.resource_settings.resources
if STUDY.own and "gpus" not in config and "gpu" in GIVEN:
    raise WorkflowError(
        "your own dataset: sizes are chosen for the GPUs of this machine; with a cluster's profile or --resources gpu=N "
        "add gpus=1 (or 0) to --config"
    )
SWITCHES = REGISTRY.settings.switches
# Of the process that starts jobs; a job has been given what it asked for.
LIMITS = limits.Limits.of(
    {
        name: value
        for name, value in workflow.global_resources.items()
        if workflow.is_main_process and (name != "gpu" or name in GIVEN)
    },
    local=workflow.nodes is None,
)
GPU_REQUEST = limits.GpuRequest(
    SWITCHES.gpus, SWITCHES.gpu_model, SWITCHES.jobs_per_gpu, LIMITS.gpu
)
VISIBLE = hardware.visible(os.environ)
if workflow.is_main_process and SWITCHES.throughput is None:  # else: another machine's
    with errors_shown():
        GPU_REQUEST.check(VISIBLE, workflow.nodes is None)
# Total of the resource gpu: that of --resources gpu=N or of a profile, else the GPUs of this machine. The profile of a
# cluster must set it, as jobs run on other machines there.
GPUS = workflow.global_resources.setdefault(
    "gpu", resources.limit(REGISTRY.settings, len(VISIBLE))
).value
NEEDS = resources.Resources(JOBS, GPUS)


def of(function, **given):
    """``function`` of the wildcards that its parameters are named after, and of the values ``given``."""
    names = set(inspect.signature(function).parameters) - set(given)
    return lambda wildcards: function(
        **{name: wildcards[name] for name in names & set(wildcards.keys())}, **given
    )


def job(script, spec, **given):
    """The parameter of a rule: digest of its code, and its specification (see `job_specs`) as JSON.

    ``spec`` makes the specification of the wildcards, as in `of`.
    """
    specified = of(spec, **given)
    return lambda wildcards: {
        "code": code_digest.of_script(script),
        "spec": job_specs.plain(specified(wildcards)),
    }


def threads_of(needs, **given):
    """Threads of a training rule; ``needs`` makes `resources.Needs` of the wildcards, as in `of`."""
    needed = of(needs, **given)
    return lambda wildcards: needed(wildcards).threads


def asks(needs, **given):
    """Resources of a training rule; ``needs``: as in `threads_of`. A retry asks for more."""
    needed = of(needs, **given)

    def resource(name):
        return lambda wildcards, attempt: needed(wildcards).ask(
            name, attempt, LIMITS, attempts()
        )

    more = {}
    if GPUS and SWITCHES.gpu_model:
        more["gpu_model"] = SWITCHES.gpu_model
    if GPUS:
        more["cuda_graphs"] = int(SWITCHES.cuda_graphs)
        more["half_weights"] = int(SWITCHES.half_weights)
    if GPUS and SWITCHES.jobs_per_gpu > 1:
        more["jobs_per_gpu"] = SWITCHES.jobs_per_gpu
    return {
        name: resource(name) for name in ("gpu", "mem_mb", "disk_mb", "runtime")
    } | more


def attempts():
    """How often Snakemake tries a job; once where it only says what the job is (`scripts/run_job.py`)."""
    return getattr(workflow.execution_settings, "retries", 0) + 1


def start():
    """Before the first job starts: check its resources, and remember whose results they are."""
    with errors_shown():
        for warning in limits.check_start(workflow, GPU_REQUEST, Path(REGISTRY.root)):
            logger.warning(warning)
    job_start_limit.lift(workflow.scheduler)
    results_owner.remember(REGISTRY.settings, REGISTRY.root)


def also_start(handler):
    """A handler of Snakemake's start that calls `start` first."""

    def both(log):
        start()
        handler(log)

    return both


def shown(path, category, form):
    """A file of an artefact, marked for Snakemake's own report, which shows the first of all forms at first."""
    labels = of(ARTEFACTS.labels, form=form)
    return report(path, caption="report/artefact.rst", category=category, labels=labels)


def round_record(number):
    """The record of a round of the search on your own dataset, once it is written."""
    return checkpoints.plan_round.get(round=number).output[0]


def choice():
    """The record of the choice of that search, once it is written."""
    return checkpoints.choose_model.get().output[0]
