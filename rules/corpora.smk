"""Corpora: any source -> normalised Parquet, clusters of the test split, and a card."""


rule build_corpus:
    """Read one corpus from its source, check it and write it in the common form."""
    input:
        unpack(of(JOBS.corpus_files)),
    output:
        train="<results>/corpora/{corpus}/train.parquet",
        test="<results>/corpora/{corpus}/test.parquet",
        clusters="<results>/corpora/{corpus}/clusters.parquet",
        card="<results>/corpora/{corpus}/card.json",
    log:
        "<results>/logs/build_corpus/{corpus}.log",
    benchmark:
        "<results>/benchmarks/build_corpus/{corpus}.jsonl"
    retries: REGISTRY.settings.retries("corpora")
    localrule: True
    conda:
        "../envs/bertfit.yaml"
    params:
        job=job("build_corpus", JOBS.corpus_spec),
    script:
        "../scripts/build_corpus.py"
