"""Rule tabulate_runs: rows x columns of runs, beside the published values."""

from pathlib import Path
from typing import TYPE_CHECKING

from bertfit import logs, tables
from bertfit.spec import Artefact

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logs.to(snakemake.log[0], snakemake.input):
    spec = snakemake.params.job["spec"]
    tables.build(
        artefact=Artefact.model_validate(spec["artefact"]),
        key=spec["key"],
        cells=spec["cells"],
        results=Path(snakemake.input.results),
        published=Path(snakemake.input.published),
        comparable=spec["comparable"],
        **{form: Path(snakemake.output[form]) for form in ("csv", "md", "tex", "html")},
    )
