"""Rule tabulate_forgetting: loss on held-out text before and after further pre-training."""

from pathlib import Path
from typing import TYPE_CHECKING

from bertfit.artefacts import forgetting
from bertfit.config.study_schema import Artefact
from bertfit.runtime import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log.to(snakemake.log[0], snakemake.input):
    spec = snakemake.params.job["spec"]
    forgetting.build(
        artefact=Artefact.model_validate(spec["artefact"]),
        key=spec["key"],
        encoders=spec["encoders"],
        **{form: Path(snakemake.output[form]) for form in ("csv", "md", "tex", "html")},
    )
