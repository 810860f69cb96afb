"""Scores: predictions of many runs -> one tidy table. Cheap, and apart from training."""


localrules:
    score_artefact,
    score_all,


rule score_artefact:
    """Errors of the runs behind one artefact."""
    input:
        lambda wildcards: JOBS.run_files(wildcards.artefact),
    output:
        "<results>/scores/{artefact}.parquet",
    log:
        "<results>/logs/score_artefact/{artefact}.log",
    conda:
        "../envs/bertfit.yaml"
    params:
        job=lambda wildcards: job("score_runs", JOBS.score_spec(wildcards.artefact)),
    script:
        "../scripts/score_runs.py"


use rule score_artefact as score_all with:
    input:
        JOBS.run_files(),
    output:
        "<results>/results.parquet",
    log:
        "<results>/logs/score_all/all.log",
    params:
        job=job("score_runs", JOBS.score_spec()),
