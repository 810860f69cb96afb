"""Classify new texts: python scripts/predict.py MODEL texts.csv --text COLUMN -o answers.csv"""

import argparse
import sys
from pathlib import Path

from bertfit.core.errors import UserError


def main() -> int:
    """Exit status: 0, or 2 if a file, the column or the model is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path, help="results/<study>/model, or models/seed<k> of a run")
    parser.add_argument("texts", type=Path, help="CSV, TSV, JSONL or Parquet")
    parser.add_argument("--text", metavar="COLUMN", help="column of the texts; default: as in training")
    parser.add_argument("-o", "--out", type=Path, help="CSV; default: <texts>.answers.csv")
    options = parser.parse_args()
    out = options.out or options.texts.with_suffix(".answers.csv")
    from bertfit.export import predict  # takes seconds, which --help does not need

    try:
        if not (options.model / "config.json").is_file():
            raise UserError(f"{options.model}: no model in it (config.json); give results/<study>/model")
        if out.is_dir():
            raise UserError(f"{out}: a folder; give -o a file")
        column = options.text if options.text is not None else predict.column(options.model)
        count = predict.run(options.model, options.texts, column, out)
    except (UserError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{count:,} texts classified: {out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
