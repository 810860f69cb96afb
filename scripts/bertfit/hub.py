"""Rows of a corpus from the Hugging Face hub, at a pinned commit. Scripts of a data set are never run.

What was fetched stays in the usual cache (``HF_HOME``), so that a later call needs no network.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from . import localfiles
from .errors import UserError, nearest
from .spec import HubSource, LocalSource

CURES = {
    401: "the hub asks who you are, or has no such data set: check `dataset` in the study, run `hf auth login`",
    403: "your account has no access: open the data set's page, accept its terms, and run `hf auth login`",
    404: "no such data set, commit or file: check `dataset`, `revision` and `data_files` in the study",
    429: "the hub refuses more requests for now: wait some minutes, or log in (`hf auth login`) for a higher limit",
}
ABSENT = {"DatasetNotFoundError", "RepositoryNotFoundError", "RevisionNotFoundError", "RemoteEntryNotFoundError"}
SILENT = {"ConnectionError", "TransportError", "LocalEntryNotFoundError"}


def read(source: HubSource, split: str) -> pa.Table:
    """All rows of a split, in the same form as `localfiles.read`; class names as the data set declares them.

    Raises `UserError`, with the cure, for whatever the hub answers instead of the data.
    """
    where = f"hub data set {source.dataset} at {source.revision[:7]} ({split})"
    with _explained(where):
        table = _files(source, split, where) if source.data_files else _dataset(source, split, where)
    if source.undouble_quotes:
        for position, field in enumerate(source.columns):
            table = table.set_column(position, field, pc.replace_substring(table[field], '""', '"'))
    return table


def _dataset(source: HubSource, split: str, where: str) -> pa.Table:
    import datasets  # takes seconds

    datasets.disable_progress_bars()
    rows = datasets.load_dataset(source.dataset, source.config, split=split, revision=source.revision)
    if any(source.revision not in Path(file["filename"]).parts for file in rows.cache_files):
        # without network, load_dataset takes whatever commit it has
        raise UserError(f"{where}: the cache holds another commit only, and the hub does not answer; connect once")
    table = localfiles.select(rows.with_format("arrow")[:], source.columns, source.label, where)
    classes = rows.features[str(source.label)]
    if isinstance(classes, datasets.ClassLabel):
        table = table.replace_schema_metadata({"label_names": json.dumps(classes.names, ensure_ascii=False)})
    return table


def _files(source: HubSource, split: str, where: str) -> pa.Table:
    from huggingface_hub import hf_hub_download

    files = source.data_files or {}
    if split not in files:
        raise UserError(f"{where}: data_files names no file for this split{nearest(split, files)}")
    path = hf_hub_download(source.dataset, files[split], repo_type="dataset", revision=source.revision)
    like = LocalSource.model_validate(
        {"train": path, "test": path} | source.model_dump(include={"format", "columns", "label"})
    )
    return localfiles.read(like, split, Path(path))


@contextmanager
def _explained(where: str) -> Iterator[None]:
    """Turn what the two hub libraries raise into a `UserError`: they wrap the answer of the server several times."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        cure = "or put the files into a data folder (--config data=FOLDER)"
        raise UserError(f"{where}: {_reason(error)}; {cure}") from error


def _reason(error: Exception) -> str:
    chain = list(_chain(error))
    answers = [getattr(one, "response", None) for one in chain]
    status = next((answer.status_code for answer in answers if answer is not None), None)
    names = {one.__name__ for each in chain for one in type(each).__mro__}
    text = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
    if status in CURES or names & ABSENT:
        return f"HTTP {status or 404}; {CURES[status or 404]}"
    if status is not None and status >= 500:
        return f"HTTP {status}; the hub itself fails: try again later (https://status.huggingface.co)"
    if os.environ.get("HF_HUB_OFFLINE"):
        return f"not in the cache, and HF_HUB_OFFLINE is set: unset it once, to download ({text})"
    if names & SILENT:
        return f"the hub does not answer: check the network, the proxy and HF_ENDPOINT ({text})"
    if "scripts are no longer supported" in text:
        return f"it is a script, which is never run: name plain files in data_files ({text})"
    return text


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
