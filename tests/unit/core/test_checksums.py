"""Files that have changed since they were written: found, named, never read."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bertfit.core import checksums, files
from bertfit.core.errors import UserError
from bertfit.runtime import job_log

SCRIPT = Path(__file__).parents[3] / "scripts/verify.py"


@pytest.fixture(autouse=True)
def attributes(tmp_path: Path) -> None:
    try:
        os.setxattr(tmp_path, "user.bertfit.test", b"1")
    except OSError:
        pytest.skip("this file system keeps no attributes")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def zeros(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2] + bytes(len(content) - len(content) // 2))


def written(folder: Path) -> Path:
    with files.atomic(folder / "encoder") as temporary:
        (temporary / "models").mkdir(parents=True)
        (temporary / "models/a.bin").write_bytes(b"weights" * 100)
        (temporary / "config.json").write_text("{}")
    files.write_text(folder / "table.csv", "row,mean\n1,2\n")
    (folder / "of the user.csv").write_text("text,label\n")
    return folder


@pytest.mark.parametrize("damage", [cut, empty, zeros])
@pytest.mark.parametrize("name", ["encoder/models/a.bin", "table.csv"])
def test_damage_is_found_whatever_the_times_say(tmp_path: Path, name: str, damage) -> None:
    folder = written(tmp_path)
    assert list(checksums.find(folder, checksums.changed)) == []
    before = (folder / name).stat()
    damage(folder / name)
    os.utime(folder / name, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert list(checksums.find(folder, checksums.changed)) == [folder / name]
    with pytest.raises(UserError, match=rf"{name}: it has changed since it was written.*verify\.py FOLDER --repair"):
        checksums.check([folder / "of the user.csv", str(folder / name)])


def test_what_is_written_again_renamed_or_of_the_user_is_right(tmp_path: Path) -> None:
    folder = written(tmp_path)
    files.write_text(folder / "table.csv", "other")
    os.replace(folder / "encoder/config.json", folder / "moved.json")
    (folder / "of the user.csv").write_text("edited")
    checksums.check(path for path in folder.rglob("*"))
    assert list(checksums.find(folder, checksums.changed)) == []


def test_a_job_reads_no_changed_input(tmp_path: Path) -> None:
    folder = written(tmp_path)
    empty(folder / "table.csv")
    with pytest.raises(SystemExit), job_log.to(str(folder / "job.log"), [folder / "table.csv"]):
        raise AssertionError("the job has begun")
    assert (folder / "job.log").read_text().startswith(f"error: {folder}/table.csv: it has changed since")


def test_an_input_from_the_future_is_told_before_the_work(tmp_path: Path) -> None:
    path = written(tmp_path) / "table.csv"
    moment = path.stat().st_mtime
    os.utime(path, (moment, moment + 30))
    checksums.check([path])
    os.utime(path, (moment, moment + 3600))
    with pytest.raises(
        UserError, match=r"table.csv: modified 3\d\d\d seconds in the future.*verify\.py FOLDER --repair"
    ):
        checksums.check([path])


def test_the_script_lists_and_repairs(tmp_path: Path) -> None:
    def verify(*options: str) -> tuple[int, list[str]]:
        done = subprocess.run([sys.executable, SCRIPT, folder, *options], capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout.splitlines()

    folder = written(tmp_path)
    right = ["files changed since they were written: 0", "files from the future: 0"]
    assert verify() == (0, right)
    cut(folder / "table.csv")
    os.utime(folder / "encoder/config.json", (time.time() + 60,) * 2)
    changed = [f"changed: {folder / 'table.csv'}", "files changed since they were written: 1"]
    assert verify() == (1, [*changed, "files from the future: 1"])
    repaired = [
        "files changed since they were written: 1 (deleted)",
        "files from the future: 1 (set to the present time)",
    ]
    assert verify("--repair") == (0, [changed[0], *repaired]) and not (folder / "table.csv").exists()
    assert verify() == (0, right)


def test_of_a_folder_that_is_an_output_every_file_counts_and_all_is_made_again(tmp_path: Path) -> None:
    folder = written(tmp_path)
    (folder / "encoder/.snakemake_timestamp").touch()
    checksums.check([folder / "encoder"])
    zeros(folder / "encoder/models/a.bin")
    with pytest.raises(UserError, match=r"encoder/models/a\.bin: it has changed"):
        checksums.check([folder / "encoder"])
    subprocess.run([sys.executable, SCRIPT, folder, "--repair"], check=True, stdout=subprocess.DEVNULL, timeout=60)
    assert not (folder / "encoder").exists() and (folder / "table.csv").exists()


def test_what_is_no_result_of_the_study_is_the_users_to_change(tmp_path: Path) -> None:
    study, data = tmp_path / "results/tiny", written(tmp_path) / "table.csv"
    (study / "logs").mkdir(parents=True)
    empty(data)
    with job_log.to(str(study / "logs/job.log"), [data]):
        pass
