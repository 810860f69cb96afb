"""The jobs of a crate as actions: each job, the run of the workflow, and Snakemake, which ran it."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import quote

from bertfit.crate.crate_content import CrateContent
from bertfit.crate.described_workflow import SNAKEMAKE, WORKFLOW, corpus, parameters, step, tool
from bertfit.crate.entity_graph import EntityGraph, Reference, file, once
from bertfit.provenance.job_runs import JobRun, UsedFile, recorded_digests

RUN, ENGINE_RUN = "#run", "#engine-run"
COMPLETED = "http://schema.org/CompletedActionStatus"
SECONDS, BYTES = "https://qudt.org/vocab/unit/SEC", "https://qudt.org/vocab/unit/BYTE"


def actions(graph: EntityGraph, content: CrateContent, corpora: list[Reference]) -> list[Reference]:
    """The run of the workflow, that of Snakemake, and each job."""
    digests = recorded_digests(content.jobs)
    jobs = [_job(graph, job, digests) for job in content.jobs]
    start, end = span(content.jobs)
    run = graph.add(
        RUN,
        "CreateAction",
        name=f"Run of the study {content.facts.manifest.study}",
        description=f"{len(jobs):,} jobs, which this crate describes one by one.",
        instrument=file(WORKFLOW),
        object=[value for _, value in parameters(graph, content)] + corpora,
        result=[file(path) for path in content.results],
        startTime=start,
        endTime=end,
        actionStatus=COMPLETED,
    )
    version, source = content.engine
    engine = graph.add(
        SNAKEMAKE,
        "SoftwareApplication",
        name="Snakemake",
        url=SNAKEMAKE,
        version=version,
        description=f"Version: {source}.",
    )
    controls = [
        graph.add(
            f"#control/{action['@id'].removeprefix('#job/')}",
            "ControlAction",
            name=f"Snakemake runs {job.script}",
            instrument=step(job.script),
            object=action,
        )
        for job, action in zip(content.jobs, jobs, strict=True)
    ]
    name = "Snakemake runs the workflow"
    values = {"name": name, "instrument": engine, "object": controls, "result": run, "startTime": start, "endTime": end}
    return [run, graph.add(ENGINE_RUN, "OrganizeAction", **values), *jobs]


def span(jobs: list[JobRun]) -> tuple[str | None, str | None]:
    """First start and last end of jobs, where they are known."""
    starts = [job.started for job in jobs if job.started is not None]
    ends = [job.ended for job in jobs if job.ended is not None]
    return iso_time(min(starts, default=None)), iso_time(max(ends, default=None))


def iso_time(seconds: float | None) -> str | None:
    """Seconds since 1970 in ISO 8601, UTC."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _job(graph: EntityGraph, job: JobRun, digests: dict[str, set[str]]) -> Reference:
    """A job. Of an output that is not in the crate, those digests that a training recorded of it."""
    identifier = f"#job/{quote(job.script)}/{quote(job.outputs[0])}"
    objects = [graph.used(used) for used in job.inputs]
    objects += [{"@id": corpus(job.corpus)}] if job.corpus else []
    results = []
    for path in job.outputs:
        known: list[str | None] = [None] if path in graph.files else [*sorted(digests.get(path, ()))]
        results += [graph.used(UsedFile(path, digest)) for digest in known or [None]]
    return graph.add(
        identifier,
        "CreateAction",
        name=f"{job.script}: {job.outputs[0]}",
        description=_machine(job),
        instrument=file(tool(job.script)),
        object=once(objects),
        result=once(results),
        startTime=iso_time(job.started),
        endTime=iso_time(job.ended),
        actionStatus=COMPLETED,
        resourceUsage=_usage(graph, identifier, job),
    )


def _usage(graph: EntityGraph, action: str, job: JobRun) -> list[Reference]:
    """Seconds of the loop and peak memory as the job recorded them; ``propertyID`` is the key in run.json."""
    if job.record is None:
        return []
    cost = job.record.cost
    measures = [
        ("seconds of training and evaluation", "cost.seconds", cost.total_seconds, SECONDS),
        ("peak memory of the process", "cost.peak_memory_bytes.process", cost.peak_memory_bytes.process, BYTES),
    ]
    return [
        graph.add(
            f"{action}/{key}", "PropertyValue", name=name, propertyID=key, value=str(value), unitCode={"@id": unit}
        )
        for name, key, value, unit in measures
        if value is not None
    ]


def _machine(job: JobRun) -> str:
    """Where a training ran; of other jobs that no record says it."""
    if job.record is None:
        return "No record says on which machine."
    machine, threads = job.record.machine, job.record.cost.threads
    return f"On {machine.device}, {machine.system}{f', {threads} threads' if threads else ''}."
