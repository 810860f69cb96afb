"""The plan of a study (jobs, time, disk space) before it runs, and the archive of its records afterwards."""

from bertfit.workflow.plan_jobs import PlanJobs

PLAN = PlanJobs(JOBS)


rule measure_speed:
    """Time per step and operations per second of this device, from training steps with random weights."""
    output:
        "<results>/calibration.json",
    log:
        "<results>/logs/measure_speed/calibration.log",
    conda:
        "../envs/bertfit.yaml"
    threads: threads_of(NEEDS.calibration)
    resources:
        **asks(NEEDS.calibration),
    params:
        job=job("measure_speed", PLAN.calibration_spec),
    script:
        "../scripts/measure_speed.py"


# Without output, so that it always runs when requested: the plan depends on the jobs that are done.
rule plan:
    """Jobs, hours and disk, planned against actual, and the power of the claims: snakemake plan."""
    input:
        speed=of(PLAN.calibration_file),
    log:
        "<results>/logs/plan/plan.log",
    localrule: True
    conda:
        "../envs/bertfit.yaml"
    params:
        job=job("plan", PLAN.plan_spec),
    script:
        "../scripts/plan.py"


rule archive_study:
    """The records of the study in one file, without weights; scripts/rebuild.py rebuilds everything else."""
    input:
        records=of(ARCHIVE.records),
        rebuilt=of(ARCHIVE.rebuilt),
        studies=ARCHIVE.own_studies,
        citation=str(FOLDER / "CITATION.cff"),
    output:
        ARCHIVE.path,
    log:
        "<results>/logs/archive_study/archive.log",
    localrule: True
    conda:
        "../envs/bertfit.yaml"
    params:
        job=job("archive_study", ARCHIVE.spec),
    script:
        "../scripts/archive_study.py"


rule archive:
    """The archive by name: snakemake archive."""
    input:
        ARCHIVE.path,
    localrule: True
