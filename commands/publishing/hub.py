"""The hub: whose token it is, what is in a repository already, and the one commit that is made of an upload."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, constants, get_token
from huggingface_hub.errors import HfHubHTTPError, LocalTokenNotFoundError, OfflineModeIsEnabled, RepositoryNotFoundError

from asr.base.errors import DataError
from asr.report.card import EXPORT_FOLDER, Contents
from commands.publishing.contents import MODEL, PLACES, Upload

REMEDY = "set HF_TOKEN, or run `hf auth login`; a token with the right to write is made at {}/settings/tokens"


@dataclass(frozen=True)
class Repository:
    """A repository that is there: its newest commit, who sees it, and its files."""

    commit: str | None
    is_private: bool
    files: frozenset[str]

    @property
    def contents(self) -> Contents | None:
        """What has been pushed to it; None when that is nothing that this project pushes."""
        if f"{EXPORT_FOLDER}/model.bin" in self.files:
            return "both"
        if "model.bin" in self.files:
            return "export"
        return "model" if any(MODEL.weights.fullmatch(name) for name in self.files) else None


def address() -> str:
    """The hub's own, which HF_ENDPOINT names."""
    return constants.ENDPOINT


def find(name: str) -> Repository | None:
    """Look at a repository, once it is sure that the token is good; None when it isn't there.

    Raises:
        DataError: when there is no token, it is refused, or the hub doesn't answer.
    """
    with telling(name):
        api = HfApi()
        api.whoami()  # the hub calls a repository missing, too, when it refuses a token
        try:
            info = api.model_info(name)
        except RepositoryNotFoundError:
            return None
        return Repository(info.sha, bool(info.private), frozenset(file.rfilename for file in info.siblings or ()))


def require_suitable(name: str, there: Repository | None, contents: Contents, is_public: bool) -> None:
    """Stop before what is private becomes public, and before files of two models are mixed.

    Raises:
        DataError: saying what to type instead.
    """
    if there is None:
        return
    if not there.is_private and not is_public:
        raise DataError(f"{name} is there and public: push with --public, or to another")
    if there.is_private and is_public:
        raise DataError(f"{name} is there and private: make it public in its settings, or push without --public")
    if there.contents not in (None, contents) and (there.contents, contents) != ("model", "both"):
        raise DataError(f"{name} holds {there.contents}: push with --what {there.contents}, or to another")


def left_over(there: Repository | None, contents: Contents, files: Sequence[Upload]) -> list[str]:
    """The files of an earlier push that this one no longer has: loaders would take old weights beside new ones."""
    pushed = {file.path for file in files}
    known = {
        name
        for name in (there.files if there else ())
        for place, kind in PLACES[contents].items()
        if name.startswith(place) and kind.knows(name.removeprefix(place))
    }
    return sorted(known - pushed)


def push(name: str, there: Repository | None, files: Sequence[Upload], gone: Sequence[str], is_public: bool) -> bool:
    """Make one commit of the files, in a new repository where there is none. huggingface_hub leaves out what is there already.

    Returns:
        whether there is anything new.

    Raises:
        DataError: when the hub doesn't take it.
    """
    with telling(name):
        api = HfApi()
        if there is None:
            api.create_repo(name, private=not is_public)
        commit = api.create_commit(
            name,
            [
                *(CommitOperationAdd(file.path, file.source) for file in files),
                *(CommitOperationDelete(path, is_folder=False) for path in gone),
            ],
            commit_message="Push the tuned model",
        )
    return there is None or commit.oid != there.commit


@contextmanager
def telling(name: str) -> Iterator[None]:
    """Turn the hub's errors into ours, without the token: a header that can't be sent is quoted in its error."""
    remedy = REMEDY.format(address())
    token = get_token() or ""
    if not (token.isascii() and token.isprintable()):
        raise DataError(f"the token has characters that no token has: {remedy}")
    try:
        yield
    except LocalTokenNotFoundError as error:
        raise DataError(f"no token: {remedy}") from error
    except OfflineModeIsEnabled as error:
        raise DataError("HF_HUB_OFFLINE is set: unset it to push") from error
    except HfHubHTTPError as error:
        status = error.response.status_code
        if status == 401:
            raise DataError(f"{address()} refuses the token: {remedy}") from error
        if status == 403:
            raise DataError(f"the token has no right to write to {name}: {remedy}") from error
        raise not_taken(name, error) from error
    except Exception as error:  # the hub's client has a dozen, some of them of the library it speaks through
        raise not_taken(name, error) from error


def not_taken(name: str, error: BaseException) -> DataError:
    """The error of a push that failed; what the client wraps another error in says less than that."""
    reason = " ".join(str(error.__cause__ or error).split()) or type(error).__name__
    return DataError(
        f"{name}: {address()} doesn't answer, or refuses ({reason}); try again, what it has by then isn't sent twice"
    )
