"""The hub: which commit a model's name stands for, and its files, each fetched once into Hugging Face's cache.

Nothing here executes what it fetches. Code that comes with a model isn't fetched, and pickled weights only where there are no
others.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from asr.base.errors import DataError
from asr.base.progress import download_bar

CONFIG = "config.json"
FILES = (
    "generation_config.json", "preprocessor_config.json", "processor_config.json", "tokenizer_config.json", "tokenizer.json",
    "vocab.json", "merges.txt", "normalizer.json", "added_tokens.json", "special_tokens_map.json",
)  # fmt: skip
"""What transformers reads of a Whisper besides its configuration and weights; few checkpoints have all."""

WEIGHTS = ("model.safetensors", "pytorch_model.bin")
"""In the order in which they are preferred. A large one is in parts, which NAME.index.json lists."""

LOG_IN = "log in with `hf auth login` or set HF_TOKEN"


def commit_of(name: str, revision: str | None) -> str | None:
    """The commit that a branch, a tag or a commit of a model is now; the newest where `revision` is None.

    Where the hub can't be reached it is what the hub said the last time. A folder has none.

    Raises:
        DataError: when it can't be told.
    """
    if Path(name).is_dir():
        if revision is not None:
            raise DataError(f"model.revision is {revision}, but model.name {name} is a folder: set model.revision to null")
        return None
    from huggingface_hub import HfApi, is_offline_mode  # here, as a model in a folder needs none of it

    with telling_refusals(name, revision):
        commit: str = HfApi().resolve_revision(name, revision=revision, local_files_only=is_offline_mode()).resolved
    return commit


def checkpoint_folder(name: str, commit: str | None) -> Path:
    """The folder of a checkpoint: itself, or where its files are, once they have been fetched from the hub.

    Args:
        name: a folder, or a name on the hub.
        commit: of the hub; None: the newest.

    Raises:
        DataError: when it can't be had.
    """
    if Path(name).is_dir():
        return Path(name)
    commit = commit or commit_of(name, None)
    config = file_of(name, CONFIG, commit)
    if config is None:
        raise DataError(f"model.name {name}: it has no {CONFIG}; choose a checkpoint in transformers' format")
    for file in FILES:
        file_of(name, file, commit, may_lack=True)
    _fetch_weights(name, commit)
    return config.parent


def _fetch_weights(name: str, commit: str | None) -> None:
    for weights in WEIGHTS:
        if file_of(name, weights, commit, may_lack=True):
            return
        if index := file_of(name, f"{weights}.index.json", commit, may_lack=True):
            for part in sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())):
                file_of(name, part, commit)
            return
    file_of(name, WEIGHTS[0], commit)  # says why there are none, when the hub was not asked


def file_of(name: str, file: str, commit: str | None, may_lack: bool = False) -> Path | None:
    """A file of a checkpoint, fetched from the hub unless it is here; None when the checkpoint has none, which is noted, too.

    Args:
        name: a folder, or a name on the hub.
        file: its name.
        commit: of the hub.
        may_lack: whether a file that is neither here nor noted counts as one that there is none of while HF_HUB_OFFLINE is set:
            other software, which notes nothing, may have filled the cache.

    Raises:
        DataError: when it can't be had.
    """
    if Path(name).is_dir():
        return path if (path := Path(name, file)).is_file() else None
    from huggingface_hub import hf_hub_download, is_offline_mode, try_to_load_from_cache
    from huggingface_hub.errors import RemoteEntryNotFoundError

    with telling_refusals(name, commit, file):
        known = try_to_load_from_cache(name, file, revision=commit)
        if known is not None or (may_lack and is_offline_mode()):
            return Path(known) if isinstance(known, str) else None
        try:
            return Path(hf_hub_download(name, file, revision=commit, tqdm_class=download_bar()))
        except RemoteEntryNotFoundError:
            return None


@contextmanager
def telling_refusals(name: str, revision: str | None, file: str = "") -> Iterator[None]:
    """Put what the hub's client raises, of which it has a dozen kinds, into a line that names the remedy."""
    try:
        yield
    except Exception as error:
        raise _refusal(name, revision, file, error) from error


def _refusal(name: str, revision: str | None, file: str, error: BaseException) -> DataError:
    from huggingface_hub import constants, errors

    if isinstance(error, errors.LocalEntryNotFoundError | errors.RevisionResolutionError) and error.__cause__:
        return _refusal(name, revision, "", error.__cause__)  # why there was nobody to ask
    status = error.response.status_code if isinstance(error, errors.HfHubHTTPError) else None
    page = f"{constants.ENDPOINT}/{name}"
    if isinstance(error, errors.GatedRepoError):
        return DataError(f"model.name {name}: it is for those who have been let in: ask for it on {page}, then {LOG_IN}")
    if isinstance(error, errors.RepositoryNotFoundError):
        return DataError(
            f"model.name {name}: not a folder, and the hub has no such model, or only for some: check the name, and for a "
            f"private one {LOG_IN}"
        )
    if isinstance(error, errors.RevisionNotFoundError):
        return DataError(
            f"model.revision {revision}: {name} has no such branch, tag or commit; {page}/commits/main lists its commits, null "
            "takes the newest"
        )
    if status in (401, 403):
        return DataError(
            f"model.name {name}: the hub refuses the token ({status}): {LOG_IN} again, with one that may read {name}"
        )
    reason = first_line(error)
    if file and status is None and not isinstance(error, ValueError | errors.OfflineModeIsEnabled):
        return DataError(f"model.name {name}: fetching {file} has broken off ({reason}); run it again: what is whole stays")
    return not_to_be_had(name, reason)


def not_to_be_had(name: str, reason: str) -> DataError:
    """The error of a checkpoint that can't be read or fetched."""
    in_folder = "the folder holds no Whisper that can be read"
    where = in_folder if Path(name).is_dir() else "not a folder, nor to be had from the hub"
    remedy = "check the name, the network, and that HF_HUB_OFFLINE is not set"
    return DataError(f"model.name {name}: {where} ({reason}); {remedy}")


def first_line(error: BaseException) -> str:
    """What an error says, without the rest."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
