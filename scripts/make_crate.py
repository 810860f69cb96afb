"""A Workflow Run RO-Crate of an archive: python scripts/make_crate.py ARCHIVE OUT.zip. Needs no torch."""

import argparse
import sys
from pathlib import Path

from bertfit.core.errors import UserError
from bertfit.crate import run_crate


def main() -> int:
    """Exit status: 0 if the crate was written, 2 if the archive cannot be described."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("archive", type=Path, help="an archive of a whole study")
    parser.add_argument("out", type=Path, help="a new zip file")
    options = parser.parse_args()
    try:
        if options.out.exists():
            raise UserError(f"{options.out} exists; give the name of a new file last")
        run_crate.write(options.archive, options.out)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{options.out}: an RO-Crate of {options.archive}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
