"""Runs: an encoder fine-tuned on a corpus with a recipe; a job trains a block of seeds."""


rule finetune:
    """Fine-tune a block of seeds and write all predictions on the test set."""
    input:
        model=of(JOBS.weights),
        config=of(JOBS.weights, name="config.json"),
        train=of(JOBS.tokens, split="train"),
        test=of(JOBS.tokens, split="test"),
    output:
        predictions="<results>/runs/{corpus}/{encoder}/{recipe}/{block}/predictions.parquet",
        history="<results>/runs/{corpus}/{encoder}/{recipe}/{block}/history.csv",
        record="<results>/runs/{corpus}/{encoder}/{recipe}/{block}/run.json",
    log:
        "<results>/logs/finetune/{corpus}/{encoder}/{recipe}/{block}.log",
    benchmark:
        "<results>/benchmarks/finetune/{corpus}/{encoder}/{recipe}/{block}.jsonl"
    wildcard_constraints:
        encoder=wildcard(JOBS.starts),
        recipe=wildcard(JOBS.recipes_of(classifier="linear")),
    conda:
        "../envs/bertfit.yaml"
    threads: threads_of(NEEDS.run)
    resources:
        **asks(NEEDS.run),
    params:
        job=job("finetune", JOBS.block_spec),
    script:
        "../scripts/finetune.py"


use rule finetune as finetune_and_save with:
    output:
        predictions="<results>/runs/{corpus}/{encoder}/{recipe}/{block}/predictions.parquet",
        history="<results>/runs/{corpus}/{encoder}/{recipe}/{block}/history.csv",
        record="<results>/runs/{corpus}/{encoder}/{recipe}/{block}/run.json",
        models=directory("<results>/runs/{corpus}/{encoder}/{recipe}/{block}/models"),
    log:
        "<results>/logs/finetune_and_save/{corpus}/{encoder}/{recipe}/{block}.log",
    benchmark:
        "<results>/benchmarks/finetune_and_save/{corpus}/{encoder}/{recipe}/{block}.jsonl"
    wildcard_constraints:
        encoder=wildcard(JOBS.starts),
        recipe=wildcard(JOBS.recipes_of(classifier="linear", save_model=True)),
