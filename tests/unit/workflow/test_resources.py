"""What training jobs ask for: by hand for BERT-base, above what was measured, and as far as the machine goes."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest

from bertfit.core.errors import UserError
from bertfit.experiments.registry import open_registry
from bertfit.plan import flops
from bertfit.runtime.limits import Limits
from bertfit.workflow import resources
from bertfit.workflow.resources import Needs, Resources
from bertfit.workflow.training_jobs import TrainingJobs
from conftest import ROOT
from helpers import tokenized

MINUTE = 60
START, MARGIN, GPU = 10, 2, 2e13  # minutes; operations a second
STEP = 12 * 0.005  # seconds beside the operations of a step
LAYERS, WEIGHTS = 85e6, 110e6  # parameters of BERT-base: of its layers, of all


@cache
def jobs(study: str, **switches: int) -> TrainingJobs:
    return TrainingJobs(open_registry({"study": study, **switches}, ROOT))


def needs(study: str, limit: int = 0, **switches: int) -> Resources:
    return Resources(jobs(study, **switches), limit)


def test_pretraining_bert_base_by_hand() -> None:
    asked = needs("paper", limit=1).pretrain("bert-base~ag@100k.s1")
    tokens = 100_000 * 32 * 128
    operations = 6 * LAYERS * tokens  # 6 a parameter and token; attention aside
    minutes = MARGIN * (operations / GPU + 100_000 * STEP) / MINUTE
    assert asked.runtime == pytest.approx(START + minutes, rel=0.05)
    assert asked.mem_mb == pytest.approx(4000 + 8 * 4 * WEIGHTS / 1e6, rel=0.01)
    assert asked.disk_mb == pytest.approx(100 + (2 * 3 + 1) * 4 * WEIGHTS / 1e6, rel=0.01)
    assert (asked.gpu, asked.threads) == (1, 4)


def test_finetuning_bert_base_by_hand() -> None:
    paper = needs("paper", limit=1)
    asked = paper.run("imdb", "bert-base", "default", "seeds42-42")
    tokens = 4 * 25_000 * 512
    attention = 12 * 4 * 768 * 512 / (2 * LAYERS)  # beside the products with the weights
    operations = (6 + 2) * (1 + attention) * LAYERS * tokens  # trained, and evaluated four times
    minutes = MARGIN * (operations / GPU + 4168 * STEP) / MINUTE
    assert asked.runtime == pytest.approx(START + minutes, rel=0.1)
    three = paper.run("imdb", "bert-base", "default", "seeds42-44")
    assert three.runtime - START == pytest.approx(3 * (asked.runtime - START), abs=3)
    assert three.mem_mb == asked.mem_mb


def test_more_work_asks_for_more_time() -> None:
    paper = needs("paper", limit=1)
    head, whole = (paper.run("imdb", "bert-base", f"truncation={way}", "seeds42-42") for way in ("head", "hier-mean"))
    beside = START + MARGIN * 4168 * STEP / MINUTE
    assert whole.runtime - beside == pytest.approx(6 * (head.runtime - beside), rel=0.05), "six fractions of a text"
    once, five = (paper.pretrain(f"bert-base~imdb@{steps}k.s1") for steps in (100, 500))
    assert five.runtime - START == pytest.approx(5 * (once.runtime - START), abs=5)
    saved = len(paper.jobs.saves["bert-base~imdb@100k.s1"])
    assert once.disk_mb - five.disk_mb == pytest.approx(2 * saved * 4 * WEIGHTS / 1e6, rel=0.01) and saved == 3


def test_short_texts_ask_for_their_steps_and_their_length(tmp_path: Path) -> None:
    """Tokenised texts count with their lengths; a step takes time however short they are."""
    steps, run = 4 * 228, ("trec", "bert-base", "default", "seeds42-42")
    unknown = Resources(TrainingJobs(open_registry({"study": "paper"}, ROOT, tmp_path)), 1)
    longest = MARGIN * (6 * LAYERS * steps * 24 * 512 / GPU + steps * STEP) / MINUTE
    assert unknown.run(*run).runtime == pytest.approx(START + longest, rel=0.1)
    for split, rows in (("train", 5452), ("test", 500)):
        tokenized.write_lengths(Path(unknown.jobs.tokens("trec", "bert-base", split)), rows, 8)
    shortest = MARGIN * (6 * LAYERS * steps * 24 * 10 / GPU + steps * STEP) / MINUTE
    assert unknown.run(*run).runtime == pytest.approx(START + shortest, abs=1)
    assert shortest < longest / 3


def test_your_own_dataset_asks_for_the_rows_of_its_file(tmp_path: Path) -> None:
    data = tmp_path / "reviews.csv"
    rows = "".join(f"a text of few words number {number},{number % 2}\n" for number in range(2000))
    data.write_text("review,stars\n" + rows)
    switches = {"study": "example", "data": str(data), "text": "review", "label": "stars", "gpus": 0}
    own = TrainingJobs(open_registry(switches, ROOT, tmp_path))
    groups = {run_group for run_group in own.registry.seeds if run_group.encoder != "tfidf"}
    assert {group.corpus for group in groups} == {"texts", "selection"}
    minutes = [Resources(own).run(group.corpus, group.encoder, group.recipe, "seeds1-1").runtime for group in groups]
    assert max(minutes) < 60, "thousands where 100,000 rows were assumed; they take two minutes"


def test_your_own_encoder_counts_with_the_size_in_its_folder(tmp_path: Path) -> None:
    data, folder = tmp_path / "reviews.csv", tmp_path / "encoder"
    data.write_text("review,stars\n" + "".join(f"a text number {number},{number % 2}\n" for number in range(90)))
    folder.mkdir()
    shape = {"num_hidden_layers": 12, "hidden_size": 128, "intermediate_size": 512, "vocab_size": 8000}
    (folder / "config.json").write_text(json.dumps(shape | {"max_position_embeddings": 512}))
    switches = {"study": "example", "data": str(data), "text": "review", "label": "stars", "gpus": 0}
    own = Resources(TrainingJobs(open_registry({**switches, "encoder": str(folder)}, ROOT, tmp_path)))
    assert own._size("base") == flops.Size(12, 128, 512, 8000, 512), "by its depth alone its hidden size were 768"
    (folder / "config.json").write_text('{"num_hidden_layers": 12}')
    assert own._size("base") == flops.fetched(None, 12)


def test_a_small_job_asks_for_few_times_what_it_takes(tmp_path: Path) -> None:
    """40 texts of 19 pieces, MiniLM: 160 steps of pre-training took 1 s of a thread each, fine-tuning 10 s in all."""
    data = tmp_path / "reviews.csv"
    data.write_text("review,stars\n" + "".join(f"{'word ' * 18}{number},{number % 2}\n" for number in range(40)))
    switches = {"study": "example", "data": str(data), "text": "review", "label": "stars", "gpus": 0}
    own = Resources(TrainingJobs(open_registry(switches, ROOT, tmp_path)))
    encoder = own.jobs.registry.encoders[-1]
    asked = own.pretrain(encoder)
    seconds = own.jobs.registry.pretraining(encoder)[0].steps / asked.threads
    assert 2 * seconds < MINUTE * (asked.runtime - START) < 12 * seconds + MINUTE
    assert own.run("texts", "base", "save_model=true", "seeds1-1").runtime <= START + 2


def test_a_retry_asks_for_more_memory_and_time() -> None:
    assert Needs(1, 4, 1000, 50, 30).retried(1) == Needs(1, 4, 1000, 50, 30)
    assert Needs(1, 4, 1000, 50, 30).retried(3) == Needs(1, 4, 3000, 50, 90)


def test_a_retry_asks_for_no_more_than_the_limits() -> None:
    needs, limits = Needs(gpu=1, threads=4, mem_mb=1000, disk_mb=50, runtime=30), Limits(mem_mb=2500, runtime=50)
    asked = [[needs.ask(name, attempt, limits, 4) for attempt in (1, 2, 3, 4)] for name in ("mem_mb", "runtime")]
    assert asked == [[1000, 2000, 2500, 2500], [30, 50, 50, 50]]
    assert [needs.ask(name, 3, limits, 4) for name in ("gpu", "disk_mb")] == [1, 50]
    assert needs.ask("mem_mb", 3, Limits(), 4) == 3000


def test_limits_below_what_a_job_needs_are_told() -> None:
    needs = Needs(gpu=1, threads=4, mem_mb=1000, disk_mb=50, runtime=400)
    with pytest.raises(UserError, match="asks for mem_mb=1000; .* allows 999; .* --set-resources RULE:mem_mb=999"):
        needs.ask("mem_mb", 1, Limits(mem_mb=999), 4)
    with pytest.raises(UserError, match="asks for disk_mb=50"):
        needs.ask("disk_mb", 1, Limits(disk_mb=49), 4)
    assert needs.ask("mem_mb", 1, Limits(mem_mb=999, local=True), 4) == 999, "no batch system refuses it"
    assert needs.ask("runtime", 1, Limits(runtime=50), 4) == 50, "expected to take 200 minutes, in four attempts"
    with pytest.raises(UserError, match="take 200 min; 3 attempts of at most 50 min .* are 150 min; raise .*--retries"):
        needs.ask("runtime", 1, Limits(runtime=50), 3)


# (study, rule, job) -> (MB, seconds) at their largest, as Snakemake's benchmarks of real runs have them
MEASURED = {
    ("miniature", "run", ("sogou", "mini", "truncation=hier-attention", "seeds1-3")): (698, 60),
    ("miniature", "run", ("dbpedia", "mini", "bias_correction=true+classifier=bilstm+lr=0.001", "seeds1-3")): (527, 26),
    ("miniature", "pretrain", ("mini",)): (763, 99),
    ("miniature", "multitask", ("mini~mt-four.s1",)): (545, 17),
    ("trec-cpu", "run", ("trec", "minilm", "fraction=0.02", "seeds1-1")): (1218, 1957),
    ("trec-cpu", "pretrain", ("minilm~trec@300.s1",)): (1578, 2727),
}


@pytest.mark.parametrize(("study", "rule", "job"), MEASURED)
def test_bounds_are_above_what_was_measured(study: str, rule: str, job: tuple[str, ...]) -> None:
    megabytes, seconds = MEASURED[study, rule, job]
    asked = getattr(needs(study), rule)(*job)
    assert megabytes < asked.mem_mb < 4 * megabytes
    assert seconds < MINUTE * asked.runtime
    assert asked.gpu == 0


@pytest.mark.parametrize(
    ("limit", "switches", "base", "large"),
    [
        (8, {}, 1, 4),
        (2, {}, 1, 2),
        (0, {}, 0, 0),
        (8, {"gpus": 0}, 0, 0),
        (8, {"gpus": 2}, 2, 2),
        (8, {"jobs_per_gpu": 2}, 1, 8),  # four whole GPUs of four
        (6, {"jobs_per_gpu": 3}, 1, 6),
    ],
)
def test_gpus_of_a_job(limit: int, switches: dict[str, int], base: int, large: int) -> None:
    paper = needs("paper", limit, **switches)
    assert paper.run("trec", "bert-base", "default", "seeds42-42").gpu == base
    assert paper.run("trec", "bert-large", "default", "seeds42-42").gpu == large
    assert paper.pretrain("bert-large~trec@120k.s1").gpu == large
    assert paper.multitask("bert-base~mt-four.s1").gpu == base
    assert paper.calibration().gpu == min(1, base)


def test_several_gpus_take_as_many_times_the_threads_and_less_time() -> None:
    four, single = (needs("paper", limit).run("imdb", "bert-large", "default", "seeds42-42") for limit in (4, 1))
    assert (four.threads, single.threads) == (16, 4)
    steps = MARGIN * 4168 * 2 * STEP / MINUTE  # not divided
    assert 4 * (four.runtime - START - steps) == pytest.approx(single.runtime - START - steps, abs=4)
    assert single.mem_mb < four.mem_mb < 4 * single.mem_mb


@pytest.mark.parametrize(("gpus", "here", "limit"), [(None, 4, 4), (None, 0, 0), (0, 4, 0), (1, 4, 4), (2, 1, 2)])
def test_limit_of_a_machine(gpus: int | None, here: int, limit: int) -> None:
    switches = {} if gpus is None else {"gpus": gpus}
    settings = open_registry(switches, ROOT).settings
    assert resources.limit(settings, here) == limit
    shared = open_registry({**switches, "jobs_per_gpu": 3}, ROOT).settings
    assert resources.limit(shared, here) == 3 * limit
