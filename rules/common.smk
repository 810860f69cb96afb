"""What the rules share: the registry of the study, and how a job is described. No rules here."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(workflow.current_basedir).parent / "scripts"))

from bertfit import fingerprint, resources
from bertfit.artefacts import Artefacts
from bertfit.errors import UserError
from bertfit.ids import wildcard
from bertfit.jobs import Jobs
from bertfit.registry import open_registry
from bertfit.reporting import Reporting
from snakemake.exceptions import WorkflowError

try:
    REGISTRY = open_registry(config, Path(workflow.current_basedir).parent)
    JOBS = Jobs(REGISTRY, gpus_here=resources.gpus())
    REPORTING = Reporting(JOBS)
    JOBS.check()
    REPORTING.check()
except UserError as error:
    raise WorkflowError(str(error)) from None
STUDY = REGISTRY.settings.study
ARTEFACTS = Artefacts(JOBS)


def job(script, spec):
    """The one parameter of a rule: digest of its code and all values it depends on, keys sorted."""
    return {"code": fingerprint.stage(script), "spec": spec}


def shown(path, category):
    """A file of an artefact that Snakemake's own report shows."""
    labels = {"artefact": "{artefact}", "form": path.rsplit(".", 1)[1]}
    return report(path, caption="report/artefact.rst", category=category, labels=labels)
