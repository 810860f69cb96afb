"""Rule write_text: an unlabelled text as pre-training text."""

from pathlib import Path
from typing import TYPE_CHECKING

from bertfit import documents, logs
from bertfit.spec import Text

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logs.to(snakemake.log[0]):
    spec = snakemake.params.job["spec"]
    documents.write_text(Text.model_validate(spec), snakemake.wildcards.split, Path(snakemake.output[0]))
