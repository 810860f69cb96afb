"""Inputs and specifications of the search for the best classifier of your own dataset (rules/classify.smk)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypedDict

from bertfit.config.study_schema import OwnDataset
from bertfit.experiments.candidates import SHARES, Candidates
from bertfit.experiments.cells import RunGroup
from bertfit.experiments.job_specs import Files
from bertfit.search import search_record
from bertfit.search.search_record import CurveSpec, FinalOption, SearchSpec, Trained
from bertfit.workflow.training_jobs import TrainingJobs


class FinalFiles(TypedDict):
    """Files of the winner's last training, of all seeds; ``validated``: predictions of its run on validation data."""

    models: str
    predictions: list[str]
    histories: list[str]
    records: list[str]
    validated: str


RUN_FILES = ("predictions.parquet", "history.csv", "run.json")


@dataclass(frozen=True)
class SearchJobs:
    """The jobs of a study with the key ``own``. Paths are relative to the working folder."""

    jobs: TrainingJobs

    @property
    def own(self) -> OwnDataset:
        """The study's key ``own``."""
        return self.candidates.own

    @property
    def candidates(self) -> Candidates:
        """The candidates of the study."""
        candidates = self.jobs.registry.candidates
        assert candidates
        return candidates

    @property
    def rounds(self) -> int:
        """Number of rounds."""
        return len(self.own.rounds)

    @property
    def encoder(self) -> str:
        """The base encoder that candidates start from."""
        return self.jobs.registry.base_of(self.own.validation)

    @property
    def whole(self) -> dict[str, str]:
        """Wildcards of a fine-tuning of the base encoder on the whole training split, with the default recipe."""
        return {"corpus": self.own.corpus, "encoder": self.encoder, "recipe": "default", "block": "seeds1-1"}

    def round_inputs(self, number: int, record: Callable[[int], str]) -> Files:
        """Inputs of rule plan_round. ``record``: path of the record of a round, once it is written."""
        names = {"train": "train.parquet", "card": "card.json"}
        inputs: dict[str, str | list[str]] = {key: f"{self._validation}/{name}" for key, name in names.items()}
        if number > 1:
            before = record(number - 1)
            inputs |= {"before": before, "runs": self.runs(before)}
        return inputs

    def choice_inputs(self, last: str) -> Files:
        """Inputs of rule choose_model: the record of the last round, its runs, and files of the corpus."""
        names = {"card": "card.json", "clusters": "clusters.parquet"}
        of_corpus = {key: f"{self._validation}/{name}" for key, name in names.items()}
        return {"last": last, "runs": self.runs(last), **of_corpus}

    def runs(self, record: str) -> list[str]:
        """Files of the runs of a round, and those of the runs measured before it, which must not be deleted."""
        plan = search_record.read_round(Path(record))
        return self._files(run.folder for run in [*plan.measured, *plan.runs])

    def final(self, choice: str) -> FinalFiles:
        """Files of the winner's training on the whole training split, by name, and of its run on validation data."""
        found = search_record.read_choice(Path(choice))
        folder = f"{self.jobs.root}/{found.final.folders[0]}"
        return {
            "models": f"{folder}/models",
            "predictions": [f"{self.jobs.root}/{path}/predictions.parquet" for path in found.final.folders],
            "histories": [f"{self.jobs.root}/{path}/history.csv" for path in found.final.folders],
            "records": [f"{self.jobs.root}/{path}/run.json" for path in found.final.folders],
            "validated": f"{self.jobs.root}/{found.winner.folder}/predictions.parquet",
        }

    def curve(self, choice: str) -> list[str]:
        """Predictions of the winner on shares of the training part, smallest first, and on all of it."""
        found = search_record.read_choice(Path(choice))
        folders = [*found.final.curve, found.winner.folder]
        return [f"{self.jobs.root}/{folder}/predictions.parquet" for folder in folders]

    def curve_spec(self) -> CurveSpec:
        """Specification of rule draw_learning_curve."""
        return CurveSpec(shares=[*SHARES, 1.0])

    @property
    def _validation(self) -> str:
        """Folder of the corpus with validation data."""
        return f"{self.jobs.root}/corpora/{self.own.validation}"

    @cached_property
    def _spec(self) -> SearchSpec:
        trained, finals = [], []
        for name, candidate in self.own.candidates.items():
            for epochs in self.candidates.epochs(candidate):
                run_group = self.candidates.run_group(name, epochs)
                trained.append(
                    Trained(
                        candidate=name,
                        title=candidate.title,
                        encoder=run_group.encoder,
                        recipe=run_group.recipe,
                        epochs=epochs,
                        folder=self._folders(run_group)[0],
                    )
                )
            for epochs in self.candidates.ends(candidate):
                final = self.candidates.final(name, epochs)
                curve = [self._folders(part)[0] for part in self.candidates.curve(name, epochs)]
                finals.append(
                    FinalOption(
                        candidate=name,
                        epochs=epochs,
                        encoder=final.encoder,
                        recipe=final.recipe,
                        folders=self._folders(final),
                        curve=curve,
                    )
                )
        return SearchSpec(own=self.own, runs=trained, finals=finals, shares=list(SHARES))

    def spec(self) -> SearchSpec:
        """Specification of rules plan_round and choose_model."""
        return self._spec

    def _folders(self, run_group: RunGroup) -> list[str]:
        """Folders of the jobs of a run group, below that of the results."""
        return [job.path for job in self.jobs.registry.blocks[run_group]]

    def _files(self, folders: Iterable[str]) -> list[str]:
        return [f"{self.jobs.root}/{folder}/{name}" for folder in dict.fromkeys(folders) for name in RUN_FILES]
