"""Publish a finished study in the documentation: python docs/publish.py results/STUDY.zip

Writes docs/results/STUDY: a smaller copy of the archive, and of what is in it the verdicts, tables and figures. The
page about them, index.md, is written by hand.
"""

import sys
import zipfile
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from bertfit.archiving.slim_archive import slim

SHOWN = ("claims.md", "tables/*.md", "figures/*.svg")


def main() -> None:
    """Publish the archive that the command line names."""
    archive = Path(sys.argv[1])
    folder = Path(__file__).parent / "results" / archive.stem
    folder.mkdir(parents=True, exist_ok=True)
    published = folder / archive.name
    with TemporaryDirectory(dir=folder) as temporary:  # what is published stays if the archive is refused
        slim(archive, Path(temporary, archive.name))
        Path(temporary, archive.name).replace(published)
    root = PurePosixPath("results", archive.stem)
    with zipfile.ZipFile(published) as file:
        for path in map(PurePosixPath, file.namelist()):
            if path.is_relative_to(root) and any(path.match(str(root / pattern)) for pattern in SHOWN):
                shown = folder / path.relative_to(root)
                shown.parent.mkdir(exist_ok=True)
                shown.write_bytes(file.read(str(path)))
    print(f"{folder}: archive of {published.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
