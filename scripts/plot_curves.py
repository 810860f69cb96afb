"""Rule plot_curves: train and test error against steps."""

from pathlib import Path
from typing import TYPE_CHECKING

from bertfit.artefacts import learning_curves
from bertfit.config.study_schema import Artefact
from bertfit.runtime import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log.to(snakemake.log[0], snakemake.input):
    spec = snakemake.params.job["spec"]
    learning_curves.build(
        artefact=Artefact.model_validate(spec["artefact"]),
        key=spec["key"],
        lines=spec["lines"],
        published=Path(snakemake.input.published),
        comparable=spec["comparable"],
        **{form: Path(snakemake.output[form]) for form in ("svg", "png", "csv")},
    )
