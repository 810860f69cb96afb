"""What the archive of a study holds: its records, and the stages that make tables, figures and page of them again.

A stage is a script of ``scripts/`` with the input, output and values that its rule gives it. Neither torch nor pandas.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bertfit.workflow.artefact_jobs import Artefacts
from bertfit.workflow.report_jobs import Reporting
from bertfit.workflow.training_jobs import Jobs

PUBLISHED = "paper/published.csv"
SCORED = {"table": "tabulate_runs", "steps": "plot_steps", "sizes": "plot_sizes"}
"""kind -> script of those that are made from scores"""
RUN = ("run.json", "history.csv", "predictions.parquet")
ENCODER = ("run.json", "history.csv")
Stage = dict[str, Any]


@dataclass(frozen=True)
class Archiving:
    """Records and stages of a study; of a choice of artefacts theirs alone."""

    jobs: Jobs
    artefacts: Artefacts
    reporting: Reporting

    @property
    def root(self) -> str:
        """``results/<study>``."""
        return self.jobs.root

    def spec(self) -> dict[str, Any]:
        """All that the archive depends on beside its files."""
        return {"study": self.jobs.registry.settings.name, "root": self.root, "stages": list(self.stages())}

    def records(self) -> list[str]:
        """What the stages start from: records of all that was trained, facts of what it was trained on."""
        made = set(self.made())
        read = [path for stage in self.stages() for path in paths(stage["input"])]
        return [path for path in dict.fromkeys(read) if path not in made and path != PUBLISHED]

    def made(self) -> list[str]:
        """What the stages make, in their order."""
        return [path for stage in self.stages() for path in paths(stage["output"])]

    def stages(self) -> Iterator[Stage]:
        """In an order in which each finds what it reads."""
        for key in self.jobs.registry.chosen:
            yield from self._artefact(key)
        if not self.jobs.registry.settings.chosen:
            yield _stage(
                "score_runs", self.jobs.scored_files(), [f"{self.root}/results.parquet"], self.jobs.score_spec()
            )
        yield from self._report()

    def _artefact(self, key: str) -> Iterator[Stage]:
        kind, root = self.jobs.registry.artefacts[key].kind, self.root
        spec = self.artefacts.spec(key)
        output = {path.rsplit(".", 1)[1]: path for path in self.artefacts.targets(key)}
        if kind in SCORED:
            scores = f"{root}/scores/{key}.parquet"
            yield _stage("score_runs", self.jobs.scored_files(key), [scores], self.jobs.score_spec(key))
            yield _stage(SCORED[kind], {"results": scores, "published": PUBLISHED}, output, spec)
        elif kind == "statistics":
            names = {"cards": None, "train": "train", "test": "test"}
            found = {name: self.artefacts.statistics_files(key, split) for name, split in names.items()}
            yield _stage("tabulate_corpora", found | {"published": PUBLISHED}, output, spec)
        elif kind == "curves":
            histories = self.artefacts.histories(key)
            yield _stage("plot_curves", {"histories": histories, "published": PUBLISHED}, output, spec)
        elif kind == "reliability":
            yield _stage("plot_reliability", self.jobs.run_files(key), output, spec)
        elif kind == "forgetting":
            yield _stage("tabulate_forgetting", self.artefacts.records(), output, spec)
        else:
            assert kind == "lineage", kind
            yield _stage("draw_lineage", [], output, spec)

    def _report(self) -> Iterator[Stage]:
        """Verdicts and page, which reads the runs themselves, too."""
        reporting, part = self.reporting, self.jobs.registry.part
        verdicts = {form: f"{self.root}/claims{part}.{form}" for form in ("json", "md")}
        predictions = {"predictions": reporting.claim_files(), "published": PUBLISHED}
        yield _stage("judge_claims", predictions, verdicts, reporting.claim_spec())
        read = [*reporting.artefact_files(), *reporting.corpus_files(), *reporting.score_files()]
        read += [path for name in RUN for path in reporting.run_files(name)]
        read += [path for name in ENCODER for path in reporting.encoder_files(name)]
        files = {"files": read, "claims": verdicts["json"]} | (
            {"plan": plan[0]} if (plan := reporting.plan_files()) else {}
        )
        yield _stage("build_report", files, [f"{self.root}/report{part}.html"], reporting.report_spec())


def paths(files: Any) -> list[str]:
    """All paths of a stage's input or output."""
    if isinstance(files, str):
        return [files]
    values = files.values() if isinstance(files, dict) else files
    return [path for value in values for path in paths(value)]


def _stage(script: str, read: Any, made: Any, spec: dict[str, Any]) -> Stage:
    return {"script": script, "input": read, "output": made, "spec": spec}
