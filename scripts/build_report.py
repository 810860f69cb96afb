"""Rule report_page: everything that the study made -> one self-contained page."""

from pathlib import Path
from typing import TYPE_CHECKING

from bertfit import logs, report

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logs.to(snakemake.log[0], snakemake.input):
    html = Path(snakemake.output[0])
    plan = snakemake.input.get("plan")
    report.build(snakemake.params.job["spec"], root=html.parent, html=html, plan=Path(str(plan)) if plan else None)
