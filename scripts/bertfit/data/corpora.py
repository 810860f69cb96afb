"""Builds the normalised Parquet files of a corpus, and a card that describes them, from any source.

A split has one string column per field, never null, and ``label`` (int32, from 0). Its schema metadata hold
``label_names`` and ``fields`` (JSON lists), and where a text may have several labels the sets of them that ``label``
numbers (`label_sets`). The training split also has the columns `GROUP` and `TIME` of the source, so that
`splits.hold_out` takes a validation set from it as it took the test split, and `ROW` where it lacks rows of its file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bertfit import __version__
from bertfit.clusters import find_clusters
from bertfit.config.corpus_schema import SPLITS, Corpus
from bertfit.core import label_sets, times
from bertfit.core.errors import UserError, listed, nearest, plain, row_number
from bertfit.core.files import atomic
from bertfit.core.label_sets import LabelSets
from bertfit.data import (
    class_labels,
    cleaning,
    corpus_card,
    hub,
    label_lists,
    local_files,
    origins,
    part_of,
    split_counts,
    splits,
)
from bertfit.data.corpus_card import (
    Cleaned,
    ClusterFacts,
    CorpusCard,
    Sampled,
    TimeSplit,
)
from bertfit.data.local_files import GROUP, ROW, TIME
from bertfit.texts import found_language
from bertfit.texts.stored_texts import StoredTexts

OFFICIAL = ("trec", "zhang")  # formats of published corpora, whose blank rows are accepted


def build(
    name: str,
    corpus: Corpus,
    *,
    files: Mapping[str, Path],
    sample: Mapping[str, int] | None,
    train: Path,
    test: Path,
    clusters: Path,
    card: Path,
) -> None:
    """Read the corpus from its selected source (`Source.pick_from`), validate it, and write its files.

    They are both splits, the clusters of the test split (`cluster_file`) and the card.

    ``files``: split -> local file (`Source.files`). ``sample``: number of rows to keep, by split. Raises `UserError` if
    the corpus is unavailable or differs from its declaration: other row counts, missing or unknown labels, rows without
    text, fewer than two classes, a class that only the test split has.
    """
    kind = corpus.source.pick_from(files)
    if kind is None:
        raise UserError(f"corpus {name!r} is not available: {_why_unavailable(corpus, files)}")
    chosen = corpus.of(kind)
    if chosen.source.package:
        files = origins.files_of_package(chosen.source, chosen.source.package)
    source = _CorpusSource(name, chosen, files)
    whole, own = source.divided() if kind == "part_of" else source.normalised()
    rows = {split: _sampled(table, split, (sample or {}).get(split), name) for split, table in whole.items()}
    tables = {split: table.select([*splits.texts(table).column_names, "label"]) for split, table in rows.items()}
    for table, path in ((splits.without_plain_numbers(rows["train"]), train), (tables["test"], test)):
        with atomic(path) as temporary:
            pq.write_table(table, temporary, compression="zstd")
    found = find_clusters.find(splits.rows(rows["test"]), splits.rows(rows["train"]), name)
    found.write(clusters)
    sampled = {
        split: Sampled(kept=table.num_rows, of=whole[split].num_rows)
        for split, table in tables.items()
        if table.num_rows < whole[split].num_rows
    }
    about = source.about()
    if about["language"] == "auto":
        about["language"] = found_language.find(StoredTexts(train, source.corpus)).code
    facts = CorpusCard(
        **about,
        **own,
        sampled=sampled or None,
        **split_counts.facts(tables),
        clusters=ClusterFacts(group=source.group, **found.counts()),
        versions={"bertfit": __version__},
    )
    corpus_card.write(facts, card)


def _why_unavailable(corpus: Corpus, files: Mapping[str, Path]) -> str:
    local = corpus.source.local
    if corpus.source.unavailable or not local or corpus.source.package:
        return corpus.source.reason
    if files.keys() < local.paths.keys():
        return f"its files ({', '.join(local.paths.values())}) need a data folder; give one with --config data=FOLDER"
    missing = [str(path) for path in files.values() if not path.is_file()]
    return f"no file {' and no '.join(missing)}; check --config data=FOLDER and the paths in the study"


@dataclass(frozen=True)
class _CorpusSource:
    """A corpus with a single source (`Corpus.of`). ``files``: split -> local file."""

    name: str
    corpus: Corpus
    files: Mapping[str, Path]

    @property
    def group(self) -> str | int | None:
        """The column of the groups."""
        copy = self.corpus.source.from_files or self.corpus.source.hub
        return copy.group if copy else None

    def path(self, split: str) -> Path | None:
        """The local file of a split; None for other sources."""
        return self.files.get(split, self.files["train"]) if self.corpus.source.from_files else None

    def where(self, split: str) -> str:
        """The file or data set of a split, for messages."""
        source = self.corpus.source
        return str(self.path(split) or f"{source.hub.dataset if source.hub else 'synthetic'} ({split})")

    def read(self, split: str) -> pa.Table:
        """Fields and label as in the source. Raises `UserError` for a missing field."""
        source, path = self.corpus.source, self.path(split)
        if source.from_files and path:
            table = local_files.read(source.from_files, split, path)
        elif source.hub:
            table = hub.read(source.hub, split)
        elif source.synthetic:
            from bertfit.synthetic import generated_texts

            names = json.dumps(generated_texts.label_names(source.synthetic.corpus))
            rows = generated_texts.read(source.synthetic.corpus, split, source.synthetic.seed)
            table = pa.Table.from_pandas(rows, preserve_index=False).replace_schema_metadata({"label_names": names})
        for field in self.corpus.fields:
            if field not in table.column_names:
                raise UserError(
                    f"{self.where(split)}: no column is named for field {field!r} under `columns` of the "
                    f"source{nearest(field, table.column_names)}"
                )
        return table

    def divided(self) -> tuple[dict[str, pa.Table], dict[str, Any]]:
        """As `normalised`, of a part of the training split of another corpus, which was normalised already."""
        assert self.corpus.source.part_of
        return part_of.read(self.corpus.source.part_of, self.files), {"leaks_dropped": None}

    def normalised(self) -> tuple[dict[str, pa.Table], dict[str, Any]]:
        """Both splits, validated, cleaned and normalised, and the fields of `CorpusCard` on what was done to them."""
        local = self.corpus.source.from_files
        held_out = local is not None and not local.test
        raw = {split: self.read(split) for split in (local.paths if local else SPLITS)}
        numbers = {split: _numbers(table) for split, table in raw.items()}
        source = local or self.corpus.source.hub
        names = (source.label_names if source else None) or class_labels.declared(raw["train"])
        inferred = not names
        multilabel = source is not None and source.multilabel is not None
        if not names and multilabel:
            names = label_lists.infer_names(raw["train"]["label"], self.where("train"), numbers["train"])
        elif not names:
            raw = {split: class_labels.as_text(table) for split, table in raw.items()}
            names = class_labels.infer_names(raw["train"]["label"], self.where("train"), numbers["train"])
        if self.corpus.classes not in (None, len(names)):
            raise UserError(
                f"{self.where('train')}: {len(names)} classes ({listed(names)}) where {self.corpus.classes} "
                f"are expected; correct the file, or `classes` of corpus {self.name!r}"
            )
        first = 1 if source and source.format == "zhang" else source.first_label if source else 0
        base = None if inferred else first
        sets = None
        if multilabel:
            raw, sets = label_lists.number(raw, names, base, {split: self.where(split) for split in raw}, numbers)
        rules = source.clean if source else []
        changed: dict[str, list[int]] = {}
        tables = {}
        for split, table in raw.items():
            fields = pa.table({field: table[field].cast(pa.string()) for field in self.corpus.fields})
            texts, changed[split] = cleaning.clean_table(fields, rules)
            if not held_out:
                self._check_rows(split, table)
            tables[split] = self._normalised(split, table, texts, names, base, sets)
        if self.group is not None:
            given = list(tables)[-1]  # the file of which the test split is
            find_clusters.check_groups(tables[given][GROUP], self.group, self.where(given))
        by_time = None
        if local and held_out:
            tables = splits.hold_out(tables["train"], local.held_out, self.where("train"))
            for split, table in tables.items():
                self._check_rows(split, table)
            if local.time is not None:
                by_time = TimeSplit(column=local.time, first=times.shown(pc.min(tables["test"][TIME]).as_py()))
        dropped = None
        if source and source.drop_leaks:
            leaks = splits.leaks(tables)
            dropped = pc.sum(leaks).as_py() or 0
            tables["train"] = tables["train"].filter(pc.invert(leaks))
        classes = {split: set(np.flatnonzero(splits.members(table).any(0)).tolist()) for split, table in tables.items()}
        if len(classes["train"]) < 2:
            raise UserError(
                f"{self.where('train')}: one class only ('{listed(names[at] for at in classes['train'])}'), and a "
                f"classifier needs two: check `label` of corpus {self.name!r}"
            )
        for label in sorted(classes["test"] - classes["train"]):
            early = f" (rows before {by_time.first})" if by_time else ""
            raise UserError(
                f"{self.where('test')}: class '{plain(names[label])}' is not in the training split{early}; add rows "
                "or remove it"
            )
        cleaned = [
            Cleaned(**rule.model_dump(), rows={split: counts[at] for split, counts in changed.items()})
            for at, rule in enumerate(rules)
        ]
        optional = {"cleaned": cleaned or None, "by_time": by_time}
        return tables, {"leaks_dropped": dropped} | {key: value for key, value in optional.items() if value}

    def _check_rows(self, split: str, table: pa.Table) -> None:
        """Raise `UserError` unless a split has the declared number of rows."""
        expected = {str(key): rows for key, rows in (self.corpus.rows or {}).items()}.get(split)
        if expected not in (None, table.num_rows):
            local = self.corpus.source.from_files
            divided = f" in the {split} split, after its division," if local and not local.test else ""
            raise UserError(
                f"{self.where(split)}: {table.num_rows} rows{divided} where {expected} are expected; copy or download "
                f"it again, or correct `rows` of corpus {self.name!r}"
            )

    def _normalised(
        self, split: str, table: pa.Table, texts: pa.Table, names: list[str], first: int | None, sets: LabelSets | None
    ) -> pa.Table:
        corpus, where, numbers = self.corpus, self.where(split), _numbers(table)
        labels = table["label"].to_numpy() if sets else None
        if labels is None:
            declared = class_labels.declared(table)
            labels = class_labels.encode(table["label"], declared or names, first, where, numbers)
            labels = class_labels.reorder(labels, declared, names, where)
        blank = split_counts.blank(texts)
        if blank.any() and corpus.source.from_files and corpus.source.from_files.format not in OFFICIAL:
            cleaned = " after cleaning" if corpus.source.from_files.clean else ""
            raise UserError(
                f"{where}: row {row_number(int(blank.argmax()), numbers)} has no text{cleaned} "
                f"(rows without: {int(blank.sum())}); fill or remove them"
            )
        metadata = {"label_names": json.dumps(names, ensure_ascii=False), "fields": json.dumps(corpus.fields)}
        metadata |= label_sets.metadata(sets)
        texts = texts.append_column("label", pa.array(labels, pa.int32()))
        if corpus.source.from_files:
            texts = texts.append_column(ROW, pa.array(numbers or range(1, table.num_rows + 1), pa.int32()))
        for name in table.column_names:
            if name in (GROUP, TIME):
                texts = texts.append_column(name, table[name])
        return texts.replace_schema_metadata(metadata)

    def about(self) -> dict[str, Any]:
        """Fields of `CorpusCard` on the corpus and its source."""
        about = self.corpus.model_dump(include={"title", "domain", "language", "note"})
        source = self.corpus.source
        copy, origin = source.from_files or source.hub, origins.of(source, self.files)
        about |= {"stand_in": True} if copy and copy.stand_in else {}
        return {"corpus": self.name, **about, "source": origin, "licence": origins.licence(source)}


def _numbers(table: pa.Table) -> list[int] | None:
    """The numbers of the rows in their file; None if they are all its rows, or of another source."""
    return table[ROW].to_pylist() if ROW in table.column_names else None


def _sampled(table: pa.Table, split: str, rows: int | None, name: str) -> pa.Table:
    if rows is None:
        return table
    try:
        positions = splits.stratified(splits.strata(table), rows, [splits.SEED, SPLITS.index(split)])
    except ValueError as error:
        raise UserError(f"sample.{split} = {rows}: {error} (corpus {name!r}); ask for more rows") from error
    return table.take(pa.array(positions))
