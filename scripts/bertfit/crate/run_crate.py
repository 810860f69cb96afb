"""A Workflow Run RO-Crate of an archive: everything in the archive, described, with corpora and a checklist.

Profiles: RO-Crate 1.1, Workflow RO-Crate 1.0, and of Workflow Run RO-Crate 0.5 Process Run Crate, Workflow Run Crate
and Provenance Run Crate (https://www.researchobject.org/workflow-run-crate/profiles). The crate stays an archive:
`rebuild` rebuilds its results. The same archive, descriptions and Snakemake records give the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any

from bertfit.core.errors import UserError
from bertfit.core.files import read_json, write_text
from bertfit.crate import described_jobs, described_workflow
from bertfit.crate.crate_content import CrateContent
from bertfit.crate.entity_graph import EntityGraph
from bertfit.export import archive, rebuild
from bertfit.provenance import citation, croissant, job_runs, snakemake_records
from bertfit.provenance.job_runs import JobRun
from bertfit.provenance.snakemake_records import RecordedJob
from bertfit.provenance.study_facts import StudyFacts
from bertfit.reforms import checklist_page

METADATA = "ro-crate-metadata.json"
CHECKLIST = "reforms.md"
PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": "Process Run Crate",
    "https://w3id.org/ro/wfrun/workflow/0.5": "Workflow Run Crate",
    "https://w3id.org/ro/wfrun/provenance/0.5": "Provenance Run Crate",
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": "Workflow RO-Crate",
}
CLOCK = "SOURCE_DATE_EPOCH"
"""variable that sets the date of publication, in seconds since 1970 (https://reproducible-builds.org/specs)"""


def write(
    source: Path,
    out: Path,
    checklist: Path | None = None,
    descriptions: Mapping[str, Path] = MappingProxyType({}),
    records: Path | None = None,
    scripts: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Write the crate ``out`` of the archive ``source``, and its REFORMS checklist also to ``checklist``.

    ``descriptions``: corpus -> its Croissant file; of others one is made of the card. ``records``: Snakemake's of the
    same results, which know the times of jobs; ``scripts``: rule -> its script. Raises `UserError` where the archive is
    damaged, lacks a record, or is that of a part.
    """
    with TemporaryDirectory(prefix="bertfit-") as temporary:
        folder = Path(temporary)
        facts = StudyFacts(folder, archive.unpack(source, folder))
        recorded = snakemake_records.read(records, facts.root) if records else {}
        try:
            content = _content(facts, source, descriptions, recorded, scripts)
        except UserError as error:  # the temporary folder is gone when it is read
            raise UserError(str(error).replace(f"{folder}/", f"{source}: ")) from error
    archive.pack(content, out)
    if checklist:
        write_text(checklist, content[f"{facts.root}/{CHECKLIST}"].decode())


def _content(
    facts: StudyFacts,
    source: Path,
    descriptions: Mapping[str, Path],
    recorded: Mapping[str, RecordedJob],
    scripts: Mapping[str, str],
) -> dict[str, bytes]:
    """Path -> bytes of the files of the crate."""
    jobs = job_runs.of_study(facts, recorded, scripts)
    paths = {name: f"{facts.root}/corpora/{name}/croissant.json" for name in facts.cards}
    content = {name: (facts.folder / name).read_bytes() for name in (*facts.manifest.sha256, archive.MANIFEST)}
    content |= {path: _description(facts, name, descriptions.get(name)) for name, path in paths.items()}
    content[f"{facts.root}/{CHECKLIST}"] = checklist_page.text(facts).encode()
    cited = facts.folder / citation.NAME
    about = CrateContent(
        facts=facts,
        citation=citation.read(cited if cited.is_file() else rebuild.SCRIPTS.parent / citation.NAME),
        jobs=jobs,
        files={name: (hashlib.sha256(data).hexdigest(), len(data)) for name, data in content.items()},
        descriptions=paths,
        published=published(jobs, source),
        installed=_installed(),
    )
    content[METADATA] = (json.dumps(metadata(about), indent=1, ensure_ascii=False) + "\n").encode()
    return content


def metadata(content: CrateContent) -> dict[str, Any]:
    """The content of ``ro-crate-metadata.json``; the same content gives the same metadata."""
    graph, facts = EntityGraph(content.files), content.facts
    corpora = described_workflow.corpora(graph, content)
    main = described_workflow.workflow(graph, content)
    actions = described_jobs.actions(graph, content, corpora)
    if "README.md" in content.files:
        graph.describe("README.md", about={"@id": "./"})
    profiles = [
        graph.add(profile, "CreativeWork", name=name, version=profile.rpartition("/")[2])
        for profile, name in PROFILES.items()
    ]
    return graph.metadata(
        name=f"{facts.report.study.title}: a run of the workflow bertfit",
        description=f"Records and results of the study {facts.manifest.study}: {len(facts.runs):,} training jobs with "
        f"{len(facts.seeds):,} seeds on {len(facts.cards):,} corpora, the tables, figures and verdicts made of them, "
        "and the code; without weights, and of texts with those of generated corpora alone.",
        datePublished=content.published,
        license=described_workflow.licence(graph, content),
        author=described_workflow.authors(graph, content),
        keywords="text classification, BERT, fine-tuning, reproduction",
        conformsTo=profiles,
        mainEntity=main,
        mentions=actions,
    )


def published(jobs: list[JobRun], source: Path) -> str:
    """The date of publication, ISO 8601: that of `CLOCK`, else the last end of a job, else the time of the archive.

    Raises `UserError` where `CLOCK` is no number.
    """
    if given := os.environ.get(CLOCK):
        if not given.isdecimal():
            raise UserError(f"{CLOCK}={given}: not a number of seconds since 1970; give one, or unset the variable")
        return described_jobs.iso_time(int(given)) or ""
    _, end = described_jobs.span(jobs)
    return end or described_jobs.iso_time(source.stat().st_mtime) or ""


def _installed() -> str | None:
    """The version of Snakemake on this machine; None where there is none."""
    try:
        return version("snakemake")
    except PackageNotFoundError:
        return None


def _description(facts: StudyFacts, corpus: str, path: Path | None) -> bytes:
    """The Croissant description of a corpus: the file that the workflow wrote, or one made of the card alone."""
    if path is None:
        return croissant.text(croissant.describe(facts.cards[corpus], {})).encode()
    try:
        read_json(path)
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: not a Croissant description ({error}); delete it and run again") from error
    return path.read_bytes()
