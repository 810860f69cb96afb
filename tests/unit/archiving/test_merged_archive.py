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
from bertfit.export import archive, rebuild
from helpers.archived import BLOCK, archiving_of, pack_as

PARTS = 3


@pytest.fixture(scope="module")
def parts(archivable: tuple[Path, ArchiveJobs]) -> list[Path]:
    """The archives of three parts of the made-up study."""
    folder, _ = archivable
    return [
        pack_as(folder, archiving_of(folder, shard=f"{part}/{PARTS}"), f"part{part}.zip")
        for part in range(1, PARTS + 1)
    ]


def edited(source: Path, out: Path, changes: dict[str, bytes | None], **manifest: object) -> Path:
    """A copy of an archive with other content of some files (None: without them), and other values in its manifest."""
    with zipfile.ZipFile(source) as before:
        content = {name: before.read(name) for name in before.namelist()}
    values = json.loads(content.pop("manifest.json"))
    for path, changed in changes.items():
        content.pop(path, None)
        values["sha256"].pop(path, None)
        if changed is not None:
            content[path] = changed
            values["sha256"][path] = archive.hashlib.sha256(changed).hexdigest()
    content["manifest.json"] = json.dumps(values | manifest).encode()
    with zipfile.ZipFile(out, "w") as after:
        for path, value in content.items():
            after.writestr(path, value)
    return out


def names(path: Path, start: str = "results/") -> set[str]:
    with zipfile.ZipFile(path) as file:
        return {name for name in file.namelist() if name.startswith(start)}


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
    done = subprocess.run([*command, *parts, tmp_path / "out.zip"], capture_output=True, text=True)
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
    damaged[len(damaged) // 2] ^= 255
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
            merge([given], tmp_path / "out.zip")
        assert str(error.value).startswith(message.format(given))
        assert "/merged" not in str(error.value) and not (tmp_path / "out.zip").exists()

    other = "{}: its manifest.json says that corpus imdb was read from hub, and its study has no such source of it"
    refused(other, {}, sources=sources | {"imdb": "hub"})
    refused("{}: corpus imdb is missing in its manifest.json", {}, sources={})
    refused("{}: corpus other is missing in its study", {}, sources=sources | {"other": "hub"})
    refused("{}: no records to merge: no corpus was available", {}, sources=dict.fromkeys(sources))
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
