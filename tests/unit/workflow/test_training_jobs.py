"""Jobs from corpora to runs: what is a value of each, on the studies of the repository."""

from __future__ import annotations

from pathlib import Path

import pytest

from bertfit.core.errors import UserError
from bertfit.experiments.job_specs import plain
from bertfit.experiments.registry import Registry, open_registry
from bertfit.workflow.training_jobs import TrainingJobs
from conftest import ROOT
from helpers import project


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
    creation = {"objective", "max_length", "max_predictions", "masked_share", "short_share", "dupe", "data_seed"}
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


ROWS = """usual: {mix: own}
      early: {mix: own, steps: x0.5, of: x1}
      one: {mix: own, pretraining_seed: 7}
      tasks: {mix: own, multitask: two, seeds: [1, 2]}"""


@pytest.fixture(scope="module", params=["each", "one"])
def stages(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, TrainingJobs]:
    """Further pre-training of 20 steps on imdb, with a checkpoint, a seed of its own and a stage that follows it.

    Fine-tuning has seeds 1 to 4 in blocks of at most three.
    """
    folder = project.make(tmp_path_factory.mktemp(request.param))
    project.edited(folder, "config.yaml", "usual: {}", ROWS)
    project.edited(folder, "studies/miniature.yaml", "block: 3", f"block: 3\nstage_seeds: {request.param}")
    more = "{max_length: 64, steps: 20}\nmultitask: {two: {corpora: [imdb, trec]}}"
    project.edited(folder, "studies/miniature.yaml", "{max_length: 64}", more)
    return request.param, TrainingJobs(project.opened(folder))


def test_where_runs_start_with_stages_for_each_seed(stages: tuple[str, TrainingJobs]) -> None:
    """The paths of runs have one id, and an encoder of every seed is trained."""
    which, jobs = stages
    seed = "each" if which == "each" else "s1"
    assert jobs.starts == sorted([
        "mini", f"mini~imdb@20.{seed}", f"mini~imdb@10of20.{seed}", "mini~imdb@20.s7",
        f"mini~imdb@20.{seed}~mt-two.{seed}",
    ])  # fmt: skip
    seeds = [1, 2, 3, 4] if which == "each" else [1]
    trained = {"mini", "mini~imdb@20.s7"} | {f"mini~imdb@{steps}.s{k}" for steps in ("20", "10of20") for k in seeds}
    assert set(jobs.pretrained) == trained
    assert jobs.multitasked == [f"mini~imdb@20.s{k}~mt-two.s{k}" for k in seeds if k < 3]
    assert jobs.saves == {f"mini~imdb@20.s{k}": {10: f"mini~imdb@10of20.s{k}"} for k in seeds}
    assert [jobs.pretrain_spec(f"mini~imdb@20.s{k}").seed for k in seeds] == seeds
    assert [jobs.multitask_spec(name).multitask.seed for name in jobs.multitasked] == [k for k in seeds if k < 3]


def test_the_weights_of_a_block_are_those_of_its_seeds(stages: tuple[str, TrainingJobs]) -> None:
    _, jobs = stages
    folder = "results/miniature/encoders"
    assert jobs.weights("mini~imdb@20.each", "seeds1-3") == [
        f"{folder}/mini~imdb@20.s{seed}/model.safetensors" for seed in (1, 2, 3)
    ]
    assert jobs.weights("mini~imdb@20.each~mt-two.each", "seeds4-4", "config.json") == [
        f"{folder}/mini~imdb@20.s4~mt-two.s4/config.json"
    ]
    assert jobs.weights("mini~imdb@20.s7", "seeds1-3") == [f"{folder}/mini~imdb@20.s7/model.safetensors"]
    assert jobs.weights("mini", "seeds1-3", "config.json") == [f"{folder}/mini/config.json"]


def test_further_pretraining_counts_once_with_the_encoders_of_its_seeds(stages: tuple[str, TrainingJobs]) -> None:
    which, jobs = stages
    alone = {"mini~imdb@20.s7": ["mini~imdb@20.s7"]}
    if which == "one":
        assert jobs.further_pretrained == alone | {
            encoder: [encoder] for encoder in ("mini~imdb@20.s1", "mini~imdb@10of20.s1")
        }
    else:
        assert jobs.further_pretrained == alone | {
            f"mini~imdb@{steps}.each": [f"mini~imdb@{steps}.s{seed}" for seed in (1, 2, 3, 4)]
            for steps in ("20", "10of20")
        }
    assert "mini" not in jobs.further_pretrained, "a base encoder is not pre-trained further"


def test_what_only_multitask_fine_tuning_starts_from_counts_once_too(tmp_path: Path) -> None:
    folder = project.make(tmp_path)
    project.edited(folder, "config.yaml", "usual: {}", "tasks: {mix: own, multitask: two}")
    each = "stage_seeds: each\nmultitask: {two: {corpora: [imdb, trec]}}"
    project.edited(folder, "studies/miniature.yaml", "block: 3", f"block: 3\n{each}")
    project.edited(folder, "studies/miniature.yaml", "{max_length: 64}", "{max_length: 64, steps: 20}")
    jobs = TrainingJobs(project.opened(folder))
    assert jobs.starts == ["mini", "mini~imdb@20.each~mt-two.each"]
    assert jobs.further_pretrained == {"mini~imdb@20.each": [f"mini~imdb@20.s{seed}" for seed in (1, 2, 3, 4)]}


ELECTRA = """\
  disc:
    {title: D, vocabulary: mini, family: electra, folder: FOLDER, layers: 2, generator: gen, further: {objective: rtd}}
  gen: {title: Gen, vocabulary: mini, family: electra, folder: FOLDER, layers: 2}
others:
  disc: {table2: {rows: {more: {mix: own}}}}
finetune:
"""


def test_replaced_token_detection_needs_its_generator(tmp_path: Path) -> None:
    folder = project.make(tmp_path)
    (folder / "config.json").write_text("{}")
    project.edited(folder, "studies/miniature.yaml", "finetune:\n", ELECTRA.replace("FOLDER", str(folder)))
    jobs = TrainingJobs(project.opened(folder))
    (further,) = [encoder for encoder in jobs.pretrained if encoder.startswith("disc~imdb")]
    assert jobs.fetched == ["disc", "gen"] and "imdb.mlm" in jobs.mixes
    assert jobs.generator_files(further) == ["results/miniature/encoders/gen/model.safetensors"]
    assert jobs.instances(further) == "results/miniature/instances/mini/imdb.mlm.arrow"
    spec = jobs.instance_spec("imdb.mlm")
    assert plain(spec)["creation"] == {"objective": "mlm", "max_length": 64}
    assert jobs.pretrain_spec(further).pretrain.objective == "rtd" and "generator" not in plain(jobs.fetch_spec("disc"))
    assert jobs.generator_files("mini") == [] and jobs.held_out(further) == []
    project.edited(folder, "studies/miniature.yaml", "generator: gen, ", "generator: genn, ")
    with pytest.raises(UserError, match=r"encoders\.disc\.generator names 'genn', which is not declared.*'gen'"):
        project.opened(folder)
    project.edited(folder, "studies/miniature.yaml", "generator: genn, ", "")
    with pytest.raises(UserError, match="objective rtd needs a `generator`"):
        TrainingJobs(project.opened(folder)).check()


def test_a_generator_that_no_training_needs_is_not_fetched(tmp_path: Path) -> None:
    folder = project.make(tmp_path)
    (folder / "config.json").write_text("{}")
    others = ELECTRA.replace("FOLDER", str(folder)).replace("further: {objective: rtd}", "further: {whole_words: true}")
    project.edited(folder, "studies/miniature.yaml", "finetune:\n", others)
    jobs = TrainingJobs(project.opened(folder))
    assert jobs.fetched == ["disc"]
    (further,) = [encoder for encoder in jobs.pretrained if encoder.startswith("disc~imdb")]
    assert jobs.generator_files(further) == [] and jobs.pretrain_spec(further).pretrain.objective == "mlm"


@pytest.mark.parametrize("objective", ["mlm", "rtd"])
def test_held_out_text_is_in_blocks_where_the_base_encoder_reads_blocks(tmp_path: Path, objective: str) -> None:
    folder = project.make(tmp_path)
    (folder / "config.json").write_text("{}")
    others = ELECTRA.replace("FOLDER", str(folder)).replace(", further: {objective: rtd}", "")
    others = others.replace("others:\n  disc: {table2: {rows: {more: {mix: own}}}}\n", "")
    project.edited(folder, "studies/miniature.yaml", "finetune:\n", others)
    project.edited(folder, "studies/miniature.yaml", "table2: {}", "table2: {rows: {more: {mix: own}}}")
    project.edited(folder, "studies/miniature.yaml", "base: mini", "base: disc\nheld_out: imdb")
    project.edited(folder, "studies/miniature.yaml", "{max_length: 64}", f"{{max_length: 64, objective: {objective}}}")
    jobs = TrainingJobs(project.opened(folder))
    assert ("imdb-held-out.mlm" in jobs.mixes) == (objective == "mlm")  # the detection is not measured on it
    assert plain(jobs.instance_spec("imdb-held-out.mlm"))["creation"] == {"objective": "mlm", "max_length": 64}
