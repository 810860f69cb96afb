"""Rule score_runs: predictions of many runs -> one table of scores."""

from bertfit.evaluation import score_runs
from bertfit.evaluation.score_runs import RunFiles
from bertfit.experiments.job_specs import ScoreSpec
from bertfit.runtime.rule_job import RuleJob, run_script
from bertfit.statistics import cluster_values


def main(job: RuleJob) -> None:
    """Write the scores of all input runs."""
    spec = ScoreSpec.model_validate(job.spec)
    files = zip(spec.runs, job.input.group("predictions"), job.input.group("histories"), strict=True)
    runs = [RunFiles(run_group, predictions, history) for run_group, predictions, history in files]
    clusters = cluster_values.read(job.input.group("clusters"))
    score_runs.build(runs, job.output[0], study=spec.study, clusters=clusters)


if __name__ == "__main__":
    run_script(main, globals())
