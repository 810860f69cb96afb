"""Rule build_vocabulary: a WordPiece vocabulary, trained or taken from an encoder."""

from bertfit.config.encoder_schema import Vocabulary
from bertfit.runtime.rule_job import RuleJob, run_script
from bertfit.tokens import build_vocabulary


def main(job: RuleJob) -> None:
    """Write the folder of one vocabulary."""
    vocabulary = Vocabulary.model_validate(job.spec)
    sources = list(job.input)
    build_vocabulary.build(
        vocabulary,
        encoder_folder=sources[0].parent if vocabulary.encoder else None,
        texts=[] if vocabulary.encoder else sources,
        folder=job.output["tokenizer"].parent,
    )


if __name__ == "__main__":
    run_script(main, globals())
