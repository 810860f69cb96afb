# How to Fine-Tune BERT for Text Classification? (Sun et al. 2019): every table and figure, regenerated.
# config.yaml declares the experiments, studies/<study>.yaml their setting, profiles/ the machine.

from snakemake.utils import min_version

min_version("9.25")


report: "rules/report/workflow.rst"


# Used with --sdm apptainer; must be built beforehand (see containers/bertfit.def).
container: "containers/bertfit.sif"


include: "rules/common.smk"


pathvars:
    results=REGISTRY.root,
    part=REGISTRY.part,


wildcard_constraints:
    corpus=wildcard(STUDY.corpora),
    split="train|test",
    text=wildcard(STUDY.texts),
    vocabulary=wildcard(STUDY.vocabularies),
    mix=wildcard(JOBS.mixes),
    encoder=wildcard(REGISTRY.encoders),
    recipe=wildcard(JOBS.recipes),
    block=r"seeds\d+-\d+",
    artefact=wildcard(REGISTRY.artefacts),


onstart:
    job_start_limit.lift(workflow.scheduler)
    results_owner.remember(REGISTRY.settings, REGISTRY.root)


localrules:
    all,


rule all:
    """Everything of the study: tables, figures and the results of every run; of a part (--config shard) the records."""
    default_target: True
    input:
        DELIVERY.targets() if STUDY.own else ARCHIVE.targets(),


include: "rules/corpora.smk"
include: "rules/tokens.smk"
include: "rules/suitability.smk"
include: "rules/pretrain.smk"
include: "rules/multitask.smk"
include: "rules/finetune.smk"
include: "rules/features.smk"
include: "rules/baseline.smk"
include: "rules/evaluate.smk"
include: "rules/artefacts.smk"


if STUDY.own:

    include: "rules/classify.smk"

else:

    include: "rules/report.smk"
    include: "rules/plan.smk"
    include: "rules/provenance.smk"
