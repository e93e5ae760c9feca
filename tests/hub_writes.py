"""What the hub of tests/hub.py answers when a model is pushed to it.

    with Hub() as hub:
        writes = take_writes(hub)
        ...
        assert writes.uploads == ["model.bin"]

Repositories are made, files judged by their names (regular or LFS), large ones put into its storage once for each content, and
commits made on top of "main". As in tests/hub.py, these are the answers that huggingface_hub 2.4 looks for; it is to be told
HF_HUB_DISABLE_XET=1, as there is no storage of Xet's here.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import yaml

from tests.hub import LARGE, Hub, RefusedError, Repository, Request, Response, as_json, etag, revision_of


@dataclass
class Writes:
    """What was written.

    Attributes:
        may_write: whether the token has the right to.
        storage: what LFS has, by SHA-256.
        uploads: the hashes of what was put there, in order.
        cards: what was validated as one.
    """

    may_write: bool = True
    storage: dict[str, bytes] = field(default_factory=dict)
    uploads: list[str] = field(default_factory=list)
    cards: list[str] = field(default_factory=list)

    def whoami(self, hub: Hub, request: Request, parts: Mapping[str, str]) -> Response:
        """The owner of the token."""
        if not request.token:
            raise RefusedError(401, "", "Invalid username or password.")
        return as_json({"type": "user", "name": "ada", "orgs": []})

    def create(self, hub: Hub, request: Request, parts: Mapping[str, str]) -> Response:
        """A repository with the one file that each has from its beginning."""
        self._require_right()
        asked = json.loads(request.body)
        name = f"{asked['organization']}/{asked['name']}"
        if name in hub.repositories:
            raise RefusedError(409, "", "You already created this model repo")
        hub.repositories[name] = Repository(private=asked.get("visibility") == "private")
        hub.push(name, {".gitattributes": b""})
        return as_json({"url": f"{hub.address}/{name}"})

    def validate(self, hub: Hub, request: Request, parts: Mapping[str, str]) -> Response:
        """Whether a card has metadata that can be read."""
        card = json.loads(request.body)["content"]
        self.cards.append(card)
        if not isinstance(yaml.safe_load(card.split("---\n")[1]), dict):
            return as_json({"errors": [{"message": "no metadata"}], "warnings": []}, 400)
        return as_json({"errors": [], "warnings": []})

    def preupload(self, hub: Hub, request: Request, parts: Mapping[str, str]) -> Response:
        """How each file is to be sent, and the hash of what is there under its name."""
        repository, commit = revision_of(hub, request, parts)
        there = repository.commits[commit]
        paths = [file["path"] for file in json.loads(request.body)["files"]]
        return as_json({
            "files": [
                {
                    "path": path,
                    "uploadMode": "lfs" if path.endswith(LARGE) else "regular",
                    "shouldIgnore": False,
                    "oid": etag(path, there[path]) if path in there else None,
                }
                for path in paths
            ]
        })  # fmt: skip

    def batch(self, hub: Hub, request: Request, parts: Mapping[str, str]) -> Response:
        """Where to put each large file, but for those that are there."""
        self._require_right()
        objects = json.loads(request.body)["objects"]
        for each in objects:
            if each["oid"] not in self.storage:
                places = {"upload": f"{hub.address}/storage/{each['oid']}", "verify": f"{hub.address}/verify"}
                each["actions"] = {action: {"href": place} for action, place in places.items()}
        return as_json({"transfer": "basic", "objects": objects})

    def put(self, hub: Hub, request: Request, parts: Mapping[str, str]) -> Response:
        """A large file."""
        self.storage[parts["file"]] = request.body
        self.uploads.append(parts["file"])
        return Response()

    def verify(self, hub: Hub, request: Request, parts: Mapping[str, str]) -> Response:
        """Whether what was put there is what was to be."""
        asked = json.loads(request.body)
        if hashlib.sha256(self.storage[asked["oid"]]).hexdigest() != asked["oid"]:
            raise RefusedError(422, "", "another file than announced")
        return as_json({})

    def commit(self, hub: Hub, request: Request, parts: Mapping[str, str]) -> Response:
        """The files of main with these changes."""
        self._require_right()
        repository, before = revision_of(hub, request, parts)
        files = dict(repository.commits[before])
        for operation in map(json.loads, request.body.splitlines()):
            value = operation["value"]
            match operation["key"]:
                case "file":
                    files[value["path"]] = base64.b64decode(value["content"])
                case "lfsFile":
                    files[value["path"]] = self.storage[value["oid"]]
                case "deletedFile":
                    del files[value["path"]]
        commit = hub.push(parts["name"], files)
        return as_json({"commitUrl": f"{hub.address}/{parts['name']}/commit/{commit}", "commitOid": commit})

    def _require_right(self) -> None:
        if not self.may_write:
            raise RefusedError(403, "", "This token has no write permission")


def take_writes(hub: Hub) -> Writes:
    """Have the hub take what is pushed."""
    writes = Writes()
    hub.handle("GET", "/api/whoami-v2", writes.whoami)
    hub.handle("POST", "/api/repos/create", writes.create)
    hub.handle("POST", "/api/validate-yaml", writes.validate)
    hub.handle("POST", "/api/models/{name}/preupload/{revision}", writes.preupload)
    hub.handle("POST", "/{name}.git/info/lfs/objects/batch", writes.batch)
    hub.handle("PUT", "/storage/{file}", writes.put)
    hub.handle("POST", "/verify", writes.verify)
    hub.handle("POST", "/api/models/{name}/commit/{revision}", writes.commit)
    return writes
