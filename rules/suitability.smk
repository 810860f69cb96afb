"""Whether an encoder knows the texts, before anything is trained."""


rule check_encoder:
    """Unknown word pieces, pieces a word, scripts and language of a corpus, with warnings."""
    input:
        rows="<results>/corpora/{corpus}/train.parquet",
        vocabulary="<results>/vocabularies/{vocabulary}/tokenizer.json",
    output:
        "<results>/corpora/{corpus}/coverage.{vocabulary}.json",
    log:
        "<results>/logs/check_encoder/{vocabulary}/{corpus}.log",
    localrule: True
    conda:
        "../envs/bertfit.yaml"
    params:
        job=job("check_encoder", JOBS.coverage_spec),
    script:
        "../scripts/check_encoder.py"
