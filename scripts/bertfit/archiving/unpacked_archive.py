"""An archive in a temporary folder, its files checked; and what messages say of several archives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from bertfit.contributions.contributed import LONGEST_NAME, is_name
from bertfit.core.errors import UserError
from bertfit.experiments.job_record import JobRecord
from bertfit.export import archive
from bertfit.export.archive_manifest import ArchiveManifest

SHOWN = 10  # differing files or missing parts in a message


@dataclass(frozen=True)
class Unpacked:
    """An archive: ``path`` as it was given, the ``folder`` it was unpacked to, and its manifest."""

    path: Path
    folder: Path
    manifest: ArchiveManifest

    def __contains__(self, file: str) -> bool:
        return file in self.manifest.sha256

    @property
    def contributor(self) -> str:
        """As ``--config contributor`` named it, else the name of the file. Raises `UserError` if that is no name."""
        name = self.manifest.contributor or self.path.absolute().name.removesuffix(".zip")
        if not is_name(name):
            raise UserError(f"{self.path}: give the file a name of at most {LONGEST_NAME} printable characters")
        return name

    def contributor_of(self, record: JobRecord | None) -> str:
        """Who made a record of this archive. Raises `UserError` where it says what is no name."""
        if record is None or record.contributor is None:
            return self.contributor
        if not is_name(record.contributor):
            raise UserError(
                f"{self.path}: {record.contributor[:LONGEST_NAME]!r} is no contributor; do not use this archive"
            )
        return record.contributor

    @property
    def results(self) -> list[PurePosixPath]:
        """The files of the study's results, below their folder."""
        root = PurePosixPath(self.manifest.root)
        paths = map(PurePosixPath, self.manifest.sha256)
        return [path.relative_to(root) for path in paths if path.is_relative_to(root)]


def unpacked(path: Path, folder: Path) -> Unpacked:
    """The archive at ``path``, unpacked in ``folder``. Raises `UserError` if there is none, or if it is damaged."""
    if not path.exists():
        raise UserError(f"{path}: there is no such archive")
    return Unpacked(path, folder, archive.unpack(path, folder))


def listed(names: Sequence[str], count: int) -> str:
    """The first `SHOWN` of ``count`` names, and how many more there are."""
    more = f" and {count - SHOWN:,} more" if count > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
