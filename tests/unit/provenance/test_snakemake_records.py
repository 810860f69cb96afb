"""What Snakemake recorded of jobs is read where it is whole; its own writer decides the names of the files."""

from __future__ import annotations

from pathlib import Path

from bertfit.provenance import snakemake_records
from helpers import crated


def test_records_of_the_study_alone(tmp_path: Path) -> None:
    long = f"results/tiny/{'x' * 300}.csv"
    crated.record(tmp_path, "results/tiny/a.csv", crated.job("first", ["b.csv"], 100.0))
    crated.record(tmp_path, long, crated.job("second", [], 5.0))
    crated.record(tmp_path, "results/tiny2/a.csv", crated.job("other", [], 1.0))
    found = snakemake_records.read(tmp_path, "results/tiny")
    assert found.keys() == {"results/tiny/a.csv", long}
    first = found["results/tiny/a.csv"]
    assert (first.rule, first.input, first.starttime, first.endtime) == ("first", ["b.csv"], 100.0, 110.0)
    assert found[long].rule == "second"


def test_names_are_those_that_snakemake_writes(tmp_path: Path) -> None:
    from snakemake.persistence.file import FilePersistence

    output = f"results/tiny/{'ü' * 200}.csv"
    persistence = FilePersistence.__new__(FilePersistence)
    persistence._max_len = 255
    path = Path(persistence._record_path(str(tmp_path), output))
    assert snakemake_records._output(path.relative_to(tmp_path)) == output


def test_what_cannot_be_read_is_not_known(tmp_path: Path) -> None:
    assert snakemake_records.read(tmp_path / "none", "results/tiny") == {}
    crated.record(tmp_path, "results/tiny/half.csv", '{"rule": "ru')
    crated.record(tmp_path, "results/tiny/wrong.csv", crated.job("r", [], 1.0, starttime="noon"))
    crated.record(tmp_path, "results/tiny/running.csv", crated.job("r", [], 1.0, incomplete=True))
    crated.record(tmp_path, "results/tiny/touched.csv", {"rule": "r", "input": []})
    (tmp_path / "not base64!").write_text("{}")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "abc").write_text("{}")
    assert snakemake_records.read(tmp_path, "results/tiny") == {}
