"""Loading: any folder of a model that faster-whisper can run, or that can be made into one."""

from contextlib import suppress
from pathlib import Path

from asr.base.errors import DataError
from asr.base.hashes import fingerprint
from asr.export.recognizer import Recognizer, load_recognizer

CONVERTED = Path(".cache/converted")
"""A folder for each checkpoint, by the hash of its files."""


def open_model(folder: Path) -> Recognizer:
    """Load a folder in CTranslate2's format, or a checkpoint of transformers, which is converted once.

    Raises:
        DataError: when it is neither, or can't be converted.
    """
    if (folder / "model.bin").is_file():
        return load_recognizer(folder)
    if not (folder / "config.json").is_file():
        raise DataError(
            f"{folder}: no model there, neither CTranslate2's (model.bin) nor a checkpoint (config.json); `make repro` makes "
            "models/export, if export.quantization is set, and `dvc pull models/export` fetches what was pushed"
        )
    converted = _converted(folder)
    return load_recognizer(converted, remedy=f"remove {converted}, and it is made anew")


def _converted(checkpoint: Path) -> Path:
    files = sorted(path for path in checkpoint.iterdir() if path.is_file())
    folder = CONVERTED / fingerprint({"files": [path.name for path in files], "quantization": "float32"}, files)
    if not folder.is_dir():
        from asr.export.convert import convert  # here, as it imports torch, and few need it

        convert(checkpoint, folder, "float32")
    with suppress(OSError):  # another user's
        folder.touch()  # so that who prunes knows that it is used
    return folder
