"""From claims to the runs of a study that decide them, or the reason why it cannot.

Imports neither torch nor pandas.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any

from bertfit.claims.claim_schema import Compare, Contrast, Declared, Kind, Question, Runs, Side
from bertfit.config.study_schema import Artefact
from bertfit.core.errors import UserError, nearest
from bertfit.experiments.cells import BASELINE, Cell, Job, Trainee
from bertfit.experiments.registry import Registry

ALL, LAST, OTHERS = "all", "last", "others"
Keys = tuple[str | int, ...]


def resolve(declared: Declared, registry: Registry) -> list[Question]:
    """Every claim as the study can put it, in the order of the file.

    Raises `UserError` with file, line and the nearest name for an artefact, row, column or size that neither
    config.yaml nor the study declares; what the study merely leaves out is a reason.
    """
    questions = []
    for name, claim in declared.claims.claims.items():
        margin = declared.claims.margin_of(claim, registry.settings.name)
        found: list[tuple[Contrast, bool]] = []
        for number, compare in enumerate(claim.compare):
            lookup = _Lookup(declared, registry, compare, ("claims", name, "compare", number))
            found += lookup.contrasts(claim.kind, claim.over, margin)
        contrasts = [contrast for contrast, applies in found if applies] or [contrast for contrast, _ in found]
        questions.append(Question(id=name, sentence=claim.sentence, source=claim.source, contrasts=contrasts))
    return questions


def jobs(questions: Iterable[Question], registry: Registry) -> list[Job]:
    """The training jobs whose predictions the claims look at, in the registry's order."""
    wanted = {(runs.corpus, runs.encoder, runs.recipe) for question in questions for runs in question.runs}
    return [job for job in registry.jobs() if (job.trainee.corpus, job.trainee.encoder, job.trainee.recipe) in wanted]


@dataclass(frozen=True)
class _Place:
    """A side with all that it inherits, and where it stands in the file."""

    artefact: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    size: str | None
    keys: Keys


@dataclass(frozen=True)
class _Lost:
    """Why a cell has no runs; ``applies``: whether it could have some."""

    reason: str
    applies: bool = True


Found = Cell | _Lost
_Side = tuple[_Place, str, int]  # with a row and the weight of its error
_Column = tuple[list[Runs], tuple[str, str], _Lost | None]  # runs, labels of a and b, why there are no runs


@dataclass(frozen=True)
class _Lookup:
    """The cells of one comparison."""

    declared: Declared
    registry: Registry
    compare: Compare
    keys: Keys

    def contrasts(self, kind: Kind, over: str, margin: float) -> Iterator[tuple[Contrast, bool]]:
        """Contrasts of every row of a with every row of b: one for each column, or one for their mean.

        With each, whether it applies: not where a cell stands for what cannot be, as a layer that the encoder lacks.
        """
        a = self._place(self.compare.a, None, (*self.keys, "a"))
        b = self._place(self.compare.b, a, (*self.keys, "b")) if self.compare.b else None
        if kind == "wider spread" and b:
            yield self._spread(a, b, margin), True
            return
        for row in a.rows:
            for other in b.rows if b else ("",):
                sides = [(a, row, -1), (b, other, 1)] if b else [(a, row, 1)]
                if b and self.compare.than:
                    for place, label, weight in list(sides):
                        changed = self._place(self.compare.than, place, (*self.keys, "than"))
                        sides.append((changed, label, -weight))
                found = list(self._columns(sides))
                for group in [[one] for one in found] if over == "each" else [found] if found else []:
                    yield _contrast(kind, margin, group)

    # ------------------------------------------------------------------------------------------ contrasts

    def _columns(self, sides: Sequence[_Side]) -> Iterator[_Column]:
        """What each column has: its runs, or why it has none; nothing where a run stands beside itself."""
        for column in dict.fromkeys(column for place, _, _ in sides for column in place.columns):
            found = [self._cell(place, row, column, sides) for place, row, _ in sides]
            names = [_label(place, row, cell) for (place, row, _), cell in zip(sides, found, strict=True)]
            labels = " over ".join(names[:2]) if len(names) > 2 else names[0], " over ".join(names[2:] or names[1:])
            lost = [cell for cell in found if isinstance(cell, _Lost)]
            if lost:
                yield [], labels, _Lost(_joined(lost), all(cell.applies for cell in lost))
            cells = [(cell, *side) for cell, side in zip(found, sides, strict=True) if isinstance(cell, Cell)]
            runs = [] if lost else self._net(cells)
            if runs:
                yield runs, labels, None
            elif not lost and len(sides) > 2:
                yield [], labels, _Lost(f"{sides[0][0].artefact}, {column}: only one size has runs")

    def _net(self, cells: Sequence[tuple[Cell, _Place, str, int]]) -> list[Runs]:
        """Each run once, with its weights added up, and none that cancels out."""
        weights: dict[Trainee | None, int] = {}
        for cell, _, _, weight in cells:
            weights[cell.trainee] = weights.get(cell.trainee, 0) + weight
        first = {cell.trainee: (cell, place, row) for cell, place, row, _ in reversed(cells)}
        return [self._runs(*first[trainee], weight) for trainee, weight in weights.items() if weight]

    def _spread(self, a: _Place, b: _Place, margin: float) -> Contrast:
        """All cells of both sides, of the columns that both have in full."""
        whole: list[list[Runs]] = []
        reasons: dict[str, str] = {}
        for column in a.columns:
            sides = [(place, row, weight) for place, weight in ((a, 1), (b, -1)) for row in place.rows]
            found = [self._cell(place, row, column, ()) for place, row, _ in sides]
            if lost := [cell for cell in found if isinstance(cell, _Lost) and cell.applies]:
                reasons[column] = _joined(lost)
                continue
            cells = ((cell, side) for cell, side in zip(found, sides, strict=True) if isinstance(cell, Cell))
            whole += [[self._runs(cell, *side)] for cell, side in cells]
        about = {"a": ", ".join(a.rows), "b": ", ".join(b.rows), "reason": "; ".join(dict.fromkeys(reasons.values()))}
        return Contrast(kind="wider spread", **about, margin=margin, columns=whole, missing=len(reasons))

    # ------------------------------------------------------------------------------------------ cells

    @cached_property
    def _cells(self) -> dict[tuple[str, str, str, str | None], Cell]:
        return {
            (artefact, cell.row, cell.corpus, cell.size): cell
            for artefact, cells in self.registry.cells.items()
            for cell in cells
        }

    def _cell(self, place: _Place, row: str, column: str, sides: Sequence[tuple[_Place, str, int]]) -> Found:
        """The cell of a row, or why the study has none with runs."""
        if place.artefact not in self.registry.cells:
            return _Lost(f"{place.artefact} is not part of this study")
        row_of = self.registry.artefacts[place.artefact].rows.get(row)
        if row_of and column in row_of.without:
            return _Lost(f"{place.artefact}, {row}, {column}: not applicable ({row_of.without[column]})", False)
        if unavailable := self.registry.unavailable(column):
            return _Lost(f"{column}: not available ({unavailable.reason})")
        if row == LAST:
            return self._last(place, column)
        size = place.size
        if size in ("smallest", "largest"):
            size = self._extreme(size, column, sides)
        cell = self._cells.get((place.artefact, row, column, size))
        at = f"{place.artefact}, {row}, {column}" + (f", {size}" if size else "")
        if cell is None:
            return _Lost(f"{at}: not part of this study")
        if cell.trainee is None:
            reason = f"{at}: {cell.status}" + (f" ({cell.reason})" if cell.reason else "")
            return _Lost(reason, cell.status == "not available")
        return cell

    def _last(self, place: _Place, column: str) -> Found:
        """The cell whose recipe classifies the last layer, whatever its number."""
        for (artefact, _, corpus, _), cell in self._cells.items():
            here = (artefact, corpus) == (place.artefact, column)
            if here and cell.trainee and self.registry.recipe(cell.trainee.recipe).layers == "last":
                return cell
        return _Lost(f"{place.artefact}, last layer, {column}: not part of this study")

    def _extreme(self, which: str, column: str, sides: Sequence[tuple[_Place, str, int]]) -> str | None:
        """Label of the smallest or largest size of which every row of the contrast has runs."""
        artefact, rows = sides[0][0].artefact, {row for _, row, _ in sides}
        order = list(self.registry.artefacts[artefact].sizes)
        shares = {cell.size: cell.share for key, cell in self._cells.items() if key[0] == artefact and cell.trainee}
        if all(share is not None for share in shares.values()):
            order = sorted(shares, key=lambda size: shares[size] or 0.0)  # type: ignore[arg-type]
        full = [
            size
            for size in order
            if all((cell := self._cells.get((artefact, row, column, size))) and cell.trainee for row in rows)
        ]
        return (full[0] if which == "smallest" else full[-1]) if full else which

    def _runs(self, cell: Cell, place: _Place, row: str, weight: int) -> Runs:
        assert cell.trainee is not None
        about = {"seeds": list(cell.seeds), "paper": self._paper(cell, place.artefact, row)}
        constant = cell.trainee.encoder == BASELINE
        return Runs.model_validate({"weight": weight, **vars(cell.trainee), "constant": constant, **about})

    def _paper(self, cell: Cell, key: str, row: str) -> tuple[str, str, str] | None:
        """Where published.csv would have the value of a cell; the last layer of another encoder is not the paper's."""
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

    # ------------------------------------------------------------------------------------------ names

    def _place(self, side: Side, base: _Place | None, keys: Keys) -> _Place:
        """A side with what it inherits from ``base``, every name of it known."""
        artefact = side.artefact or (base.artefact if base else "")
        here = self.registry.artefacts
        paper: dict[str, Any] = self.registry.settings.config.value.get("artefacts") or {}
        self._known(artefact, [*paper, *here], "artefact", (*keys, "artefact"))
        usual, mine = paper.get(artefact) or {}, here.get(artefact)

        def names(field: str) -> list[str]:
            study = list(getattr(mine, field)) if mine else []
            return [*study, *(name for name in usual.get(field) or {} if name not in study)]

        inherited = base if base and side.artefact in (None, base.artefact) else None
        rows = inherited.rows if side.row is None and inherited else self._rows(side, base, mine, names("rows"), keys)
        columns = (
            base.columns if side.column is None and base else self._column_names(side, mine, names("columns"), keys)
        )
        size = side.size or (inherited.size if inherited else None)
        sizes = names("sizes")
        if bool(sizes) != bool(size):
            given = "needs a size" if sizes else f"has no sizes, so no {size!r}"
            raise UserError(f"{self._where(keys)}: {artefact} {given}")
        if size:
            self._known(size, [*sizes, "smallest", "largest"], "size", (*keys, "size"))
        return _Place(artefact, rows, columns, size, keys)

    def _rows(
        self, side: Side, base: _Place | None, mine: Artefact | None, known: Sequence[str], keys: Keys
    ) -> tuple[str, ...]:
        rows: dict[str, None] = {}
        given = side.row
        for number, label in enumerate(given if isinstance(given, list) else [given or ""]):
            at = (*keys, "row", number) if isinstance(given, list) else (*keys, "row")
            if label == OTHERS and base:
                quoted = [row for row, own in mine.rows.items() if own.quoted] if mine else []
                rows |= dict.fromkeys(row for row in known if row not in (*base.rows, *quoted))
            elif "*" in label:
                pattern = label.replace("[", "[[]")
                matching = [row for row in known if fnmatchcase(row, pattern)]
                if not matching:
                    raise UserError(f"{self._where(at)}: no row {label!r}{nearest(label, known)}")
                rows |= dict.fromkeys(matching)
            else:
                self._known(label, [*known, LAST], "row", at)
                rows[label] = None
        return tuple(rows)

    def _column_names(self, side: Side, mine: Artefact | None, known: Sequence[str], keys: Keys) -> tuple[str, ...]:
        given = side.column or ALL
        if given == ALL:
            return tuple(mine.columns if mine else known)
        for number, corpus in enumerate([given] if isinstance(given, str) else given):
            at = (*keys, "column") if isinstance(given, str) else (*keys, "column", number)
            self._known(corpus, [*known, ALL], "column", at)
        return (given,) if isinstance(given, str) else tuple(given)

    def _known(self, name: str, known: Iterable[str], what: str, keys: Keys) -> None:
        known = list(known)
        if name not in known:
            raise UserError(f"{self._where(keys)}: no {what} {name!r}{nearest(name, known)}")

    def _where(self, keys: Keys) -> str:
        return self.declared.document.where(keys)


def _label(place: _Place, row: str, found: Found) -> str:
    row, size = (found.row, found.size) if isinstance(found, Cell) else (row, place.size)
    return f"{row} at {size}" if size else row


def _contrast(kind: Kind, margin: float, found: Sequence[_Column]) -> tuple[Contrast, bool]:
    """A contrast of the columns that have runs, and whether it applies."""
    whole = [runs for runs, _, _ in found if runs]
    lost = [one for _, _, one in found if one and one.applies]
    told = lost if whole or lost else [one for _, _, one in found if one]  # what does not apply is no lack
    reason, (a, b), missing = _joined(told), found[-1][1], len(lost) if whole else 0
    contrast = Contrast(kind=kind, a=a, b=b, margin=margin, columns=whole, missing=missing, reason=reason)
    return contrast, bool(whole or lost)


def _joined(lost: Iterable[_Lost]) -> str:
    return "; ".join(dict.fromkeys(one.reason for one in lost))
