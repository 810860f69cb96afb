"""Names of artefacts, rows, columns and sizes in ``paper/claims.yaml``, checked against config.yaml and the study.

Imports neither torch nor pandas.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from bertfit.claims.claim_schema import Declared, Selection, Side
from bertfit.config.study_schema import Artefact
from bertfit.core.errors import UserError, nearest
from bertfit.experiments.registry import Registry

ALL, LAST, OTHERS = "all", "last", "others"
Keys = tuple[str | int, ...]


@dataclass(frozen=True)
class CellSelection:
    """A side of a comparison with all that it inherits, and its keys in the file."""

    artefact: str
    named: str
    """the artefact as the file names it"""
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    size: str | None
    selection: Selection
    keys: Keys


@dataclass(frozen=True)
class Names:
    """The names that the claims of a study may use."""

    declared: Declared
    registry: Registry
    repeated: Mapping[str, str] = field(default_factory=dict)
    """Artefact -> the one that repeats it with another encoder, which is meant then"""

    def select(self, side: Side, base: CellSelection | None, keys: Keys) -> CellSelection:
        """The cells of a side, with what it inherits from ``base``. Raises `UserError` for unknown names."""
        artefact = side.artefact or (base.named if base else "")
        of_study = self.registry.artefacts
        of_paper: dict[str, Any] = self.registry.settings.config.value.get("artefacts") or {}
        self._known(artefact, [*of_paper, *of_study], "artefact", (*keys, "artefact"))
        meant = self.repeated.get(artefact, artefact)
        paper, study = of_paper.get(artefact) or {}, of_study.get(meant)

        def names(field: str) -> list[str]:
            in_study = list(getattr(study, field)) if study else []
            return [*in_study, *(name for name in paper.get(field) or {} if name not in in_study)]

        inherited = base if base and side.artefact in (None, base.named) else None
        rows = inherited.rows if side.row is None and inherited else self._rows(side, base, study, names("rows"), keys)
        columns = (
            base.columns if side.column is None and base else self._column_names(side, study, names("columns"), keys)
        )
        size = side.size or (inherited.size if inherited else None)
        sizes = names("sizes")
        if bool(sizes) != bool(size):
            problem = "needs a size" if sizes else f"has no sizes, so no {size!r}"
            raise UserError(f"{self._where(keys)}: {artefact} {problem}")
        if size:
            self._known(size, [*sizes, "smallest", "largest"], "size", (*keys, "size"))
        selection = side.selection or (base.selection if base else "last")
        return CellSelection(meant, artefact, rows, columns, size, selection, keys)

    def _rows(
        self, side: Side, base: CellSelection | None, study: Artefact | None, known: Sequence[str], keys: Keys
    ) -> tuple[str, ...]:
        rows: dict[str, None] = {}
        labels = side.row if isinstance(side.row, list) else [side.row or ""]
        for number, label in enumerate(labels):
            label_keys = (*keys, "row", number) if isinstance(side.row, list) else (*keys, "row")
            if label == OTHERS and base:
                quoted = [row for row, declared in study.rows.items() if declared.quoted] if study else []
                rows |= dict.fromkeys(row for row in known if row not in (*base.rows, *quoted))
            elif "*" in label:
                pattern = label.replace("[", "[[]")
                matching = [row for row in known if fnmatchcase(row, pattern)]
                if not matching:
                    raise UserError(f"{self._where(label_keys)}: no row {label!r}{nearest(label, known)}")
                rows |= dict.fromkeys(matching)
            else:
                self._known(label, [*known, LAST], "row", label_keys)
                rows[label] = None
        return tuple(rows)

    def _column_names(self, side: Side, study: Artefact | None, known: Sequence[str], keys: Keys) -> tuple[str, ...]:
        if side.column in (None, ALL):
            for number, corpus in enumerate(side.without):
                self._known(corpus, known, "column", (*keys, "without", number))
            of_study = _other(study.columns if study else known, side.without)
            return tuple(of_study or _other(known, side.without))  # else no comparison would say what is missing
        corpora = [side.column] if isinstance(side.column, str) else side.column or []
        for number, corpus in enumerate(corpora):
            corpus_keys = (*keys, "column") if isinstance(side.column, str) else (*keys, "column", number)
            self._known(corpus, [*known, ALL], "column", corpus_keys)
        return tuple(corpora)

    def _known(self, name: str, known: Iterable[str], what: str, keys: Keys) -> None:
        known = list(known)
        if name not in known:
            raise UserError(f"{self._where(keys)}: no {what} {name!r}{nearest(name, known)}")

    def _where(self, keys: Keys) -> str:
        return self.declared.document.where(keys)


def _other(columns: Iterable[str], left_out: Sequence[str]) -> list[str]:
    return [column for column in columns if column not in left_out]
