"""Rule train_on_features: a block of seeds of BERT-Feat of one (corpus, encoder, recipe)."""

from pathlib import Path
from typing import TYPE_CHECKING

from bertfit import features, logs, states
from bertfit.spec import Finetune

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logs.to(snakemake.log[0]):
    job = snakemake.params.job
    spec = job["spec"]
    features.run(
        recipe=Finetune.model_validate(spec["recipe"]),
        seeds=spec["seeds"],
        train=Path(snakemake.input.train),
        test=Path(snakemake.input.test),
        encoder=Path(snakemake.input.model).parent,
        state=states.folder(Path(snakemake.output.predictions).parent, job),
        predictions=Path(snakemake.output.predictions),
        history=Path(snakemake.output.history),
        record=Path(snakemake.output.record),
        job=job,
        threads=snakemake.threads,
        cache_mb=spec["cache_mb"],
    )
