"""Rule plot_reliability: whether classifiers are right as often as they are sure."""

from pathlib import Path
from typing import TYPE_CHECKING

from bertfit.artefacts import reliability_diagram
from bertfit.config.study_schema import Artefact
from bertfit.runtime import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log.to(snakemake.log[0], snakemake.input):
    spec = snakemake.params.job["spec"]
    lines = [
        line | {"predictions": [Path(path).with_name("predictions.parquet") for path in line["histories"]]}
        for line in spec["lines"]
    ]
    reliability_diagram.build(
        artefact=Artefact.model_validate(spec["artefact"]),
        lines=lines,
        **{form: Path(snakemake.output[form]) for form in ("svg", "png", "csv")},
    )
