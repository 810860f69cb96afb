"""Rule write_text: an unlabelled text as pre-training text."""

from pathlib import Path
from typing import TYPE_CHECKING

from bertfit import logs, texts
from bertfit.sources import Text

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logs.to(snakemake.log[0], snakemake.input):
    spec = snakemake.params.job["spec"]
    texts.build(Text.model_validate(spec), snakemake.wildcards.split, Path(snakemake.output[0]))
