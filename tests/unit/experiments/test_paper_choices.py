"""What the study `paper` does where the paper is silent: those choices of docs/explanation/deviations.md."""

from __future__ import annotations

from typing import Any

import pytest

from bertfit.config.hyperparameters import Finetune
from bertfit.config.layout_schema import Join
from bertfit.experiments.registry import Registry, open_registry
from bertfit.model.classifier_head import ATTENTION_WIDTH
from conftest import ROOT


@pytest.fixture(scope="module")
def paper() -> Registry:
    return open_registry({"study": "paper"}, ROOT)


def shown(values: Any, *names: str) -> dict[str, Any]:
    return {name: getattr(values, name) for name in names}


def recipes(paper: Registry, artefact: str) -> dict[tuple[str, str], Finetune]:
    """(row, corpus) -> recipe."""
    groups = {(cell.row, cell.corpus): cell.run_group for cell in paper.cells[artefact]}
    return {place: paper.recipe(group.recipe) for place, group in groups.items() if group}


def test_fine_tuning_has_four_epochs_and_no_validation_split(paper: Registry) -> None:
    assert shown(paper.default, "epochs", "steps", "minimum_steps", "evaluate_every", "validation") == {
        "epochs": 4, "steps": None, "minimum_steps": 0, "evaluate_every": None, "validation": 0,
    }  # fmt: skip


def test_the_classifier_reads_the_raw_first_token(paper: Registry) -> None:
    assert shown(paper.default, "layers", "pooler", "head_init") == {
        "layers": "last",
        "pooler": False,
        "head_init": 0.02,
    }
    controls = [paper.recipe(cell.run_group.recipe) for cell in paper.cells["controls"] if cell.run_group]
    assert [recipe.pooler for recipe in controls].count(True) == 2  # the other reading, on both corpora


def test_texts_are_cut_in_word_pieces_to_128_and_382(paper: Registry) -> None:
    assert shown(paper.default, "truncation", "max_length", "head_tokens") == {
        "truncation": "head+tail", "max_length": 512, "head_tokens": 128,
    }  # fmt: skip
    assert paper.multitask("four")[1].truncation == "head+tail"  # IMDb, too: the official code counts words there


def test_optimiser_and_schedule_are_the_official_ones(paper: Registry) -> None:
    names = ("bias_correction", "clip_by", "clip", "weight_decay", "schedule", "warmup", "embeddings", "dropout")
    assert list(shown(paper.default, *names).values()) == [False, "tensor", 1, 0.01, "official", 0.1, "base", 0.1]


def test_negative_rates_are_kept_in_the_paper_s_study_alone(paper: Registry) -> None:
    assert paper.default.reproduce_negative_lr
    assert not paper.settings.finetune({"preset": "modern"}).reproduce_negative_lr
    for study in ("compact", "compact-cpu", "trec-cpu", "miniature"):
        assert not open_registry({"study": study}, ROOT).default.reproduce_negative_lr
    assert not Finetune().reproduce_negative_lr


def test_seeds(paper: Registry) -> None:
    """The official default is 42; small test sets have more, also few-shot learning."""
    seeds = {
        (artefact, cell.corpus): cell.seeds for artefact in ("table5", "figure4") for cell in paper.cells[artefact]
    }
    several = {corpus: len(seeds["table5", corpus]) for corpus in ("imdb", "ag", "trec", "yelp_p", "yelp_f")}
    assert several == {"imdb": 5, "ag": 5, "trec": 5, "yelp_p": 3, "yelp_f": 3}
    assert {seeds["table5", corpus] for corpus in ("yahoo", "dbpedia")} == {(42, 43)}
    assert seeds["figure4", "imdb"] == (42, 43, 44, 45, 46)


def test_yahoo_alone_is_a_pair(paper: Registry) -> None:
    corpora = paper.settings.study.corpora
    assert {name for name, corpus in corpora.items() if corpus.pair} == {"yahoo"}
    assert corpora["yahoo"].text == Join(fields=["title", "content"], separator=" ")
    assert corpora["yahoo"].pair == Join(fields=["answer"]) and corpora["ag"].text.separator == " - "


def test_pre_training_is_the_official_one(paper: Registry) -> None:
    pretrain = paper.pretraining("bert-base~ag@100k.s1")[0]
    data = ("dupe", "data_seed", "max_length", "max_predictions", "masked_share", "short_share")
    assert list(shown(pretrain, *data).values()) == [5, 12345, 128, 20, 0.15, 0.1]
    training = ("steps", "batch_size", "lr", "warmup", "weight_decay", "dropout")
    assert list(shown(pretrain, *training).values()) == [100_000, 32, 5e-5, 0.1, 0.01, 0.1]


def test_a_large_encoder_has_the_rates_of_the_small_one(paper: Registry) -> None:
    pretrain = paper.pretraining("bert-large~imdb@120k.s1")[0]
    assert shown(pretrain, "lr", "warmup", "batch_size") == {"lr": 5e-5, "warmup": 0.1, "batch_size": 24}
    found = recipes(paper, "table8")
    assert found["BERT_LARGE", "imdb"] == found["BERT_BASE", "imdb"]
    assert shown(found["BERT_LARGE", "imdb"], "lr", "layer_decay", "epochs") == {
        "lr": 2e-5, "layer_decay": 0.95, "epochs": 4,
    }  # fmt: skip


def test_figure_3_ends_with_xi_and_controls_have_its_first_point(paper: Registry) -> None:
    assert {recipe.layer_decay for recipe in recipes(paper, "figure3").values()} == {0.95}
    controls = [cell.run_group for cell in paper.cells["controls"] if cell.run_group and cell.corpus == "imdb"]
    head_only = {group.encoder for group in controls if paper.recipe(group.recipe).truncation == "head"}
    assert head_only == {"bert-base", "bert-base~imdb@100k.s1"}  # 5.63, Table 2's head-only result


def test_few_shot_learning_has_four_epochs_and_more_in_the_controls(paper: Registry) -> None:
    assert {recipe.epochs for recipe in recipes(paper, "figure4").values()} == {4}
    few = [recipe for recipe in recipes(paper, "controls").values() if (recipe.examples or recipe.fraction < 1)]
    assert {recipe.minimum_steps for recipe in few} == {0, 400}


def test_sizes_that_the_paper_does_not_state(paper: Registry) -> None:
    assert paper.default.fractions == 6 and ATTENTION_WIDTH == 128  # hierarchical methods
    feat = recipes(paper, "table6")["BERT-Feat", "imdb"]
    names = ("lstm", "lstm_attention", "lr", "bias_correction", "weight_decay", "layers", "truncation", "layer_decay")
    assert list(shown(feat, *names).values()) == [300, 350, 1e-3, True, 0, "last", "head+tail", 1]


def test_multi_task_fine_tuning(paper: Registry) -> None:
    group, recipe = paper.multitask("four")
    assert shown(group, "corpora", "sampling", "order") == {
        "corpora": ["imdb", "yelp_p", "ag", "dbpedia"], "sampling": "proportional", "order": "official",
    }  # fmt: skip
    assert shown(recipe, "lr", "epochs", "layer_decay") == {"lr": 2e-5, "epochs": 4, "layer_decay": 1}
    second = {recipe.lr for (row, _), recipe in recipes(paper, "table7").items() if "MFiT" in row}
    assert second == {1e-5}


def test_sogou_is_unavailable_unless_its_files_are_there(paper: Registry) -> None:
    cells = [cell for cell in paper.cells["table2"] if cell.corpus == "sogou"]
    assert {cell.status for cell in cells} == {"not available"} and "authors' drive" in cells[0].reason


def test_sogou_has_no_layer_wise_rates_in_table_6() -> None:
    """Its published value is that of Table 2."""
    found = recipes(open_registry({"study": "miniature"}, ROOT), "table6")
    assert (found["BERT-FiT", "sogou"].layer_decay, found["BERT-FiT", "imdb"].layer_decay) == (1, 0.95)
