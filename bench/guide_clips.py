"""The clips that bench.guide learns from: the project's own splits, prepared as the script does it (bench/article.py)."""

import shutil
import sys
import time
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray
from transformers import WhisperProcessor

from asr.audio.decoding import Recording, iterate_views
from asr.base.entries import WHOLE, AudioEntry, TextEntry
from asr.base.files import read_rows
from bench import article

SPLITS = Path("data/splits")
FEATURES = "features"


def prepare(processor: WhisperProcessor, folder: Path) -> dict[str, Any]:
    """Prepare the clips of both splits, those for training augmented; count them, and the seconds for cutting files."""
    shutil.rmtree(folder, ignore_errors=True)
    found: dict[str, Any] = {"cut_seconds": 0.0}
    for split, augmentation in (("train", article.augmentation()), ("validation", as_it_is)):
        start = time.perf_counter()
        recordings = recordings_of(split, folder / "cut")
        found["cut_seconds"] += time.perf_counter() - start
        tools = {
            "augmentation": augmentation,
            "extractor": processor.feature_extractor,
            "tokenizer": processor.tokenizer,
        }
        print(f"guide: prepares {len(recordings)} clips of {split}", file=sys.stderr)
        found[f"{split}_clips"] = article.prepare(recordings, folder / FEATURES / split, tools).clips
    return found


def as_it_is(samples: NDArray[np.float32], sample_rate: int) -> NDArray[np.float32]:
    """Samples without augmentation."""
    return samples


def recordings_of(split: str, cut: Path) -> list[dict[str, str]]:
    """The path and the transcript of each clip; parts, and what soundfile can't read, are written into `cut`."""
    cut.mkdir(parents=True, exist_ok=True)
    entries = read_rows(SPLITS / "audio" / f"{split}.jsonl", AudioEntry)
    texts = read_rows(SPLITS / "text" / f"{split}.jsonl", TextEntry)
    found = []
    for path, group in groupby(zip(entries, texts, strict=True), key=lambda pair: pair[0].path):
        clips = list(group)
        if is_readable(path) and all(entry.view == WHOLE for entry, _ in clips):
            found += [{"path": path, "text": text.raw_text} for _, text in clips]
            continue
        for place, decoded in iterate_views(Path(path).read_bytes(), [entry.view for entry, _ in clips]):
            entry, text = clips[place]
            if isinstance(decoded, Recording):  # else it has no features in the pipeline either
                soundfile.write(cut / f"{entry.id}.wav", decoded.samples, decoded.rate, subtype="FLOAT")
                found.append({"path": str(cut / f"{entry.id}.wav"), "text": text.raw_text})
    return found


def is_readable(path: str) -> bool:
    """Whether soundfile reads a file."""
    try:
        soundfile.info(path)
    except soundfile.LibsndfileError:
        return False
    return True
