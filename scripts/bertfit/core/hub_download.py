"""Downloads from the Hugging Face hub at a pinned commit, verified against the hub's digests.

`huggingface_hub` provides timeouts in seconds (``HF_HUB_ETAG_TIMEOUT``, ``HF_HUB_DOWNLOAD_TIMEOUT``), retries with
backoff, resumption, atomic renames, the cache (``HF_HOME``) and the token (``HF_TOKEN``); a hub that does not respond
fails after about seven minutes. It checks file sizes only, so contents are checked here at each use, cached or not.
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
    401: "login required, or no such data set or model: check its name, run `hf auth login`",
    403: "your account has no access: accept the terms on its page of the hub, and run `hf auth login`",
    404: "no such data set, model, commit or file: check `dataset`, `revision` and `data_files` in the study, or `hub`",
    429: "too many requests: wait some minutes, or log in (`hf auth login`) for a higher limit",
}
NOT_FOUND = {"DatasetNotFoundError", "RepositoryNotFoundError", "RevisionNotFoundError", "RemoteEntryNotFoundError"}
NO_RESPONSE = {"ConnectionError", "TransportError", "LocalEntryNotFoundError"}
SHA256, GIT_SHA1 = 64, 40  # hexadecimal digits: the hub names large files by SHA-256, small ones by git SHA-1


def fetch(repository: str, name: str, *, revision: str, kind: Kind) -> Path:
    """Path of one file in the cache. Raises `UserError` for altered content, and the errors of `huggingface_hub`."""
    from huggingface_hub import hf_hub_download

    _set_timeouts()
    path = Path(hf_hub_download(repository, name, repo_type=kind, revision=revision))
    _check(path)
    return path


def newest(model: str, name: str, revision: str | None = None) -> Path:
    """Path of one file of a model in the cache, in a folder that is called by its commit.

    Without a ``revision`` it is the commit that was the newest when the file was first fetched. Raises as `fetch` does.
    """
    return cached(model, name, revision) or fetch(model, name, revision=revision or "main", kind="model")


def cached(model: str, name: str, revision: str | None = None) -> Path | None:
    """Path of one file of a model in the cache; None if it is not there."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(model, name, revision=revision)
    return Path(found) if isinstance(found, str) else None


def snapshot(repository: str, patterns: Sequence[str], *, revision: str, kind: Kind) -> Path:
    """Folder of a commit in the cache, with all files that match ``patterns``. Raises as `fetch` does."""
    from huggingface_hub import snapshot_download

    _set_timeouts()
    folder = Path(
        snapshot_download(repository, repo_type=kind, revision=revision, allow_patterns=list(patterns), max_workers=1)
    )
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            _check(path)
    return folder


@cache
def _set_timeouts() -> None:
    """Give every request a timeout: `huggingface_hub` requests the list of files without one.

    Through the factory, as `huggingface_hub` makes a new client after a failed connection and in a forked process.
    """
    from huggingface_hub import set_client_factory

    set_client_factory(_client)


def _client() -> Any:
    from huggingface_hub.utils._http import default_client_factory

    client = default_client_factory()
    client.event_hooks["request"].append(_add_timeout)  # the client's `timeout` is overridden by None in that request
    return client


def _add_timeout(request: Any) -> None:
    from huggingface_hub.constants import HF_HUB_DOWNLOAD_TIMEOUT

    timeouts = request.extensions.get("timeout") or dict.fromkeys(("connect", "read", "write", "pool"))
    request.extensions["timeout"] = {phase: value or HF_HUB_DOWNLOAD_TIMEOUT for phase, value in timeouts.items()}


def _check(path: Path) -> None:
    """Compare a cached file with its digest, the name of its blob; if they differ, delete it and raise `UserError`."""
    if not path.is_symlink():  # a file system without links
        log.warning("%s: digest unknown, content not checked", path)
        return
    blob = path.parent / os.readlink(path)
    content = path.read_bytes() if len(blob.name) == GIT_SHA1 else b""
    actual = {
        SHA256: lambda: files.sha256(path),
        GIT_SHA1: lambda: hashlib.sha1(b"blob %d\0%b" % (len(content), content), usedforsecurity=False).hexdigest(),
    }.get(len(blob.name), lambda: "unknown")()
    if actual != blob.name:
        for file in {path.resolve(), blob, path}:
            file.unlink(missing_ok=True)
        raise UserError(
            f"{path}: the content is not what the hub declares (digest {actual[:12]}, expected {blob.name[:12]}); it "
            "was deleted: run the same command again to download it"
        )


@contextmanager
def explain_errors(where: str, otherwise: str) -> Iterator[None]:
    """Turn exceptions of the hub's libraries, which wrap the server's response several times, into a `UserError`.

    The message begins with ``where`` and ends with ``otherwise``, an alternative to the download.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"{where}: {_reason(error)}; {otherwise}") from error


def _reason(error: Exception) -> str:
    chain = list(_chain(error))
    responses = [getattr(cause, "response", None) for cause in chain]
    status = next((response.status_code for response in responses if response is not None), None)
    names = {kind.__name__ for cause in chain for kind in type(cause).__mro__}
    text = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
    if status in CURES or names & NOT_FOUND:
        return f"HTTP {status or 404}; {CURES[status or 404]}"
    if status is not None and status >= 500:
        return f"HTTP {status}; the hub has a problem: try again later (https://status.huggingface.co)"
    if os.environ.get("HF_HUB_OFFLINE"):
        return f"not in the cache, and HF_HUB_OFFLINE is set: unset it once, to download ({text})"
    if "TooManyRedirects" in names:
        return f"too many redirects: check HF_ENDPOINT and the proxy ({text})"
    if "Consistency check failed" in text or "RemoteProtocolError" in names:
        return f"the download was interrupted: check the network, and run the same command again ({text})"
    if names & NO_RESPONSE:
        return f"the hub does not respond: check the network, the proxy and HF_ENDPOINT ({text})"
    return text


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
