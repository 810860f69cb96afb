"""Which archive each record that is not one of a run comes from; those that several have are compared by content.

``archives`` are in the order in which they count: those that are preferred, then the others.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import pyarrow as pa
import pyarrow.parquet as pq

from bertfit.archiving.contributed_runs import REMEDY, blocks
from bertfit.archiving.run_choice import device
from bertfit.archiving.unpacked_archive import Unpacked
from bertfit.contributions.contributed import PreferredFile, RepeatedEncoder
from bertfit.core.errors import UserError
from bertfit.experiments import ids, job_record
from bertfit.experiments.cells import BASELINE
from bertfit.experiments.job_record import JobRecord, PretrainingRecord


@dataclass(frozen=True)
class RecordChoice:
    """``sources``: path of a record -> the archive that it is taken from; ``encoders`` and ``files`` differ in others.

    ``conflicts``: a line for each of these that no preference decides.
    """

    sources: dict[str, Unpacked] = field(default_factory=dict)
    encoders: list[RepeatedEncoder] = field(default_factory=list)
    files: list[PreferredFile] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)


def choose(wanted: Iterable[str], archives: Sequence[Unpacked], preferred: Collection[Path]) -> RecordChoice:
    """The archive that each of the ``wanted`` records is taken from. Raises `UserError` for one that none has."""
    choice = RecordChoice()
    root = archives[0].manifest.root
    encoders: dict[str, None] = {}
    for path in wanted:
        having = [archive for archive in archives if path in archive]
        if not having:
            raise UserError(f"{path}: no archive has this record; run the part that it belongs to again")
        choice.sources[path] = having[0]
        below = PurePosixPath(path).relative_to(root)
        if below.parts[0] == "encoders":
            encoders[below.parts[1]] = None
        elif different := [other for other in having[1:] if not _same(path, having[0], other)]:
            choice.files.extend(
                PreferredFile(path=str(below), kept=having[0].contributor, other=other.contributor)
                for other in different
            )
            if having[0].path not in preferred:
                choice.conflicts.append(f"  {path} ({', '.join(str(archive.path) for archive in having)})")
    if encoders:
        weights = [_weights(archive) for archive in archives]
        for encoder in encoders:
            _compare_encoder(encoder, list(zip(archives, weights, strict=True)), choice, preferred)
    return choice


def _same(path: str, first: Unpacked, other: Unpacked) -> bool:
    """Whether a record has the same content; the bytes of a table depend on the version of pyarrow, too."""
    if first.manifest.sha256[path] == other.manifest.sha256[path]:
        return True
    if not path.endswith((".parquet", ".arrow")):
        return False
    try:
        ours, theirs = _table(first.folder / path), _table(other.folder / path)
    except (OSError, pa.ArrowInvalid) as error:
        raise UserError(f"{path}: cannot be read in {first.path} or {other.path} ({error}); {REMEDY}") from error
    return ours.schema.equals(theirs.schema, check_metadata=True) and ours.equals(theirs)


def _table(path: Path) -> pa.Table:
    if path.suffix == ".parquet":
        return pq.read_table(path)
    with pa.memory_map(str(path)) as source:
        return pa.ipc.open_file(source).read_all()


# ---------------------------------------------------------------------------------------------- encoders


def _weights(archive: Unpacked) -> dict[str, dict[str, str]]:
    """Encoder -> contributor -> digest of the weights that their runs started from."""
    found: dict[str, dict[str, str]] = {}
    for run_group, of_group in blocks(archive).items():
        if run_group.encoder == BASELINE:
            continue
        for block in of_group:
            for seed in block.seeds:
                record = block.record.of_seed(seed)
                (encoder,) = ids.encoders_of(run_group.encoder, [seed])
                file = record.inputs.get("encoder") or record.inputs.get(f"encoder of seed {seed}")
                if file:
                    found.setdefault(encoder, {}).setdefault(block.contributor(seed), file.sha256)
    return found


def _compare_encoder(
    encoder: str,
    archives: Sequence[tuple[Unpacked, dict[str, dict[str, str]]]],
    choice: RecordChoice,
    preferred: Collection[Path],
) -> None:
    """Compare the histories of an encoder's training, and the weights that runs started from.

    Raises `UserError` where it was trained with other values or by other code.
    """
    folder = f"{archives[0][0].manifest.root}/encoders/{encoder}"
    record, history = f"{folder}/run.json", f"{folder}/history.csv"
    having = [(archive, weights) for archive, weights in archives if record in archive or history in archive]
    (first, of_first), *others = having
    kept = _record(first, record)
    conflicts = False
    for other, of_other in others:
        again = _record(other, record)
        if kept and again and (kept.spec != again.spec or kept.code != again.code):
            raise UserError(
                f"encoder {encoder} was trained with other values or by other code in {first.path} and {other.path}; "
                "run one of them again"
            )
        names = [first.contributor_of(kept), other.contributor_of(again)]
        digests = [of_first.get(encoder, {}).get(names[0]), of_other.get(encoder, {}).get(names[1])]
        same_weights = None in digests or digests[0] == digests[1]
        same_history = not (history in first and history in other) or _same(history, first, other)
        if same_weights and same_history:
            continue
        conflicts = True
        choice.encoders.append(
            RepeatedEncoder(
                encoder=encoder,
                kept=names[0],
                other=names[1],
                devices=(device(kept) if kept else "", device(again) if again else ""),
                losses=(_loss(kept), _loss(again)),
            )
        )
    if conflicts and first.path not in preferred:
        paths = ", ".join(str(archive.path) for archive, _ in having)
        choice.conflicts.append(
            f"  {folder} ({paths}): each trained this encoder with other weights, from which its own runs start"
        )


def _record(archive: Unpacked, path: str) -> JobRecord | None:
    if path not in archive:
        return None
    file = archive.folder / path
    try:
        return job_record.read(file, PretrainingRecord, remedy=REMEDY)
    except UserError:  # not of a pre-training
        return job_record.read(file, JobRecord, remedy=REMEDY)


def _loss(record: JobRecord | None) -> float | None:
    held_out = record.held_out_mlm_loss if isinstance(record, PretrainingRecord) else None
    return held_out.after if held_out else None
