"""Rule draw_lineage: the ways of fine-tuning, from base encoder to classifier."""

from pathlib import Path
from typing import TYPE_CHECKING

from bertfit.artefacts import stage_diagram
from bertfit.experiments.job_specs import DiagramSpec
from bertfit.runtime import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log.to(snakemake.log[0], snakemake.input):
    spec = DiagramSpec.model_validate(snakemake.params.job["spec"])
    stage_diagram.build(
        artefact=spec.artefact,
        paths=spec.paths,
        **{form: Path(snakemake.output[form]) for form in ("svg", "png", "csv")},
    )
