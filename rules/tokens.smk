"""Vocabularies and tokens: WordPiece once per corpus, untruncated."""


rule build_vocabulary:
    """Train a WordPiece vocabulary, or copy that of a base encoder."""
    input:
        of(JOBS.vocabulary_files),
    output:
        tokenizer="<results>/vocabularies/{vocabulary}/tokenizer.json",
        settings="<results>/vocabularies/{vocabulary}/tokenizer_config.json",
        words="<results>/vocabularies/{vocabulary}/vocab.txt",
    log:
        "<results>/logs/build_vocabulary/{vocabulary}.log",
    benchmark:
        "<results>/benchmarks/build_vocabulary/{vocabulary}.jsonl"
    conda:
        "../envs/bertfit.yaml"
    params:
        job=job("build_vocabulary", JOBS.vocabulary_spec),
    script:
        "../scripts/build_vocabulary.py"


rule tokenize_corpus:
    """Word pieces of one split, to be memory-mapped; every truncation is a view on them."""
    input:
        rows="<results>/corpora/{corpus}/{split}.parquet",
        vocabulary="<results>/vocabularies/{vocabulary}/tokenizer.json",
    output:
        "<results>/tokens/{vocabulary}/{corpus}/{split}.arrow",
    log:
        "<results>/logs/tokenize_corpus/{vocabulary}/{corpus}.{split}.log",
    benchmark:
        "<results>/benchmarks/tokenize_corpus/{vocabulary}/{corpus}.{split}.jsonl"
    conda:
        "../envs/bertfit.yaml"
    params:
        job=job("tokenize_corpus", JOBS.token_spec),
    script:
        "../scripts/tokenize_corpus.py"
