"""Archives that several people contribute: made-up runs of the tiny study, the same for the same seed."""

from __future__ import annotations

import json
import shutil
import zlib
from collections.abc import Collection
from contextlib import chdir
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from bertfit.archiving.archive_jobs import ArchiveJobs
from bertfit.experiments.cells import BASELINE, Job
from bertfit.experiments.job_specs import plain
from bertfit.export import archive, rebuild
from helpers import archived, madeup
from helpers.archived import archiving_of

ARTEFACTS = "table2+figure2+table6"
Run = tuple[str, int]
"""recipe of a run on IMDb, and its seed"""


@dataclass(frozen=True)
class Contributor:
    """A machine, and which runs have other results on it than on others; ``weights`` is a digest of all encoders.

    ``differs``: runs with other answers; ``nearly``: runs with other logits alone.
    """

    device: str = "X"
    torch: str = "2"
    weights: str = "a" * 64
    tokens: str = "b" * 64
    code: str = "c"
    differs: Collection[Run] = ()
    nearly: Collection[Run] = ()
    encoder_history: str | None = None
    switches: dict[str, str] = field(default_factory=dict)

    def make(self, source: Path, folder: Path, **switches: str) -> ArchiveJobs:
        """Write the records of a selection to ``folder``; ``source`` is that of the made-up study."""
        archiving = archiving_of(source, **({"artefacts": ARTEFACTS} | self.switches | switches))
        for path in archiving.records():
            if "/runs/" not in path:
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                self._copy(source, folder, path, archiving)
        runs = {path.rpartition("/")[0] for path in archiving.records() if "/runs/" in path}
        for job in archiving.jobs.registry.jobs():
            if f"{archiving.root}/{job.path}" in runs:
                self._run(folder / archiving.root, job, archiving)
        return archiving

    def pack(self, source: Path, out: Path, **switches: str) -> Path:
        """The archive ``out`` of the records of a selection, without tables."""
        folder = out.with_suffix("")
        archiving = self.make(source, folder, **switches)
        with chdir(folder):
            archive.write(archiving.spec(), archiving.records(), [], source=source, out=out)
        return out

    def rebuilt(self, source: Path, folder: Path, **switches: str) -> Path:
        """The results folder of a selection with all that is made of its records."""
        archiving = self.make(source, folder, **switches)
        for name in archive.CODE:
            (folder / name).symlink_to(source / name)
        with chdir(folder):
            rebuild.run_all(archiving.archived())
        return folder / archiving.root

    def _copy(self, source: Path, folder: Path, path: str, archiving: ArchiveJobs) -> None:
        """A record that is not one of a run."""
        if not path.startswith("results/tiny/encoders/"):
            shutil.copyfile(source / path, folder / path)
            return
        with chdir(folder):
            archived.encoder_file(Path(path), archiving.jobs)
        if path.endswith("run.json"):
            self._sign(folder / path)
        elif self.encoder_history:
            (folder / path).write_text(self.encoder_history)

    def _run(self, root: Path, job: Job, archiving: ArchiveJobs) -> None:
        group, folder = job.run_group, root / job.path
        jobs = archiving.jobs
        table = pq.read_table(root / f"corpora/{group.corpus}/test.parquet")
        labels = table["label"].to_numpy()
        wrong = {}
        for seed in job.seeds:
            other = group.corpus == "imdb" and (group.recipe, seed) in self.differs
            key = f"{group.corpus}/{group.encoder}/{group.recipe}/{seed}/{self.device if other else ''}"
            wrong[seed] = np.random.default_rng(zlib.crc32(key.encode())).random(len(labels)) < 0.3
        near = group.corpus == "imdb" and any((group.recipe, seed) in self.nearly for seed in job.seeds)
        spec = (
            jobs.baseline_spec(group.corpus)
            if group.encoder == BASELINE
            else jobs.block_spec(group.corpus, group.encoder, group.recipe, job.block)
        )
        classes = len(json.loads(table.schema.metadata[b"label_names"]))
        madeup.run(folder, labels, wrong, classes, logit=1.25 if near else 1.0, spec=plain(spec))
        self._sign(folder / "run.json")
        record = json.loads((folder / "run.json").read_text())
        digests = {"train": self.tokens, "test": self.tokens} | (
            {} if group.encoder == BASELINE else {"encoder": self.weights}
        )
        record["inputs"] = {name: {"path": name, "sha256": digest} for name, digest in digests.items()}
        record["diverged_at"] = {str(seed): None for seed in job.seeds}
        (folder / "run.json").write_text(json.dumps(record))

    def _sign(self, path: Path) -> None:
        """Say which machine made a record."""
        record = json.loads(path.read_text())
        record["code"] = self.code
        record["machine"]["device"] = self.device
        record["versions"] = {"python": "3.11.7", "torch": self.torch}
        path.write_text(json.dumps(record))


GPU = Contributor(device="NVIDIA H100 80GB HBM3", torch="2.13.0")
CPU = Contributor(device="AMD EPYC", torch="2.12.1")
OTHER = Contributor(device="NVIDIA A100", torch="2.13.0", differs=[("evaluate_every=2", 3)])


def archives(source: Path, folder: Path) -> dict[str, Path]:
    """Archives of figure 2 by name: ``first`` (Group A) has seeds 1 to 3, ``second`` (without a name) 4 to 6.

    ``again`` (Group C) has seeds 3 and 4, of which 3 has other results in one recipe.
    """
    chosen = {"artefacts": "figure2"}
    return {
        "first": GPU.pack(source, folder / "first.zip", seeds="3", contributor="Group A", **chosen),
        "second": CPU.pack(source, folder / "second.zip", seeds="4-6", **chosen),
        "again": OTHER.pack(source, folder / "again.zip", seeds="3-4", contributor="Group C", **chosen),
    }
