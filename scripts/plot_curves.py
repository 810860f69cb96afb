"""Rule plot_curves: train and test error against steps."""

from pathlib import Path
from typing import TYPE_CHECKING

from bertfit import curves, logs
from bertfit.spec import Artefact

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logs.to(snakemake.log[0], snakemake.input):
    spec = snakemake.params.job["spec"]
    curves.build(
        artefact=Artefact.model_validate(spec["artefact"]),
        key=spec["key"],
        lines=spec["lines"],
        published=Path(snakemake.input.published),
        comparable=spec["comparable"],
        **{form: Path(snakemake.output[form]) for form in ("svg", "png", "csv")},
    )
