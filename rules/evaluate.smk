"""Scores: predictions of many runs -> one table. Separate from training, so that metrics can change cheaply."""

from bertfit.workflow.score_jobs import ScoreJobs

SCORES = ScoreJobs(JOBS)


rule score_runs:
    """Scores of the runs of one artefact."""
    input:
        unpack(of(SCORES.scored_files)),
    output:
        "<results>/scores/{artefact}.parquet",
    log:
        "<results>/logs/score_runs/{artefact}.log",
    localrule: True
    conda:
        "../envs/bertfit.yaml"
    params:
        job=job("score_runs", SCORES.score_spec),
    script:
        "../scripts/score_runs.py"


use rule score_runs as score_all with:
    input:
        **SCORES.scored_files(),
    output:
        "<results>/results.parquet",
    log:
        "<results>/logs/score_all/all.log",
    params:
        job=job("score_runs", SCORES.score_spec),
