"""Rule plot_reliability: whether classifiers are right as often as they are sure."""

from pathlib import Path

from bertfit.artefacts import reliability_diagram
from bertfit.config.study_schema import Artefact
from bertfit.runtime.rule_job import RuleJob, run_script


def main(job: RuleJob) -> None:
    """Draw the figure."""
    spec = job.spec
    lines = [
        line | {"predictions": [Path(path).with_name("predictions.parquet") for path in line["histories"]]}
        for line in spec["lines"]
    ]
    reliability_diagram.build(
        artefact=Artefact.model_validate(spec["artefact"]),
        lines=lines,
        **{form: job.output[form] for form in ("svg", "png", "csv")},
    )


if __name__ == "__main__":
    run_script(main, globals())
