"""A small HTTP server that speaks as much of the Hugging Face hub's API as reading a data set needs."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

Repositories = Mapping[str, tuple[str, Mapping[str, bytes]]]  # id -> (commit, path -> content)


class Hub(ThreadingHTTPServer):
    """Serves data set repositories at one commit each. ``broken``: id -> HTTP status that every request gets."""

    def __init__(self, repositories: Repositories, broken: Mapping[str, int]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.repositories = repositories
        self.broken = broken
        self.requests: list[str] = []

    @property
    def url(self) -> str:
        """The value for HF_ENDPOINT."""
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def serve(repositories: Repositories, broken: Mapping[str, int] | None = None) -> Iterator[Hub]:
    """Run a `Hub` in a thread for the length of the block."""
    with Hub(repositories, broken or {}) as hub:
        thread = threading.Thread(target=hub.serve_forever, daemon=True)
        thread.start()
        try:
            yield hub
        finally:
            hub.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    server: Hub
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urlsplit(self.path)
        self.server.requests.append(f"{self.command} {unquote(self.path)}")
        parts = unquote(url.path).strip("/").split("/")
        api = parts[0] == "api"
        parts = parts[1:] if api else parts
        if parts[0] != "datasets" or len(parts) < 3:
            return self._fail(404, "RepoNotFound")
        name, rest = "/".join(parts[1:3]), parts[3:]
        if name in self.server.broken:
            return self._fail(self.server.broken[name], "")
        if name not in self.server.repositories:
            return self._fail(404, "RepoNotFound")
        commit, files = self.server.repositories[name]
        if len(rest) > 1 and rest[1] != commit:
            return self._fail(404, "RevisionNotFound")
        if not api and rest[0] == "resolve":
            return self._file(commit, files, "/".join(rest[2:]))
        if not rest or rest[0] == "revision":
            siblings = [{"rfilename": path} for path in files]
            return self._json(
                {
                    "id": name,
                    "sha": commit,
                    "siblings": siblings,
                    "private": False,
                    "gated": False,
                    "disabled": False,
                    "downloads": 0,
                    "likes": 0,
                    "tags": [],
                }
            )
        if rest[0] == "tree":
            folder = "/".join(rest[2:])
            entries = _tree(files, folder, "recursive=true" in url.query.lower())
            return self._json(entries) if entries else self._fail(404, "EntryNotFound")
        if rest[0] == "paths-info":
            wanted = json.loads(body)["paths"]
            return self._json([entry for entry in _tree(files, "", True) if entry["path"] in wanted])
        return self._fail(404, "EntryNotFound")

    do_POST = do_HEAD = do_GET

    def _file(self, commit: str, files: Mapping[str, bytes], path: str) -> None:
        if path not in files:
            return self._fail(404, "EntryNotFound")
        content, start = files[path], 0
        span = self.headers.get("Range")
        if span:
            first, _, last = span.removeprefix("bytes=").partition("-")
            start = int(first)
            content = content[start : int(last) + 1 if last else None]
        self._answer(
            206 if span else 200,
            content,
            {
                "ETag": f'"{hashlib.sha1(files[path]).hexdigest()}"',
                "X-Repo-Commit": commit,
                "Accept-Ranges": "bytes",
                **({"Content-Range": f"bytes {start}-{start + len(content) - 1}/{len(files[path])}"} if span else {}),
            },
        )

    def _json(self, value: object) -> None:
        self._answer(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _fail(self, status: int, code: str) -> None:
        self._answer(status, b"{}", {"X-Error-Code": code, "X-Error-Message": code or "broken"})

    def _answer(self, status: int, content: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for key, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Silent: `Hub.requests` has them."""


def _tree(files: Mapping[str, bytes], folder: str, recursive: bool) -> list[dict[str, object]]:
    prefix = f"{folder}/" if folder else ""
    below = {path: content for path, content in files.items() if path.startswith(prefix)}
    folders = {
        path[: len(prefix) + at]
        for path in below
        for at, character in enumerate(path[len(prefix) :])
        if character == "/"
    }
    entries: list[dict[str, object]] = [
        {"type": "directory", "path": path, "oid": "0" * 40, "size": 0} for path in sorted(folders)
    ]
    entries += [
        {"type": "file", "path": path, "oid": hashlib.sha1(content).hexdigest(), "size": len(content)}
        for path, content in below.items()
    ]
    return [entry for entry in entries if recursive or "/" not in str(entry["path"])[len(prefix) :]]
