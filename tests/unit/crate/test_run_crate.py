"""The crate of the made-up study: accepted by the validator, true to its files, the same twice, still an archive."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

pytest.importorskip("rocrate", reason="needs rocrate: pip install -r requirements.txt")

from bertfit.archiving.archive_jobs import ArchiveJobs
from bertfit.core.errors import UserError
from bertfit.crate import run_crate
from bertfit.export import rebuild
from bertfit.provenance import croissant
from conftest import ROOT
from helpers import crated
from helpers.archived import BLOCK, archiving_of, pack_as

RESULTS = "results/tiny"
LEFT_TO_PEOPLE = {
    "The Action SHOULD have an agent that is a Person or Organization",
    "The `publisher` property of a `Root Data Entity` SHOULD be an `Organization`",
    "The organization SHOULD have a URL.",
    "The Application SHOULD have a url",
    "The Main Workflow SHOULD comply with Bioschemas ComputationalWorkflow profile version 1.0 or later",
}
NOT_OURS = {"The SoftwareApplication id SHOULD be an absolute URI"}
"""of scripts, which are files of the crate and have their paths as identifiers"""
NOT_RECORDED = {"The Action SHOULD have an endTime in ISO 8601 format"}


@pytest.fixture(scope="module")
def records(archivable: tuple[Path, ArchiveJobs], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What Snakemake would have recorded of each job: a second apart, ten seconds long."""
    folder = tmp_path_factory.mktemp("metadata")
    _, archiving = archivable
    for number, path in enumerate(archiving.records()):
        crated.record(folder, path, crated.job("any", [], 1e9 + number))
    for number, job in enumerate(archiving.archived()):
        for path in job.output.values() if isinstance(job.output, dict) else job.output:
            crated.record(folder, str(path), crated.job(job.script, [], 1e9 + 5000 + number))
    return folder


@pytest.fixture(scope="module")
def crate(archived: Path, records: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("crate") / "tiny.crate.zip"
    run_crate.write(archived, out, records=records, checklist=out.with_name("reforms.md"))
    return out


def graph(crate: Path) -> dict[str, dict[str, Any]]:
    """Identifier -> entity."""
    with zipfile.ZipFile(crate) as file:
        entities = json.loads(file.read(run_crate.METADATA))["@graph"]
    found = {entity["@id"]: entity for entity in entities}
    assert len(found) == len(entities), "an identifier is used twice"
    return found


def ids(value: Any) -> list[str]:
    return [each["@id"] for each in (value if isinstance(value, list) else [value])]


@pytest.mark.parametrize("profile", ["provenance-run-crate-0.5", "workflow-ro-crate-1.0"])
def test_the_validator_accepts_it(crate: Path, profile: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing that is required is missing; what is only recommended is left to people, and each is named here."""
    issues = crated.issues(crate, profile, monkeypatch, tmp_path)
    assert [issue for issue in issues if issue[1] == "REQUIRED"] == []
    assert {message for _, _, message in issues} <= LEFT_TO_PEOPLE | NOT_OURS


def test_the_validator_refuses_a_damaged_one(crate: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with zipfile.ZipFile(crate) as before, zipfile.ZipFile(tmp_path / "damaged.zip", "w") as after:
        for name in before.namelist():
            data = before.read(name)
            if name == run_crate.METADATA:
                values = json.loads(data)
                for entity in values["@graph"]:
                    if entity["@type"] == "CreateAction":
                        del entity["instrument"]
                data = json.dumps(values).encode()
            after.writestr(name, data)
    issues = crated.issues(tmp_path / "damaged.zip", "provenance-run-crate-0.5", monkeypatch, tmp_path / "cache")
    required = {message for _, severity, message in issues if severity == "REQUIRED"}
    assert "The Action MUST have an instrument property that references the executed tool" in required


def test_every_file_has_the_digest_that_the_metadata_say(crate: Path) -> None:
    entities = graph(crate)
    parts = {unquote(each) for each in ids(entities["./"]["hasPart"])}
    with zipfile.ZipFile(crate) as file:
        names = set(file.namelist())
        assert parts == names - {run_crate.METADATA}
        for identifier, entity in entities.items():
            if "File" in entity["@type"]:
                data = file.read(unquote(identifier))
                assert (entity["sha256"], entity["contentSize"]) == (hashlib.sha256(data).hexdigest(), str(len(data)))
    assert sum("File" in entity["@type"] for entity in entities.values()) == len(parts)


def test_every_reference_leads_to_an_entity(crate: Path) -> None:
    entities = graph(crate)

    def references(value: Any) -> list[str]:
        if isinstance(value, dict):
            return [value["@id"]]
        return [each for item in value for each in references(item)] if isinstance(value, list) else []

    outside = {
        identifier
        for entity in entities.values()
        for name, value in entity.items()
        for identifier in references(value)
        if identifier not in entities
    }
    assert all(identifier.startswith("https://") for identifier in outside)


def test_jobs_are_actions_with_times_inputs_and_outputs(crate: Path, archivable: tuple[Path, ArchiveJobs]) -> None:
    entities = graph(crate)
    report = entities[f"#job/build_report/{RESULTS}/report.html"]
    assert report["instrument"] == {"@id": "scripts/build_report.py"}
    assert ids(report["result"]) == [f"{RESULTS}/report.html"] and f"{RESULTS}/claims.json" in ids(report["object"])
    assert report["startTime"] < report["endTime"] and report["startTime"].startswith("2001-09-09T")
    run, engine = entities["#run"], entities["#engine-run"]
    assert run["instrument"] == {"@id": "Snakefile"} and f"{RESULTS}/report.html" in ids(run["result"])
    assert run["endTime"] == entities["./"]["datePublished"] == report["endTime"]
    jobs = [
        entity for name, entity in entities.items() if name.startswith("#job/") and "CreateAction" in entity["@type"]
    ]
    controls = [entities[each] for each in ids(engine["object"])]
    assert {control["object"]["@id"] for control in controls} == {job["@id"] for job in jobs}
    assert {job["@id"] for job in jobs} <= set(ids(entities["./"]["mentions"]))
    made = [path for job in jobs for path in ids(job["result"])]
    assert len(made) == len(set(made)), "a file is made by one job"
    for control in controls:
        step = entities[control["instrument"]["@id"]]
        assert step["workExample"] == entities[control["object"]["@id"]]["instrument"]
    assert not [entity for entity in entities.values() if "agent" in entity], "who ran the study is left to people"


def test_workflow_parameters_and_packages(crate: Path) -> None:
    entities = graph(crate)
    workflow = entities["Snakefile"]
    assert entities[workflow["programmingLanguage"]["@id"]]["name"] == "Snakemake"
    assert workflow["license"] == {"@id": "https://spdx.org/licenses/MIT"}
    assert entities[workflow["author"]["@id"]]["name"] == "the bertfit authors"
    given = {entities[each]["name"]: entities[each] for each in ids(workflow["input"])}
    assert entities[given["study"]["workExample"]["@id"]]["value"] == "tiny"
    assert given["config.yaml"]["workExample"] == {"@id": "config.yaml"}
    assert {f"{RESULTS}/{entities[each]['name']}" for each in ids(workflow["output"])} >= {f"{RESULTS}/report.html"}
    assert workflow["buildInstructions"] == {"@id": "envs/bertfit.yaml"}
    assert entities["https://pypi.org/project/torch/2/"]["version"] == "2"


def test_corpora_and_checklist_are_in_it(crate: Path) -> None:
    entities = graph(crate)
    assert entities["#corpus/imdb"]["subjectOf"] == {"@id": f"{RESULTS}/corpora/imdb/croissant.json"}
    with zipfile.ZipFile(crate) as file:
        described = json.loads(file.read(f"{RESULTS}/corpora/imdb/croissant.json"))
        checklist = file.read(f"{RESULTS}/reforms.md").decode()
    assert described["conformsTo"] == croissant.CONFORMS_TO and described["distribution"] == []
    assert checklist == crate.with_name("reforms.md").read_text()


def test_the_same_records_give_the_same_bytes(
    archived: Path, crate: Path, records: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "copied.zip"
    copy.write_bytes(archived.read_bytes())
    os.utime(copy, (1, 1))
    run_crate.write(copy, tmp_path / "again.crate.zip", records=records)
    assert (tmp_path / "again.crate.zip").read_bytes() == crate.read_bytes()


def test_date_of_publication(archived: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Snakemake's records that of the archive; the variable of reproducible builds comes first."""
    copy, out = tmp_path / "copied.zip", tmp_path / "out.zip"
    copy.write_bytes(archived.read_bytes())
    os.utime(copy, (86400, 86400))
    run_crate.write(copy, out)
    assert graph(out)["./"]["datePublished"] == "1970-01-02T00:00:00+00:00" and "endTime" not in graph(out)["#run"]
    monkeypatch.setenv(run_crate.CLOCK, "1000000000")
    run_crate.write(copy, out, records=tmp_path / "none")
    assert graph(out)["./"]["datePublished"] == "2001-09-09T01:46:40+00:00"
    monkeypatch.setenv(run_crate.CLOCK, "today")
    with pytest.raises(UserError, match="SOURCE_DATE_EPOCH=today: not a number of seconds since 1970"):
        run_crate.write(copy, out, records=tmp_path / "none")


def test_without_times_only_they_are_missing(archived: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_crate.write(archived, tmp_path / "out.zip", records=tmp_path / "none")
    issues = crated.issues(tmp_path / "out.zip", "provenance-run-crate-0.5", monkeypatch, tmp_path)
    assert [issue for issue in issues if issue[1] == "REQUIRED"] == []
    assert NOT_RECORDED <= {message for _, _, message in issues} <= LEFT_TO_PEOPLE | NOT_OURS | NOT_RECORDED


def test_it_is_still_an_archive(crate: Path, tmp_path: Path) -> None:
    same = rebuild.rebuild(crate, tmp_path / "rebuilt")
    assert all(same.values()) and f"{RESULTS}/report.html" in same


def test_the_command(archived: Path, tmp_path: Path) -> None:
    """It needs no torch, and says what is wrong."""
    command = [sys.executable, "-c", BLOCK, str(ROOT / "scripts/make_crate.py"), archived, tmp_path / "out.zip"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert graph(tmp_path / "out.zip")["./"]["mainEntity"] == {"@id": "Snakefile"}
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr.endswith("out.zip exists; give the name of a new file last\n")) == (2, True)


def test_what_cannot_be_described(archived: Path, archivable: tuple[Path, ArchiveJobs], tmp_path: Path) -> None:
    out = tmp_path / "out.zip"
    damaged = bytearray(archived.read_bytes())
    damaged[len(damaged) // 2] ^= 255
    (tmp_path / "damaged.zip").write_bytes(damaged)
    with pytest.raises(UserError, match="damaged.zip: (not a whole archive|.* is missing or damaged)"):
        run_crate.write(tmp_path / "damaged.zip", out)
    part = pack_as(archivable[0], archiving_of(archivable[0], shard="1/2"), "crate-part.zip")
    with pytest.raises(UserError, match="part 1 of 2 of a study; merge all parts first"):
        run_crate.write(part, out)
    (tmp_path / "croissant.json").write_text("{")
    with pytest.raises(UserError, match="croissant.json: not a Croissant description .* delete it and run again"):
        run_crate.write(archived, out, descriptions={"imdb": tmp_path / "croissant.json"})
    lost = tmp_path / "lost.zip"
    with zipfile.ZipFile(archived) as before, zipfile.ZipFile(lost, "w") as after:
        values = json.loads(before.read("manifest.json"))
        path = f"{RESULTS}/corpora/imdb/card.json"
        del values["sha256"][path]
        for name in set(before.namelist()) - {path}:
            after.writestr(name, json.dumps(values) if name == "manifest.json" else before.read(name))
    with pytest.raises(UserError, match=rf"lost.zip: {path}: not the card of a corpus"):
        run_crate.write(lost, out)
    assert not out.exists()
