"""Rule multitask_encoder: an encoder fine-tuned on several corpora together."""

from pathlib import Path
from typing import TYPE_CHECKING

from bertfit import logs, multitask, states
from bertfit.spec import Finetune, Multitask

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logs.to(snakemake.log[0]):
    job = snakemake.params.job
    spec = job["spec"]
    group = Multitask.model_validate(spec["multitask"])
    splits = zip(map(Path, snakemake.input.train), map(Path, snakemake.input.test), strict=True)
    multitask.run(
        multitask=group,
        recipe=Finetune.model_validate(spec["recipe"]),
        corpora=dict(zip(group.corpora, splits, strict=True)),
        parent=Path(snakemake.input.parent[0]).parent,
        vocabulary=Path(snakemake.input.vocabulary).parent,
        state=states.folder(Path(snakemake.output.model).parent, job),
        out=Path(snakemake.output.model).parent,
        job=job,
        threads=snakemake.threads,
    )
