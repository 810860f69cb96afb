"""Recipes and steps of a study: presets, relative rates, multiples; wrong values with their file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from bertfit.core.errors import UserError
from bertfit.experiments.registry import open_registry
from conftest import ROOT
from helpers.project import check_mistake, edited, make, opened, switches


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make(tmp_path)


MISTAKES = [
    ("config.yaml", "{truncation: head}", "{pooler: true, layers: first4}", r"config\.yaml:\d+: .*leave out `layers`"),
    (
        "config.yaml",
        "{truncation: head}",
        "{classifier: bilstm, save_model: true}",
        r"config\.yaml:\d+: .*is not saved",
    ),
    ("config.yaml", "{truncation: head}", "{save_model: true, layers: all}", r"config\.yaml:\d+: .*several layers"),
    ("config.yaml", "{truncation: head}", "{dropout: 1.0}", r"config\.yaml:LINE: dropout = 1\.0"),
    ("config.yaml", "corpora: [imdb, trec]\n", "corpora: [imdb, trec]\npresets: {a: {clip_bye: 1}}\n", r"'clip_bye'"),
    (
        "studies/miniature.yaml",
        "  head_tokens: 16",
        "  head_tokens: 63",
        r"miniature\.yaml:\d+: .*does not fit into max_len",
    ),
    ("config.yaml", "usual: {}", "usual: {recipe: {preset: modem}}", r"config\.yaml:LINE: no preset 'modem'"),
    ("config.yaml", "usual: {}", "usual: {recipe: {layers: top}}", r"config\.yaml:LINE: .*layers = 'top'"),
    ("config.yaml", "  lr: 2e-5", "  lrr: 2e-5", r"config\.yaml:LINE: unknown key 'lrr' .*'lr'"),
    ("config.yaml", "truncation: head}", "truncation: heads}", r"config\.yaml:LINE: .*truncation = 'heads'"),
    ("studies/miniature.yaml", "lr: 1e-3", "lr: fast", r"miniature\.yaml:LINE: lr = 'fast'"),
]


@pytest.mark.parametrize(("file", "old", "new", "message"), MISTAKES)
def test_mistakes_are_named(project: Path, file: str, old: str, new: str, message: str) -> None:
    check_mistake(project, file, old, new, message)


def test_a_recipe_is_the_papers_then_the_studys_then_the_presets_then_its_own(project: Path) -> None:
    edited(project, "config.yaml", "artefacts:\n", "presets: {fast: {lr: 0.5, batch_size: 7}}\nartefacts:\n")
    settings = opened(project).settings
    assert (settings.finetune({}).lr, settings.finetune({}).max_length) == (1e-3, 64)
    fast = settings.finetune({"preset": "fast", "batch_size": 9})
    assert (fast.lr, fast.batch_size, fast.max_length) == (0.5, 9, 64)


def test_a_relative_rate_is_a_multiple_of_the_studys(project: Path) -> None:
    settings = opened(project).settings
    assert settings.finetune({"lr": "x2.5"}).lr == 0.0025
    assert settings.pretrain({"batch_size": 5}).batch_size == 5 and settings.pretrain({}).max_length == 64


def test_steps_are_a_number_or_a_multiple(project: Path) -> None:
    settings = opened(project).settings
    assert [settings.steps(steps, {"steps": 200}) for steps in (None, 30, "30", "x0.5", "x2", "x0")] == [
        200, 30, 30, 100, 400, 0,
    ]  # fmt: skip
    assert settings.steps(None, {}) == 100_000, "the paper's"
    with pytest.raises(UserError, match=r"steps: x0\.001 of 200 steps is less than one"):
        settings.steps("x0.001", {"steps": 200})


def test_seeds_of_config_are_counted_from_the_studys_first(project: Path) -> None:
    edited(project, "studies/miniature.yaml", "seeds: [1, 2, 3, 4]", "seeds: [42]")
    assert opened(project, seeds=3).settings.seeds == [42, 43, 44] and opened(project).settings.seeds == []


def test_the_same_seeds_have_the_same_switch(project: Path) -> None:
    """The study declares seeds 1 to 4."""
    given = {None: None, 3: "3", "1-3": "3", "2-3": "2-3", "declared+1-3": "declared+1-3", "1-2+3-3": "3"}
    for value, text in given.items():
        switches = {} if value is None else {"seeds": value}
        assert opened(project, **switches).settings.seed_switch == text
    settings = opened(project, seeds="declared+6-6").settings
    assert settings.seeds == [6] and settings.seeds_of([9]) == [6, 9]
    assert opened(project, seeds="6-6").settings.seeds_of([9]) == [6] and opened(project).settings.seeds_of([9]) == [9]


def test_only_downloads_are_tried_again(tmp_path: Path) -> None:
    """An error of the user's own file would be printed by each try."""
    own = open_registry(switches("example"), ROOT, tmp_path).settings
    assert (own.retries("corpora"), own.retries("texts"), own.retries("encoders")) == (0, 0, 0)
    hub = open_registry(switches("example") | {"encoder": "google-bert/bert-base-uncased"}, ROOT, tmp_path).settings
    assert (hub.retries("corpora"), hub.retries("encoders")) == (0, 2)
    paper = open_registry({"study": "paper"}, ROOT, tmp_path).settings
    assert (paper.retries("corpora"), paper.retries("encoders")) == (2, 2)
    made = open_registry({"study": "miniature"}, ROOT, tmp_path).settings
    assert (made.retries("corpora"), made.retries("texts"), made.retries("encoders")) == (None, None, None)
