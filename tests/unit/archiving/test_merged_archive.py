"""Archives of parts of a study, merged: the bytes of the whole archive, and what cannot be merged."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from contextlib import chdir
from pathlib import Path

import pytest

from bertfit.archiving.archive_jobs import ArchiveJobs
from bertfit.archiving.merged_archive import merge
from bertfit.core.errors import UserError
from bertfit.export import rebuild
from helpers.archived import BLOCK, archiving_of, content, edited, names, pack_as
from helpers.contributed import CPU, GPU

PARTS = 3


@pytest.fixture(scope="module")
def parts(archivable: tuple[Path, ArchiveJobs]) -> list[Path]:
    """The archives of three parts of the made-up study."""
    folder, _ = archivable
    return [
        pack_as(folder, archiving_of(folder, shard=f"{part}/{PARTS}"), f"part{part}.zip")
        for part in range(1, PARTS + 1)
    ]


def test_merged_parts_have_the_bytes_of_the_whole(parts: list[Path], archived: Path, tmp_path: Path) -> None:
    records = merge([parts[2], parts[0], parts[1]], tmp_path / "whole.zip")
    assert (tmp_path / "whole.zip").read_bytes() == archived.read_bytes()
    same = rebuild.rebuild(tmp_path / "whole.zip", tmp_path / "rebuilt")
    assert all(same.values()) and "results/tiny/report.html" in same
    assert set().union(*map(names, parts)) == set(records)


def test_archives_of_artefacts_are_merged(archivable: tuple[Path, ArchiveJobs], archived: Path, tmp_path: Path) -> None:
    """As one that was made of both; all artefacts together are the whole study."""
    folder = tmp_path / "study"
    shutil.copytree(archivable[0], folder, ignore=shutil.ignore_patterns("*.zip"))

    def archive_of(*artefacts: str) -> Path:
        archiving = archiving_of(folder, artefacts="+".join(artefacts))
        with chdir(folder):
            for job in archiving.archived():
                rebuild.run(job, folder / "scripts", Path("log"))
        return pack_as(folder, archiving, f"{artefacts[0]}-{len(artefacts)}.zip")

    some = [archive_of("table3"), archive_of("table2")]
    merge(some, tmp_path / "both.zip")
    assert (tmp_path / "both.zip").read_bytes() == archive_of("table3", "table2").read_bytes()
    others = [key for key in archivable[1].jobs.registry.artefacts if key not in ("table2", "table3")]
    merge([*some, archive_of(*others)], tmp_path / "all.zip")
    assert (tmp_path / "all.zip").read_bytes() == archived.read_bytes()


def test_seeds_add_up_to_one_run(archivable: tuple[Path, ArchiveJobs], tmp_path: Path) -> None:
    """Seeds 1 to 3 and 4 to 6 of two machines: all that is made of them has the bytes of a run of six seeds."""
    source, _ = archivable
    everything = {"artefacts": ""}
    given = [
        CPU.pack(source, tmp_path / "second.zip", seeds="4-6", **everything),
        GPU.pack(source, tmp_path / "first.zip", seeds="3", contributor="Group A", **everything),
    ]
    merge(given, tmp_path / "six.zip")
    merged = content(tmp_path / "six.zip")
    six = GPU.rebuilt(source, tmp_path / "six", seeds="6", **everything)
    made = json.loads(merged["manifest.json"])["made"]
    differing = {path for path in made if merged[path] != (tmp_path / "six" / path).read_bytes()}
    assert differing == {"results/tiny/report.html"}, "the page names machines and contributors"
    assert {"results/tiny/results.parquet", "results/tiny/claims.json", "results/tiny/claims.md"} < set(made)
    assert {"csv", "md", "tex", "html", "svg", "png"} < {path.rpartition(".")[2] for path in made}
    assert json.loads(merged["manifest.json"])["switches"] == {"study": "tiny", "seeds": "6"}
    blocks = {path.parent.name for path in (six / "runs").glob("*/*/*/*/predictions.parquet")}
    assert {Path(path).parent.name for path in merged if "/runs/" in path} == blocks == {
        "seeds1-2", "seeds3-4", "seeds5-6", "seeds1-1",
    }  # fmt: skip


def test_merged_archives_are_merged_again(contributed: dict[str, Path], tmp_path: Path) -> None:
    """Of three archives, all at once or one after the other: the same bytes, whatever is preferred."""
    first, second, again = (contributed[name] for name in ("first", "second", "again"))
    ab, bc = tmp_path / "ab.zip", tmp_path / "bc.zip"
    merge([first, second], ab)
    merge([second, again], bc)
    for number, (steps, at_once) in enumerate(
        (
            (([ab, again], [again]), ([first, second, again], [again])),
            (([first, bc], [bc]), ([first, second, again], [second, again])),
        )
    ):
        out, whole = tmp_path / f"{number}.zip", tmp_path / f"whole{number}.zip"
        merge(steps[0], out, steps[1])
        merge(at_once[0], whole, at_once[1])
        stepwise, together = content(out), content(whole)
        assert [name for name in together if together[name] != stepwise.get(name)] == []
        assert stepwise.keys() == together.keys()


def test_runs_with_other_results(contributed: dict[str, Path], tmp_path: Path) -> None:
    """They are listed, and with --prefer they are on the page and in no table."""
    first, second, again = (contributed[name] for name in ("first", "second", "again"))
    with pytest.raises(UserError, match="records differ between archives; --prefer ARCHIVE says whose count:") as error:
        merge([first, second, again], tmp_path / "out.zip")
    assert str(error.value).count("\n") == 1 and "runs/imdb/mini/evaluate_every=2 seed 3: " in str(error.value)
    assert "/bertfit-" not in str(error.value), "no temporary folder"
    merge([first, second], tmp_path / "two.zip")
    merge([first, second, again], tmp_path / "three.zip", [first])
    two, three = content(tmp_path / "two.zip"), content(tmp_path / "three.zip")
    made = json.loads(three["manifest.json"])["made"]
    assert [path for path in made if two[path] != three[path]] == ["results/tiny/report.choice.html"]
    (repeated,) = json.loads(three["manifest.json"])["contributed"]["runs"]
    assert (repeated["kept"], repeated["other"], repeated["seed"]) == ("Group A", "Group C", 3)
    page = three["results/tiny/report.choice.html"].decode()
    for text in ("Who contributed what", "The same runs with other results", "Group C", "NVIDIA A100", "AMD EPYC"):
        assert text in page
    assert "The same runs with other results" not in two["results/tiny/report.choice.html"].decode()
    merge([first, second, again], tmp_path / "other.zip", [again.parent / ".." / again.parent.name / again.name])
    other = content(tmp_path / "other.zip")
    assert other["results/tiny/figures/figure2.csv"] != two["results/tiny/figures/figure2.csv"]


def test_corpora_add_up(archivable: tuple[Path, ArchiveJobs], tmp_path: Path) -> None:
    """IMDb and Sogou of two people, as one study of both; what both have not run is named."""
    source, _ = archivable
    chosen = {"seeds": "2", "artefacts": "table2"}
    imdb, sogou = (CPU.pack(source, tmp_path / f"{name}.zip", corpora=name, **chosen) for name in ("imdb", "sogou"))
    merge([imdb, sogou], tmp_path / "both.zip")
    both = content(tmp_path / "both.zip", (".csv", ".md", ".tex"))
    whole = CPU.rebuilt(source, tmp_path / "whole", **chosen)
    for path in sorted(whole.glob("tables/*.*")):
        if path.suffix != ".html":
            assert both[f"results/tiny/tables/{path.name}"] == path.read_bytes()
    more = CPU.pack(source, tmp_path / "more.zip", corpora="sogou", seeds="3-4", artefacts="table2")
    with pytest.raises(UserError, match=r"runs/imdb/.*: no archive has this record .seeds 3, 4.\n(.*\n)*run the part"):
        merge([imdb, more], tmp_path / "out.zip")


def test_names_of_contributors_are_text(contributed: dict[str, Path], tmp_path: Path) -> None:
    """An archive may come from anyone."""
    first, second = contributed["first"], contributed["second"]
    name = "<script>alert(1)</script>"
    hostile = edited(second, tmp_path / "hostile.zip", {}, contributor=name)
    merge([first, hostile], tmp_path / "out.zip")
    page = content(tmp_path / "out.zip")["results/tiny/report.choice.html"].decode()
    assert name not in page and "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    for bad in ("x" * 81, "a\nb", "\u202e", "", " "):
        wrong = edited(second, tmp_path / "wrong.zip", {}, contributor=bad)
        with pytest.raises(
            UserError, match=r"wrong\.zip: manifest\.json is damaged .*a contributor has a name of at most 80"
        ):
            merge([first, wrong], tmp_path / "none.zip")
    by = [{"contributor": "a", "machines": [{"device": "d", "system": "s", "versions": {}, "jobs": {"runs/x": 1}}]}]
    jobs = edited(second, tmp_path / "jobs.zip", {}, contributed={"by": by})
    with pytest.raises(UserError, match="is not a block of seeds"):
        merge([first, jobs], tmp_path / "none.zip")


def test_parts_of_artefacts(archivable: tuple[Path, ArchiveJobs], tmp_path: Path) -> None:
    folder, _ = archivable
    halves = [
        pack_as(folder, archiving_of(folder, artefacts="table2", shard=f"{part}/2"), f"half{part}.zip")
        for part in (1, 2)
    ]
    records = merge(halves, tmp_path / "table2.zip")
    assert records == archiving_of(folder, artefacts="table2").records()


def test_the_command(parts: list[Path], tmp_path: Path) -> None:
    """It needs no torch, and says what is missing."""
    scripts = parts[0].parent / "scripts"
    command = [sys.executable, "-c", BLOCK, str(scripts / "merge.py")]
    options = ("--prefer", parts[0])  # between the archives and the new file
    done = subprocess.run([*command, *parts, *options, tmp_path / "out.zip"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(f"records of 3 archives merged into {tmp_path / 'out.zip'}\n")
    done = subprocess.run([*command, parts[0], tmp_path / "again.zip"], capture_output=True, text=True)
    assert done.returncode == 2 and not (tmp_path / "again.zip").exists()
    assert done.stderr == (
        "error: 2/3, 3/3 are missing; make each with snakemake archive --config study=tiny shard=2/3\n"
    )


def test_a_part_alone_is_not_rebuilt(parts: list[Path], tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"part2\.zip: part 2 of 3 of a study; merge all parts first"):
        rebuild.rebuild(parts[1], tmp_path / "out")


def test_records_that_differ(parts: list[Path], tmp_path: Path) -> None:
    path = "results/tiny/corpora/imdb/card.json"
    assert all(path in names(part) for part in parts[:2]), "both parts have runs on IMDb"
    with zipfile.ZipFile(parts[1]) as file:
        card = file.read(path)
    other = edited(parts[1], tmp_path / "other.zip", {path: card.replace(b'"licence"', b' "licence"')})
    given = [parts[0], other, parts[2]]
    with pytest.raises(UserError, match="records differ between archives; --prefer ARCHIVE") as error:
        merge(given, tmp_path / "out.zip")
    assert f"  {path} ({parts[0]}, {other}" in str(error.value) and str(error.value).count("\n") == 1
    assert not (tmp_path / "out.zip").exists()
    merge(given, tmp_path / "out.zip", prefer=[other])
    with zipfile.ZipFile(tmp_path / "out.zip") as file:
        assert file.read(path) != card


def test_what_cannot_be_merged(parts: list[Path], archived: Path, tmp_path: Path) -> None:
    def refused(message: str, *archives: Path, prefer: Path | None = None) -> None:
        with pytest.raises(UserError, match=message):
            merge(archives, tmp_path / "out.zip", [prefer] if prefer else [])
        assert not (tmp_path / "out.zip").exists()

    first, second, third = parts
    refused(r"^3/3 is missing; make each with snakemake archive --config study=tiny shard=3/3$", first, second)
    refused("no.zip: there is no such archive", first, tmp_path / "no.zip")
    refused("--prefer x.zip: not one of the archives; give one of ", *parts, prefer=Path("x.zip"))
    refused(
        r"part1.zip is one of 3 parts of the whole study, .*tiny.zip all of the whole study; merge", first, archived
    )
    of_two = edited(second, tmp_path / "a.zip", {}, shard=[2, 2])
    refused("one of 3 parts of .*one of 2 parts of .*; merge all parts of one first", first, of_two)
    other = edited(second, tmp_path / "b.zip", {}, study="other")
    refused("cannot be merged: they are of the studies results/tiny and results/tiny", first, other)
    seeds = edited(second, tmp_path / "c.zip", {}, switches={"study": "tiny", "seeds": "1"})
    refused("they were made with --config seeds= and seeds=1", first, seeds, third)
    sources = edited(second, tmp_path / "d.zip", {}, sources={"imdb": "local", "sogou": "synthetic"})
    refused("corpus imdb was read from synthetic and local", first, sources, third)
    code = edited(second, tmp_path / "e.zip", {"scripts/finetune.py": b"pass", "paper/published.csv": None})
    refused("code or configuration differs in paper/published.csv, scripts/finetune.py", first, code, third)
    refused("made by another version of bertfit .scripts/finetune.py differs.", edited(code, tmp_path / "f.zip", {}))
    future = edited(second, tmp_path / "g.zip", {}, format=2)
    refused("format 2 of archives, and this version of bertfit reads format 1", first, future, third)
    lost = edited(second, tmp_path / "h.zip", dict.fromkeys(names(second, "results/tiny/runs/")))
    refused("results/tiny/runs/.*: no archive has this record", first, lost, third)
    many = [edited(part, tmp_path / f"many{n}.zip", {}, shard=[n, 10**12]) for n, part in enumerate(parts[:2], 1)]
    refused(r"^3/1000000000000, .* 12/1000000000000 and 999,999,999,988 more are missing; make each with", *many)
    for shard in ([0, 0], [1, -3], [3, 2]):
        wrong = edited(second, tmp_path / "i.zip", {}, shard=shard)
        refused(rf"i.zip: manifest.json is damaged \(shard = \[{shard[0]}, {shard[1]}\]: the part", wrong)
    (tmp_path / "half.zip").write_bytes(second.read_bytes()[:2000])
    refused("half.zip: not a whole archive", first, tmp_path / "half.zip", third)
    damaged = bytearray(second.read_bytes())
    with zipfile.ZipFile(second) as file:
        entry = max(file.infolist(), key=lambda info: info.compress_size)
    damaged[entry.header_offset + 30 + len(entry.filename) + entry.compress_size // 2] ^= 255  # within its content
    (tmp_path / "damaged.zip").write_bytes(damaged)
    refused("damaged.zip: (not a whole archive|.* is missing or damaged)", first, tmp_path / "damaged.zip", third)
    (tmp_path / "there.zip").touch()
    with pytest.raises(UserError, match="there.zip exists; give the name of a new file last"):
        merge(parts, tmp_path / "there.zip")


def test_manifests_that_do_not_fit_their_study(archived: Path, tmp_path: Path) -> None:
    """The archive is named, never the temporary folder that it was unpacked to."""
    with zipfile.ZipFile(archived) as file:
        sources = json.loads(file.read("manifest.json"))["sources"]

    def refused(message: str, changes: dict[str, bytes | None], **manifest: object) -> None:
        given = edited(archived, tmp_path / "a.zip", changes, **manifest)
        with pytest.raises(UserError) as error:
            merge([given, edited(given, tmp_path / "b.zip", {}, contributor="B")], tmp_path / "out.zip")
        assert str(error.value).startswith(message.format(given))
        assert "/merged" not in str(error.value) and not (tmp_path / "out.zip").exists()

    other = "{}: its manifest.json says that corpus imdb was read from hub, and its study has no such source of it"
    refused(other, {}, sources=sources | {"imdb": "hub"})
    refused("{}: corpus imdb is missing in its manifest.json", {}, sources={})
    refused("{}: corpus other is missing in its study", {}, sources=sources | {"other": "hub"})
    refused(
        "{}, " + str(tmp_path / "b.zip") + ": no records to merge: no corpus was available",
        {},
        sources=dict.fromkeys(sources),
    )
    refused("{}/config.yaml: cannot be read", {"config.yaml": None})
    refused("no study 'tiny' in {}/studies", {"studies/tiny.yaml": None})


@pytest.mark.parametrize("path", ["../evil", "/tmp/evil", "a/../../evil", "..\\evil", "C:\\evil"])
def test_paths_that_lead_out_are_refused(parts: list[Path], tmp_path: Path, path: str) -> None:
    hostile = edited(parts[0], tmp_path / "hostile.zip", {path: b"x"})
    with pytest.raises(UserError, match="leads out of it; do not use this archive"):
        merge([hostile], tmp_path / "out.zip")
    listed = edited(parts[0], tmp_path / "listed.zip", {}, made=[path])
    with pytest.raises(UserError, match="leads out of it"):
        rebuild.rebuild(listed, tmp_path / "rebuilt")
    assert not list(tmp_path.rglob("*evil*"))
