"""The contrasts of one comparison of a claim: the cells of both sides, with their runs, or why there are none.

Imports neither torch nor pandas.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from bertfit.claims.cell_names import LAST, CellSelection, Keys, Names
from bertfit.claims.claim_schema import Claim, Compare, Contrast, Kind, PublishedKey, Runs, Selection
from bertfit.experiments.cells import BASELINE, Cell, RunGroup
from bertfit.experiments.registry import Registry


@dataclass(frozen=True)
class _Term:
    """One row of a side, and the weight of its errors in a contrast."""

    selection: CellSelection
    row: str
    weight: int


@dataclass(frozen=True)
class _Missing:
    """Why a cell has no runs; ``applies`` is false where it cannot have any, as a layer that the encoder lacks."""

    reason: str
    applies: bool = True


@dataclass(frozen=True)
class _Column:
    """One column of a contrast: labels of both sides, and the runs or why there are none.

    ``quoted``: key of the published error that is side b.
    """

    corpus: str
    a: str
    b: str
    runs: list[Runs]
    missing: _Missing | None = None
    quoted: PublishedKey | None = None


@dataclass(frozen=True)
class Resolved:
    """A contrast; ``applies`` is false if all of its cells are inapplicable.

    ``left_out``: the corpus of a contrast that is left out, as the corpus is not available and others are.
    """

    contrast: Contrast
    applies: bool = True
    left_out: str = ""


@dataclass(frozen=True)
class Comparison:
    """The contrasts of one comparison in the file."""

    names: Names
    compare: Compare
    claim: Claim
    keys: Keys

    def contrasts(self, margin: float) -> Iterator[Resolved]:
        """Contrasts of every row of a with every row of b, one for each column or one for their mean."""
        a = self.names.select(self.compare.a, None, (*self.keys, "a"))
        b = self.names.select(self.compare.b, a, (*self.keys, "b")) if self.compare.b else None
        kind = self.claim.kind
        if kind == "fails more often" and b:
            yield Resolved(self._cells_of_both_sides(a, b, margin))
            return
        for row_a in a.rows:
            for row_b in b.rows if b else ("",):
                terms = [_Term(a, row_a, -1), _Term(b, row_b, 1)] if b else [_Term(a, row_a, 1)]
                if b and self.compare.than:
                    for term in list(terms):
                        selection = self.names.select(self.compare.than, term.selection, (*self.keys, "than"))
                        terms.append(_Term(selection, term.row, -term.weight))
                columns = list(self._columns(terms))
                if self.claim.over == "each":
                    at_hand = [column for column in columns if not self.registry.unavailable(column.corpus)]
                    for column in columns:
                        left_out = column.corpus if at_hand and column not in at_hand else ""
                        yield replace(_contrast(kind, margin, [column]), left_out=left_out)
                elif columns:
                    yield _contrast(kind, margin, columns)

    # ------------------------------------------------------------------------------------------ contrasts

    def _columns(self, terms: Sequence[_Term]) -> Iterator[_Column]:
        """The columns of a contrast; a column in which all runs cancel out is left out."""
        for column in dict.fromkeys(column for term in terms for column in term.selection.columns):
            quoted = self._quoted(terms, column)
            trained = terms[:1] if quoted else terms
            cells = [self._cell(term, column, terms) for term in trained]
            labels = [_label(term, cell) for term, cell in zip(trained, cells, strict=True)]
            a, b = _side_labels([*labels, *(term.row for term in terms[len(trained) :])])
            if missing := [cell for cell in cells if isinstance(cell, _Missing)]:
                reason = _Missing(_reasons(missing), all(cell.applies for cell in missing))
                yield _Column(column, a, b, [], reason)
                continue
            runs = self._net_runs(
                [(cell, term) for cell, term in zip(cells, trained, strict=True) if isinstance(cell, Cell)]
            )
            if runs:
                yield _Column(column, a, b, runs, quoted=quoted)
            elif len(terms) > 2:
                reason = _Missing(f"{terms[0].selection.artefact}, {column}: only one size has runs")
                yield _Column(column, a, b, [], reason)

    def _quoted(self, terms: Sequence[_Term], column: str) -> PublishedKey | None:
        """Key of the published error that is side b of a gain, if it is a quoted system in a comparable study."""
        if len(terms) != 2 or not self.registry.settings.study.comparable:
            return None
        artefact = self.registry.artefacts.get(terms[1].selection.artefact)
        row = artefact.rows.get(terms[1].row) if artefact else None
        if not artefact or not row or not row.quoted or column not in artefact.columns:
            return None
        return terms[1].selection.artefact, row.published or terms[1].row, artefact.columns[column]

    def _net_runs(self, cells: Sequence[tuple[Cell, _Term]]) -> list[Runs]:
        """Each run once with the sum of its weights, without those that cancel out."""
        weights: dict[tuple[RunGroup | None, Selection], int] = {}
        first: dict[tuple[RunGroup | None, Selection], tuple[Cell, _Term]] = {}
        for cell, term in cells:
            key = (cell.run_group, term.selection.selection)
            weights[key] = weights.get(key, 0) + term.weight
            first.setdefault(key, (cell, term))
        return [self._runs(*first[key], weight) for key, weight in weights.items() if weight]

    def _cells_of_both_sides(self, a: CellSelection, b: CellSelection, margin: float) -> Contrast:
        """All cells of both sides, of the columns in which no cell lacks runs."""
        columns: list[list[Runs]] = []
        reasons: dict[str, str] = {}
        terms = [_Term(side, row, weight) for side, weight in ((a, 1), (b, -1)) for row in side.rows]
        for column in a.columns:
            cells = [self._cell(term, column, terms) for term in terms]
            if missing := [cell for cell in cells if isinstance(cell, _Missing) and cell.applies]:
                reasons[column] = _reasons(missing)
                continue
            available = [(cell, term) for cell, term in zip(cells, terms, strict=True) if isinstance(cell, Cell)]
            columns += [[self._runs(cell, term, term.weight)] for cell, term in available]
        labels = {"a": ", ".join(a.rows), "b": ", ".join(b.rows), "reason": "; ".join(dict.fromkeys(reasons.values()))}
        return Contrast(kind="fails more often", **labels, margin=margin, columns=columns, missing=len(reasons))

    # ------------------------------------------------------------------------------------------ cells

    @property
    def registry(self) -> Registry:
        """The study's cells and artefacts."""
        return self.names.registry

    @cached_property
    def _cells(self) -> dict[tuple[str, str, str, str | None], Cell]:
        return {
            (artefact, cell.row, cell.corpus, cell.size): cell
            for artefact, cells in self.registry.cells.items()
            for cell in cells
        }

    def _cell(self, term: _Term, column: str, terms: Sequence[_Term]) -> Cell | _Missing:
        """The cell of a term, or why the study has none with runs; ``terms`` are those of the whole contrast."""
        artefact, row, size = term.selection.artefact, term.row, term.selection.size
        if artefact not in self.registry.cells:
            return _Missing(f"{artefact} is not part of this study")
        declared = self.registry.artefacts[artefact].rows.get(row)
        if declared and column in declared.without:
            return _Missing(f"{artefact}, {row}, {column}: not applicable ({declared.without[column]})", False)
        if unavailable := self.registry.unavailable(column):
            return _Missing(f"{column}: not available ({unavailable.reason})")
        if row == LAST:
            return self._last(artefact, column)
        if size in ("smallest", "largest"):
            rows = {each.row for each in terms if each.selection.artefact == artefact}
            size = self._extreme(size, artefact, column, rows)
        if declared and declared.quoted:
            return _Missing(
                f"{artefact}, {row}: published errors of another setting are no side of a comparison", False
            )
        cell = self._cells.get((artefact, row, column, size))
        name = f"{artefact}, {row}, {column}" + (f", {size}" if size else "")
        if cell is None:
            return _Missing(f"{name}: not part of this study")
        if cell.run_group is None:
            reason = f"{name}: {cell.status}" + (f" ({cell.reason})" if cell.reason else "")
            return _Missing(reason, cell.status == "not available")
        return cell

    def _last(self, artefact: str, column: str) -> Cell | _Missing:
        """The cell whose recipe classifies the last layer, whatever its number."""
        for (key, _, corpus, _), cell in self._cells.items():
            matches = (key, corpus) == (artefact, column)
            if matches and cell.run_group and self.registry.recipe(cell.run_group.recipe).layers == "last":
                return cell
        return _Missing(f"{artefact}, last layer, {column}: not part of this study")

    def _extreme(self, which: str, artefact: str, column: str, rows: Iterable[str]) -> str:
        """Label of the ``smallest`` or ``largest`` size at which all ``rows`` have runs, else ``which``."""
        order = list(self.registry.artefacts[artefact].sizes)
        with_runs = [cell for cell in self.registry.cells[artefact] if cell.run_group]
        shares = {cell.size: cell.share for cell in with_runs if cell.size is not None and cell.share is not None}
        if all(cell.size in shares for cell in with_runs):
            order = sorted(shares, key=shares.__getitem__)
        complete = [
            size
            for size in order
            if all((cell := self._cells.get((artefact, row, column, size))) and cell.run_group for row in rows)
        ]
        return (complete[0] if which == "smallest" else complete[-1]) if complete else which

    def _runs(self, cell: Cell, term: _Term, weight: int) -> Runs:
        assert cell.run_group is not None
        return Runs(
            weight=weight,
            corpus=cell.run_group.corpus,
            encoder=cell.run_group.encoder,
            recipe=cell.run_group.recipe,
            seeds=list(cell.seeds),
            constant=cell.run_group.encoder == BASELINE,
            reading="training" if self.claim.measure == "training_error" else term.selection.selection,
            paper=self._paper(cell, term.selection.artefact, term.row),
        )

    def _paper(self, cell: Cell, key: str, row: str) -> tuple[str, str, str] | None:
        """Key of a cell's value in published.csv; None for the last layer of another encoder than the paper's."""
        artefact = self.registry.artefacts[key]
        name = artefact.rows[cell.row].published or cell.row
        if artefact.kind == "table" and (row != LAST or self.registry.settings.study.comparable):
            return key, name, cell.column
        if artefact.kind == "sizes":
            return key, name, f"{cell.size}% of the {cell.column} training examples"
        if artefact.kind == "steps":
            steps = cell.row.removesuffix("k")
            return key, f"BERT-ITPT-FiT ({cell.column})", f"{steps} thousand further pre-training steps"
        return None


def _label(term: _Term, cell: Cell | _Missing) -> str:
    row, size = (cell.row, cell.size) if isinstance(cell, Cell) else (term.row, term.selection.size)
    best = " (best evaluation)" if term.selection.selection == "best" else ""
    return (f"{row} at {size}" if size else row) + best


def _side_labels(names: Sequence[str]) -> tuple[str, str]:
    """Labels of both sides, from the labels of a contrast's terms.

    * one term, of kind `fails`: ``["x"]`` -> ``("x", "")``
    * two, a gain: ``["x", "y"]`` -> ``("x", "y")``
    * four, a difference of gains: ``["x", "y", "x at 1", "y at 1"]`` -> ``("x over y", "x at 1 over y at 1")``
    """
    half = max(1, len(names) // 2)
    return " over ".join(names[:half]), " over ".join(names[half:])


def _contrast(kind: Kind, margin: float, columns: Sequence[_Column]) -> Resolved:
    """A contrast of the columns that have runs."""
    available = [column.runs for column in columns if column.runs]
    quoted = [column.quoted for column in columns if column.runs and column.quoted]
    missing = [column.missing for column in columns if column.missing]
    applicable = [cell for cell in missing if cell.applies]
    applies = bool(available or applicable)
    contrast = Contrast(
        kind=kind,
        a=columns[-1].a,
        b=columns[-1].b,
        margin=margin,
        columns=available,
        quoted=quoted,
        missing=len(applicable) if available else 0,
        reason=_reasons(applicable if applies else missing),
    )
    return Resolved(contrast, applies)


def _reasons(missing: Iterable[_Missing]) -> str:
    return "; ".join(dict.fromkeys(cell.reason for cell in missing))
