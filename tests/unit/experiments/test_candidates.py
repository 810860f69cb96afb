"""The runs of the search on your own dataset: declared, each with a path of its own, and trained only if asked for."""

from __future__ import annotations

from bertfit.experiments.cells import RunGroup
from bertfit.experiments.registry import Registry, open_registry
from conftest import ROOT
from helpers import project


def opened(**more: object) -> Registry:
    return open_registry(project.switches("example") | more, ROOT)


def test_other_studies_have_none() -> None:
    assert open_registry({}, ROOT).candidates is None


def test_candidates_are_runs_of_the_part_with_validation_data() -> None:
    candidates = opened().candidates
    assert candidates
    assert candidates.run_group("words", 1) == RunGroup("selection", "tfidf", "words")
    assert candidates.run_group("plain", 4) == RunGroup("selection", "base", "default")
    layers = candidates.run_group("layers", 2)
    assert (layers.encoder, layers.recipe) == ("base", "epochs=2+layer_decay=0.95")
    further = candidates.run_group("further", 4)
    assert further.encoder.startswith("base~selection@") and further.encoder.endswith(".s1")
    assert candidates.run_group("plain", 4, share=0.25).recipe == "fraction=0.25"


def test_the_winner_is_trained_on_the_whole_split_and_saved() -> None:
    candidates = opened().candidates
    assert candidates
    assert candidates.final("plain", 4) == RunGroup("texts", "base", "save_model=true")
    assert candidates.final("words", 1) == RunGroup("texts", "tfidf", "words"), "word counts are always saved"
    assert candidates.final("further", 4).encoder.startswith("base~texts@"), "pre-trained again, on all of them"


def test_declared_runs_have_jobs_and_recipes_but_no_artefact_asks_for_them() -> None:
    registry = opened(seeds=3)
    assert registry.candidates and registry.jobs() == []
    assert registry.seeds[registry.candidates.run_group("plain", 4)] == [1], "the search needs one seed"
    final = registry.candidates.final("plain", 4)
    assert registry.seeds[final] == [1, 2, 3] and len(registry.blocks[final]) == 3
    assert registry.recipe(final.recipe).save_model
    assert registry.encoders[0] == "base" and len(registry.encoders) == 3, "pre-trained for the search, and at the end"


def test_unlabelled_texts_are_added_to_those_of_both_corpora() -> None:
    registry = opened(unlabelled=str(project.REVIEWS))
    assert registry.available_texts("texts_further") == ["texts", "unlabelled"]
    assert registry.available_texts("selection_further") == ["selection", "unlabelled"]
    assert registry.candidates
    assert registry.candidates.run_group("further", 4).encoder.startswith("base~selection_further@")


def test_ends_are_rounds_and_whole_epochs() -> None:
    candidates = opened().candidates
    assert candidates and candidates.own.rounds == [4.0]
    plain = candidates.own.candidates["plain"]
    assert candidates.ends(plain) == [1.0, 2.0, 3.0, 4.0] and candidates.epochs(plain) == [4.0]
    assert candidates.ends(candidates.own.candidates["words"]) == [1.0]
