"""Tiny inputs that several folders of unit tests read, made once. Imports are lazy: some tests run without torch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from bertfit.tokens.token_file import Tokens


@pytest.fixture(scope="session")
def words(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A vocabulary."""
    from helpers import tiny

    return tiny.vocabulary(tmp_path_factory.mktemp("vocabulary"))


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory, words: Path) -> Tokens:
    """30 tokenised texts of three classes."""
    from bertfit.tokens import token_file
    from helpers import tiny

    return token_file.read(tiny.tokens_file(tmp_path_factory.mktemp("corpus") / "train.arrow", words, 30, 1))


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory, words: Path) -> Path:
    """An encoder's folder."""
    from helpers import tiny

    return tiny.encoder(tmp_path_factory.mktemp("encoders") / "tiny", words)
