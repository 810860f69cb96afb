"""Rule describe_corpus: the Croissant description of a corpus."""

from bertfit.core.files import write_text
from bertfit.data import corpus_card
from bertfit.provenance import croissant
from bertfit.runtime.rule_job import RuleJob, run_script


def main(job: RuleJob) -> None:
    """Describe one corpus: its card, and its files of both splits."""
    files = {split: job.input[split] for split in ("train", "test")}
    write_text(job.output[0], croissant.text(croissant.describe(corpus_card.read(job.input["card"]), files)))


if __name__ == "__main__":
    run_script(main, globals())
