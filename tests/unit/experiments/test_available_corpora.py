"""Which corpora and texts a study can read."""

from __future__ import annotations

from pathlib import Path

import pytest

from bertfit.core.errors import UserError
from helpers.project import make, opened


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make(tmp_path)


def test_a_corpus_without_files_is_missing_and_left_out_of_mixes(project: Path) -> None:
    study = opened(project)
    assert study.missing("imdb") is None and "data folder" in study.missing("trec").reason  # type: ignore[union-attr]
    assert study.missing("nowhere").reason == "not part of this study"  # type: ignore[union-attr]
    with pytest.raises(UserError, match="corpus 'trec' is unavailable: its files are not in the data folder"):
        study.corpus("trec")
    assert study.mix("all") == ["imdb", "trec"] and study.available_texts("all") == ["imdb"]


def test_a_corpus_that_is_left_out_of_cells_is_not_missing(project: Path) -> None:
    study = opened(project, corpora="trec")
    assert study.unavailable("imdb").reason == "left out by --config corpora"  # type: ignore[union-attr]
    assert study.missing("imdb") is None and study.available_texts("imdb") == ["imdb"]


def test_the_splits_of_a_mix_and_the_texts_that_are_no_corpora(project: Path) -> None:
    study = opened(project)
    assert study.splits("imdb_leak") == ("train", "test") and study.splits("imdb") == ("train",)
    assert study.available_texts("general") == ["general"]
    assert study.corpus("imdb").source.synthetic and study.declared_rows("imdb") == {}
