"""The manifest of an archive: older ones are read, and unknown values are refused."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from bertfit.export.archive_manifest import ArchiveManifest

OLDER = {
    "format": 1, "study": "tiny", "root": "results/tiny", "switches": {}, "shard": None, "sources": {"imdb": None},
    "jobs": [], "made": [], "versions": {}, "sha256": {},
}  # fmt: skip


def test_manifests_without_contributors() -> None:
    manifest = ArchiveManifest.model_validate(OLDER)
    assert (manifest.contributor, manifest.contributed, manifest.logit_step) == (None, None, None)


def test_mistakes() -> None:
    for value in ({"contributors": []}, {"contributor": "a\nb"}, {"contributed": {"by": [{"name": "a"}]}}):
        with pytest.raises(ValidationError):
            ArchiveManifest.model_validate(OLDER | value)
