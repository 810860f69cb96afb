"""Which archive a run comes from, and what is said of runs that differ."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from bertfit.archiving import run_choice
from bertfit.archiving.merged_jobs import merged_jobs
from bertfit.archiving.run_choice import RunChoice
from bertfit.archiving.unpacked_archive import Unpacked
from bertfit.core.errors import UserError

FOLDER = "runs/imdb/mini/evaluate_every=2"


@pytest.fixture
def choose(archivable: tuple[Path, object]) -> Callable[..., RunChoice]:
    """The choice among archives, of which the first ``preferred`` ones are preferred."""

    def chosen(archives: Sequence[Unpacked], preferred: int = 0) -> RunChoice:
        jobs = merged_jobs(archivable[0], archives)
        wanted = jobs.registry.jobs("figure2")
        return run_choice.choose(jobs, wanted, archives, [each.path for each in archives[:preferred]])

    return chosen


def sources(choice: RunChoice) -> dict[str, list[tuple[str, list[int]]]]:
    return {
        path.removeprefix(f"{FOLDER}/"): [(source.block.archive.contributor, source.seeds) for source in blocks]
        for path, blocks in choice.sources.items()
        if path.startswith(f"{FOLDER}/")
    }


def test_blocks_of_a_run_of_six_seeds(unpack: Callable[..., list[Unpacked]], choose: Callable[..., RunChoice]) -> None:
    choice = choose(unpack("first", "second"))
    assert sources(choice) == {
        "seeds1-2": [("Group A", [1, 2])],
        "seeds3-4": [("Group A", [3]), ("second", [4])],
        "seeds5-6": [("second", [5, 6])],
    }
    assert choice.repeated == choice.conflicts == []


def test_runs_that_differ(unpack: Callable[..., list[Unpacked]], choose: Callable[..., RunChoice]) -> None:
    """Of the four runs that two archives have one differs; the line says where, how far, and with what."""
    first, second, again = unpack("first", "second", "again")
    choice = choose([first, second, again])
    (repeated,) = choice.repeated
    assert (repeated.run, repeated.seed) == ("imdb/mini/evaluate_every=2", 3)
    assert (repeated.kept, repeated.other) == ("Group A", "Group C")
    assert repeated.devices == ("NVIDIA H100 80GB HBM3", "NVIDIA A100")
    assert 0 < repeated.changed < repeated.examples == 30 and repeated.logits == 1.0
    (line,) = choice.conflicts
    errors = [f"{error:.2f} %" for error in repeated.errors]
    assert line == (
        f"  {FOLDER} seed 3: {first.path} (NVIDIA H100 80GB HBM3) {errors[0]} and {again.path} (NVIDIA A100) "
        f"{errors[1]}; {repeated.changed} of 30 predictions differ, logits by at most 1"
    )
    assert sources(choice)["seeds3-4"] == [("Group A", [3]), ("second", [4])]


def test_the_preferred_one_counts(unpack: Callable[..., list[Unpacked]], choose: Callable[..., RunChoice]) -> None:
    first, second, again = unpack("first", "second", "again")
    choice = choose([again, first, second], preferred=1)
    assert sources(choice)["seeds3-4"] == [("Group C", [3, 4])]
    assert [(row.kept, row.other) for row in choice.repeated] == [("Group C", "Group A")] and not choice.conflicts
    assert choose([second, first, again], preferred=1).conflicts, "the preferred one does not have this run"


def edited(archive: Unpacked, block: str, **values: object) -> None:
    path = archive.folder / "results/tiny" / FOLDER / block / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_what_belongs_to_no_run_of_the_study(
    unpack: Callable[..., list[Unpacked]], choose: Callable[..., RunChoice]
) -> None:
    first, second = unpack("first", "second")
    record = json.loads((second.folder / "results/tiny" / FOLDER / "seeds4-4/run.json").read_text())

    def refused(message: str, **values: object) -> None:
        edited(second, "seeds4-4", **values)
        with pytest.raises(UserError, match=message):
            choose([first, second])
        edited(second, "seeds4-4", **record)

    refused(r"was made by other code in .*first\.zip and .*second\.zip", code="d")
    refused("made with other values than the study's .seeds: .5. and .4.", spec=record["spec"] | {"seeds": [5]})
    recipe = record["spec"] | {"recipe": record["spec"]["recipe"] | {"lr": 0.5}}
    refused(r"second\.zip: runs/.*/seeds4-4 was made .* .recipe\.lr: 0\.5 and 0\.0003.; run it again", spec=recipe)
    inputs = record["inputs"] | {"test": {"path": "test", "sha256": "0" * 64}}
    refused("was made of other test tokens in", inputs=inputs)
    choose([first, second])


def test_runs_that_no_archive_has(unpack: Callable[..., list[Unpacked]], choose: Callable[..., RunChoice]) -> None:
    first, second = unpack("first", "second")
    manifest = second.manifest
    kept = {path: digest for path, digest in manifest.sha256.items() if "/evaluate_every=2/seeds5-6/" not in path}
    lacking = Unpacked(second.path, second.folder, manifest.model_copy(update={"sha256": kept}))
    with pytest.raises(UserError, match=f"results/tiny/{FOLDER}/seeds5-6: no archive has this record .seeds 5, 6."):
        choose([first, lacking])
