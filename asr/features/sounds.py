"""Sounds: the folders of noises and of rooms that augmentation draws from."""

import hashlib
from pathlib import Path

from asr.base.errors import DataError
from asr.features.parameters import Augment

SOUND_SUFFIXES = (".aif", ".aiff", ".flac", ".mp3", ".ogg", ".opus", ".wav")
"""What audiomentations looks for and libsndfile reads."""


def folders(settings: Augment) -> dict[str, str]:
    """The folders in use, by their keys."""
    used = {"room": settings.room_probability, "background": settings.background_probability}
    named = {f"{name}_folder": getattr(settings, f"{name}_folder") for name, probability in used.items() if probability}
    return named | background_folder(settings)


def background_folder(settings: Augment) -> dict[str, str]:
    """The folder of which clips without speech are made, by its key, if there is one."""
    folder = settings.background_folder
    return {"background_folder": folder} if settings.non_speech_share and folder else {}


def sound_files(key: str, folder: str) -> list[Path]:
    """The audio in `folder` and its subfolders, hidden files aside, in the order of the paths in it, wherever it lies.

    Raises:
        DataError: when there is none; it names `key`.
    """
    root = Path(folder)
    if not root.is_dir():
        raise DataError(f"augment.{key}: {folder} is not a folder; name one that holds audio")
    names = [path.relative_to(root) for path in root.rglob("*") if path.suffix.lower() in SOUND_SUFFIXES and path.is_file()]
    visible = [name for name in names if not any(part.startswith(".") for part in name.parts)]
    if not visible:
        kinds = ", ".join(suffix[1:] for suffix in SOUND_SUFFIXES)
        raise DataError(f"augment.{key}: {folder} holds no audio ({kinds}); put some there or name another folder")
    return [root / name for name in sorted(visible, key=Path.as_posix)]


def folder_hash(key: str, folder: str) -> str:
    """The hash of the audio in `folder`, wherever that lies."""
    digest = hashlib.blake2b(digest_size=16)
    for path in sound_files(key, folder):
        with path.open("rb") as file:
            sound = hashlib.file_digest(file, hashlib.blake2b).digest()
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + sound)
    return digest.hexdigest()
