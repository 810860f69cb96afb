"""Classifies data sets with known difficulties as a user would: ``docs/measured/own-datasets.md``.

    python bench/own_datasets.py [NAME ...] [--budget 3m] [--data FOLDER] [--out results/bench/own]

``--data``: a folder with agnews/train.parquet and sogouc/train.parquet adds news texts of AG and Chinese headlines.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import time
from pathlib import Path

from made_datasets import MAKERS, Made, make

ROOT = Path(__file__).parents[1]
ROWS = {"ag": 2000, "chinese": 1500}
HEADLINE = 24  # characters


def real(name: str, folder: Path, part: int) -> Made:
    """Part number ``part`` of AG's news, or Chinese headlines: the beginnings of news texts of ten classes."""
    import pandas
    import pyarrow.parquet as pq

    path = folder / {"ag": "agnews", "chinese": "sogouc"}[name] / "train.parquet"
    names = json.loads(pq.read_schema(path).metadata[b"label_names"])
    table = pandas.read_parquet(path, columns=["text", "label"]).sample(ROWS[name], random_state=part)
    if name == "chinese":
        table["text"] = table["text"].str.strip().str[:HEADLINE]
    rows = [{"text": text, "label": names[label]} for text, label in table.itertuples(index=False)]
    about = {
        "ag": f"{ROWS['ag']:,} news texts of AG",
        "chinese": f"{ROWS['chinese']:,} Chinese headlines of ten classes",
    }
    return Made(f"{name}{part}", about[name], rows)


def write(made: Made, folder: Path) -> Path:
    """The CSV file of a data set."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{made.name}.csv"
    with open(path, "w", encoding="utf-8", newline="") as sink:
        writer = csv.DictWriter(sink, made.rows[0].keys())
        writer.writeheader()
        writer.writerows(made.rows)
    return path


def classify(made: Made, folder: Path, budget: str) -> dict[str, object]:
    """Run the workflow on a data set; what it found."""
    switches = {"data": str(write(made, folder)), "text": "text", "label": "label", "budget": budget, **made.switches}
    given = [f"{key}={value}" for key, value in switches.items()]
    began = time.monotonic()
    command = [sys.executable, "-m", "snakemake", "classify", "--config", "study=example", *given]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    (folder / f"{made.name}.log").write_text(done.stdout + done.stderr)
    found: dict[str, object] = {"name": made.name, "about": made.about, "seconds": time.monotonic() - began}
    results = ROOT / "results" / f"example.{made.name}"
    if done.returncode:
        return found | {"failed": (done.stdout + done.stderr).strip().splitlines()[-1:]}
    choice, outcome, summary = (
        json.loads((results / path).read_text())
        for path in ("search/choice.json", "search/outcome.json", "summary.json")
    )
    return found | {"choice": choice, "outcome": outcome, "summary": summary}


def row(found: dict) -> str:
    """A row of the table."""
    minutes = f"{found['seconds'] / 60:.1f}"
    if "failed" in found:
        return f"| {found['about']} | failed: {found['failed']} | | | | {minutes} |"
    choice, outcome = found["choice"], found["outcome"]
    error, lead = outcome["error"], (choice["leads"] or [None])[0]
    scale = 100 if choice["metric"] == "error" else 1
    second = (
        f"{lead['title']}, {scale * lead['value']:.3g} ({scale * lead['low']:.3g} to {scale * lead['high']:.3g})"
        if lead
        else ""
    )
    return (
        f"| {found['about']} | {outcome['title']} | {100 * error['value']:.1f} ({100 * error['low']:.1f} to "
        f"{100 * error['high']:.1f}) | {100 * outcome['constant']['error']:.1f} | {second} | "
        f"{'; '.join(found['summary']['warnings']) or 'none'} | {minutes} |"
    )


def main() -> int:
    """Classify the data sets, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help=f"{', '.join(MAKERS)}; with --data also ag1, ag2, ... and chinese1")
    parser.add_argument("--budget", default="3m")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--out", type=Path, default=ROOT / "results" / "bench" / "own")
    options = parser.parse_args()
    names = options.names or [*MAKERS, *(["chinese1", "ag1"] if options.data else [])]
    for name in names:
        kind = name.rstrip("0123456789")
        made = make(name) if name in MAKERS else real(kind, options.data, int(name.removeprefix(kind) or 1))
        found = classify(made, options.out, options.budget)
        (options.out / f"{name}.json").write_text(json.dumps(found, indent=1, ensure_ascii=False))
        print(row(found), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
