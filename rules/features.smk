"""BERT-Feat (section 5.4.3): a biLSTM with self-attention, trained on the states of a frozen encoder."""


rule train_on_features:
    """Train a block of seeds on cached states, and write all predictions on the test set."""
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
        "<results>/logs/train_on_features/{corpus}/{encoder}/{recipe}/{block}.log",
    benchmark:
        "<results>/benchmarks/train_on_features/{corpus}/{encoder}/{recipe}/{block}.jsonl"
    wildcard_constraints:
        encoder=wildcard(JOBS.starts),
        recipe=wildcard(JOBS.recipes_of(classifier="bilstm")),
    conda:
        "../envs/bertfit.yaml"
    threads: threads_of(NEEDS.run)
    resources:
        **asks(NEEDS.run),
    params:
        job=job("train_on_features", JOBS.block_spec),
    script:
        "../scripts/train_on_features.py"
