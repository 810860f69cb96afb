"""Multi-task fine-tuning of encoders (sections 4.3 and 5.5)."""


rule multitask_encoder:
    """A shared encoder with a head for each corpus; a batch is of one corpus."""
    input:
        parent=lambda wildcards: JOBS.parent_files(wildcards.encoder),
        train=lambda wildcards: JOBS.multitask_tokens(wildcards.encoder, "train"),
        test=lambda wildcards: JOBS.multitask_tokens(wildcards.encoder, "test"),
        vocabulary=lambda wildcards: JOBS.tokenizer(wildcards.encoder),
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
    threads: lambda wildcards: NEEDS.multitask(wildcards.encoder).threads
    resources:
        **asks(lambda wildcards: NEEDS.multitask(wildcards.encoder)),
    params:
        job=lambda wildcards: job(
            "multitask_encoder", JOBS.multitask_spec(wildcards.encoder)
        ),
    script:
        "../scripts/multitask_encoder.py"
