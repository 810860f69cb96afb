"""Compare two results folders for changes beyond noise: python scripts/compare.py results/paper other/results/paper"""

import argparse
import sys
from pathlib import Path

from bertfit.core.errors import UserError
from bertfit.core.files import write_text
from bertfit.evaluation import compare_page, compare_results


def main() -> int:
    """Exit status: 0; with --same 1 if anything differs; 2 if a folder cannot be read."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("a", type=Path, help="results/<study>")
    parser.add_argument("b", type=Path, help="results folder to compare with")
    parser.add_argument("--all", action="store_true", help="list every cell, also those within noise")
    parser.add_argument("--csv", type=Path, help="write all cells as CSV")
    parser.add_argument("--md", type=Path, help="write what is printed")
    parser.add_argument(
        "--same", action="store_true", help="only check that all numbers are bit-identical; fail if not"
    )
    options = parser.parse_args()
    a, b = compare_results.ResultsSide(options.a), compare_results.ResultsSide(options.b)
    try:
        if options.same:
            differences = compare_results.differences(a, b)
            print("\n".join(differences) if differences else f"{len(a.errors)} cells, the same to the bit")
            return bool(differences)
        changes = compare_results.changes(a, b)
        page = compare_page.markdown(changes, a, b, all_cells=options.all)
        if options.csv:
            compare_page.csv(changes, options.csv)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if options.md:
        write_text(options.md, page)
    print(page, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
