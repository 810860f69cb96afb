"""Files of the hub's cache against their digests, and what is said of errors. A hub that answers: data/test_hub."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from bertfit.core import hub_download
from bertfit.core.errors import UserError

# printf abc | sha256sum, and git hash-object --stdin
SHA256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
GIT = "f2ba8f84ab5c1bce84a7b441cb1959cfc7093b7f"


def cached(folder: Path, digest: str, content: bytes = b"abc") -> Path:
    """A file of a snapshot, a link to its blob, which bears the digest as its name."""
    for name in ("blobs", "snapshots"):
        (folder / name).mkdir(exist_ok=True)
    (folder / "blobs" / digest).write_bytes(content)
    path = folder / "snapshots/file"
    path.symlink_to(f"../blobs/{digest}")
    return path


@pytest.mark.parametrize("digest", [SHA256, GIT])
def test_content_is_compared_with_its_digest(tmp_path: Path, digest: str) -> None:
    hub_download._check(cached(tmp_path, digest))
    assert (tmp_path / "snapshots/file").read_bytes() == b"abc"


@pytest.mark.parametrize("digest", [SHA256, GIT, "no digest"])
def test_altered_content_is_deleted(tmp_path: Path, digest: str) -> None:
    path = cached(tmp_path, digest, b"abd")
    with pytest.raises(UserError, match=rf"expected {digest[:12]}\); it was deleted: run the same command again"):
        hub_download._check(path)
    assert not path.is_symlink() and list((tmp_path / "blobs").iterdir()) == []


def test_without_links_there_is_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_bytes(b"abc")
    hub_download._check(tmp_path / "file")
    assert "file: digest unknown, content not checked" in caplog.text


class FaultError(Exception):
    """An error of a library, with a response of the hub or without one."""

    def __init__(self, status: int | None = None, text: str = "") -> None:
        super().__init__(text)
        self.response = None if status is None else SimpleNamespace(status_code=status)


class TransportError(FaultError):
    """As that of the library for requests: its name counts."""


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (FaultError(401), "HTTP 401; login required, or no such data set or model"),
        (FaultError(404), "HTTP 404; no such data set, model, commit or file"),
        (FaultError(503), "HTTP 503; the hub has a problem: try again later"),
        (TransportError(), "the hub does not respond: check the network, the proxy and HF_ENDPOINT"),
        (FaultError(text="Consistency check failed: 3"), "the download was interrupted: check the network"),
        (FaultError(text="odd\n  thing"), "RuntimeError: odd thing"),
    ],
    ids=str,
)
def test_an_error_says_its_cure(monkeypatch: pytest.MonkeyPatch, error: Exception, message: str) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    with pytest.raises(UserError) as caught, hub_download.explain_errors("org/good", "or use a folder"):
        try:
            raise error
        except FaultError as cause:  # the libraries wrap the response several times
            raise RuntimeError(str(error)) from cause
    text = str(caught.value)
    assert text.startswith(f"org/good: {message}") and text.endswith("; or use a folder")


def test_offline_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    message = "not in the cache, and HF_HUB_OFFLINE is set"
    with pytest.raises(UserError, match=message), hub_download.explain_errors("org/good", "or use a folder"):
        raise TransportError()


def test_errors_of_the_user_go_through() -> None:
    with pytest.raises(UserError, match="^mine$"), hub_download.explain_errors("org/good", "or use a folder"):
        raise UserError("mine")
