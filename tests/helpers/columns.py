"""Files with a column of texts, in every format that is read."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from bertfit.core import text_columns


def write(path: Path, values: list[str], name: str = "full text") -> Path:
    if path.suffix == ".parquet":
        pq.write_table(pa.table({"id": range(len(values)), name: values}), path)
    elif path.suffix == ".json":
        path.write_text(json.dumps([{name: value, "id": 1} for value in values], indent=1))
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps({name: value, "id": 1}) + "\n" for value in values))
    else:
        mark = text_columns.KINDS[path.suffix]
        quoted = [value.replace('"', '""') for value in values]
        path.write_text(f"id{mark}{name}\r\n" + "".join(f'1{mark}"{value}"\r\n' for value in quoted), newline="")
    return path
