"""What a study will take, before anything expensive runs; and its records in one file, after."""

from bertfit.workflow.archive_jobs import Archiving
from bertfit.workflow.plan_jobs import Planning

PLANNING = Planning(JOBS)
ARCHIVING = Archiving(JOBS, ARTEFACTS, REPORTING)


localrules:
    archive_study,


rule measure_speed:
    """Operations a second of this device, from half a minute of real steps on random weights."""
    output:
        "<results>/calibration.json",
    log:
        "<results>/logs/measure_speed/calibration.log",
    conda:
        "../envs/bertfit.yaml"
    threads: NEEDS.calibration().threads
    resources:
        **asks(lambda wildcards: NEEDS.calibration()),
    params:
        job=lambda wildcards: job("measure_speed", PLANNING.calibration_spec()),
    script:
        "../scripts/measure_speed.py"


# No output: asked for by name it always runs, since jobs that are done change what it says.
rule plan:
    """Jobs, hours and disk, planned against actual: snakemake plan. Writes plan.json and plan.md."""
    input:
        speed=lambda wildcards: PLANNING.calibration_file(),
        published="paper/published.csv",
    log:
        "<results>/logs/plan/plan.log",
    localrule: True
    conda:
        "../envs/bertfit.yaml"
    params:
        job=lambda wildcards: job("plan", PLANNING.plan_spec()),
    script:
        "../scripts/plan.py"


rule archive_study:
    """The records of the study in one file, without weights: scripts/rebuild.py makes everything of it again."""
    input:
        records=lambda wildcards: ARCHIVING.records(),
        made=lambda wildcards: ARCHIVING.made(),
    output:
        "<results>.zip",
    log:
        "<results>/logs/archive_study/archive.log",
    conda:
        "../envs/bertfit.yaml"
    params:
        job=lambda wildcards: job("archive_study", ARCHIVING.spec()),
    script:
        "../scripts/archive_study.py"


rule archive:
    """The same by its name: snakemake archive."""
    input:
        "<results>.zip",
    localrule: True
