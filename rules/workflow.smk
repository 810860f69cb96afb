"""The whole workflow: what is common to all rules, then the rules, a file for each part."""

from snakemake.utils import min_version

min_version("9.25")


report: "report/workflow.rst"


include: "common.smk"


# Used with --sdm apptainer, in the working folder; must be built beforehand (see containers/bertfit.def).
container: "containers/bertfit.sif"


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
    start()


if not workflow.modifier.is_main_snakefile():
    # of a module Snakemake calls no such handler
    workflow._onstart = also_start(workflow._onstart)


include: "corpora.smk"
include: "tokens.smk"
include: "suitability.smk"
include: "pretrain.smk"
include: "multitask.smk"
include: "finetune.smk"
include: "features.smk"
include: "baseline.smk"
include: "evaluate.smk"
include: "artefacts.smk"


if STUDY.own:

    include: "classify.smk"

else:

    include: "report.smk"
    include: "plan.smk"
    include: "provenance.smk"
