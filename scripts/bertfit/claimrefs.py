"""From claims to the runs of a study that decide them, or the reason why it cannot.

Imports neither torch nor pandas.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any

from .cells import BASELINE, Cell, Job
from .claimspec import Compare, Contrast, Declared, Kind, Question, Runs, Side
from .errors import UserError, nearest
from .registry import Registry
from .spec import Artefact

ALL, LAST, OTHERS = "all", "last", "others"
Keys = tuple[str | int, ...]
Found = Cell | str  # a cell with runs, or why there is none


def resolve(declared: Declared, registry: Registry) -> list[Question]:
    """Every claim as the study can put it, in the order of the file.

    Raises `UserError` with file, line and the nearest name for an artefact, row, column or size that neither
    config.yaml nor the study declares; what the study merely leaves out is a reason.
    """
    questions = []
    for name, claim in declared.claims.claims.items():
        margin = declared.claims.margin_of(claim, registry.settings.name)
        contrasts: list[Contrast] = []
        for number, compare in enumerate(claim.compare):
            lookup = _Lookup(declared, registry, compare, ("claims", name, "compare", number))
            contrasts += lookup.contrasts(claim.kind, claim.over, margin)
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
class _Lookup:
    """The cells of one comparison."""

    declared: Declared
    registry: Registry
    compare: Compare
    keys: Keys

    def contrasts(self, kind: Kind, over: str, margin: float) -> Iterator[Contrast]:
        """Contrasts of every row of a with every row of b: one for each column, or one for their mean."""
        a = self._place(self.compare.a, None, (*self.keys, "a"))
        b = self._place(self.compare.b, a, (*self.keys, "b")) if self.compare.b else None
        if kind == "wider spread" and b:
            yield self._spread(a, b, margin)
            return
        for row in a.rows:
            for other in b.rows if b else ("",):
                sides = [(a, row, -1), (b, other, 1)] if b else [(a, row, 1)]
                if b and self.compare.than:
                    for place, label, weight in list(sides):
                        changed = self._place(self.compare.than, place, (*self.keys, "than"))
                        sides.append((changed, label, -weight))
                yield from self._columns(kind, over, margin, sides)

    # ------------------------------------------------------------------------------------------ contrasts

    def _columns(
        self, kind: Kind, over: str, margin: float, sides: Sequence[tuple[_Place, str, int]]
    ) -> Iterator[Contrast]:
        whole: list[list[Runs]] = []
        reasons: list[str] = []
        a = b = ""
        for column in dict.fromkeys(column for place, _, _ in sides for column in place.columns):
            found = [self._cell(place, row, column, sides) for place, row, _ in sides]
            names = [_label(place, row, cell) for (place, row, _), cell in zip(sides, found, strict=True)]
            a, b = (" over ".join(names[:2]), " over ".join(names[2:])) if len(names) > 2 else (*names, "")[:2]
            missing = list(dict.fromkeys(cell for cell in found if isinstance(cell, str)))
            cells = [cell for cell in found if isinstance(cell, Cell)]
            if len(cells) == 2 and cells[0].trainee == cells[1].trainee:
                continue  # the same run under two names: nothing to compare
            runs = [_runs(cell, side[2]) for cell, side in zip(cells, sides, strict=False)]
            if missing:
                reasons += missing
            else:
                whole.append(runs)
            if over == "each":
                reason = "; ".join(missing)
                columns = [] if missing else [runs]
                yield Contrast(kind=kind, a=a, b=b, margin=margin, columns=columns, reason=reason)
        if over == "mean" and (whole or reasons):
            reason = "; ".join(dict.fromkeys(reasons))
            yield Contrast(kind=kind, a=a, b=b, margin=margin, columns=whole, reason=reason)

    def _spread(self, a: _Place, b: _Place, margin: float) -> Contrast:
        """All cells of both sides, of the columns that both have in full."""
        whole: list[list[Runs]] = []
        reasons: list[str] = []
        for column in a.columns:
            sides = [(place, row, weight) for place, weight in ((a, 1), (b, -1)) for row in place.rows]
            found = [(self._cell(place, row, column, ()), weight) for place, row, weight in sides]
            missing = [cell for cell, _ in found if isinstance(cell, str)]
            reasons += missing
            if not missing:
                whole += [[_runs(cell, weight)] for cell, weight in found if isinstance(cell, Cell)]
        names = [", ".join(place.rows) for place in (a, b)]
        reason = "; ".join(dict.fromkeys(reasons))
        return Contrast(kind="wider spread", a=names[0], b=names[1], margin=margin, columns=whole, reason=reason)

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
            return f"{place.artefact} is not part of this study"
        if reason := self.registry.unavailable(column):
            return f"{column}: not available ({reason})"
        if row == LAST:
            return self._last(place, column)
        size = place.size
        if size in ("smallest", "largest"):
            size = self._extreme(size, column, sides)
        cell = self._cells.get((place.artefact, row, column, size))
        at = f"{place.artefact}, {row}, {column}" + (f", {size}" if size else "")
        if cell is None:
            return f"{at}: not part of this study"
        if cell.trainee is None:
            return f"{at}: {cell.status}" + (f" ({cell.reason})" if cell.reason else "")
        return cell

    def _last(self, place: _Place, column: str) -> Found:
        """The cell whose recipe classifies the last layer, whatever its number."""
        for (artefact, _, corpus, _), cell in self._cells.items():
            here = (artefact, corpus) == (place.artefact, column)
            if here and cell.trainee and self.registry.recipe(cell.trainee.recipe).layers == "last":
                return cell
        return f"{place.artefact}, last layer, {column}: not part of this study"

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


def _runs(cell: Cell, weight: int) -> Runs:
    trainee = cell.trainee
    assert trainee is not None
    return Runs.model_validate(
        {
            "weight": weight,
            "corpus": trainee.corpus,
            "encoder": trainee.encoder,
            "recipe": trainee.recipe,
            "seeds": list(cell.seeds),
            "constant": trainee.encoder == BASELINE,
        }
    )
