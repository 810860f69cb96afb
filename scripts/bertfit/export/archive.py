"""The archive of a study: its records in one zip file, small enough to share, without weights, texts and tokens.

Of token files only the lengths are kept, as Table 1 reads no more; predictions are recompressed without loss. Code and
configuration are included, so that `rebuild` needs nothing else. The same records give the same bytes: entries are
sorted and have fixed times.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bertfit.core import installed_packages
from bertfit.core.errors import UserError
from bertfit.core.files import atomic, read_json, sha256
from bertfit.core.pydantic_errors import from_json
from bertfit.experiments.job_specs import plain
from bertfit.export.archive_manifest import ArchiveManifest, ArchiveSpec
from bertfit.runtime.rule_job import JobFiles

MANIFEST = "manifest.json"
FORMAT = 1
"""version of the format of archives; another one is not read"""
PACKAGES = ("jinja2", "matplotlib", "numpy", "pandas", "pyarrow", "pydantic", "ruamel.yaml", "scipy")
"""packages that rebuilding imports"""
CODE = (
    "Snakefile", "config.yaml", "requirements.txt", "LICENSE", "CITATION.cff",
    "scripts", "rules", "studies", "paper", "envs", "profiles", "workflow", "config",
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
ROUNDED = """
Logits are rounded to multiples of {step:g}, where a text has one class less that of the first class, and all results
made of these: errors of runs and verdicts are those of the exact ones, losses and calibration are not.
"""
README_OF_PART = """\
# Part {part} of {number} of the records of a study

Runs, results and computing times of this part (`--config shard={part}/{number}`), without weights. The archives of all
parts are merged into that of the whole study, from which every table, figure and page is rebuilt, without torch:

    unzip {name}.shard-{part}-of-{number}.zip -d part
    pip install {packages}
    python part/scripts/merge.py {name}.shard-*-of-{number}.zip {name}.zip

`config.yaml`, `studies/` and `paper/` are the configuration, `results/` holds the records; `manifest.json` lists the
SHA-256 of every file.
"""


def write(
    spec: ArchiveSpec,
    records: Sequence[str],
    rebuilt: Sequence[str],
    *,
    source: Path,
    out: Path,
    studies: Sequence[Path] = (),
) -> None:
    """Write the archive ``out`` of ``records`` and of the files ``rebuilt`` from them, paths in the working folder.

    ``spec``: `ArchiveJobs.spec`; ``source``: the folder of the workflow; ``studies``: the study's files from elsewhere.
    Existing plans and benchmarks are included. Raises `UserError` if a file is missing or cannot be read.
    """
    root = Path(spec.root)
    others = [root / name for name in ("plan.json", "plan.md", "calibration.json")]
    others += sorted(root.glob("benchmarks/**/*.jsonl"))
    extra = [path.as_posix() for path in others if path.is_file()]
    content = {path: _packed(Path(path)) for path in dict.fromkeys([*records, *rebuilt, *extra])}
    for file in _code(source):
        content[file.relative_to(source).as_posix()] = file.read_bytes()
    content |= {f"studies/{path.name}": path.read_bytes() for path in studies}
    versions = installed_packages.versions(*PACKAGES)
    packages = " ".join(f"{name}=={versions[name]}" for name in PACKAGES)
    part, number = spec.shard or (1, 1)
    readme = (README_OF_PART if spec.shard else README) + (ROUNDED if spec.logit_step else "")
    words = {"name": spec.study, "packages": packages, "part": part, "number": number, "step": spec.logit_step}
    content["README.md"] = readme.format(**words).encode()
    manifest = {
        "format": FORMAT,
        **plain(spec),
        "made": list(rebuilt),
        "versions": versions,
        "sha256": {path: hashlib.sha256(content[path]).hexdigest() for path in sorted(content)},
    }
    content[MANIFEST] = (json.dumps(manifest, indent=1, ensure_ascii=False) + "\n").encode()
    pack(content, out)


def pack(content: Mapping[str, bytes], out: Path) -> None:
    """Write a zip file ``out`` of path -> bytes; the same content gives the same file."""
    with atomic(out) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for path in sorted(content):
            archive.writestr(*_entry(path, content[path]))


def unpack(archive: Path, out: Path) -> ArchiveManifest:
    """Unpack ``archive``, a zip file or the folder it was unpacked to, in the folder ``out``, and check every file.

    Raises `UserError` if the archive is damaged, of another version of the format, or has paths that lead out of it.
    """
    if archive.is_dir():
        if out.resolve().is_relative_to(archive.resolve()):
            raise UserError(f"{out} lies within the archive; give a folder beside it")
        shutil.copytree(archive, out, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        try:
            with zipfile.ZipFile(archive) as packed:
                _check_paths(archive, packed.namelist())
                packed.extractall(out)
        except (OSError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError) as error:
            raise UserError(f"{archive}: not a whole archive ({error}); fetch it again") from error
    if not (out / MANIFEST).is_file():
        raise UserError(f"{archive}: no {MANIFEST}; give an archive written by `snakemake archive`")
    try:
        content = read_json(out / MANIFEST)
        found = content.get("format") if isinstance(content, dict) else None
        if found != FORMAT:
            raise UserError(
                f"{archive}: format {found} of archives, and this version of bertfit reads format {FORMAT}; use the "
                "scripts within the archive"
            )
        manifest = from_json(ArchiveManifest, content)
        if manifest.shard and not 1 <= manifest.shard[0] <= manifest.shard[1]:
            raise ValueError(f"shard = {list(manifest.shard)}: the part is counted from 1 to the number of parts")
    except ValueError as error:
        raise UserError(f"{archive}: {MANIFEST} is damaged ({error}); fetch the archive again") from error
    files = [str(path) for job in manifest.jobs for path in (*JobFiles.of(job.input), *JobFiles.of(job.output))]
    _check_paths(
        archive, [manifest.root, *manifest.made, *manifest.sha256, *files, *(job.script for job in manifest.jobs)]
    )
    for path, digest in manifest.sha256.items():
        if not (out / path).is_file() or sha256(out / path) != digest:
            raise UserError(f"{archive}: {path} is missing or damaged; fetch the archive again")
    return manifest


def _check_paths(archive: Path, paths: Iterable[str]) -> None:
    """Raise `UserError` for a path that could lead out of the folder that an archive is unpacked to."""
    for path in paths:
        if PurePosixPath(path).is_absolute() or ".." in re.split(r"[/\\]", path) or re.match(r"[A-Za-z]:|\\", path):
            raise UserError(f"{archive}: its path {path!r} leads out of it; do not use this archive")


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
