"""Rule plot_sizes: test error against the size of the training set."""

from pathlib import Path
from typing import TYPE_CHECKING

from bertfit.artefacts import training_set_size
from bertfit.config.study_schema import Artefact
from bertfit.runtime import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log.to(snakemake.log[0], snakemake.input):
    spec = snakemake.params.job["spec"]
    training_set_size.build(
        artefact=Artefact.model_validate(spec["artefact"]),
        key=spec["key"],
        cells=spec["cells"],
        results=Path(snakemake.input.results),
        published=Path(snakemake.input.published),
        comparable=spec["comparable"],
        **{form: Path(snakemake.output[form]) for form in ("svg", "png", "csv")},
    )
