"""Jobs in words: each rule of the workflow, the stages of encoders, and what a recipe changes."""

from __future__ import annotations

import re

import pytest

from bertfit.experiments.registry import open_registry
from bertfit.terminal.job_words import WORDS, JobWords
from conftest import ROOT

PAPER = JobWords(open_registry({"study": "paper"}, ROOT))
RUN = {"corpus": "imdb", "encoder": "bert-base", "recipe": "default", "block": "seeds1-1"}
TAIL = RUN | {"recipe": "lr=0.0001+truncation=tail", "block": "seeds4-6"}
SAVED = RUN | {"recipe": "save_model=true", "block": "seeds7-7"}
WORDS_ALONE = RUN | {"encoder": "tfidf", "recipe": "words"}
LATER = RUN | {"encoder": "bert-base~all@100k.s1~mt-four.s1", "recipe": "layer_decay=0.95"}


@pytest.mark.parametrize(
    ("rule", "wildcards", "words"),
    [
        ("build_corpus", {"corpus": "imdb"}, "reading corpus imdb"),
        ("tokenize_corpus", {"corpus": "imdb", "split": "test"}, "cutting imdb, test split, into word pieces"),
        ("fetch_encoder", {"encoder": "bert-base"}, "fetching encoder bert-base"),
        ("pretrain_encoder", {"encoder": "mini"}, "pre-training mini from random weights"),
        ("pretrain_encoder", {"encoder": "bert-base~imdb@100k.s1"}, "pre-training on imdb, 100,000 steps"),
        ("pretrain_and_save_1", {}, "pre-training"),
        ("multitask_encoder", {"encoder": "bert-base~mt-four.s1"}, "multi-task fine-tuning on the corpora of four"),
        ("finetune", RUN, "fine-tuning on imdb, rate 2e-5"),
        ("finetune", TAIL, "fine-tuning on imdb, rate 1e-4, truncation tail, seeds 4 to 6"),
        ("finetune_and_save", SAVED, "fine-tuning on imdb, rate 2e-5, seed 7"),
        ("finetune", LATER, "fine-tuning on imdb after pre-training on all and multi-task four, rate 2e-5, "
         "layer-wise decay 0.95"),
        ("run_baseline", WORDS_ALONE, "word counts and a linear model on imdb, words"),
        ("score_runs", {"artefact": "table2"}, "scoring table2"),
        ("build_report", {}, "writing the report"),
        ("plan_round", {"round": "2"}, "planning round 2"),
        ("tokenize_corpus", {}, "tokenize corpus"),
    ],
)  # fmt: skip
def test_words_of_a_job(rule: str, wildcards: dict[str, str], words: str) -> None:
    assert PAPER.of(rule, wildcards) == words


def test_every_rule_with_a_script_has_words() -> None:
    rules = [
        rule
        for path in (ROOT / "rules").glob("*.smk")
        for rule in re.findall(r"^ *(?:checkpoint|rule) (\w+):", path.read_text(), re.MULTILINE)
    ]
    scripts = {path.stem for path in (ROOT / "scripts").glob("*.py")}
    assert set(rules) & scripts <= set(WORDS) and len(set(rules) & scripts) > 20
