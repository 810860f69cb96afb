"""Writes the archive of a study: its records in one zip file, small enough to share, without weights, texts and tokens.

Of token files only the lengths are kept, as Table 1 reads no more; predictions are recompressed without loss. Code and
configuration are included, so that `rebuild` needs nothing else. The same records give the same bytes: entries are
sorted and have fixed times.
"""

from __future__ import annotations

import hashlib
import io
import json
import platform
import zipfile
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bertfit.core.errors import UserError
from bertfit.core.files import atomic
from bertfit.experiments.job_specs import plain
from bertfit.experiments.summary_specs import ArchiveSpec

MANIFEST = "manifest.json"
PACKAGES = ("jinja2", "matplotlib", "numpy", "pandas", "pyarrow", "pydantic", "ruamel.yaml", "scipy")
"""packages that rebuilding imports"""
CODE = (
    "Snakefile", "config.yaml", "requirements.txt", "LICENSE",
    "scripts", "rules", "studies", "paper", "envs", "profiles",
)  # fmt: skip
EPOCH = (1980, 1, 1, 0, 0, 0)  # the time of every entry, the first that a zip file can hold
STORED = (".parquet", ".png")  # already compressed
README = """\
# The records of a study

Runs, results and computing times, without weights. Every table, figure and page is rebuilt from them in less than a
minute, without torch, and compared byte for byte with the archived one:

    unzip {name}.zip -d {name}
    pip install {packages}
    python {name}/scripts/rebuild.py {name} rebuilt

`config.yaml`, `studies/` and `paper/` are the configuration, `results/` holds the records; `manifest.json` lists the
jobs and the SHA-256 of every file.
"""


def write(spec: ArchiveSpec, records: Sequence[str], rebuilt: Sequence[str], *, source: Path, out: Path) -> None:
    """Write the archive ``out`` of ``records`` and of the files ``rebuilt`` from them, paths in the working folder.

    ``spec``: `ArchiveJobs.spec`; ``source``: the folder of the workflow. Existing plans and benchmarks are included.
    Raises `UserError` if a file is missing or cannot be read.
    """
    root = Path(spec.root)
    others = [root / name for name in ("plan.json", "plan.md", "calibration.json")]
    others += sorted(root.glob("benchmarks/**/*.jsonl"))
    extra = [path.as_posix() for path in others if path.is_file()]
    content = {path: _packed(Path(path)) for path in dict.fromkeys([*records, *rebuilt, *extra])}
    for file in _code(source):
        content[file.relative_to(source).as_posix()] = file.read_bytes()
    versions = {name: version(name) for name in PACKAGES}
    packages = " ".join(f"{name}=={number}" for name, number in versions.items())
    content["README.md"] = README.format(name=spec.study, packages=packages).encode()
    manifest = {
        **plain(spec),
        "made": list(rebuilt),
        "versions": {"python": platform.python_version(), **versions},
        "sha256": {path: hashlib.sha256(content[path]).hexdigest() for path in sorted(content)},
    }
    content[MANIFEST] = (json.dumps(manifest, indent=1, ensure_ascii=False) + "\n").encode()
    with atomic(out) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for path in sorted(content):
            archive.writestr(*_entry(path, content[path]))


def _entry(path: str, content: bytes) -> tuple[zipfile.ZipInfo, bytes, int, int]:
    """Arguments of `ZipFile.writestr` for an entry whose bytes depend on its name and content only."""
    info = zipfile.ZipInfo(path, EPOCH)
    info.create_system, info.external_attr = 3, 0o644 << 16
    return info, content, zipfile.ZIP_STORED if path.endswith(STORED) else zipfile.ZIP_DEFLATED, 9


def _packed(path: Path) -> bytes:
    """The content of a file as it is archived."""
    try:
        if path.name == "predictions.parquet":
            return predictions(pq.read_table(path))
        return lengths(path) if path.suffix == ".arrow" else path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file; run the workflow to its end first") from None
    except (OSError, pa.ArrowInvalid) as error:
        raise UserError(f"{path}: cannot be read ({error}); delete it and run the workflow again") from error


def predictions(table: pa.Table) -> bytes:
    """A table of predictions as Parquet: the same content in a third to a half of the size."""
    sink = io.BytesIO()
    pq.write_table(
        table,
        sink,
        compression="zstd",
        compression_level=9,
        use_dictionary=["seed", "step", "epoch", "label"],
        column_encoding={"logits.list.element": "BYTE_STREAM_SPLIT", "example": "DELTA_BINARY_PACKED"},
    )
    return sink.getvalue()


def lengths(path: Path) -> bytes:
    """A token file (Arrow) whose lists have their lengths, but null values."""
    table = pa.ipc.open_file(pa.memory_map(str(path))).read_all()
    columns = {}
    for name in table.column_names:
        column = table[name].combine_chunks()
        if pa.types.is_list(column.type):
            offsets = pa.concat_arrays([pa.array([0], pa.int32()), _ends(column)])
            column = pa.ListArray.from_arrays(offsets, pa.nulls(offsets[-1].as_py()), mask=column.is_null())
        columns[name] = column
    sink = io.BytesIO()
    slim = pa.table(columns).replace_schema_metadata(table.schema.metadata)
    with pa.ipc.new_file(sink, slim.schema) as writer:
        writer.write_table(slim)
    return sink.getvalue()


def _ends(column: pa.ListArray) -> pa.Array:
    """End offset of each list; null lists are empty."""
    counts = pc.fill_null(pc.list_value_length(column), 0)
    return pc.cumulative_sum(counts).cast(pa.int32())


def _code(source: Path) -> Iterable[Path]:
    """The files of the workflow."""
    for name in CODE:
        paths = [source / name] if (source / name).is_file() else sorted((source / name).rglob("*"))
        yield from (path for path in paths if path.is_file() and "__pycache__" not in path.parts)
