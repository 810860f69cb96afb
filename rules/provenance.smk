"""The study described for others: a Workflow Run RO-Crate, corpora in Croissant, the REFORMS checklist."""

from bertfit.crate.crate_jobs import CrateJobs

CRATE = CrateJobs(ARCHIVE, workflow.rules)


rule describe_corpus:
    """The Croissant description of a corpus, beside its files."""
    input:
        card="<results>/corpora/{corpus}/card.json",
        train="<results>/corpora/{corpus}/train.parquet",
        test="<results>/corpora/{corpus}/test.parquet",
    output:
        "<results>/corpora/{corpus}/croissant.json",
    log:
        "<results>/logs/describe_corpus/{corpus}.log",
    localrule: True
    conda:
        "../envs/bertfit.yaml"
    params:
        job=job("describe_corpus", CRATE.description_spec),
    script:
        "../scripts/describe_corpus.py"


rule crate_study:
    """The archive of the study as an RO-Crate, and the checklist."""
    input:
        archive=ARCHIVE.path,
        descriptions=of(CRATE.descriptions),
    output:
        crate=CRATE.path,
        checklist=CRATE.checklist,
    log:
        "<results>/logs/crate_study/crate.log",
    localrule: True
    conda:
        "../envs/bertfit.yaml"
    params:
        job=job("crate_study", CRATE.spec),
    script:
        "../scripts/crate_study.py"


rule crate:
    """The crate by name: snakemake crate."""
    input:
        CRATE.path,
    localrule: True
