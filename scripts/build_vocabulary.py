"""Rule build_vocabulary: a WordPiece vocabulary, trained or taken from an encoder."""

from pathlib import Path
from typing import TYPE_CHECKING

from bertfit.config.study_schema import Vocabulary
from bertfit.runtime import job_log
from bertfit.tokens import build_vocabulary

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log.to(snakemake.log[0], snakemake.input):
    spec = snakemake.params.job["spec"]
    vocabulary = Vocabulary.model_validate(spec)
    sources = [Path(path) for path in snakemake.input]
    build_vocabulary.build(
        vocabulary,
        encoder_folder=sources[0].parent if vocabulary.encoder else None,
        texts=[] if vocabulary.encoder else sources,
        folder=Path(snakemake.output.tokenizer).parent,
    )
