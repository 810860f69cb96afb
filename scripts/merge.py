"""Add up archives of one study: python scripts/merge.py A.zip B.zip ... OUT.zip. Needs no torch."""

import argparse
import sys
from pathlib import Path

from bertfit.archiving import merged_archive
from bertfit.core.errors import UserError


def main() -> int:
    """Exit status: 0 if the archive was written, 2 if the archives cannot be merged."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("archives", type=Path, nargs="+", help="of parts, artefacts, corpora or seeds of a study")
    parser.add_argument("out", type=Path, help="a new zip file")
    parser.add_argument(
        "--prefer",
        type=Path,
        action="append",
        default=[],
        help="an archive whose records count where several differ; may be repeated, the first one first",
    )
    options = parser.parse_intermixed_args()
    try:
        records = merged_archive.merge(options.archives, options.out, options.prefer)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{len(records)} records of {len(options.archives)} archives merged into {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
