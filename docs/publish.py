"""Publish a finished study in the documentation: python docs/publish.py results/STUDY.zip

Writes docs/results/STUDY anew: a smaller copy of the archive, and of what is in it the verdicts, tables and figures.
The page about them, index.md, is written by hand and named in `nav` of mkdocs.yml.
"""

import argparse
import shutil
import sys
import zipfile
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from bertfit.archiving.slim_archive import slim
from bertfit.core.errors import UserError
from bertfit.export.archive import MANIFEST
from bertfit.export.archive_manifest import ArchiveManifest

SHOWN = ("claims.md", "tables/*.md", "figures/*.svg")
"""paths below the study's folder of results"""


def main() -> int:
    """Exit status: 0 if the study was published, 2 if it cannot be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("archive", type=Path, help="results/study.zip, by `snakemake archive`")
    try:
        published = publish(parser.parse_args().archive, Path(__file__).parent / "results")
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{published}: {published.stat().st_size / 1e6:.1f} MB")
    return 0


def publish(archive: Path, results: Path) -> Path:
    """Write the folder of the archive's study below ``results``; returns the smaller archive in it.

    Raises `UserError` as `slim`, and for an archive of a choice of artefacts.
    """
    with TemporaryDirectory(prefix="bertfit-") as temporary:
        slimmed = Path(temporary, "study.zip")
        slim(archive, slimmed)
        with zipfile.ZipFile(slimmed) as file:
            manifest = ArchiveManifest.model_validate_json(file.read(MANIFEST))
            if "artefacts" in manifest.switches:
                raise UserError(f"{archive} is of a choice of artefacts; archive the whole study")
            content = {path: file.read(str(PurePosixPath(manifest.root, path))) for path in shown(manifest)}
        folder = results / PurePosixPath(manifest.root).name
        for name in dict.fromkeys(pattern.partition("/")[0] for pattern in SHOWN):  # a table may be there no more
            shutil.rmtree(folder / name) if (folder / name).is_dir() else (folder / name).unlink(missing_ok=True)
        for path, text in content.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(text)
        return Path(shutil.copyfile(slimmed, folder / f"{folder.name}.zip"))


def shown(manifest: ArchiveManifest) -> list[str]:
    """What of an archive is shown, as paths below the study's folder of results."""
    root = PurePosixPath(manifest.root)
    patterns = [str(root / pattern) for pattern in SHOWN]
    paths = [PurePosixPath(path) for path in manifest.sha256]
    return [str(path.relative_to(root)) for path in paths if any(path.match(pattern) for pattern in patterns)]


if __name__ == "__main__":
    sys.exit(main())
