"""Rule draw_lineage: the ways of fine-tuning, from base encoder to classifier."""

from pathlib import Path
from typing import TYPE_CHECKING

from bertfit.artefacts import stage_diagram
from bertfit.config.study_schema import Artefact
from bertfit.runtime import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log.to(snakemake.log[0], snakemake.input):
    spec = snakemake.params.job["spec"]
    stage_diagram.build(
        artefact=Artefact.model_validate(spec["artefact"]),
        paths=spec["paths"],
        **{form: Path(snakemake.output[form]) for form in ("svg", "png", "csv")},
    )
