"""The runs of the search for the best classifier of your own dataset: each candidate, in each round and on each corpus.

All possible runs are declared, so that each is an ordinary run group with a path of its own; which of them are trained
is decided while the workflow runs (`search`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from bertfit.config.hyperparameters import fitted
from bertfit.config.reasons import NotApplicable, Unavailable
from bertfit.config.settings import Settings
from bertfit.config.study_schema import OWN, Candidate, OwnDataset, Row
from bertfit.core.errors import UserError
from bertfit.experiments import ids
from bertfit.experiments.baseline_ids import Counting, format_counts
from bertfit.experiments.cells import BASELINE, RunGroup

SHARES = (0.125, 0.25, 0.5)
"""shares of the training part, besides all of it, of the learning curve"""


@dataclass(frozen=True)
class Candidates:
    """The candidates of a study with the key ``own``. ``lineage``: `Registry.lineage`."""

    settings: Settings
    lineage: Callable[[Row, str], ids.Lineage | Unavailable]

    @property
    def own(self) -> OwnDataset:
        """The study's key ``own``."""
        own = self.settings.study.own
        assert own
        return own

    def run_group(
        self, name: str, epochs: float, *, corpus: str | None = None, share: float = 1.0, save: bool = False
    ) -> RunGroup:
        """The runs of a candidate of ``epochs`` on a corpus, by default the one with validation data.

        ``share``: of the training texts; ``save``: the trained model is kept (word counts always are). Raises
        `UserError` for a recipe that the encoder cannot have.
        """
        candidate, corpus = self.own.candidates[name], corpus or self.own.validation
        if candidate.counts:
            weights = "balanced" if candidate.recipe.get("class_weights") == "balanced" else "none"
            counts = Counting(candidate.counts, weights, share)  # type: ignore[arg-type]
            return RunGroup(corpus, BASELINE, format_counts(counts))
        row = Row(mix=OWN if candidate.pretrained else None)
        lineage = self.lineage(row, corpus)
        if isinstance(lineage, Unavailable):
            raise UserError(f"own.candidates.{name}: {lineage.reason}")
        more: dict[str, Any] = {"epochs": epochs} | ({"fraction": share} if share < 1 else {})
        if save:
            more |= {"save_model": True}
        elif self.own.patience and share == 1:
            more |= {"patience": self.own.patience, "stop_on": "test"}
        recipe = self.settings.finetune({**candidate.recipe, **more}, keys=("own", "candidates", name))
        base = self.settings.study.encoders[lineage.base]
        whole = fitted(recipe, base.depth, family=base.kind)
        if isinstance(whole, NotApplicable):
            raise UserError(f"own.candidates.{name}: {whole.reason}")
        return RunGroup(corpus, ids.format_encoder(lineage), ids.format_recipe(whole, self.settings.finetune({})))

    def final(self, name: str, epochs: float) -> RunGroup:
        """The runs of the winner on the whole training split."""
        return self.run_group(name, epochs, corpus=self.own.corpus, save=True)

    def curve(self, name: str, epochs: float) -> list[RunGroup]:
        """The runs of the winner on shares of the training part, for the learning curve."""
        return [self.run_group(name, epochs, share=share) for share in SHARES]

    def epochs(self, candidate: Candidate) -> list[float]:
        """Numbers of epochs of the rounds, ascending; one for word counts."""
        return [1.0] if candidate.counts else sorted(set(self.own.rounds))

    def ends(self, candidate: Candidate) -> list[float]:
        """Epochs after which the winner may end: those of the rounds, and whole ones, after which it is evaluated."""
        rounds = self.epochs(candidate)
        return rounds if candidate.counts else sorted({*rounds, *map(float, range(1, int(rounds[-1]) + 1))})

    def declared(self) -> Iterator[tuple[RunGroup, list[int]]]:
        """Every run group that the search may ask for, with its seeds."""
        seeds = self.settings.seeds_of(self.settings.study.seeds)
        for name, candidate in self.own.candidates.items():
            for epochs in self.epochs(candidate):
                yield self.run_group(name, epochs), [1] if candidate.counts else seeds[:1]
            for epochs in self.ends(candidate):
                yield self.final(name, epochs), [1] if candidate.counts else seeds
                for run_group in self.curve(name, epochs):
                    yield run_group, [1] if candidate.counts else seeds[:1]
