"""Rule find_label_errors: training texts whose label is probably wrong, the most suspicious first."""

from bertfit.analysis import label_errors
from bertfit.config.corpus_schema import TextForm
from bertfit.runtime import exclusive
from bertfit.runtime.rule_job import RuleJob, run_script


def main(job: RuleJob) -> None:
    """Write the table."""
    with exclusive.gpus(job):
        label_errors.build(
            train=job.input["train"],
            tokens=job.input["tokens"],
            encoder=job.input["model"].parent,
            form=TextForm.model_validate(job.spec),
            out=job.output[0],
            threads=job.threads,
        )


if __name__ == "__main__":
    run_script(main, globals())
