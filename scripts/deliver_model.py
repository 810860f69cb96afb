"""Rule deliver_model: the exported classifier of your own dataset, with its model card and predictions."""

from bertfit.experiments.job_specs import DeliverySpec
from bertfit.export import deliver
from bertfit.runtime.rule_job import RuleJob, run_script


def main(job: RuleJob) -> None:
    """Write the folder of the model, its predictions on the test set and its worst mistakes."""
    deliver.build(
        spec=DeliverySpec.model_validate(job.spec),
        models=job.input["models"],
        predictions=job.input["predictions"],
        test=job.input["test"],
        corpus=job.input["card"],
        choice=job.input["choice"],
        outcome=job.input["outcome"],
        coverage=job.input.get("coverage"),
        model=job.output["model"],
        answered=job.output["answered"],
        mistakes=job.output["mistakes"],
        threads=job.threads,
    )


if __name__ == "__main__":
    run_script(main, globals())
