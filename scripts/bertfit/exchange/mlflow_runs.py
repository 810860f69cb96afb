"""Runs as runs of MLflow, in a database on this machine or any other tracking store."""

from __future__ import annotations

import logging
import os
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from bertfit.core.errors import UserError
from bertfit.exchange.study_records import SeedRun
from bertfit.exchange.tracked_run import DIGEST, PREDICTIONS, TrackedRun, attach, tracked

if TYPE_CHECKING:
    from mlflow import MlflowClient

INSTALL = "pip install 'mlflow-skinny>=3.17' alembic SQLAlchemy"
METRICS, PARAMS = 1000, 100  # of one request, as the tracking API limits it


def export(runs: Sequence[SeedRun], folder: Path, *, uri: str | None = None, predictions: bool = False) -> int:
    """Log ``runs`` that the store does not have yet; returns their number. The experiment is the study.

    The store is ``folder/mlflow.db``, with files in ``folder/files``; with ``uri`` the tracking store of that URI.
    A run is known by the digest of its content, so a second export adds nothing; what an interrupted one left is
    deleted. With ``predictions`` those of a run that is there without them are added.

    Raises `UserError` where MLflow is not installed or refuses the store.
    """
    if uri is None and "?" in str(folder.resolve()):
        raise UserError(f"{folder}: the address of a database cannot have ? in it; use another --out")
    mlflow = _imported()
    from sqlalchemy.exc import SQLAlchemyError

    if uri is None:
        folder.mkdir(parents=True, exist_ok=True)
    files = None if uri else (folder / "files").resolve().as_uri()
    try:
        client = mlflow.MlflowClient(tracking_uri=uri or f"sqlite:///{(folder / 'mlflow.db').resolve()}")
        added = 0
        for run in runs:
            known = client.get_experiment_by_name(run.study)
            experiment = known.experiment_id if known else client.create_experiment(run.study, files)
            added += _log(client, experiment, run, predictions)
        return added
    except (mlflow.exceptions.MlflowException, SQLAlchemyError) as error:
        problem = str(error).partition("\n")[0]  # below it: the query, and an address
        raise UserError(f"{uri or folder}: MLflow says: {problem}; give another folder or --uri") from error


def _imported() -> ModuleType:
    """MLflow, without its usage statistics and its messages about tables."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"  # read on import; it would send usage statistics
    try:
        import alembic  # noqa: F401  the store in a database needs it, which mlflow-skinny does not bring
        import mlflow
        import mlflow.exceptions
        import sqlalchemy  # noqa: F401
    except ImportError as error:
        raise UserError(f"MLflow is not installed ({error}): {INSTALL}") from error
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # it logs an error with its traceback, and raises it
    return mlflow


def _log(client: MlflowClient, experiment: str, run: SeedRun, predictions: bool) -> bool:
    """Whether the run was new; then it is complete in the store."""
    from mlflow.entities import Metric, Param

    content = tracked(run)
    for found in client.search_runs([experiment], filter_string=f"tags.`{DIGEST}` = '{content.digest}'"):
        if found.info.status == "FINISHED":
            if predictions:
                _complete(client, found.info.run_id, run)
            return False
        client.delete_run(found.info.run_id)
    now = int(time.time() * 1000)  # the records have no clock; MLflow shows when a run was logged, and its duration
    tags = content.tags | {"mlflow.source.name": "bertfit"}
    run_id = client.create_run(experiment, start_time=now, run_name=content.name, tags=tags).info.run_id
    for params in _parts([Param(name, _text(value)) for name, value in content.params.items()], PARAMS):
        client.log_batch(run_id, params=params)
    for metrics in _parts([Metric(name, value, now, step) for name, value, step in _metrics(content)], METRICS):
        client.log_batch(run_id, metrics=metrics)
    with tempfile.TemporaryDirectory(prefix="bertfit-") as folder:
        for path in attach(run, Path(folder), predictions=predictions):
            client.log_artifact(run_id, str(path))
    client.set_terminated(run_id, end_time=now + int(1000 * content.final.get("cost/seconds", 0)))
    return True


def _complete(client: MlflowClient, run_id: str, run: SeedRun) -> None:
    """Add the predictions to a run that was logged without them."""
    if all(file.path != PREDICTIONS for file in client.list_artifacts(run_id)):
        with tempfile.TemporaryDirectory(prefix="bertfit-") as folder:
            attach(run, Path(folder), predictions=True)
            client.log_artifact(run_id, str(Path(folder, PREDICTIONS)))


def _metrics(content: TrackedRun) -> Iterable[tuple[str, float, int]]:
    """(name, value, step) of the history, then of the final values, which are those of the last step."""
    for step, values in content.history:
        yield from ((name, value, step) for name, value in values.items())
    last = content.history[-1][0]
    yield from ((name, value, last) for name, value in content.final.items())


def _text(value: object) -> str:
    """A parameter as text, booleans as in YAML."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _parts(values: list, size: int) -> Iterable[list]:
    return (values[start : start + size] for start in range(0, len(values), size))
