"""Classify texts: python scripts/predict.py MODEL texts.csv --text COLUMN -o answers.csv

From a pipe to a pipe: ... | python scripts/predict.py MODEL - --text COLUMN | ...
"""

import argparse
import signal
import sys
from pathlib import Path

from bertfit.core.errors import UserError

PIPE = "-"


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="results/<study>/model, or models/seed<k> of a run")
    parser.add_argument("texts", help="CSV, TSV, JSON, JSONL or Parquet; - reads a pipe")
    parser.add_argument("--text", metavar="COLUMN", help="column of the texts; default: as in training")
    parser.add_argument("-o", "--out", help="CSV or JSONL; - writes to a pipe; default: <texts>.answers.csv, or -")
    parser.add_argument(
        "--format",
        choices=["csv", "jsonl"],
        help="of the output, and of a pipe to read; default: by the ending, else CSV",
    )
    parser.add_argument(
        "--input-format", choices=["csv", "tsv", "jsonl", "parquet"], help="default: by the ending; of a pipe --format"
    )
    kept = parser.add_mutually_exclusive_group()
    kept.add_argument("--id", metavar="COLUMN", action="append", help="column to repeat beside the answers; repeatable")
    kept.add_argument("--keep", action="store_true", help="repeat all columns of the input beside the answers")
    parser.add_argument(
        "--runtime", choices=["torch", "onnx", "onnx8"], default="torch",
        help="onnx and onnx8 (8-bit) start faster and need onnxruntime, no torch",
    )  # fmt: skip
    parser.add_argument("--threads", type=int, help="default: all cores")
    return parser


def main() -> int:
    """Exit status: 0, or 2 if a file, the column or the model is wrong."""
    options = arguments().parse_args()
    out = options.out or (PIPE if options.texts == PIPE else str(Path(options.texts).with_suffix(".answers.csv")))
    if options.out is None and options.format == "jsonl" and out != PIPE:
        out = str(Path(out).with_suffix(".jsonl"))
    if out == PIPE:
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `| head` ends this program without a message
    from bertfit.inference import input_rows, predict  # takes seconds, which --help does not need

    try:
        if out != PIPE and Path(out).is_dir():
            raise UserError(f"{out}: a folder; give -o a file")
        counts = predict.run(
            options.model,
            predict.Request(
                source=options.texts,
                out=out,
                text=options.text,
                keep=[input_rows.ALL] if options.keep else options.id or [],
                read_as=options.input_format,
                write_as=options.format,
                runtime=options.runtime,
                threads=options.threads,
            ),
        )
    except (UserError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if counts.empty:
        print(f"{counts.empty:,} rows without text have an empty label", file=sys.stderr)
    print(f"{counts.texts:,} texts classified: {out}", file=sys.stderr if out == PIPE else sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
