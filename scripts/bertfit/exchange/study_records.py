"""The runs of a finished study, one a seed, from its records: what every exporter reads. Imports no torch."""

from __future__ import annotations

import csv
import hashlib
import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import isfinite
from pathlib import Path
from typing import Any, Literal, get_args

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from bertfit.core.errors import UserError, listed, nearest, plain
from bertfit.data import corpus_card
from bertfit.data.corpus_card import CorpusCard
from bertfit.evaluation.predictions import Evaluation, Selected, selected_evaluations
from bertfit.experiments import ids, job_record
from bertfit.experiments.cells import RunGroup
from bertfit.experiments.job_record import JobRecord
from bertfit.export import archive

Selection = Literal["last", "best"]
KEY = ["corpus", "encoder", "recipe", "seed"]
SCORES = ["study", "selection", "step", "n", "error", "macro_f1", "mcc"]
"""further columns of ``results.parquet`` that are read"""
REMEDY = "copy the results again, with their records"


@dataclass(frozen=True)
class SeedRun:
    """One run: a (corpus, encoder, recipe) trained with one seed."""

    study: str
    run_group: RunGroup
    seed: int
    block: Path
    """folder of the block of seeds that it was trained in"""
    scores: dict[Selection, dict[str, Any]]
    """selection -> its row of ``results.parquet``"""
    artefacts: tuple[str, ...]
    """keys of the tables and figures that show it"""
    card: CorpusCard

    @property
    def name(self) -> str:
        """``<corpus>/<encoder>/<recipe>/seed<k>``; unique in a study."""
        return f"{self.run_group.corpus}/{self.run_group.encoder}/{self.run_group.recipe}/seed{self.seed}"

    @cached_property
    def record(self) -> JobRecord:
        """The record of the job that trained it: of a block of several jobs the one that trained this seed."""
        return job_record.read(self.block / "run.json", JobRecord, remedy=REMEDY).of_seed(self.seed)

    @cached_property
    def settings(self) -> dict[str, Any]:
        """What it was trained with: the recipe, or of a baseline its values; without corpus, encoder and seeds."""
        spec = self.record.spec
        return spec["recipe"] if isinstance(spec.get("recipe"), dict) else _without(spec, "corpus", "seeds", "encoder")

    @cached_property
    def cost(self) -> dict[str, float]:
        """What this seed took, as far as known: seconds, tokens, steps, kwh; of the whole job if it is of one seed."""
        whole = self.record.cost
        alone = self.record.spec.get("seeds", ids.parse_block(self.block.name)) == [self.seed]
        cost = whole.seeds.get(self.seed) or (whole if alone else None)
        if cost is None:
            return {}
        values = {"seconds": cost.seconds, "tokens": cost.tokens, "steps": cost.steps}
        known = values | {"kwh": cost.energy.kwh if cost.energy else None}
        return {name: value for name, value in known.items() if value is not None}

    @cached_property
    def history(self) -> list[dict[str, str]]:
        """The rows of ``history.csv`` of this seed, as they are written.

        Raises `UserError` where there are none, or one has another number of values or a value that is no number.
        """
        path = self.block / "history.csv"
        try:
            with path.open(encoding="utf-8", newline="") as file:
                reader = csv.DictReader(file, restkey="")
                rows = [_checked(row, reader.line_num) for row in reader if row["seed"] == str(self.seed)]
        except KeyError as error:
            raise UserError(f"{path}: not the history of a training (no column {error}); {REMEDY}") from error
        except (OSError, ValueError, csv.Error) as error:
            raise UserError(f"{path}: not the history of a training ({error}); {REMEDY}") from error
        if not rows:
            raise UserError(f"{path}: no row of seed {self.seed}; {REMEDY}")
        return rows

    @property
    def digest(self) -> str:
        """SHA-256 of what was run and of what came out, without its cost: the same run has the same one anywhere."""
        record = self.record
        content = {
            "study": self.study,
            "run": self.name,
            "code": record.code,
            "spec": _without(record.spec, "seeds"),
            "inputs": {name: file.sha256 for name, file in record.inputs.items()},
            "versions": record.versions,
            "machine": record.machine.model_dump(),
            "scores": {
                selection: [row[name] for name in ("step", "n", "error", "macro_f1", "mcc")]
                for selection, row in self.scores.items()
            },
            "history": self.history,
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def evaluation(self, selection: Selection) -> Evaluation:
        """Its predictions on the test split. Raises `UserError` as `history` and `selected_evaluations` do."""
        _ = self.history
        try:
            return _selected(self.block)[self.seed][selection]
        except (LookupError, TypeError, ValueError, NotImplementedError) as error:
            raise UserError(f"{self.block}: predictions or history cannot be read ({error}); {REMEDY}") from error

    def predictions(self) -> pa.Table:
        """Its rows of ``predictions.parquet``. Raises `UserError` where they cannot be read."""
        path = self.block / "predictions.parquet"
        try:
            table = pq.read_table(path, filters=[("seed", "=", self.seed)])
        except (OSError, ValueError, LookupError, NotImplementedError) as error:
            raise UserError(f"{path}: cannot be read ({error}); {REMEDY}") from error
        if not table.num_rows:
            raise UserError(f"{path}: no row of seed {self.seed}; {REMEDY}")
        return table


@dataclass(frozen=True)
class StudyRecords:
    """The records below ``folder``, a results folder."""

    folder: Path

    def runs(self, artefacts: Sequence[str] = (), corpora: Sequence[str] = ()) -> list[SeedRun]:
        """The scored runs, sorted by name and seed; of these ``artefacts`` and ``corpora`` where they are given.

        Raises `UserError` for names that the study does not have, and for records that are missing or damaged.
        """
        shown = self._shown()
        known = {corpus for corpus, *_ in self._scores}
        for kind, names, those in (("table or figure with runs", artefacts, shown), ("corpus", corpora, known)):
            for name in names:
                if name not in those:
                    raise UserError(f"{self.folder}: no {kind} {name!r}{nearest(name, those)}")
        chosen: set[tuple] = set().union(*(shown[key] for key in artefacts)) if artefacts else set(self._scores)
        cards = {name: corpus_card.read(self.folder / "corpora" / name / "card.json") for name in corpora or known}
        return [
            SeedRun(
                study=str(scores["last"]["study"]),
                run_group=RunGroup(*key[:3]),
                seed=key[3],
                block=self._block(RunGroup(*key[:3]), key[3]),
                scores=scores,
                artefacts=tuple(artefact for artefact, runs in shown.items() if key in runs),
                card=cards[key[0]],
            )
            for key, scores in self._scores.items()
            if key in chosen and key[0] in cards
        ]

    @cached_property
    def _scores(self) -> dict[tuple, dict[Selection, dict[str, Any]]]:
        """(corpus, encoder, recipe, seed) -> selection -> row, sorted; of a part of the artefacts their scores."""
        whole = self.folder / "results.parquet"
        paths = [whole] if whole.is_file() else sorted(self.folder.glob("scores/*.parquet"))
        if not paths:
            raise UserError(
                f"{self.folder}: no results.parquet; give results/<study> of a finished run, or its archive"
            )
        frame = (
            pd.concat([_read(path, *SCORES) for path in paths]).drop_duplicates([*KEY, "selection"]).sort_values(KEY)
        )
        scores: dict[tuple, dict[Selection, dict[str, Any]]] = {}
        for row in frame.to_dict("records"):
            key = (row["corpus"], row["encoder"], row["recipe"], int(row["seed"]))
            for name in key[:3]:
                if name in ("", ".", "..") or Path(name).name != name:
                    raise UserError(f"{self.folder}: {plain(name)!r} is not the name of a run's folder; {REMEDY}")
            scores.setdefault(key, {})[row["selection"]] = {str(name): value for name, value in row.items()}
        for key, found in scores.items():
            if found.keys() != set(get_args(Selection)):
                name = f"{'/'.join(key[:3])}/seed{key[3]}"
                raise UserError(
                    f"{self.folder}: results have the selections {listed(sorted(map(str, found)))} of {plain(name)}, "
                    f"and should have last and best; {REMEDY}"
                )
        return scores

    def _shown(self) -> dict[str, set[tuple]]:
        """Artefact -> the runs that it shows."""
        paths = sorted(self.folder.glob("scores/*.parquet"))
        return {path.stem: set(_read(path)[KEY].itertuples(index=False, name=None)) for path in paths}

    def _block(self, run_group: RunGroup, seed: int) -> Path:
        """The block of seeds that a run was trained in."""
        folder = self.folder.joinpath("runs", run_group.corpus, run_group.encoder, run_group.recipe)
        blocks = [path for path in sorted(folder.glob("seeds*")) if seed in ids.parse_block(path.name)]
        if len(blocks) != 1:
            raise UserError(f"{folder}: {len(blocks)} blocks of seeds have seed {seed}, and one should; {REMEDY}")
        return blocks[0]


@contextmanager
def open_records(path: Path) -> Iterator[StudyRecords]:
    """The records of ``path``: ``results/<study>``, an archive (zip), or the folder that one was unpacked to.

    An archive is unpacked to a temporary folder and its digests are checked. Raises `UserError` where it is damaged, or
    that of a part of a study.
    """
    if path.is_dir() and not (path / archive.MANIFEST).is_file():
        yield StudyRecords(path)
        return
    if not path.exists():
        raise UserError(f"{path}: no such file or folder; give results/<study> of a finished run, or its archive")
    with tempfile.TemporaryDirectory(prefix="bertfit-") as folder:
        manifest = archive.unpack(path, Path(folder, "archive"))
        if manifest.shard:
            part, number = manifest.shard
            raise UserError(f"{path}: part {part} of {number} of a study; merge all parts first")
        yield StudyRecords(Path(folder, "archive", manifest.root))


@lru_cache(maxsize=1)  # the runs of a block follow each other
def _selected(block: Path) -> dict[int, Selected]:
    return dict(selected_evaluations(block / "predictions.parquet", block / "history.csv"))


def _checked(row: dict[str, Any], line: int) -> dict[str, str]:
    """A row of ``history.csv``. Raises `ValueError` for a missing or further value, and for one that is no number."""
    if "" in row or None in row.values():
        raise ValueError(f"line {line} has another number of values than the first one")
    for name, value in row.items():
        try:
            int(value) if name == "step" else float(value or 0)
        except ValueError:
            raise ValueError(f"line {line}, {plain(name)}: {plain(value)!r} is no number") from None
    if "step" not in row:
        raise KeyError("step")
    return row


def _read(path: Path, *columns: str) -> pd.DataFrame:
    """A file of scores. Raises `UserError` where it lacks a column of `KEY` or ``columns``, or a value there is bad."""
    try:
        frame = pq.read_table(path).to_pandas()
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read ({error}); {REMEDY}") from error
    if missing := [name for name in (*KEY, *columns) if name not in frame]:
        raise UserError(f"{path}: no column {listed(missing)}; {REMEDY}")
    for name in (*KEY, *columns):
        bad = [value for value in frame[name] if not _fits(name, value)]
        if bad:
            given = "no value" if pd.isna(bad[0]) else plain(repr(bad[0]))
            raise UserError(f"{path}: {given} in column {name}; {REMEDY}")
    return frame


def _fits(column: str, value: Any) -> bool:
    """Whether a score has the type of its column; the measures of texts with several labels may be missing."""
    if column in ("corpus", "encoder", "recipe", "study", "selection"):
        return isinstance(value, str)
    if column in ("macro_f1", "mcc") and pd.isna(value):
        return True
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return column in ("macro_f1", "mcc") or (isfinite(value) and (column == "error" or float(value).is_integer()))


def _without(values: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in names}
