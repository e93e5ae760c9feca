"""Sounds: the folders of noises and of rooms that augmentation draws from, and what is in their files."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile

from asr.audio.decoding import UnreadableAudioError, read_recording
from asr.audio.libsndfile import open_part_by_part
from asr.audio.waveform import SAMPLE_RATE, Waveform, to_mono_16k
from asr.base.errors import DataError
from asr.features.parameters import Augment

ROOM, BACKGROUND = "room_folder", "background_folder"
"""The keys of the folders."""

SOUND_SUFFIXES = (".aif", ".aiff", ".flac", ".mp3", ".ogg", ".opus", ".wav")
"""Formats that libsndfile reads."""


def folders(settings: Augment) -> dict[str, str]:
    """The folders in use, by their keys."""
    used = {"room": settings.room_probability, "background": settings.background_probability}
    named = {f"{name}_folder": getattr(settings, f"{name}_folder") for name, probability in used.items() if probability}
    return named | background_folder(settings)


def background_folder(settings: Augment) -> dict[str, str]:
    """The folder of which clips without speech are made, by its key, if there is one."""
    folder = settings.background_folder
    return {BACKGROUND: folder} if settings.non_speech_share and folder else {}


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


def read_sound(key: str, path: Path) -> Waveform:
    """A whole sound, shape (samples,) at SAMPLE_RATE.

    Raises:
        DataError: when it can't be read to its end; it names `key`.
    """
    try:
        recording = read_recording(path.read_bytes())
    except (OSError, UnreadableAudioError) as error:
        raise _unreadable(key, path) from error
    return _required(key, path, to_mono_16k(recording.samples, recording.rate))


def read_piece(key: str, path: Path, samples: int, draw: Callable[[int], int]) -> Waveform:
    """A piece of a sound, shape (samples,) at SAMPLE_RATE, or all of it, where it is shorter.

    Args:
        key: of its folder.
        path: the file, of which the piece alone is read.
        samples: how many are wanted.
        draw: chooses one of so many places, from 0 on.

    Raises:
        DataError: when it can't be read there; it names `key`.
    """
    try:
        with path.open("rb") as content, open_part_by_part(content) as file:
            wanted = min(-(-samples * file.samplerate // SAMPLE_RATE), file.frames)
            file.seek(draw(file.frames - wanted + 1))
            found = file.read(wanted, dtype="float32", always_2d=True)
    except (OSError, soundfile.SoundFileError) as error:
        raise _unreadable(key, path) from error
    if len(found) < wanted:
        raise _unreadable(key, path)
    return _required(key, path, to_mono_16k(found, file.samplerate))


def _required(key: str, path: Path, sound: Waveform) -> Waveform:
    if not len(sound) or not np.isfinite(sound).all():
        raise _unreadable(key, path)
    return sound


def _unreadable(key: str, path: Path) -> DataError:
    return DataError(f"augment.{key}: {path} is empty, damaged or cut short; export it again or remove it")
