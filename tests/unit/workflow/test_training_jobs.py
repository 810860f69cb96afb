"""Jobs from corpora to runs: what is a value of each, on the studies of the repository."""

from __future__ import annotations

import pytest

from bertfit.core.errors import UserError
from bertfit.experiments.job_specs import plain
from bertfit.experiments.registry import Registry, open_registry
from bertfit.workflow.training_jobs import TrainingJobs
from conftest import ROOT


@pytest.fixture(scope="module")
def paper() -> Registry:
    return open_registry({"study": "paper"}, ROOT)


def test_encoders_saved_from_one_run_share_it(paper: Registry) -> None:
    jobs = TrainingJobs(paper)
    end = "bert-base~imdb@100k.s1"
    assert jobs.saves == {end: {s * 1000: f"bert-base~imdb@{s}kof100k.s1" for s in (10, 20, 50)}}
    assert end not in jobs.alone and "bert-base~imdb@10k.s1" in jobs.alone, "Figure 3 has runs of their own"
    assert jobs.pretrain_spec(end).saves[10_000] == "bert-base~imdb@10kof100k.s1"
    assert paper.pretraining("bert-base~imdb@10kof100k.s1")[0].steps == 100_000


def test_the_order_of_texts_is_a_value(paper: Registry) -> None:
    """Snakemake compares the inputs of a job as a set, and documents are shuffled from their order."""
    spec = TrainingJobs(paper).instance_spec("all_question")
    assert spec.texts == ["trec.train.txt", "yahoo.train.txt"] and spec.creation.dupe == 5
    assert TrainingJobs(paper).instance_spec("imdb_leak").texts == ["imdb.train.txt", "imdb.test.txt"]
    assert TrainingJobs(paper).instance_spec("wikipedia-held-out").creation.dupe == 1


@pytest.fixture(scope="module", params=["miniature", "paper"])
def jobs(request: pytest.FixtureRequest) -> TrainingJobs:
    return TrainingJobs(open_registry({"study": request.param}, ROOT))


def test_what_is_no_value_of_a_job_is_left_out(jobs: TrainingJobs) -> None:
    """A test set that overlaps, or the GPUs of a machine, re-run no job that does not read them."""
    corpus = plain(jobs.corpus_spec("imdb"))["corpus"]
    assert not {"encoder", "overlaps"} & corpus.keys() and "source" in corpus
    assert plain(jobs.token_spec("imdb")).keys() == {"fields", "text", "pair"}
    creation = {"max_length", "max_predictions", "masked_share", "short_share", "dupe", "data_seed"}
    assert plain(jobs.instance_spec(jobs.mixes[0]))["creation"].keys() == creation
    assert not any("gpus" in plain(jobs.fetch_spec(encoder)) for encoder in jobs.fetched)


def test_the_name_of_word_counts_and_the_length_of_texts_are_values(jobs: TrainingJobs) -> None:
    assert plain(jobs.baseline_spec("imdb")) == plain(jobs.baseline_spec("imdb", "default"))
    spec = jobs.baseline_spec("imdb", "characters+class_weights=balanced+fraction=0.25")
    assert (spec.analyzer, spec.class_weights, spec.fraction) == ("characters", "balanced", 0.25)
    with pytest.raises(UserError, match="is not what word counts are named"):
        jobs.baseline_spec("imdb", "words+lr=1")
    coverage = plain(jobs.coverage_spec("imdb"))
    assert coverage["form"] == plain(jobs.token_spec("imdb"))
    assert coverage["max_length"] == jobs.registry.settings.finetune({}).max_length


def test_a_group_is_refused_before_the_first_job(monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = TrainingJobs(open_registry({}, ROOT))
    jobs.check()
    monkeypatch.setitem(jobs.registry.settings.study.multitask["four"].recipe, "truncation", "hier-mean")
    with pytest.raises(UserError, match=r"\.yaml:\d+: multitask: truncation=hier-mean is not available"):
        jobs.check()


def test_files_that_jobs_read(paper: Registry) -> None:
    jobs, root = TrainingJobs(paper), "results/paper"
    assert jobs.tokens("imdb", "bert-base~imdb@100k.s1", "train") == f"{root}/tokens/uncased/imdb/train.arrow"
    assert jobs.parent_files("bert-base") == []
    assert jobs.parent_files("bert-base~all@100k.s1~mt-four.s1") == [
        f"{root}/encoders/bert-base~all@100k.s1/model.safetensors"
    ]
    assert jobs.mix_files("all_question") == [f"{root}/documents/{name}.train.txt" for name in ("trec", "yahoo")]
    assert jobs.instances("bert-base~all_question@100k.s1") == f"{root}/instances/uncased/all_question.arrow"
    assert jobs.encoder_files("e")["record"] == f"{root}/encoders/e/run.json"


def test_each_recipe_belongs_to_one_training_rule(jobs: TrainingJobs) -> None:
    rules = [
        set(jobs.recipes_of(classifier=classifier, save_model=saved))
        for classifier, saved in (("linear", False), ("linear", True), ("bilstm", False))
    ]
    assert set().union(*rules) == set(jobs.recipes) and sum(map(len, rules)) == len(jobs.recipes)
    assert "default" in rules[0] and all("classifier=bilstm" in recipe for recipe in rules[2])
