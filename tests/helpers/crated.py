"""A study to describe: the made-up one unpacked, what Snakemake would have recorded of it; a validator of crates."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from bertfit.export import archive
from bertfit.provenance.study_facts import StudyFacts

CONTEXT = "https://w3id.org/ro/crate/1.1/context"


def facts(archived: Path, folder: Path) -> StudyFacts:
    """The facts of an archive, unpacked in ``folder``."""
    return StudyFacts(folder, archive.unpack(archived, folder))


def record(folder: Path, output: str, content: Mapping[str, Any] | str) -> None:
    """Write what Snakemake records of the job of an output, long names in parts as it does."""
    name = base64.urlsafe_b64encode(output.encode()).decode()
    *parts, last = [name[start : start + 254] for start in range(0, len(name), 254)]
    path = folder.joinpath(*(f"@{part}" for part in parts), last)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))


def job(rule: str, inputs: Sequence[str], start: float, **more: Any) -> dict[str, Any]:
    """The record of a job of ten seconds."""
    return {
        "rule": rule,
        "input": list(inputs),
        "log": [f"{rule}.log"],
        "starttime": start,
        "endtime": start + 10,
    } | more


def issues(crate: Path, profile: str, patch: pytest.MonkeyPatch, folder: Path) -> list[tuple[str, str, str]]:
    """What the validator finds: (check, severity, message). It fetches nothing: the context is a file of the tests.

    ``folder``: for a copy of the crate, since the validator (0.13) refuses any crate below a path with blanks.
    """
    models = pytest.importorskip(
        "rocrate_validator.models", reason="needs roc-validator: see docs/how-to/provenance.md"
    )
    from rocrate_validator import services
    from rocrate_validator.utils import document_loader, http

    text = Path(__file__).with_name("ro_crate_context.json").read_text()

    class Answer:
        status_code, headers, content = 200, {"Content-Type": "application/ld+json"}, text.encode()

        def json(self) -> Any:
            return json.loads(text)

    def get(_: Any, url: str, **__: Any) -> Answer:
        assert url == CONTEXT
        return Answer()

    patch.setattr(http.HttpRequester, "get", get, raising=False)
    patch.setattr(document_loader, "_fetch_json_ld", lambda url: get(None, url).json())
    folder.mkdir(exist_ok=True)
    copy = shutil.copy(crate, folder / "crate-to-validate.zip")
    settings = services.ValidationSettings(
        rocrate_uri=str(copy),
        profile_identifier=profile,
        requirement_severity=models.Severity.RECOMMENDED,
        cache_path=folder / "cache",
        offline=True,
    )
    found = services.validate(settings).get_issues()
    return [(issue.check.identifier, issue.severity.name, str(issue.message)) for issue in found]
