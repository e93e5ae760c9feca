"""The default remote of DVC: whether there is one, whether it answers, and whether DVC checks what it sends."""

import sys
from collections.abc import Iterator
from typing import Any

from asr.base.errors import DataError


def default_remote() -> str | None:
    """The name of the remote that `dvc pull` takes; None where there is none, or this is no DVC project.

    Raises:
        DataError: when DVC's configuration can't be read, or names a remote that it doesn't have.
    """
    configuration = _configuration()
    name: str | None = configuration.get("core", {}).get("remote")
    if name is not None and name not in configuration["remote"]:
        raise DataError(f".dvc/config: core.remote names {name}, which is not there: `dvc remote add --default {name} URL`")
    return name


def unverified_remote() -> Iterator[str]:
    """Ask that DVC hashes what it pulls. Otherwise a recording that has changed in the remote is used."""
    name = default_remote()
    if name and not _configuration()["remote"][name].get("verify"):
        yield f"the remote {name} is believed whatever it sends: `dvc remote modify {name} verify true` has DVC check it"


def reaches_remote() -> bool:
    """Whether the default remote answers; one that doesn't is told, with the reason."""
    from dvc.repo import Repo

    with Repo() as repo:
        try:
            remote = repo.cloud.get_remote_odb()
            remote.fs.exists(remote.path)
        except Exception as error:  # every kind of remote has its own
            print(f"{default_remote()}: the remote doesn't answer ({error})", file=sys.stderr)
            return False
    return True


def _configuration() -> dict[str, Any]:
    from dvc.config import Config, ConfigError  # here, as --help needs none of it
    from dvc.exceptions import NotDvcRepoError

    try:
        return dict(Config.from_cwd(validate=True))
    except NotDvcRepoError:
        return {}
    except ConfigError as error:
        raise DataError(f".dvc/config: {error}") from error
