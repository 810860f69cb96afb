"""A small HTTP server that speaks as much of the Hugging Face hub's API as reading a data set or a model needs.

It takes uploads, too, of small files within a commit and of large ones beside git (LFS; not Xet, which a client does
with HF_HUB_DISABLE_XET=1), by whoever has the token `WRITER`. It can be told to misbehave, repository by repository:
`Hub.faults`.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

Files = Mapping[str, bytes]
Repositories = Mapping[str, tuple[str, Files]]  # id -> (commit, path -> content)
Fault = (
    int  # this HTTP status, always
    | Literal[
        "slow",  # bodies come in small pieces
        "hangs",  # nothing is ever answered
        "hangs in files",  # file bodies stop in the middle, and the connection stays
        "breaks once",  # a file body stops in the middle and the connection is closed; the second time it is whole
        "breaks",  # the same, always
        "altered once",  # one byte of a file differs from what its digest says; the second time it is right
        "altered",  # the same, always
        "loop",  # each address sends to itself
        "busy",  # 429 with Retry-After, twice; then right
    ]
)
WRITER = "hf_writer"
"""the token that may write to repositories of the owner `OWNER`"""
OWNER = "me"
LARGE = (".parquet", ".safetensors", ".bin", ".pkl", ".onnx")  # what the hub keeps beside git, named by SHA-256


class Hub(ThreadingHTTPServer):
    """Serves repositories at one commit each; data sets and models alike."""

    daemon_threads = True

    def __init__(self, repositories: Repositories, faults: Mapping[str, Fault]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.repositories = repositories
        self.faults = faults
        self.requests: list[str] = []
        self.tokens: set[str] = set()  # what came as Authorization
        self.count: Counter[tuple[str, str]] = Counter()  # of requests that a passing fault has spoilt
        self.closing = threading.Event()
        self.private: dict[str, bool] = {}  # repositories that were made, by name
        self.uploaded: dict[str, dict[str, bytes]] = {}  # repository -> path -> content
        self.messages: list[str] = []  # of commits
        self.stored: dict[str, bytes] = {}  # large files by SHA-256

    @property
    def url(self) -> str:
        """The value for HF_ENDPOINT."""
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def serve(repositories: Repositories, faults: Mapping[str, Fault] | None = None) -> Iterator[Hub]:
    """Run a `Hub` in a thread for the length of the block."""
    with Hub(repositories, faults or {}) as hub:
        thread = threading.Thread(target=hub.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield hub
        finally:
            hub.closing.set()
            hub.shutdown()
            thread.join()


def digest(path: str, content: bytes) -> str:
    """What the hub names a file by."""
    if path.endswith(LARGE):
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(b"blob %d\0%b" % (len(content), content)).hexdigest()


class _Handler(BaseHTTPRequestHandler):
    server: Hub
    protocol_version = "HTTP/1.1"
    name = ""

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urlsplit(self.path)
        self.server.requests.append(f"{self.command} {unquote(self.path)}")
        self.server.tokens.add(self.headers.get("Authorization", ""))
        parts = unquote(url.path).strip("/").split("/")
        api = parts[0] == "api"
        if self._writes(parts, body):
            return None
        parts = parts[1:] if api else parts
        if parts[0] in ("datasets", "models"):
            parts = parts[1:]
        if len(parts) < 2:
            return self._fail(404, "RepoNotFound")
        self.name, rest = "/".join(parts[:2]), parts[2:]
        if self._spoilt():
            return None
        if self.name not in self.server.repositories:
            return self._fail(404, "RepoNotFound")
        commit, files = self.server.repositories[self.name]
        if len(rest) > 1 and rest[1] not in (commit, "main"):
            return self._fail(404, "RevisionNotFound")
        if not api and rest[0] == "resolve":
            return self._file(commit, files, "/".join(rest[2:]))
        if rest and rest[0] == "tree":
            return self._json(_tree(files))
        if rest and rest[0] == "paths-info":
            return self._json([entry for entry in _tree(files) if entry["path"] in json.loads(body)["paths"]])
        return self._fail(404, "EntryNotFound")

    do_POST = do_PUT = do_HEAD = do_GET

    def _writes(self, parts: list[str], body: bytes) -> bool:
        """Answer a request of an upload."""
        if parts == ["api", "validate-yaml"]:  # the metadata of a card
            self._json({"errors": [], "warnings": []})
            return True
        if parts[0] == "lfs":
            self.server.stored[parts[1]] = body
            self._json({})
            return True
        if parts == ["api", "repos", "create"]:
            asked = json.loads(body)
            step, self.name = "create", f"{asked['organization'] or OWNER}/{asked['name']}"
        elif parts[-2:] == ["objects", "batch"]:
            step, self.name = "batch", "/".join(parts[:2]).removesuffix(".git")
        elif parts[:2] == ["api", "models"] and len(parts) == 6 and parts[4] in ("preupload", "commit"):
            step, self.name = parts[4], "/".join(parts[2:4])
        else:
            return False
        if self._spoilt():
            return True
        if self.headers.get("Authorization") != f"Bearer {WRITER}":
            self._fail(401, "")
        elif not self.name.startswith(f"{OWNER}/"):
            self._fail(403, "")
        elif step == "commit":
            self._commit(body)
        else:
            {"create": self._create, "preupload": self._preupload, "batch": self._batch}[step](json.loads(body))
        return True

    def _create(self, asked: dict[str, Any]) -> None:
        found = self.name in self.server.private
        self.server.private.setdefault(self.name, asked.get("visibility") == "private")
        self._json({"url": f"{self.server.url}/{self.name}"}, 409 if found else 200)

    def _preupload(self, asked: dict[str, Any]) -> None:
        kinds = [(file["path"], "lfs" if file["path"].endswith(LARGE) else "regular") for file in asked["files"]]
        self._json({"files": [{"path": path, "uploadMode": kind, "shouldIgnore": False} for path, kind in kinds]})

    def _batch(self, asked: dict[str, Any]) -> None:
        objects = [
            each | {"actions": {"upload": {"href": f"{self.server.url}/lfs/{each['oid']}"}}}
            for each in asked["objects"]
        ]
        self._json({"objects": objects, "transfer": "basic"})

    def _commit(self, content: bytes) -> None:
        files = self.server.uploaded.setdefault(self.name, {})
        for line in map(json.loads, content.splitlines()):
            value = line["value"]
            if line["key"] == "header":
                self.server.messages.append(value["summary"])
            elif line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                files[value["path"]] = self.server.stored[value["oid"]]
        self._json({"commitUrl": f"{self.server.url}/{self.name}/commit/{'a' * 40}", "commitOid": "a" * 40})

    @property
    def fault(self) -> Fault | None:
        return self.server.faults.get(self.name)

    def _first(self, what: str, times: int = 1) -> bool:
        """Whether this is one of the first requests of a kind."""
        self.server.count[self.name, what] += 1
        return self.server.count[self.name, what] <= times

    def _spoilt(self) -> bool:
        """Answer wrongly, or not at all, where the whole request is to fail."""
        if isinstance(self.fault, int):
            self._fail(self.fault, "")
        elif self.fault == "hangs":
            self.server.closing.wait()
        elif self.fault == "loop":
            self._answer(302, b"", {"Location": self.path})
        elif self.fault == "busy" and self._first("busy", 2):
            self._answer(429, b"", {"Retry-After": "1"})
        else:
            return False
        return True

    def _file(self, commit: str, files: Files, path: str) -> None:
        if path not in files:
            return self._fail(404, "EntryNotFound")
        content, start = files[path], 0
        if self.command == "GET" and (self.fault == "altered" or self.fault == "altered once" and self._first(path)):
            content = content[:-1] + bytes([content[-1] ^ 1])
        span = self.headers.get("Range")
        if span:
            first, _, last = span.removeprefix("bytes=").partition("-")
            start = int(first)
            content = content[start : int(last) + 1 if last else None]
        headers = {"ETag": f'"{digest(path, files[path])}"', "X-Repo-Commit": commit, "Accept-Ranges": "bytes"}
        if span:
            headers["Content-Range"] = f"bytes {start}-{start + len(content) - 1}/{len(files[path])}"
        self._answer(206 if span else 200, content, headers)

    def _json(self, value: object, status: int = 200) -> None:
        self._answer(status, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _fail(self, status: int, code: str) -> None:
        self._answer(status, b"{}", {"X-Error-Code": code, "X-Error-Message": code or "broken"})

    def _answer(self, status: int, content: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for key, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        half, a_file = len(content) // 2, "ETag" in headers
        if a_file and self.fault == "hangs in files":
            self.wfile.write(content[:half] if self._first("half") else b"")
            self.server.closing.wait()
        elif a_file and (self.fault == "breaks" or self.fault == "breaks once" and self._first(self.path)):
            self.wfile.write(content[:half] if self._first("half") else b"")
            self.close_connection = True
        elif self.fault == "slow":
            for at in range(0, len(content), 500):
                self.wfile.write(content[at : at + 500])
                self.server.closing.wait(0.02)
        else:
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Silent: `Hub.requests` has them."""


def _tree(files: Files) -> list[dict[str, object]]:
    entries: list[dict[str, object]] = []
    for path, content in files.items():
        large = {"lfs": {"oid": digest(path, content), "size": len(content), "pointerSize": 1}}
        oid = hashlib.sha1(content).hexdigest() if path.endswith(LARGE) else digest(path, content)
        entry = {"type": "file", "path": path, "oid": oid, "size": len(content)}
        entries.append(entry | (large if path.endswith(LARGE) else {}))
    return entries
