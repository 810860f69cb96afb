"""Parts of a study for ``--config shard=i/n``: its training jobs, divided so that the parts cost about the same.

The division follows from study and switches alone, so it is the same on every machine. Runs that start from the same
further trained encoder are in one part with it, so that no encoder is trained in two parts. The only exception is a
base encoder from scratch that everything starts from: it is trained in every part. Imports neither torch nor pandas.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import PurePosixPath

from bertfit.config.corpus_schema import SPLITS
from bertfit.config.hyperparameters import Finetune
from bertfit.config.recipe_semantics import most_fractions
from bertfit.core.errors import UserError
from bertfit.experiments import ids
from bertfit.experiments.cells import BASELINE, Job
from bertfit.plan import flops
from bertfit.workflow import corpus_sizes
from bertfit.workflow.claim_jobs import ClaimJobs
from bertfit.workflow.training_jobs import TrainingJobs

# Of one large GPU. Only their ratio matters, and it only balances the parts.
START = 20.0  # seconds of a job beside training: imports, reading and writing files
OPERATIONS = 1e14  # per second, high as every text counts with the longest length that its recipe allows
TRAINING = 3  # passes: a backward pass costs twice the forward pass


@dataclass(frozen=True)
class Shards:
    """The parts of a study, or of the artefacts that --config artefacts selects. ``selected``: runs and encoders."""

    selected: ClaimJobs

    @property
    def jobs(self) -> TrainingJobs:
        """The training jobs of the study."""
        return self.selected.jobs

    @property
    def shard(self) -> tuple[int, int] | None:
        """Part, from 1, and number of parts, as --config shard gives them."""
        return self.jobs.registry.settings.switches.shard

    def check(self) -> None:
        """Raise `UserError` if a part would be empty, before the first job runs."""
        if self.shard and not self.costs:
            part, number = self.shard
            raise UserError(f"--config shard={part}/{number}: these artefacts have no runs; leave out shard")
        if self.shard and self.shard[1] > len(self.costs):
            part, number = self.shard
            raise UserError(
                f"--config shard={part}/{number}: some parts would be empty; give at most {len(self.costs)} parts, as "
                "many as there are groups of runs that share an encoder"
            )

    @property
    def infix(self) -> str:
        """Infix of file names: ``.shard-2-of-4``; empty without --config shard."""
        return ".shard-{}-of-{}".format(*self.shard) if self.shard else ""

    @property
    def note(self) -> str:
        """Says which group is larger than an even part, so that more parts make the longest no shorter; else empty."""
        if not self.shard:
            return ""
        largest = max(self.costs, key=self.costs.__getitem__)
        share, even = self.costs[largest] / sum(self.costs.values()), 1 / self.shard[1]
        if share <= even:
            return ""
        return (
            f"shard: about {100 * share:.0f} % of the work is the runs of {largest} and cannot be divided; "
            f"part {self.parts[largest]} is larger than the others"
        )

    # ------------------------------------------------------------------------------------------ groups and parts

    def origin(self, encoder: str) -> str | None:
        """The first training of an encoder that one part alone has: its runs are in that part.

        With `stage_seeds: each` this is the training of all its seeds, as one job may need several. None for encoders
        that are fetched, for the study's base and for the baseline.
        """
        if encoder == BASELINE:
            return None
        lineage, study = ids.parse_encoder(encoder), self.jobs.registry.settings.study
        if lineage.base != study.base and study.encoders[lineage.base].scratch:
            return lineage.base
        if not lineage.stages:
            return None
        stage = replace(lineage.stages[0], seed=None) if study.stage_seeds == "each" else lineage.stages[0]
        first = ids.format_encoder(ids.Lineage(lineage.base, (stage,)))
        return ids.saved_from(first) or first

    def group(self, job: Job) -> str:
        """The group of a run: the encoder from which it starts, or the run alone."""
        return self.origin(job.run_group.encoder) or job.path

    @cached_property
    def costs(self) -> dict[str, int]:
        """Group -> milliseconds of all its trainings, by a rough estimate: whole numbers add up alike in any order."""
        seconds: dict[str, list[float]] = {}
        for job in self.selected.runs:
            seconds.setdefault(self.group(job), []).append(self._run_seconds(job))
        for encoder in self.selected.encoders:
            if (origin := self.origin(encoder)) and not ids.saved_from(encoder):
                seconds.setdefault(origin, []).append(self._encoder_seconds(encoder))
        return {group: sum(math.ceil(1000 * value) for value in values) for group, values in seconds.items()}

    @cached_property
    def parts(self) -> dict[str, int]:
        """Group -> its part, from 1; without --config shard all are in part 1."""
        return divide(self.costs, self.shard[1] if self.shard else 1)

    # ------------------------------------------------------------------------------------------ jobs and records

    def trains(self, name: str) -> bool:
        """Whether this part has a training job, named by its folder: ``runs/...`` or ``encoders/...``."""
        kind, _, encoder = name.partition("/")
        return (kind == "encoders" and self.origin(encoder) is None) or self._part in self._users.get(name, ())

    def holds(self, record: str) -> bool:
        """Whether the archive of this part has a record: a part that uses it, else the first part."""
        path = PurePosixPath(record).relative_to(self.jobs.root)
        names = [path.as_posix(), *(parent.as_posix() for parent in path.parents)]
        users = next((self._users[name] for name in names if name in self._users), {1})
        return self._part in users

    @property
    def _part(self) -> int:
        return self.shard[0] if self.shard else 1

    @cached_property
    def _users(self) -> dict[str, set[int]]:
        """Path below the study's results, a folder or file -> the parts whose archives have its records."""
        users: dict[str, set[int]] = {}

        def use(path: str, part: int) -> None:
            users.setdefault(path, set()).add(part)

        for job in self.selected.runs:
            part, corpus, encoder = self.parts[self.group(job)], job.run_group.corpus, job.run_group.encoder
            use(job.path, part)
            use(f"corpora/{corpus}", part)
            if encoder != BASELINE:
                use(f"tokens/{self.jobs.registry.vocabulary(encoder)}/{corpus}", part)
        for encoder in self.selected.encoders:
            if origin := self.origin(encoder):
                part = self.parts[origin]
                use(f"encoders/{encoder}", part)
                if encoder in self.jobs.pretrained:
                    mix = self.jobs.registry.pretraining(encoder)[1]
                    for path in map(PurePosixPath, self.jobs.mix_files(mix)):
                        use(f"documents/{path.stem}.json", part)
            elif encoder in self.jobs.pretrained:  # trained in every part: its losses show that they are the same
                for part in set(self.parts.values()):
                    use(f"encoders/{encoder}/history.csv", part)
        return users

    # ------------------------------------------------------------------------------------------ costs

    def _run_seconds(self, job: Job) -> float:
        """Of a block of seeds."""
        if job.run_group.encoder == BASELINE:
            return START
        recipe = self.jobs.registry.recipe(job.run_group.recipe)
        return START + len(job.seeds) * self._recipe_seconds(job.run_group.corpus, job.run_group.encoder, recipe)

    def _encoder_seconds(self, encoder: str) -> float:
        """Of the last stage of an encoder."""
        if encoder in self.jobs.multitasked:
            spec = self.jobs.multitask_spec(encoder)
            return START + sum(self._recipe_seconds(corpus, encoder, spec.recipe) for corpus in spec.multitask.corpora)
        pretrain = self.jobs.registry.pretraining(encoder)[0]
        return START + self._seconds(encoder, TRAINING * pretrain.steps * pretrain.batch_size * pretrain.max_length)

    def _recipe_seconds(self, corpus: str, encoder: str, recipe: Finetune) -> float:
        """Of one seed."""
        rows = self.jobs.registry.declared_rows(corpus)
        train, test = (rows.get(split, corpus_sizes.ROWS) for split in SPLITS)
        run = corpus_sizes.run_size(recipe, train)
        texts = TRAINING * run.steps * recipe.batch_size + run.evaluations * (test + run.validated)
        pieces = most_fractions(recipe.truncation, recipe.fractions)
        return self._seconds(encoder, texts * pieces * recipe.max_length)

    def _seconds(self, encoder: str, tokens: float) -> float:
        """Of forward passes of an encoder."""
        base = self.jobs.registry.base(encoder)
        shape = base.scratch or flops.fetched(base.hub or base.package, base.depth)
        weights = shape.layers * (4 * shape.hidden**2 + 2 * shape.hidden * shape.intermediate)
        return 2 * weights * tokens / OPERATIONS


def divide(costs: Mapping[str, int], number: int) -> dict[str, int]:
    """Group -> part from 1 to ``number``: the largest group first, each to the part with the least so far.

    Parts differ by at most the largest group. Groups of the same cost follow in the order of their names.
    """
    loads = [0] * number
    parts = {}
    for group in sorted(costs, key=lambda group: (-costs[group], group)):
        part = loads.index(min(loads))
        loads[part] += costs[group]
        parts[group] = part + 1
    return parts
