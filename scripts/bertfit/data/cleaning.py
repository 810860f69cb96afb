"""Replaces parts of texts by regular expressions, as the source of a corpus declares under ``clean``."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from bertfit.config.corpus_schema import Replacement


def clean_text(text: str, rules: Sequence[Replacement]) -> str:
    """The text after all rules, one after the other."""
    for rule in rules:
        text = re.sub(rule.replace, rule.by.replace("\\", r"\\"), text)  # as it is: no group references
    return text


def clean_table(table: pa.Table, rules: Sequence[Replacement]) -> tuple[pa.Table, list[int]]:
    """The table with every text column cleaned, and the number of rows that each rule changed.

    ``table`` has text columns only, without nulls. A rule sees the texts as the rules before it left them.
    """
    if not rules:
        return table, []
    columns = {name: table[name].to_pylist() for name in table.column_names}
    counts = []
    for rule in rules:
        changed = np.zeros(table.num_rows, bool)
        for name, texts in columns.items():
            cleaned = [clean_text(text, [rule]) for text in texts]
            changed |= np.fromiter((new != old for new, old in zip(cleaned, texts, strict=True)), bool, len(texts))
            columns[name] = cleaned
        counts.append(int(changed.sum()))
    return pa.table({name: pa.array(texts, pa.string()) for name, texts in columns.items()}), counts
