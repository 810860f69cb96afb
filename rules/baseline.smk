"""The baseline that BERT is compared with: word counts and a linear model, no encoder."""


rule run_baseline:
    """TF-IDF and logistic regression; its results have the paths of a run."""
    input:
        train="<results>/corpora/{corpus}/train.parquet",
        test="<results>/corpora/{corpus}/test.parquet",
    output:
        predictions="<results>/runs/{corpus}/tfidf/default/seeds1-1/predictions.parquet",
        history="<results>/runs/{corpus}/tfidf/default/seeds1-1/history.csv",
        record="<results>/runs/{corpus}/tfidf/default/seeds1-1/run.json",
    log:
        "<results>/logs/run_baseline/{corpus}.log",
    benchmark:
        "<results>/benchmarks/run_baseline/{corpus}.jsonl"
    conda:
        "../envs/bertfit.yaml"
    params:
        job=job("run_baseline", JOBS.baseline_spec),
    script:
        "../scripts/run_baseline.py"


use rule run_baseline as count_and_save with:
    output:
        predictions="<results>/runs/{corpus}/tfidf/{counts}/seeds1-1/predictions.parquet",
        history="<results>/runs/{corpus}/tfidf/{counts}/seeds1-1/history.csv",
        record="<results>/runs/{corpus}/tfidf/{counts}/seeds1-1/run.json",
        models=directory("<results>/runs/{corpus}/tfidf/{counts}/seeds1-1/models"),
    log:
        "<results>/logs/count_and_save/{corpus}/{counts}.log",
    benchmark:
        "<results>/benchmarks/count_and_save/{corpus}/{counts}.jsonl"
    wildcard_constraints:
        counts=COUNTS,
    params:
        job=job("run_baseline", JOBS.baseline_spec),
