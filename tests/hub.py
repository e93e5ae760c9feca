"""A hub on 127.0.0.1 that answers as much of the Hugging Face hub's API as reading a model takes.

    with Hub() as hub:
        commit = hub.push("openai/whisper-tiny", {"config.json": b"{}"})  # what "main" is from now on
        run_stage("train", folder, **hub.environment(tmp_path / "cache"))  # for another process
        hub.answer_here(monkeypatch, tmp_path / "cache")  # for this one
        assert hub.asked("config.json") == ["HEAD", "GET"]

It knows one token (`hub.token`), hides a repository from whoever lacks it (`private`, `gated`), and breaks off files
(`breaks`). More of the API is a function from a hub, a request and the parts of its path to a response, put into the table by
`hub.handle`; it may raise `RefusedError`. Answers are those that huggingface_hub 2.4 looks for. No file is said to be in Xet's
storage, so each comes by plain HTTP.
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

LARGE = (".safetensors", ".bin")
"""Files that the hub keeps in LFS, under their SHA-256."""

PARTS = {"name": "[^/]+/[^/]+", "revision": "[^/]+", "file": ".+"}
"""What stands in braces in a path; a slash within a revision is quoted."""


@dataclass(frozen=True)
class Request:
    """What was asked for; the path is quoted, as it came."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def token(self) -> str:
        """What it was sent with, if anything."""
        return self.headers.get("authorization", "").removeprefix("Bearer ")


@dataclass(frozen=True)
class Response:
    """An answer. `breaks_at`: the connection is closed after so many bytes of the body."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    breaks_at: int | None = None


@dataclass
class Repository:
    """The files of each commit, and what branches and tags stand for.

    `private`: hidden from whoever has no token. `gated`: its files are for nobody, whatever the token.
    """

    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)
    private: bool = False
    gated: bool = False

    def commit_of(self, revision: str) -> str | None:
        """The commit that a branch, a tag or a commit is."""
        commit = self.refs.get(revision, revision)
        return commit if commit in self.commits else None


Answer = Callable[["Hub", Request, Mapping[str, str]], Response]


def as_json(value: Any, status: int = 200) -> Response:
    """An answer in JSON."""
    return Response(status, json.dumps(value).encode(), {"Content-Type": "application/json"})


class RefusedError(Exception):
    """An error as the hub says it: by its code, if it has one, in a header."""

    def __init__(self, status: int, code: str, message: str, **headers: str) -> None:
        named = {"X-Error-Message": message, **({"X-Error-Code": code} if code else {}), **headers}
        self.response = Response(status, json.dumps({"error": message}).encode(), named)


def etag(file: str, content: bytes) -> str:
    """The hash by which the hub knows a file: git's, or for a large one SHA-256."""
    if file.endswith(LARGE):
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


class Hub:
    """The server, as long as its context lasts.

    Attributes:
        repositories: by name.
        token: the one that is valid; with any other, nothing is to be had.
        breaks: files that break off, each after so many bytes, once for each number.
        requests: all there have been.
    """

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.token = "hf_valid"
        self.breaks: dict[str, list[int]] = {}
        self.requests: list[Request] = []
        self._handlers: list[tuple[str, re.Pattern[str], Answer]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler_for(self))
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        for method, path, answer in READS:
            self.handle(method, path, answer)

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def push(self, name: str, files: Mapping[str, bytes] | Path, ref: str = "main") -> str:
        """Make a commit of these files, or of those in a folder; the branch or tag is it from now on."""
        if isinstance(files, Path):
            files = {path.name: path.read_bytes() for path in files.iterdir() if path.is_file()}
        repository = self.repositories.setdefault(name, Repository())
        said = "".join(f"{file} {etag(file, files[file])}\n" for file in sorted(files)) + str(len(repository.commits))
        commit = hashlib.sha1(said.encode()).hexdigest()
        repository.commits[commit] = dict(files)
        repository.refs[ref] = commit
        return commit

    def handle(self, method: str, path: str, answer: Answer) -> None:
        """Answer such requests so, before whatever has been put into the table earlier.

        Args:
            method: of HTTP.
            path: quoted, with {name} (owner/name), {revision} and {file} where they stand.
            answer: is given the parts unquoted.
        """
        pattern = re.sub(r"\{(\w+)\}", lambda part: f"(?P<{part[1]}>{PARTS[part[1]]})", path)
        self._handlers.insert(0, (method, re.compile(pattern), answer))

    def answer(self, request: Request) -> Response:
        """What is answered to this request."""
        self.requests.append(request)
        wanted = "GET" if request.method == "HEAD" else request.method
        try:
            if request.token not in ("", self.token):
                raise RefusedError(401, "", "Invalid credentials in Authorization header")
            for method, pattern, answer in self._handlers:
                if method == wanted and (found := pattern.fullmatch(request.path)):
                    return answer(self, request, {part: unquote(value) for part, value in found.groupdict().items()})
            raise RefusedError(404, "", f"no such page: {request.method} {request.path}")
        except RefusedError as refused:
            return refused.response

    def asked(self, file: str) -> list[str]:
        """The methods by which a file was asked for, in order."""
        return [request.method for request in self.requests if request.path.endswith(f"/{file}")]

    def environment(self, cache: Path, token: str = "") -> dict[str, str]:
        """The variables with which another process takes this for the hub, and `cache` for all that it knows of it."""
        return {
            "HF_ENDPOINT": self.address, "HF_HOME": str(cache), "HF_HUB_CACHE": str(cache / "hub"),
            "HF_HUB_OFFLINE": "0", "HF_TOKEN": token,
        }  # fmt: skip

    def answer_here(self, monkeypatch: pytest.MonkeyPatch, cache: Path, token: str = "") -> None:
        """Have huggingface_hub in this process take this for the hub, until the test ends."""
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", self.address)
        template = self.address + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache / "hub"))
        monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(cache / "token"))
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
        monkeypatch.setenv("HF_TOKEN", token)


def revision_of(hub: Hub, request: Request, parts: Mapping[str, str]) -> tuple[Repository, str]:
    """The repository and the commit that a path names; main's, where it names none."""
    repository = hub.repositories.get(parts["name"])
    if repository is None or (repository.private and not request.token):
        raise RefusedError(404 if request.token else 401, "RepoNotFound", "Repository not found")
    commit = repository.commit_of(parts.get("revision", "main"))
    if commit is None:
        raise RefusedError(404, "RevisionNotFound", f"Invalid rev id: {parts['revision']}")
    return repository, commit


def model_info(hub: Hub, request: Request, parts: Mapping[str, str]) -> Response:
    """The commit of a revision, and the names of its files."""
    repository, commit = revision_of(hub, request, parts)
    siblings = [{"rfilename": file} for file in repository.commits[commit]]
    return as_json({"id": parts["name"], "sha": commit, "private": repository.private, "tags": [], "siblings": siblings})


def tree(hub: Hub, request: Request, parts: Mapping[str, str]) -> Response:
    """All files of a revision with their sizes and hashes; what is in folders, too."""
    repository, commit = revision_of(hub, request, parts)
    return as_json([_listed(file, content) for file, content in repository.commits[commit].items()])


def _listed(file: str, content: bytes) -> dict[str, Any]:
    oid, size = etag(file, content), len(content)
    lfs = {"lfs": {"oid": oid, "size": size, "pointerSize": 130}} if file.endswith(LARGE) else {}
    return {"type": "file", "path": file, "size": size, "oid": oid[:40], **lfs}


def resolve(hub: Hub, request: Request, parts: Mapping[str, str]) -> Response:
    """A file, or the rest of it."""
    repository, commit = revision_of(hub, request, parts)
    if repository.gated:
        raise RefusedError(403 if request.token else 401, "GatedRepo", "Access to this model is restricted")
    named = {"X-Repo-Commit": commit, "Accept-Ranges": "bytes"}
    content = repository.commits[commit].get(parts["file"])
    if content is None:
        raise RefusedError(404, "EntryNotFound", "Entry not found", **named)
    named["ETag"] = f'"{etag(parts["file"], content)}"'
    breaks = hub.breaks.get(parts["file"], []) if request.method == "GET" else []
    breaks_at = breaks.pop(0) if breaks else None
    start = re.fullmatch(r"bytes=(\d+)-", request.headers.get("range", ""))
    if start is None:
        return Response(200, content, named, breaks_at)
    first = int(start[1])
    named["Content-Range"] = f"bytes {first}-{len(content) - 1}/{len(content)}"
    return Response(206, content[first:], named, breaks_at)


READS: tuple[tuple[str, str, Answer], ...] = (
    ("GET", "/api/models/{name}", model_info),
    ("GET", "/api/models/{name}/revision/{revision}", model_info),
    ("GET", "/api/models/{name}/tree/{revision}", tree),
    ("GET", "/{name}/resolve/{revision}/{file}", resolve),
)


def handler_for(hub: Hub) -> type[BaseHTTPRequestHandler]:
    """What the server makes of each connection."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            asked = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            response = hub.answer(Request(self.command, asked.path, parse_qs(asked.query), headers, body))
            self.send_response(response.status)
            length = str(len(response.body))
            for name, value in {**response.headers, "Content-Length": length, "Connection": "close"}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(response.body[: response.breaks_at])

        do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815

        def log_message(self, *arguments: object) -> None:
            """Nothing: a test looks at `requests`."""

    return Handler
