"""Shared fixtures: where optional shared data lies, and a copy of the workflow to play with."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

import bertfit  # noqa: F401  before torch: sets how threads of OpenMP wait

if TYPE_CHECKING:
    from bertfit.archiving.archive_jobs import ArchiveJobs
    from bertfit.archiving.unpacked_archive import Unpacked
    from bertfit.tokens.token_file import Tokens

ROOT = Path(__file__).parents[1]

if settings.get_current_profile_name() == "default":  # no limit of time for an example: a busy machine is no fault
    settings.register_profile("bertfit", deadline=None)
    settings.load_profile("bertfit")


@pytest.fixture(autouse=True)
def denormals() -> Iterator[None]:
    """Denormal numbers are numbers again after a test that has trained (`devices.prepare`): hypothesis draws some."""
    yield
    if torch := sys.modules.get("torch"):
        torch.set_flush_denormal(False)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of shared test data (real corpora, vocabularies); the test is skipped where it is absent."""
    folder = Path(os.environ.get("BERTFIT_SHARED", ROOT.parent / "shared"))
    if not (folder / "corpora").is_dir():
        pytest.skip(f"no shared test data in {folder} (set BERTFIT_SHARED)")
    return folder


@contextmanager
def training_on_cpu() -> Iterator[None]:
    """Stages run on the CPU within the context, whatever GPUs there are.

    On CUDA they multiply in bfloat16 and cache states of two bytes. Tests that compare what they compute with float32
    loops written out, at bounds of float32, would need other bounds there; `make equal` compares on CUDA.
    """
    import torch

    from bertfit.training import devices

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(devices, "default_device", lambda: torch.device("cpu"))
        yield


@pytest.fixture
def cpu() -> Iterator[None]:
    """The stages that a test calls run on the CPU; see `training_on_cpu`."""
    with training_on_cpu():
        yield


class Workflow:
    """A copy of the workflow in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        for name in (
            "Snakefile", "config.yaml", "CITATION.cff", "rules", "scripts", "studies", "profiles", "paper", "envs",
        ):  # fmt: skip
            source = ROOT / name
            ignore = shutil.ignore_patterns("__pycache__")
            if source.is_dir():
                shutil.copytree(source, folder / name, ignore=ignore)
            else:
                shutil.copy2(source, folder / name)

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace text in one file; it must be there."""
        path = self.folder / name
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{old!r} is not in {name}"
        path.write_text(text.replace(old, new), encoding="utf-8")

    def run(self, *arguments: str, ok: bool = True) -> str:
        """Run Snakemake; return what it printed."""
        command = [sys.executable, "-m", "snakemake", *arguments]
        done = subprocess.run(
            command, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=900
        )
        assert (done.returncode == 0) == ok, done.stdout[-4000:]
        return done.stdout


@pytest.fixture
def workflow(tmp_path: Path) -> Workflow:
    """A copy of the workflow for one test."""
    return Workflow(tmp_path / "work flow")


@pytest.fixture(scope="session")
def make_workflow(tmp_path_factory: pytest.TempPathFactory):
    """Make copies of the workflow that outlive one test."""
    return lambda name: Workflow(tmp_path_factory.mktemp(name))


@pytest.fixture(scope="session")
def words(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny vocabulary. Like the next two made once; they import lazily, since some tests run without torch."""
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


@pytest.fixture(scope="session")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A delivered model, with all that it was made of, trained on the CPU."""
    from helpers import delivered

    with training_on_cpu():
        return delivered.make(tmp_path_factory.mktemp("delivered"))


@pytest.fixture(scope="session")
def archivable(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ArchiveJobs]:
    """The folder of a finished made-up study, and its jobs."""
    from helpers import archived

    return archived.make(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="session")
def archived(archivable: tuple[Path, ArchiveJobs]) -> Path:
    """The archive of the made-up study, beside a second one of the same records."""
    from helpers import archived

    return archived.pack(*archivable)


@pytest.fixture(scope="session")
def contributed(archivable: tuple[Path, ArchiveJobs], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Archives of several contributors by name, see `helpers.contributed.archives`."""
    from helpers import contributed

    return contributed.archives(archivable[0], tmp_path_factory.mktemp("contributed"))


@pytest.fixture
def unpack(contributed: dict[str, Path], tmp_path: Path) -> Callable[..., list[Unpacked]]:
    """Unpacks archives of several contributors by their names."""
    from bertfit.archiving.unpacked_archive import unpacked

    return lambda *names: [unpacked(contributed[name], tmp_path / f"unpacked-{name}") for name in names]
