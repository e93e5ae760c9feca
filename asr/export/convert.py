"""Conversion: from a checkpoint in transformers' format to CTranslate2's, which faster-whisper runs."""

import json
import shutil
import tempfile
import time
from pathlib import Path

from ctranslate2.converters import TransformersConverter

from asr.base.errors import DataError
from asr.base.files import UNFINISHED, require_room
from asr.export.parameters import WINDOW_SECONDS, Quantization
from asr.model.checksums import loading, write_sums
from asr.model.description import FRAMES_PER_POSITION
from asr.shards.frames import FRAMES_PER_SECOND

COPIED = ("tokenizer.json", "preprocessor_config.json", "generation_config.json")
"""What faster-whisper opens besides the model, and what says the language, the task and the longest clip of training."""

SECONDS_TO_FINISH = 3600

WHOLE = WINDOW_SECONDS * FRAMES_PER_SECOND // FRAMES_PER_POSITION
"""Positions of the window."""


def convert(checkpoint: Path, folder: Path, quantization: Quantization) -> None:
    """Write `checkpoint` into `folder` as CTranslate2 has it, with the files of COPIED and the sums of all.

    Raises:
        DataError: when a file is missing or damaged, or when it takes other windows than 30 s: faster-whisper knows no other.
    """
    missing = [name for name in ("config.json", *COPIED) if not (checkpoint / name).is_file()]
    if missing:
        raise DataError(f"{checkpoint}: {', '.join(missing)} missing; it needs a checkpoint that training has saved")
    with loading(checkpoint):
        _convert(checkpoint, folder, quantization)


def _convert(checkpoint: Path, folder: Path, quantization: Quantization) -> None:
    positions = json.loads((checkpoint / "config.json").read_text(encoding="utf-8"))["max_source_positions"]
    if positions != WHOLE:
        raise DataError(
            f"{checkpoint}: its window has {positions} positions, faster-whisper knows only {WHOLE} ({WINDOW_SECONDS} s)"
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    _remove_unfinished(folder.parent)
    require_room(folder, sum(path.stat().st_size for path in checkpoint.iterdir()), "the converted model's files")
    # Not into the folder itself, where a conversion that was stopped would look like one that is done.
    with tempfile.TemporaryDirectory(prefix=UNFINISHED, dir=folder.parent) as near:
        made = Path(near) / "made"
        TransformersConverter(str(checkpoint), copy_files=list(COPIED)).convert(str(made), quantization=quantization)
        write_sums(made)
        shutil.rmtree(folder, ignore_errors=True)
        made.rename(folder)


def _remove_unfinished(folder: Path) -> None:
    """Remove what conversions that were killed have left, unless another may still be at it."""
    for left in folder.glob(f"{UNFINISHED}*"):
        if left.is_dir() and time.time() - left.stat().st_mtime > SECONDS_TO_FINISH:
            shutil.rmtree(left, ignore_errors=True)
