"""Rule deliver_model: a classifier of one's own texts, with its card and its answers."""

from pathlib import Path
from typing import TYPE_CHECKING

from bertfit.experiments.job_specs import DeliverySpec
from bertfit.export import deliver
from bertfit.runtime import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log.to(snakemake.log[0], snakemake.input):
    given = snakemake.input
    deliver.build(
        spec=DeliverySpec.model_validate(snakemake.params.job["spec"]),
        **{name: Path(given[name]) for name in ("models", "predictions", "test", "corpus", "scores", "figure")},
        **{name: Path(snakemake.output[name]) for name in ("model", "answered", "mistakes")},
    )
