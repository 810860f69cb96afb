"""A smaller archive, with rounded logits: python scripts/slim_archive.py ARCHIVE OUT.zip. Needs no torch."""

import argparse
import sys
from pathlib import Path

from bertfit.archiving import slim_archive
from bertfit.core.errors import UserError


def main() -> int:
    """Exit status: 0 if the archive was written, 2 if it cannot be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("archive", type=Path, help="study.zip, or the folder it was unpacked to")
    parser.add_argument("out", type=Path, help="a new zip file")
    options = parser.parse_args()
    try:
        slim_archive.slim(options.archive, options.out)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{options.out}: {options.out.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
