"""Specifications of jobs as JSON: what is kept of a declaration, and that it is read back as it was written."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from pydantic import ValidationError

from bertfit.archiving.archive_jobs import ArchiveJobs
from bertfit.config.corpus_schema import Spec
from bertfit.config.hyperparameters import Finetune
from bertfit.experiments.job_specs import BlockSpec, FeatureBlockSpec, plain
from bertfit.experiments.registry import open_registry
from bertfit.workflow.artefact_jobs import ArtefactJobs
from bertfit.workflow.plan_jobs import PlanJobs
from bertfit.workflow.report_jobs import ReportJobs
from bertfit.workflow.training_jobs import TrainingJobs
from conftest import ROOT


@pytest.fixture(scope="module", params=["miniature", "paper"])
def jobs(request: pytest.FixtureRequest) -> TrainingJobs:
    return TrainingJobs(open_registry({"study": request.param}, ROOT))


def all_specs(jobs: TrainingJobs) -> Iterator[Spec]:
    """A specification of each job up to the runs, and of all that is made of them."""
    registry = jobs.registry
    for corpus in filter(lambda name: registry.missing(name) is None, registry.settings.study.corpora):
        yield from (jobs.corpus_spec(corpus), jobs.token_spec(corpus), jobs.text_spec(corpus))
        yield jobs.baseline_spec(corpus)
    yield from map(jobs.vocabulary_spec, registry.settings.study.vocabularies)
    yield from map(jobs.unlabelled_spec, registry.settings.study.texts)
    yield from map(jobs.instance_spec, jobs.mixes)
    yield from map(jobs.fetch_spec, jobs.fetched)
    yield from map(jobs.pretrain_spec, jobs.pretrained)
    yield from map(jobs.multitask_spec, jobs.multitasked)
    for job in registry.jobs():
        if job.run_group.encoder != "tfidf":
            yield jobs.block_spec(**vars(job.run_group), block=job.block)
    artefacts, reporting, planning = ArtefactJobs(jobs), ReportJobs(jobs), PlanJobs(jobs)
    yield from map(artefacts.spec, registry.artefacts)
    yield from (reporting.claim_spec(), planning.calibration_spec(), planning.plan_spec(), reporting.report_spec())
    yield ArchiveJobs(jobs, artefacts, reporting).spec()


def test_every_specification_is_read_back_from_json(jobs: TrainingJobs) -> None:
    for spec in all_specs(jobs):
        text = json.dumps(plain(spec), allow_nan=False)
        again = type(spec).model_validate(json.loads(text))
        assert json.dumps(plain(again)) == text, type(spec).__name__


def test_a_misspelt_or_missing_value_is_an_error() -> None:
    values = {"corpus": "imdb", "encoder": "mini", "recipe": Finetune().model_dump(), "seeds": [1]}
    assert BlockSpec.model_validate(values).recipe == Finetune()
    with pytest.raises(ValidationError, match="cache"):
        BlockSpec.model_validate(values | {"cache": 1})
    with pytest.raises(ValidationError, match="cache_mb"):
        FeatureBlockSpec.model_validate(values)
