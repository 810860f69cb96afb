"""Rule judge_claims: predictions of the runs behind the paper's claims -> verdicts."""

from pathlib import Path
from typing import TYPE_CHECKING

from bertfit.claims import verdicts
from bertfit.claims.claim_schema import Question
from bertfit.runtime import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log.to(snakemake.log[0], snakemake.input):
    spec = snakemake.params.job["spec"]
    published = snakemake.input.get("published")
    predictions = [path for path in snakemake.input if path != published]
    verdicts.judge(
        [Question.model_validate(question) for question in spec["questions"]],
        [run | {"predictions": path} for run, path in zip(spec["runs"], predictions, strict=True)],
        study=spec["study"],
        expected=spec["expected"],
        published=Path(published) if published else None,
        json=Path(snakemake.output.json),
        markdown_page=Path(snakemake.output.md),
    )
