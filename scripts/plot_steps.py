"""Rule plot_steps: test error against steps of further pre-training."""

from pathlib import Path
from typing import TYPE_CHECKING

from bertfit.artefacts import pretraining_steps
from bertfit.config.study_schema import Artefact
from bertfit.runtime import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log.to(snakemake.log[0], snakemake.input):
    spec = snakemake.params.job["spec"]
    pretraining_steps.build(
        artefact=Artefact.model_validate(spec["artefact"]),
        key=spec["key"],
        points=spec["cells"],
        results=Path(snakemake.input.results),
        published=Path(snakemake.input.published),
        comparable=spec["comparable"],
        **{form: Path(snakemake.output[form]) for form in ("svg", "png", "csv")},
    )
