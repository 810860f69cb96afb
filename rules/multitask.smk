"""Multi-task fine-tuning of encoders (sections 4.3 and 5.5)."""


rule multitask_encoder:
    """A shared encoder with a head for each corpus; a batch is of one corpus."""
    input:
        parent=of(JOBS.parent_files),
        train=of(JOBS.multitask_tokens, split="train"),
        test=of(JOBS.multitask_tokens, split="test"),
        vocabulary=of(JOBS.tokenizer),
    output:
        config="<results>/encoders/{encoder}/config.json",
        model="<results>/encoders/{encoder}/model.safetensors",
        tokenizer="<results>/encoders/{encoder}/tokenizer.json",
        settings="<results>/encoders/{encoder}/tokenizer_config.json",
        words="<results>/encoders/{encoder}/vocab.txt",
        record="<results>/encoders/{encoder}/run.json",
        history="<results>/encoders/{encoder}/history.csv",
    log:
        "<results>/logs/multitask_encoder/{encoder}.log",
    benchmark:
        "<results>/benchmarks/multitask_encoder/{encoder}.jsonl"
    wildcard_constraints:
        encoder=wildcard(JOBS.multitasked),
    conda:
        "../envs/bertfit.yaml"
    threads: threads_of(NEEDS.multitask)
    resources:
        **asks(NEEDS.multitask),
    params:
        job=job("multitask_encoder", JOBS.multitask_spec),
    script:
        "../scripts/multitask_encoder.py"
