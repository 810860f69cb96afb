"""Rule draw_lineage: the ways of fine-tuning, from base encoder to classifier."""

from pathlib import Path
from typing import TYPE_CHECKING

from bertfit import lineage, logs
from bertfit.spec import Artefact

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logs.to(snakemake.log[0], snakemake.input):
    spec = snakemake.params.job["spec"]
    lineage.build(
        artefact=Artefact.model_validate(spec["artefact"]),
        paths=spec["paths"],
        **{form: Path(snakemake.output[form]) for form in ("svg", "png", "csv")},
    )
