"""Rule plan: what the study will take, printed and written; after a run, what it took."""

from pathlib import Path
from typing import TYPE_CHECKING

from bertfit.experiments.summary_specs import PlanSpec
from bertfit.plan import estimate
from bertfit.runtime import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log.to(snakemake.log[0], snakemake.input):
    spec = PlanSpec.model_validate(snakemake.params.job["spec"])
    page = estimate.write(
        spec.plan,
        throughput=spec.throughput,
        calibration=Path(snakemake.input.speed) if spec.throughput is None else None,
        published=Path(snakemake.input.published),
        folder=Path(spec.plan.root),
    )
print(page)
