"""Rebuild tables, figures and report of an archive: python scripts/rebuild.py ARCHIVE OUT. Needs no torch."""

import argparse
import sys
from pathlib import Path

from bertfit.core.errors import UserError
from bertfit.export import rebuild


def main() -> int:
    """Exit status: 0 if every file has the bytes of the archived one, 1 if not, 2 if it cannot be rebuilt."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("archive", type=Path, help="study.zip, or the folder it was unpacked to")
    parser.add_argument("out", type=Path, help="a new folder")
    options = parser.parse_args()
    try:
        identical = rebuild.rebuild(options.archive, options.out)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    different = [path for path, same in identical.items() if not same]
    print("".join(f"differs: {path}\n" for path in different), end="")
    equal = len(identical) - len(different)
    print(f"{len(identical)} files rebuilt in {options.out}, {equal} with the bytes of the archived ones")
    return bool(different)


if __name__ == "__main__":
    sys.exit(main())
