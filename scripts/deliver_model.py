"""Rule deliver_model: the exported classifier of your own dataset, with its model card and predictions."""

from bertfit.experiments.job_specs import DeliverySpec
from bertfit.export import deliver
from bertfit.runtime.rule_job import RuleJob, run_script


def main(job: RuleJob) -> None:
    """Write the folder of the model, its predictions on the test set and its worst mistakes."""
    deliver.build(
        spec=DeliverySpec.model_validate(job.spec),
        **{name: job.input[name] for name in ("models", "predictions", "test", "clusters", "corpus", "scores")},
        figure=job.input["figure"],
        **{name: job.output[name] for name in ("model", "answered", "mistakes")},
    )


if __name__ == "__main__":
    run_script(main, globals())
