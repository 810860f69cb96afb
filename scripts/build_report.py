"""Rule report_page: everything that the study made -> one self-contained page."""

from pathlib import Path
from typing import TYPE_CHECKING

from bertfit.experiments.summary_specs import ReportSpec
from bertfit.report import report_page
from bertfit.runtime import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log.to(snakemake.log[0], snakemake.input):
    html = Path(snakemake.output[0])
    plan = snakemake.input.get("plan")
    spec = ReportSpec.model_validate(snakemake.params.job["spec"])
    report_page.build(spec, root=html.parent, html=html, plan=Path(plan) if plan else None)
