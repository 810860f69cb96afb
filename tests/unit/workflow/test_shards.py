"""Parts of a study: disjoint, complete, even, and each encoder trained in one of them."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bertfit.archiving.archive_jobs import ArchiveJobs
from bertfit.core.errors import UserError
from bertfit.experiments import ids
from bertfit.workflow.shards import Shards, divide
from conftest import ROOT
from helpers import project
from helpers.archived import archiving_of

COSTS = st.dictionaries(st.text("abc~@", min_size=1, max_size=4), st.integers(1, 10**9), min_size=1, max_size=40)


@given(costs=COSTS, number=st.integers(1, 12), seed=st.randoms())
def test_division(costs: dict[str, int], number: int, seed) -> None:
    """Each group is in one part; loads differ by at most the largest group; the order of the groups has no effect."""
    parts = divide(costs, number)
    assert parts.keys() == costs.keys() and set(parts.values()) <= set(range(1, number + 1))
    loads = [sum(cost for group, cost in costs.items() if parts[group] == part) for part in range(1, number + 1)]
    assert max(loads) - min(loads) <= max(costs.values())
    if number <= len(costs):
        assert min(loads) > 0, "no part is empty"
    shuffled = list(costs.items())
    seed.shuffle(shuffled)
    assert divide(dict(shuffled), number) == parts


def test_division_by_hand() -> None:
    assert divide({"a": 5, "b": 3, "c": 3, "d": 2, "e": 2}, 2) == {"a": 1, "b": 2, "c": 2, "d": 1, "e": 2}


@cache
def part_of(study: str, shard: str, artefacts: str = "") -> ArchiveJobs:
    overrides = project.switches(study) | {"shard": shard} | ({"artefacts": artefacts} if artefacts else {})
    return archiving_of(ROOT, **{name: str(value) for name, value in overrides.items()})


def jobs_of(part: ArchiveJobs) -> set[str]:
    """Names of the training jobs of a part."""
    jobs = part.jobs
    encoders = [encoder for encoder in (*jobs.pretrained, *jobs.multitasked) if not ids.saved_from(encoder)]
    names = [job.path for job in jobs.registry.jobs()] + [f"encoders/{encoder}" for encoder in encoders]
    return {name for name in names if part.shards.trains(name)}


@settings(max_examples=8, deadline=None)
@given(study=st.sampled_from(["miniature", "compact", "trec-cpu"]), number=st.integers(1, 6))
def test_parts_of_a_study(study: str, number: int) -> None:
    parts = [part_of(study, f"{part}/{number}") for part in range(1, number + 1)]
    whole, base = part_of(study, "1/1"), parts[0].jobs.registry.settings.study.base
    trained = Counter(name for part in parts for name in jobs_of(part))
    assert trained.keys() == jobs_of(whole)
    assert {count for name, count in trained.items() if name != f"encoders/{base}"} == {1}
    for part in parts:  # whatever a run starts from is trained in its part
        names = jobs_of(part)
        for job in part.jobs.registry.jobs():
            if job.path in names and job.run_group.encoder != "tfidf":
                for lineage in map(ids.parse_encoder, ids.encoders_of(job.run_group.encoder, job.seeds)):
                    for count in range(len(lineage.stages) + 1):
                        encoder = ids.format_encoder(ids.Lineage(lineage.base, lineage.stages[:count]))
                        end = ids.saved_from(encoder) or encoder
                        assert end in part.jobs.fetched or f"encoders/{end}" in names
    costs = whole.shards.costs
    loads = [sum(costs[group] for group, part in parts[0].shards.parts.items() if part == k + 1) for k in range(number)]
    assert max(loads) - min(loads) <= max(costs.values())
    records = Counter(path for part in parts for path in part.records())
    assert records.keys() == set(whole.records())
    kinds = {path.split("/")[2] for path, count in records.items() if count > 1 and not path.endswith("history.csv")}
    assert kinds <= {"corpora", "tokens", "documents"}, "what the same inputs make the same"
    assert {path for path, count in records.items() if count > 1 and path.endswith("history.csv")} <= {
        f"results/{study}/encoders/{base}/history.csv"
    }


def test_the_order_of_the_corpora_has_no_effect(tmp_path: Path) -> None:
    folder = project.make(tmp_path)
    (folder / "paper").mkdir()
    before = Shards(archiving_of_project(folder).reporting).parts
    text = (folder / "studies/miniature.yaml").read_text()
    first, second = text.index("  imdb:\n"), text.index("  trec:\n")
    end = text.index("texts:\n")
    swapped = text[:first] + text[second:end] + text[first:second] + text[end:]
    (folder / "studies/miniature.yaml").write_text(swapped)
    assert Shards(archiving_of_project(folder).reporting).parts == before and len(set(before.values())) == 2


def archiving_of_project(folder: Path) -> ArchiveJobs:
    (folder / "a.csv").touch()
    (folder / "b.csv").touch()
    return archiving_of(folder, study="miniature", shard="1/2", data=str(folder))


def test_groups() -> None:
    shards = part_of("miniature", "1/2").shards
    assert [shards.origin(encoder) for encoder in ("tfidf", "mini", "mini-large", "mini-large~imdb@200.s1")] == [
        None, None, "mini-large", "mini-large",
    ]  # fmt: skip
    assert {shards.origin(f"mini~imdb@{steps}") for steps in ("20of200.s1", "200.s1", "200.s2", "200.each")} == {
        "mini~imdb@200.each"
    }, "one job may need the encoders of several seeds"
    assert shards.origin("mini~all@200.s1~mt-four.s1") == "mini~all@200.each"
    assert shards.origin("mini~mt-four.s1") == "mini~mt-four.each"
    assert shards.infix == ".shard-1-of-2" and Shards(part_of("miniature", "1/1").reporting).infix == ".shard-1-of-1"
    shards = part_of("trec-cpu", "1/2").shards
    assert shards.origin("minilm~trec@20of200.s1") == shards.origin("minilm~trec@200.s1") == "minilm~trec@200.s1"
    assert shards.origin("minilm~trec@200.s2") == "minilm~trec@200.s2"


def test_parts_of_a_choice_of_artefacts() -> None:
    """Runs of these alone, also of an artefact whose scores only the report reads."""
    for artefacts in ("table2", "figure2", "forgetting", "figure2+table7"):
        whole = archiving_of(ROOT, study="miniature", artefacts=artefacts)
        parts = [part_of("miniature", f"{part}/2", artefacts) for part in (1, 2)]
        assert set().union(*(part.records() for part in parts)) == set(whole.records())
        assert not [path for part in parts for path in part.records() if "/scores/" in path]
        runs = [{path for path in part.records() if "/runs/" in path} for part in parts]
        assert not runs[0] & runs[1] and all(runs) == (artefacts != "forgetting")


def test_a_part_has_no_jobs_and_makes_its_records() -> None:
    part = part_of("miniature", "2/3")
    assert part.path == "results/miniature.shard-2-of-3.zip" and part.targets() == part.records()
    assert part.rebuilt() == part.spec().jobs == []
    assert (part.spec().switches, part.spec().shard) == ({"study": "miniature"}, (2, 3))
    whole = archiving_of(ROOT, study="miniature")
    assert whole.path == "results/miniature.zip" and whole.targets() == whole.artefacts.everything()
    assert whole.spec().shard is None


def test_more_parts_than_groups() -> None:
    part_of("trec-cpu", "1/29").shards.check()
    with pytest.raises(UserError, match=r"^--config shard=2/600: some parts would be empty; give at most 29 parts, as"):
        part_of("trec-cpu", "2/600").shards.check()
    with pytest.raises(UserError, match=r"^--config shard=1/1: these artefacts have no runs; leave out shard$"):
        part_of("miniature", "1/1", "table1").shards.check()


def test_a_group_that_is_larger_than_an_even_part_is_noted() -> None:
    assert part_of("compact", "1/2").shards.note == ""
    note = r"shard: about \d+ % of the work is the runs of mini~all@200\.each and cannot be divided; part 1 is larger"
    assert re.match(note, part_of("miniature", "1/60").shards.note)
