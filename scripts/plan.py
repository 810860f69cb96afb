"""Rule plan: estimated jobs, time and disk space of a study; after a run, beside the measured ones."""

import sys
from pathlib import Path

from bertfit.evaluation.results_file import PUBLISHED
from bertfit.plan import estimate
from bertfit.power.power_schema import PlanWithClaims
from bertfit.power.spreads import SPREADS
from bertfit.runtime.rule_job import RuleJob, run_script


def main(job: RuleJob) -> None:
    """Write the plan and print it to the terminal."""
    spec = PlanWithClaims.model_validate(job.spec)
    page = estimate.write(
        spec.plan,
        spec.claims,
        throughput=spec.throughput,
        step_ms=spec.step_ms,
        cuda_graphs=spec.cuda_graphs,
        watts=spec.watts,
        calibration=job.input["speed"] if spec.throughput is None else None,
        published=PUBLISHED,
        spreads=SPREADS,
        folder=Path(spec.plan.root),
    )
    print(page, file=sys.__stdout__)  # not into the log


if __name__ == "__main__":
    run_script(main, globals())
