"""Files of the Hugging Face hub at a pinned commit, checked against the digests by which the hub names them.

Timeouts (``HF_HUB_ETAG_TIMEOUT``, ``HF_HUB_DOWNLOAD_TIMEOUT``: seconds), retries with growing waits, going on after a
broken connection, the rename at the end, the cache (``HF_HOME``) and the token (``HF_TOKEN``) are `huggingface_hub`'s
own; a hub that hangs is given up after some seven minutes. It compares sizes only: content is compared here, at each
use, so that a cached copy is covered, too.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Literal

from bertfit.core import files
from bertfit.core.errors import UserError

log = logging.getLogger(__name__)

Kind = Literal["dataset", "model"]
CURES = {
    401: "the hub asks who you are, or has no such data set or model: check its name, run `hf auth login`",
    403: "your account has no access: open its page on the hub, accept its terms, and run `hf auth login`",
    404: "no such data set, model, commit or file: check `dataset`, `revision` and `data_files` in the study, or `hub`",
    429: "the hub refuses more requests for now: wait some minutes, or log in (`hf auth login`) for a higher limit",
}
ABSENT = {"DatasetNotFoundError", "RepositoryNotFoundError", "RevisionNotFoundError", "RemoteEntryNotFoundError"}
SILENT = {"ConnectionError", "TransportError", "LocalEntryNotFoundError"}
SHA256, GIT_SHA1 = 64, 40  # hexadecimal digits: of large files the hub names the former, of small ones the latter


def fetch(repository: str, name: str, *, revision: str, kind: Kind) -> Path:
    """One file, in the cache. Raises `UserError` for altered content, and whatever `huggingface_hub` raises."""
    from huggingface_hub import hf_hub_download

    _bound_waiting()
    path = Path(hf_hub_download(repository, name, repo_type=kind, revision=revision))
    _check(path)
    return path


def snapshot(repository: str, patterns: Sequence[str], *, revision: str, kind: Kind) -> Path:
    """The folder of a commit in the cache with all files that match ``patterns``. Raises like `fetch`."""
    from huggingface_hub import snapshot_download

    _bound_waiting()
    folder = Path(
        snapshot_download(repository, repo_type=kind, revision=revision, allow_patterns=list(patterns), max_workers=1)
    )
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            _check(path)
    return folder


@cache
def _bound_waiting() -> None:
    """Give every request a timeout: `huggingface_hub` asks for the list of files without one.

    It makes a new client after a failed connection and in a forked process; this one makes them all.
    """
    from huggingface_hub import set_client_factory

    set_client_factory(_client)


def _client() -> Any:
    from huggingface_hub.utils._http import default_client_factory

    client = default_client_factory()
    client.event_hooks["request"].append(_bounded)  # its `timeout` would not do: the list is asked for with None
    return client


def _bounded(request: Any) -> None:
    from huggingface_hub.constants import HF_HUB_DOWNLOAD_TIMEOUT

    times = request.extensions.get("timeout") or dict.fromkeys(("connect", "read", "write", "pool"))
    request.extensions["timeout"] = {key: time or HF_HUB_DOWNLOAD_TIMEOUT for key, time in times.items()}


def _check(path: Path) -> None:
    """Compare a cached file with the digest that is its name among the blobs; what differs is deleted."""
    if not path.is_symlink():  # a file system without links
        log.warning("%s: its digest is not known, so its content is not checked", path)
        return
    blob = path.parent / os.readlink(path)
    content = path.read_bytes() if len(blob.name) == GIT_SHA1 else b""
    actual = {
        SHA256: lambda: files.sha256(path),
        GIT_SHA1: lambda: hashlib.sha1(b"blob %d\0%b" % (len(content), content), usedforsecurity=False).hexdigest(),
    }.get(len(blob.name), lambda: "unknown")()
    if actual != blob.name:
        for one in {path.resolve(), blob, path}:
            one.unlink(missing_ok=True)
        raise UserError(
            f"{path}: the content is not what the hub declares (digest {actual[:12]}, expected {blob.name[:12]}); it is"
            " deleted: run the same command again to download it afresh"
        )


@contextmanager
def explained(where: str, otherwise: str) -> Iterator[None]:
    """Turn what the hub's libraries raise into a `UserError`: they wrap the answer of the server several times.

    ``where`` begins the message, ``otherwise`` (what else can be done) ends it.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"{where}: {_reason(error)}; {otherwise}") from error


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
    if "TooManyRedirects" in names:
        return f"the hub sends from one address to the next, without end: check HF_ENDPOINT and the proxy ({text})"
    if "Consistency check failed" in text or "RemoteProtocolError" in names:
        return f"the download broke off: check the network, and run the same command again ({text})"
    if names & SILENT:
        return f"the hub does not answer: check the network, the proxy and HF_ENDPOINT ({text})"
    return text


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
