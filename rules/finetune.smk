"""Runs: one encoder fine-tuned on one corpus by one recipe, a block of seeds a job."""


rule finetune:
    """Fine-tune a block of seeds and keep every prediction on the test set."""
    input:
        model="<results>/encoders/{encoder}/model.safetensors",
        config="<results>/encoders/{encoder}/config.json",
        train=lambda wildcards: JOBS.tokens(
            wildcards.corpus, wildcards.encoder, "train"
        ),
        test=lambda wildcards: JOBS.tokens(wildcards.corpus, wildcards.encoder, "test"),
    output:
        predictions="<results>/runs/{corpus}/{encoder}/{recipe}/{block}/predictions.parquet",
        history="<results>/runs/{corpus}/{encoder}/{recipe}/{block}/history.csv",
        record="<results>/runs/{corpus}/{encoder}/{recipe}/{block}/run.json",
    log:
        "<results>/logs/finetune/{corpus}/{encoder}/{recipe}/{block}.log",
    benchmark:
        "<results>/benchmarks/finetune/{corpus}/{encoder}/{recipe}/{block}.jsonl"
    conda:
        "../envs/bertfit.yaml"
    threads: STUDY.threads
    resources:
        gpu=JOBS.gpu,
        mem_mb=lambda wildcards, attempt: resources.mem_mb(REGISTRY, wildcards.encoder)
        * attempt,
        runtime=lambda wildcards, attempt: resources.minutes(
            REGISTRY, wildcards.encoder
        )
        * attempt,
    params:
        job=lambda wildcards: job("finetune", JOBS.run_spec(**wildcards)),
    script:
        "../scripts/finetune.py"
