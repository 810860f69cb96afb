"""Rule deliver_model: a classifier of one's own texts, with its card and its answers."""

from pathlib import Path
from typing import TYPE_CHECKING

from bertfit import delivery, logs

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logs.to(snakemake.log[0], snakemake.input):
    given = snakemake.input
    delivery.build(
        spec=snakemake.params.job["spec"],
        **{name: Path(given[name]) for name in ("models", "predictions", "test", "corpus", "scores", "figure")},
        **{name: Path(snakemake.output[name]) for name in ("model", "answered", "mistakes")},
    )
