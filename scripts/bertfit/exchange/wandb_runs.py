"""Runs as offline runs of Weights & Biases: folders that ``wandb sync`` uploads."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from bertfit.core.errors import UserError
from bertfit.exchange.study_records import SeedRun
from bertfit.exchange.tracked_run import PREDICTIONS, TrackedRun, attach, tracked

INSTALL = "pip install 'wandb>=0.31'"
ID = 24  # hexadecimal digits of a run's id
LONGEST = {"project": 128, "name": 128, "group": 128, "tag": 64}  # characters, as the service takes them


def export(runs: Sequence[SeedRun], folder: Path, *, predictions: bool = False) -> int:
    """Write ``folder/wandb/offline-run-*`` for each of ``runs`` that is not there; returns their number.

    The project is the study, the group a (corpus, encoder, recipe). The id of a run is the digest of its content, so
    that a second export adds nothing and a second synchronisation changes no other run. A folder gets its name when it
    is complete. Raises `UserError` where wandb is not installed, and before anything is written where ``predictions``
    are asked for and runs are there without them: a run that is written is not changed.
    """
    wandb = _imported()
    out = folder / "wandb"
    if predictions:
        there = [path for run in runs for path in _written(out, run.digest)]
        lacking = [path for path in there if not (path / "files" / PREDICTIONS).is_file()]
        if lacking:
            raise UserError(f"{out}: {len(lacking)} of these runs are there without predictions; use another --out")
    out.mkdir(parents=True, exist_ok=True)
    added = 0
    with tempfile.TemporaryDirectory(prefix=".part-", dir=out) as temporary:
        os.environ["WANDB_CACHE_DIR"] = temporary  # the log of the process that writes the files goes there
        try:
            for run in runs:
                content = tracked(run)
                if not _written(out, content.digest):
                    made = _write(wandb, run, content, Path(temporary), predictions)
                    os.replace(made, out / made.name)
                    added += 1
        except wandb.Error as error:
            raise UserError(f"{out}: Weights & Biases says: {error}; see its documentation, run again") from error
        finally:
            wandb.teardown()  # ends the process that writes the files
    return added


def cut(text: str, field: str) -> str:
    """A text of at most as many characters as a field takes; its end tells it from others."""
    longest = LONGEST[field]
    return text if len(text) <= longest else f"...{text[3 - longest :]}"


def _written(out: Path, digest: str) -> list[Path]:
    """The folders of a run that is there."""
    return list(out.glob(f"offline-run-*-{digest[:ID]}"))


def _imported() -> ModuleType:
    os.environ["WANDB_ERROR_REPORTING"] = "false"  # read on import; it would report errors to its makers
    try:
        import wandb
    except ImportError as error:
        raise UserError(f"Weights & Biases is not installed ({error}): {INSTALL}") from error
    return wandb


def _write(wandb: ModuleType, run: SeedRun, content: TrackedRun, root: Path, predictions: bool) -> Path:
    """The folder of an offline run below ``root``; it holds nothing about this machine but what the records say."""
    settings = wandb.Settings(
        mode="offline", root_dir=str(root), console="off", silent=True, disable_code=True, disable_git=True,
        x_disable_meta=True, x_disable_stats=True, x_disable_machine_info=True, x_save_requirements=False,
    )  # fmt: skip
    logged = wandb.init(
        project=cut(run.study, "project"),
        id=content.digest[:ID],
        name=cut(content.name, "name"),
        group=cut(content.group, "group"),
        job_type=run.run_group.encoder.partition("~")[0],
        tags=[cut(artefact, "tag") for artefact in run.artefacts],
        config={**content.params, **content.tags},
        settings=settings,
    )
    for step, values in content.history:
        logged.log(values, step=step)
    logged.summary.update(content.final)
    for path in attach(run, Path(logged.dir), predictions=predictions):
        logged.save(str(path), base_path=logged.dir, policy="now")
    folder = Path(logged.dir).parent
    logged.finish()
    shutil.rmtree(folder / "logs", ignore_errors=True)  # paths and times of this export
    return folder
