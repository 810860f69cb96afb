"""The entities of a crate, by `rocrate`: files with their digests, and what they refer to."""

from __future__ import annotations

import mimetypes
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from rocrate.model import ContextEntity, Entity, File
from rocrate.rocrate import ROCrate

from bertfit.provenance.job_runs import UsedFile

RUN_TERMS = "https://w3id.org/ro/terms/workflow-run#"
TERMS = {
    "sha256": f"{RUN_TERMS}sha256",
    "resourceUsage": f"{RUN_TERMS}resourceUsage",
    "buildInstructions": "https://codemeta.github.io/terms/buildInstructions",
}
"""terms of the profiles that the context of RO-Crate 1.1 lacks"""
FORMATS = {
    ".smk": "text/x-python",
    ".yaml": "application/yaml",
    ".parquet": "application/vnd.apache.parquet",
    ".arrow": "application/vnd.apache.arrow.file",
    ".jsonl": "application/jsonlines",
    ".md": "text/markdown",
    ".tex": "application/x-tex",
}
Reference = dict[str, str]


class EntityGraph:
    """The entities of a crate of ``files``: path -> (SHA-256, bytes), each of which becomes an entity."""

    def __init__(self, files: Mapping[str, tuple[str, int]]) -> None:
        self.files = files
        self._crate = ROCrate(version="1.1")  # of which the profiles are extensions
        for path, (digest, size) in sorted(files.items()):
            kind = FORMATS.get(PurePosixPath(path).suffix) or mimetypes.guess_type(path)[0] or "text/plain"
            values = {"name": path, "sha256": digest, "contentSize": str(size), "encodingFormat": kind}
            self._crate.add(File(self._crate, dest_path=path, properties=values))

    def add(self, identifier: str, kind: str, /, **values: Any) -> Reference:
        """Add an entity that is no file, once; without values that are None or empty."""
        if self._crate.get(identifier) is None:
            self._crate.add(ContextEntity(self._crate, identifier, properties={"@type": kind, **_given(values)}))
        return {"@id": identifier}

    def describe(self, path: str, /, *kinds: str, **values: Any) -> Reference:
        """Say more of a file, which is also of the types ``kinds``; without values that are None or empty."""
        entity = self._crate.get(quote(path))
        assert isinstance(entity, Entity), path
        if kinds:
            entity.properties()["@type"] = ["File", *kinds]
        for name, value in _given(values).items():
            entity[name] = value
        return {"@id": entity.id}

    def used(self, used: UsedFile) -> Reference:
        """The file of the crate with this path and digest; of another, which is not in the crate, what is known."""
        here = self.files.get(used.path)
        if here and used.sha256 in (None, here[0]):
            return file(used.path)
        absolute = PurePosixPath(used.path).is_absolute()  # a folder of one machine
        name = PurePosixPath(used.path).name if absolute else used.path
        return self.add(
            f"#file/{quote(name)}{f'/{used.sha256[:16]}' if used.sha256 else ''}",
            "CreativeWork",
            name=name,
            sha256=used.sha256,
            description="A file that is not in the crate: it belongs to the data, or the workflow makes it again.",
        )

    def metadata(self, **root: Any) -> dict[str, Any]:
        """The content of ``ro-crate-metadata.json``; ``root``: values of the crate itself."""
        for name, value in _given(root).items():
            self._crate.root_dataset[name] = value
        self._crate.metadata.extra_terms.update(TERMS)
        self._crate.metadata["conformsTo"] = [
            {"@id": "https://w3id.org/ro/crate/1.1"},
            {"@id": "https://w3id.org/workflowhub/workflow-ro-crate/1.0"},
        ]
        content: dict[str, Any] = self._crate.metadata.generate()
        return content


def file(path: str) -> Reference:
    """A reference to a file of the crate."""
    return {"@id": quote(path)}


def once(references: Iterable[Reference]) -> list[Reference]:
    """Each reference once, in order."""
    return [{"@id": identifier} for identifier in dict.fromkeys(each["@id"] for each in references)]


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    """Without values that are None or empty; a list of one value is that value, as the format asks for."""
    given = {name: value for name, value in values.items() if value not in (None, "", [])}
    return {name: value[0] if isinstance(value, list) and len(value) == 1 else value for name, value in given.items()}
