"""What the card of a corpus says of the rows that were written: counts, digests, repeated texts. Shapes: R rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from bertfit.core import label_sets
from bertfit.data import class_labels, corpus_card, splits
from bertfit.data.corpus_card import SplitCounts


def blank(table: pa.Table) -> npt.NDArray[np.bool_]:
    """(R,) which rows have no text in any field: only white space, control and invisible characters."""
    visible = [pc.match_substring_regex(column, r"[^\s\p{Z}\p{C}]").to_numpy() for column in table.columns]
    return np.logical_not(np.logical_or.reduce(visible))


def facts(tables: Mapping[str, pa.Table]) -> dict[str, Any]:
    """Fields of `CorpusCard` on the written rows: counts per class, digests, repeated texts."""
    names = class_labels.declared(tables["train"]) or []
    texts = {split: splits.texts(table) for split, table in tables.items()}
    keys = {split: splits.keys(table).to_pandas() for split, table in tables.items()}
    texts_and_labels = {
        "key": pd.concat(keys.values()),
        "label": np.concatenate([table["label"] for table in tables.values()]),
    }
    sets = label_sets.read(tables["train"].schema.metadata)
    members = {
        split: label_sets.of_rows(table["label"].to_numpy(), sets, len(names)) for split, table in tables.items()
    }
    return {
        "fields": texts["train"].column_names,
        "label_names": names,
        "splits": {
            split: SplitCounts(
                rows=table.num_rows,
                classes=dict(zip(names, members[split].sum(0).tolist(), strict=True)),
                **({} if sets is None else {"no_label": int((~members[split].any(1)).sum())}),
                empty=int(blank(texts[split]).sum()),
                sha256=corpus_card.digest(table),
            )
            for split, table in tables.items()
        },
        "duplicates_in_train": int(keys["train"].duplicated().sum()),
        "test_texts_in_train": int(keys["test"].isin(keys["train"]).sum()),
        **({} if sets is None else {"label_sets": len(sets)}),
        "texts_of_several_labels": int(pd.DataFrame(texts_and_labels).drop_duplicates()["key"].duplicated().sum()),
    }
