"""Remotes of DVC that need no service: a folder, S3 by moto over HTTP, and SSH by an sshd on loopback."""

import getpass
import logging
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import fsspec

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
PRIVILEGE_SEPARATION = Path("/run/sshd")
SECONDS_TO_START = 10
BUCKET = "recordings"
S3_KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}

SSHD_CONFIG = """\
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/user_key.pub
PidFile none
AuthenticationMethods publickey
PermitRootLogin prohibit-password
StrictModes no
UsePAM no
Subsystem sftp internal-sftp
"""


@dataclass(frozen=True)
class Remote:
    """What `dvc remote add` and `dvc remote modify --local` are told, and what DVC needs in its environment.

    `files` lists what the remote holds.
    """

    name: str
    url: str
    files: Callable[[], "dict[str, Written]"]
    settings: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Written:
    """A file's size in bytes, and when it was written last: a file that is written again has travelled again."""

    size: int
    at: str


def files_of(folder: Path) -> dict[str, Written]:
    """Every file of a folder by its path."""
    found = {str(path.relative_to(folder)): path.stat() for path in folder.rglob("*") if path.is_file()}
    return {path: Written(state.st_size, str(state.st_mtime_ns)) for path, state in found.items()}


@contextmanager
def opened(kinds: tuple[str, ...], folder: Path) -> Iterator[list[Remote]]:
    """The remotes of these kinds, empty, with what serves them."""
    openers = {"folder": folder_remote, "s3": s3_remote, "ssh": ssh_remote}
    with ExitStack() as stack:
        yield [stack.enter_context(openers[kind](folder / kind)) for kind in kinds]


@contextmanager
def folder_remote(folder: Path) -> Iterator[Remote]:
    """A plain folder, as on a disk that all share."""
    folder.mkdir(parents=True)
    yield Remote("folder", str(folder), lambda: files_of(folder))


@contextmanager
def s3_remote(folder: Path) -> Iterator[Remote]:
    """A bucket of moto's server, in this process's memory; `folder` is not used."""
    from moto.server import ThreadedMotoServer  # here, as tests that have no part in it import this module

    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # it tells of every request
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    bucket = fsspec.filesystem(
        "s3",
        endpoint_url=endpoint,
        key=S3_KEYS["AWS_ACCESS_KEY_ID"],
        secret=S3_KEYS["AWS_SECRET_ACCESS_KEY"],
        use_listings_cache=False,
        skip_instance_cache=True,
    )
    bucket.mkdir(BUCKET)

    def files() -> dict[str, Written]:
        found = bucket.find(f"{BUCKET}/dvc", detail=True)
        return {
            path.removeprefix(f"{BUCKET}/dvc/"): Written(info["size"], str(info["LastModified"]))
            for path, info in found.items()
        }

    try:
        yield Remote("s3", f"s3://{BUCKET}/dvc", files, {"endpointurl": endpoint}, S3_KEYS)
    finally:
        server.stop()


@contextmanager
def ssh_remote(folder: Path) -> Iterator[Remote]:
    """A folder behind an sshd of our own: its own keys and settings, a free port of loopback, no passwords."""
    assert SSHD is not None, "there is no sshd; ask before"
    served, keys = folder / "served", folder / "keys"
    served.mkdir(parents=True)
    keys.mkdir(mode=0o700)
    for key in ("host_key", "user_key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(keys / key)], check=True)
    port = free_port()
    (keys / "sshd_config").write_text(SSHD_CONFIG.format(port=port, folder=keys))
    if os.geteuid() == 0:
        PRIVILEGE_SEPARATION.mkdir(mode=0o755, exist_ok=True)  # sshd asks root for it; the system's start scripts make it
    with (keys / "log").open("wb") as log:
        server = subprocess.Popen([SSHD, "-D", "-e", "-f", str(keys / "sshd_config")], stderr=log)
        try:
            wait_for(port)
            settings = {"keyfile": str(keys / "user_key")}
            url = f"ssh://{getpass.getuser()}@127.0.0.1:{port}{served}"
            yield Remote("ssh", url, lambda: files_of(served), settings)
        finally:
            server.terminate()
            server.wait()


def free_port() -> int:
    """A port of loopback that nobody listens at."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


def wait_for(port: int) -> None:
    """Return when somebody listens at the port."""
    end = time.monotonic() + SECONDS_TO_START
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
