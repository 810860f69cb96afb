"""The workflow runs from any folder, as a module and deployed, and gives the same bytes; docs/how-to/anywhere.md."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from conftest import ROOT
from helpers import checkouts
from helpers.checkouts import BIN, FIGURE, SNAKEMAKE, TABLE, TAG, Checkout


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """The workflow in a repository that stands for github.com/bertfit/bertfit."""
    yield checkouts.checkout(
        tmp_path_factory.mktemp("hosts") / "github.com" / "bertfit" / "bertfit", tmp_path_factory.mktemp("home")
    )


@pytest.fixture(scope="module")
def reference(checkout: Checkout, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The table of trained classifiers as a checkout writes it that the workflow runs in."""
    folder = checkouts.checkout(tmp_path_factory.mktemp("plain") / "bertfit", Path(checkout.environment["HOME"])).folder
    checkout.run(folder, *SNAKEMAKE, TABLE, FIGURE, "--config", "study=tiny")
    assert (folder / FIGURE).is_file()
    return (folder / TABLE).read_bytes()


# ------------------------------------------------------------------------------------------ the ways


def in_the_checkout(checkout: Checkout, folder: Path) -> Path:
    """`snakemake` in the checkout."""
    shutil.copytree(checkout.folder, folder, dirs_exist_ok=True)
    checkout.run(folder, *SNAKEMAKE, FIGURE, "--config", "study=tiny")
    return folder / FIGURE


def with_directory(checkout: Checkout, folder: Path) -> Path:
    """`snakemake --directory FOLDER` in the checkout."""
    checkout.run(checkout.folder, *SNAKEMAKE, "--directory", folder, TABLE, "--config", "study=tiny")
    return folder / TABLE


def from_another_folder(checkout: Checkout, folder: Path) -> Path:
    """`snakemake -s CHECKOUT/Snakefile` from another folder."""
    checkout.run(folder, *SNAKEMAKE, "-s", checkout.folder / "Snakefile", FIGURE, "--config", "study=tiny")
    return folder / FIGURE


def by_the_catalogs_entry_point(checkout: Checkout, folder: Path) -> Path:
    """`snakemake -s CHECKOUT/workflow/Snakefile`, set by `config/config.yaml` in the working folder."""
    (folder / "config").mkdir(parents=True)
    (folder / "config/config.yaml").write_text("study: tiny\n")
    checkout.run(folder, *SNAKEMAKE, "-s", checkout.folder / "workflow/Snakefile", FIGURE)
    return folder / FIGURE


def as_a_module(checkout: Checkout, folder: Path) -> Path:
    """A module by its path, its rules under other names."""
    checkout.module(folder, repr(str(checkout.folder / "workflow/Snakefile")), "bertfit_*")
    printed = checkout.run(folder, *SNAKEMAKE, "bertfit_figure1", "--config", "study=tiny")
    assert "localrules" not in printed, "rules that run here are renamed with the others"
    return folder / FIGURE


def as_a_module_of_a_local_repository(checkout: Checkout, folder: Path) -> Path:
    """A module of a local git repository at a tag, `git+file://`."""
    checkout.module(folder, f'"git+file://{checkout.folder}/workflow/Snakefile@{TAG}"')
    checkout.run(folder, *SNAKEMAKE, FIGURE, "--config", "study=tiny")
    return folder / FIGURE


def as_a_hosted_module(checkout: Checkout, folder: Path) -> Path:
    """A module of a hosted repository at a tag, `github(...)`."""
    checkout.module(folder, f'github("bertfit/bertfit", path="workflow/Snakefile", tag="{TAG}")')
    checkout.run(folder, *SNAKEMAKE, TABLE, "--config", "study=tiny")
    return folder / TABLE


def by_snakedeploy(checkout: Checkout, folder: Path) -> Path:
    """Deployed by `snakedeploy deploy-workflow` into an empty folder."""
    pytest.importorskip("snakedeploy")
    source = f"file://{checkout.folder}"
    checkout.run(folder, BIN / "snakedeploy", "deploy-workflow", source, ".", "--tag", TAG)
    assert 'github("bertfit/bertfit"' in (folder / "workflow/Snakefile").read_text()
    printed = checkout.run(folder, *SNAKEMAKE, "-n")
    assert re.search(r"^finetune +\d{2,}$", printed, re.MULTILINE), "the whole miniature"
    checkout.run(folder, *SNAKEMAKE, "figure1")
    return folder / FIGURE.replace("tiny", "miniature")


def in_a_folder_with_spaces(checkout: Checkout, folder: Path) -> Path:
    """Checkout and working folder with spaces and letters beyond ASCII in their names."""
    other = folder.parent / "Ein Ordner – für Größe & мир" / "bert fit"
    shutil.copytree(checkout.folder, other)
    work = folder / "日本語 results's"
    checkout.run(work, *SNAKEMAKE, "-s", other / "Snakefile", TABLE, "--config", "study=tiny")
    return work / TABLE


def from_a_checkout_that_is_read_only(checkout: Checkout, folder: Path) -> Path:
    """A checkout that is read-only."""
    shared = folder.parent / "shared" / "bertfit"
    shutil.copytree(checkout.folder, shared, ignore=shutil.ignore_patterns("__pycache__"))
    for path in (*shared.rglob("*"), shared):
        path.chmod(0o555 if path.is_dir() else 0o444)
    dropped = "-dac_override,-dac_read_search"  # with these, root writes what is read-only
    user = ["setpriv", f"--bounding-set={dropped}", f"--inh-caps={dropped}"] if os.geteuid() == 0 else []
    if user and not shutil.which("setpriv"):
        pytest.skip("no setpriv: for root nothing is read-only")
    assert subprocess.run([*user, "touch", str(shared / "file")], stderr=subprocess.DEVNULL).returncode
    checkout.run(folder, *user, *SNAKEMAKE, "-s", shared / "Snakefile", FIGURE, "--config", "study=tiny")
    assert not list(shared.rglob("__pycache__"))
    return folder / FIGURE


def of_two_users(checkout: Checkout, folder: Path) -> Path:
    """Two users of one checkout at the same time, each with a `--directory`."""
    before = checkout.files()
    command = [*SNAKEMAKE, FIGURE, "--config", "study=tiny", "--directory"]
    users = [
        subprocess.Popen([*command, str(folder / name)], cwd=checkout.folder, env=checkout.environment)
        for name in ("one", "two")
    ]
    assert [user.wait(timeout=300) for user in users] == [0, 0]
    assert (folder / "one" / FIGURE).read_bytes() == (folder / "two" / FIGURE).read_bytes()
    assert {key: value for key, value in checkout.files().items() if ".snakemake/" not in key} == {
        key: value for key, value in before.items() if ".snakemake/" not in key
    }
    return folder / "two" / FIGURE


def with_a_study_of_ones_own(checkout: Checkout, folder: Path) -> Path:
    """A study of your own beside your results: `--config study=studies/mine.yaml`."""
    (folder / "studies").mkdir(parents=True)
    (folder / "studies/mine.yaml").write_text("extends: tiny\ntitle: Mine\nseeds: [1]\n")
    checkout.run(
        folder, *SNAKEMAKE, "-s", checkout.folder / "Snakefile", "figure1", "--config", "study=studies/mine.yaml"
    )
    return folder / FIGURE.replace("tiny", "mine")


WAYS: tuple[Callable[[Checkout, Path], Path], ...] = (
    in_the_checkout,
    with_directory,
    from_another_folder,
    by_the_catalogs_entry_point,
    as_a_module,
    as_a_module_of_a_local_repository,
    as_a_hosted_module,
    by_snakedeploy,
    in_a_folder_with_spaces,
    from_a_checkout_that_is_read_only,
    of_two_users,
    with_a_study_of_ones_own,
)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_it_runs(way: Callable[[Checkout, Path], Path], checkout: Checkout, reference: bytes, tmp_path: Path) -> None:
    """Each way writes its results into the working folder; what was trained has the same bytes each time."""
    written = way(checkout, tmp_path / "work")
    assert written.is_file() and not (checkout.folder / "results").exists()
    if written.name == "kept.csv":
        assert written.read_bytes() == reference


def test_the_page_lists_the_ways() -> None:
    """docs/how-to/anywhere.md says of each way that it works, in the words of this module, and of no other."""
    page = (ROOT / "docs/how-to/anywhere.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (.+) \| (yes|no) \|$", page, re.MULTILINE)
    assert rows == [(str(way.__doc__).removesuffix("."), "yes") for way in WAYS]


# ------------------------------------------------------------------------------------------ the catalog


@pytest.mark.parametrize(
    "command",
    [
        "snakemake --lint",
        "snakemake --lint --snakefile workflow/Snakefile",
        "snakefmt --check workflow/Snakefile",
        "snakemake --snakefile workflow/Snakefile --directory .test --rulegraph",
    ],
)
def test_the_checks_of_the_catalog(checkout: Checkout, command: str, tmp_path: Path) -> None:
    """What the Snakemake workflow catalog runs on a repository, in its root."""
    folder = tmp_path / "bertfit"
    shutil.copytree(checkout.folder, folder)
    printed = checkout.run(folder, *command.split())
    assert "rulegraph" not in command or ('label = "finetune"' in printed and 'label = "all"' in printed)


# ------------------------------------------------------------------------------------------ as a module


def test_rules_of_a_module_can_be_changed(checkout: Checkout, tmp_path: Path) -> None:
    """As the page says: `use rule ... with` after all rules."""
    folder = tmp_path / "work"
    checkout.module(folder, repr(str(checkout.folder / "workflow/Snakefile")), "bertfit_*")
    with (folder / "Snakefile").open("a") as file:
        file.write("\n\nuse rule finetune from bertfit as bertfit_finetune with:\n    threads: 7\n")
    printed = checkout.run(folder, *SNAKEMAKE, "--cores", "8", "-n", TABLE, "--config", "study=tiny")
    assert re.search(r"rule bertfit_finetune_and_save", printed)
    printed = checkout.run(folder, *SNAKEMAKE, "--cores", "8", "-n", "bertfit_table2", "--config", "study=tiny")
    assert re.search(r"rule bertfit_finetune:(\n .*)+threads: 7", printed)


def test_datasets_of_one_name_have_results_of_their_own(checkout: Checkout, tmp_path: Path) -> None:
    """Snakemake calls no onstart of a module, where the owner of results is remembered: the module takes care."""
    folder = tmp_path / "work"
    checkout.module(folder, repr(str(checkout.folder / "workflow/Snakefile")))
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        shutil.copy(ROOT / "tests/studies/reviews.csv", tmp_path / name / "reviews.csv")
    own = ["--config", "study=example", "text=review", "label=stars", "gpus=0"]
    card = "results/example.reviews/corpora/texts/card.json"
    checkout.run(folder, *SNAKEMAKE, card, *own, f"data={tmp_path}/one/reviews.csv")
    assert (folder / "results/example.reviews/dataset.json").is_file()
    printed = checkout.run(folder, *SNAKEMAKE, "-n", "classify", *own, f"data={tmp_path}/two/reviews.csv")
    assert "results/example.reviews-" in printed and "results/example.reviews/" not in printed


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ('    prefix: "sub"\n', "a prefix of paths would lead archives astray"),
        (
            f'\n\nmodule other:\n    snakefile: github("bertfit/bertfit", path="workflow/Snakefile", tag="{TAG}")\n'
            "    config: config\n\n\nuse rule * from other as other_*\n",
            "two copies of bertfit in one workflow",
        ),
    ],
)
def test_modules_that_would_go_wrong_are_refused(checkout: Checkout, tmp_path: Path, more: str, message: str) -> None:
    folder = tmp_path / "work"
    checkout.module(folder, repr(str(checkout.folder / "workflow/Snakefile")), "bertfit_*")
    text = (folder / "Snakefile").read_text()
    (folder / "Snakefile").write_text(
        text.replace("    config: config\n", f"    config: config\n{more}") if "prefix" in more else text + more
    )
    done = subprocess.run(
        [*SNAKEMAKE, "-n"], cwd=folder, env=checkout.environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode and message in done.stdout + done.stderr


def test_a_single_file_from_a_web_server_is_refused(checkout: Checkout, tmp_path: Path) -> None:
    """Its neighbours cannot be listed; the error says how else the module can be given."""
    tmp_path.joinpath("rules").mkdir()
    (tmp_path / "Snakefile").write_text(
        "from snakemake.sourcecache import GenericSourceFile\n"
        f"exec(open({str(ROOT / 'rules/source.smk')!r}).read().partition('FOLDER =')[0])\n"
        'workflow_folder(GenericSourceFile("https://example.org/bertfit/rules"))\n'
    )
    done = subprocess.run([*SNAKEMAKE, "-n"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode and "more than its Snakefile; give the module as github(...)" in done.stdout + done.stderr
