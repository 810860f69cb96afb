"""Export the runs of a study for other tools: python scripts/export_results.py RESULTS --to lm-eval --out FOLDER

RESULTS is results/<study> or its archive. Needs no torch; MLflow and Weights & Biases are installed apart.
"""

import argparse
import sys
from pathlib import Path

from bertfit.core.errors import UserError


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, help="results/<study>, or an archive")
    parser.add_argument("--to", required=True, choices=["hub", "lm-eval", "mlflow", "wandb"])
    parser.add_argument("--out", type=Path, help="a folder; what is there stays")
    parser.add_argument("--artefacts", default="", metavar="A+B", help="only the runs of these tables and figures")
    parser.add_argument("--corpora", default="", metavar="A+B", help="only the runs on these corpora")
    parser.add_argument(
        "--selection", choices=["last", "best"], help="evaluation of a run (hub, lm-eval); default: last"
    )
    parser.add_argument("--date", help="when the study ran, ISO 8601 (hub, lm-eval); the records do not say it")
    parser.add_argument(
        "--predictions", action="store_true", help="also each test example's (lm-eval, mlflow, wandb), without texts"
    )
    parser.add_argument(
        "--benchmark", action="append", default=[], metavar="CORPUS=OWNER/NAME[:TASK][@COMMIT]",
        help="the data set on the hub that has the test rows of a corpus; repeatable (hub)",
    )  # fmt: skip
    parser.add_argument("--source", metavar="URL", help="where the records are published (hub)")
    parser.add_argument("--uri", help="a tracking store other than OUT/mlflow.db (mlflow)")
    return parser


def main() -> int:
    """Exit status: 0, or 2 if the records cannot be read or written."""
    options = arguments().parse_args()
    from bertfit.exchange import formats  # takes a second, which --help does not need

    request = formats.ExportRequest(
        to=options.to,
        out=options.out,
        artefacts=[name for name in options.artefacts.split("+") if name],
        corpora=[name for name in options.corpora.split("+") if name],
        selection=options.selection,
        date=options.date,
        predictions=options.predictions,
        benchmarks=options.benchmark,
        source=options.source,
        uri=options.uri,
    )
    try:
        print("\n".join(formats.export(options.results, request)))
    except (UserError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
