"""Make the tables, figures and page of an archive again: python scripts/rebuild.py ARCHIVE OUT. Needs no torch."""

import argparse
import sys
from pathlib import Path

from bertfit.core.errors import UserError
from bertfit.export import rebuild


def main() -> int:
    """0 where every file came out with the bytes of the archived one, 1 where not, 2 where it could not be made."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("archive", type=Path, help="study.zip, or the folder it was unpacked to")
    parser.add_argument("out", type=Path, help="a new folder")
    options = parser.parse_args()
    try:
        made = rebuild.rebuild(options.archive, options.out)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    others = [path for path, same in made.items() if not same]
    print("".join(f"differs: {path}\n" for path in others), end="")
    print(f"{len(made)} files made in {options.out}, {len(made) - len(others)} with the bytes of the archived ones")
    return bool(others)


if __name__ == "__main__":
    sys.exit(main())
