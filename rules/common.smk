"""What the rules share: the registry of the study, and how a job is described. No rules here."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(workflow.current_basedir).parent / "scripts"))

from bertfit.core import files
from bertfit.core.errors import UserError
from bertfit.experiments import job_specs
from bertfit.experiments.ids import wildcard
from bertfit.experiments.registry import open_registry
from bertfit.runtime import hardware, signals
from bertfit.workflow import code_digest, resources
from bertfit.workflow.artefact_jobs import Artefacts
from bertfit.workflow.report_jobs import Reporting
from bertfit.workflow.training_jobs import Jobs
from snakemake.exceptions import WorkflowError

try:
    REGISTRY = open_registry(config, Path(workflow.current_basedir).parent)
    files.check_links(Path(REGISTRY.root))
    JOBS = Jobs(REGISTRY)
    REPORTING = Reporting(JOBS)
    JOBS.check()
    REPORTING.check()
except UserError as error:
    raise WorkflowError(str(error)) from None
if workflow.remote_exec:
    signals.pass_on()  # a cluster warns this process of the time limit, not the training
STUDY = REGISTRY.settings.study
if STUDY.own and "gpus" not in config and "gpu" in workflow.global_resources:
    raise WorkflowError(
        "texts of your own: sizes follow from the GPUs of this machine; with a cluster's profile or --resources gpu=N "
        "add gpus=1 (or 0) to --config"
    )
ARTEFACTS = Artefacts(JOBS)
# GPUs in use at once, as --resources gpu=N or a profile has it; else counted here, which a profile cannot do. A cluster's
# profile has to say it: this machine is then not the one that trains. In a cluster's job, here is where it trains.
GPUS = workflow.global_resources.setdefault(
    "gpu", resources.limit(REGISTRY.settings, len(hardware.visible(os.environ)))
).value
NEEDS = resources.Resources(JOBS, GPUS)


def job(script, spec):
    """The one parameter of a rule: digest of its code and all values it depends on (see `job_specs`), as JSON."""
    return {"code": code_digest.stage(script), "spec": job_specs.plain(spec)}


def asks(needs):
    """Resources of a rule that trains; ``needs`` of its wildcards is a `resources.Needs`. A retry asks for more."""

    def resource(name):
        return lambda wildcards, attempt: getattr(
            needs(wildcards).retried(attempt), name
        )

    switches, more = REGISTRY.settings.switches, {}
    if GPUS and switches.gpu_model:
        more["gpu_model"] = switches.gpu_model
    if GPUS and switches.jobs_per_gpu > 1:
        more["jobs_per_gpu"] = switches.jobs_per_gpu
    return {
        name: resource(name) for name in ("gpu", "mem_mb", "disk_mb", "runtime")
    } | more


def shown(path, category):
    """A file of an artefact that Snakemake's own report shows."""
    labels = {"artefact": "{artefact}", "form": path.rsplit(".", 1)[1]}
    return report(path, caption="report/artefact.rst", category=category, labels=labels)
