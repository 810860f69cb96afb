"""Rule measure_speed: time per step and operations per second of this device."""

from bertfit.core import files
from bertfit.experiments.summary_specs import CalibrationSpec
from bertfit.plan import measure_speed
from bertfit.runtime import exclusive
from bertfit.runtime.rule_job import RuleJob, run_script


def main(job: RuleJob) -> None:
    """Measure and write the speed of this device."""
    with exclusive.gpus(job):
        calibration = measure_speed.measure(CalibrationSpec.model_validate(job.spec))
        files.write_json(job.output[0], calibration.model_dump())


if __name__ == "__main__":
    run_script(main, globals())
