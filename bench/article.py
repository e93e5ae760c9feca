"""The article's preparation, in words of our own: pandas, `datasets.map`, one process, padded float32 features.

    python -m bench.article CLIPS FOLDER ROUNDS

CLIPS is JSON Lines of path and text; FOLDER gets the Arrow cache. A few clips go first, so that imports and librosa's
compilation are not in the figures. The fastest round is printed as one line of JSON.

It departs from the article in one thing. Today's `datasets` decodes an `Audio` column with torchcodec, which needs system
FFmpeg libraries and a matching torch; here the column is the path, and each access reads it as `datasets` did before:
soundfile, then librosa to mono at 16 kHz. As there, access is lazy: the filter decodes each clip, and the preparation
decodes it again. The filter's seconds are printed by themselves too.
"""

import json
import re
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import datasets
import librosa
import numpy as np
import pandas as pd
import soundfile
from audiomentations import AddGaussianNoise, Compose, Gain
from datasets import Dataset
from librosa.effects import trim
from numpy.typing import NDArray
from transformers import AutoTokenizer, WhisperFeatureExtractor

RATE = 16_000
WARM_UP_CLIPS = 4
RESULT = "train.arrow"
TOKENIZER = Path(__file__).parents[1] / "models" / "pico"


@dataclass(frozen=True)
class Prepared:
    """What it took; `seconds` and `cpu_seconds` are of both passes, `bytes` of the Arrow files."""

    clips: int
    seconds: float
    filter_seconds: float
    cpu_seconds: float
    bytes: int


def augmentation() -> Any:
    """What is done to training clips, each with its own chance."""
    return Compose(
        [AddGaussianNoise(min_amplitude=0.0005, max_amplitude=0.003, p=0.2), Gain(min_gain_db=-2.0, max_gain_db=2.0, p=0.2)]
    )


def released_tools() -> dict[str, Any]:
    """The arguments of `prepare_row` for a training clip, of the window of every released model."""
    return {
        "augmentation": augmentation(),
        "extractor": WhisperFeatureExtractor(),
        "tokenizer": AutoTokenizer.from_pretrained(TOKENIZER),
    }


def prepare(recordings: list[dict[str, str]], folder: Path, tools: dict[str, Any]) -> Prepared:
    """Filter and prepare `recordings` (path and text) with the `tools` of `prepare_row`; the result is RESULT in `folder`."""
    folder.mkdir(parents=True)
    table = pd.DataFrame(recordings).rename(columns={"path": "audio"})
    start, cpu_start = time.perf_counter(), time.process_time()
    dataset = Dataset.from_pandas(table)
    kept = dataset.filter(is_usable)
    filtered = time.perf_counter()
    prepared = kept.map(prepare_row, fn_kwargs=tools, remove_columns=kept.column_names, cache_file_name=str(folder / RESULT))
    end, cpu_end = time.perf_counter(), time.process_time()
    size = sum(file.stat().st_size for file in folder.iterdir())
    return Prepared(len(prepared), end - start, filtered - start, cpu_end - cpu_start, size)


def read_audio(path: str) -> NDArray[np.float64]:
    """What a row's `audio` gives: mono at 16 kHz, shape (samples,)."""
    samples, rate = soundfile.read(path)
    mono = librosa.to_mono(samples.T)
    return np.asarray(mono if rate == RATE else librosa.resample(mono, orig_sr=rate, target_sr=RATE))


def is_usable(row: dict[str, str]) -> bool:
    """The filter, on raw audio and raw text."""
    seconds = len(read_audio(row["audio"])) / RATE
    return len(row["text"].strip()) > 5 and 1.0 < seconds < 30.0


def cleaned(text: str) -> str:
    """A text as it is learned and compared: small letters and digits, and a single space for each white space."""
    return re.sub(r"\s+", " ", re.sub(r"[^a-z0-9\s]", "", text.lower())).strip()


def prepare_row(row: dict[str, str], augmentation: Any, extractor: Any, tokenizer: Any) -> dict[str, Any]:
    """Features, shape (mels, frames of the window), and labels."""
    samples = augmentation(read_audio(row["audio"]).astype(np.float32), sample_rate=RATE)
    trimmed, _ = trim(samples, top_db=30)
    peak = np.abs(trimmed).max()
    audio = (trimmed / peak if peak > 0 else trimmed).astype(np.float32)
    return {
        "input_features": extractor(audio, sampling_rate=RATE).input_features[0],
        "labels": tokenizer(cleaned(row["text"])).input_ids,
    }


def main() -> None:
    """Warm up, prepare, print."""
    source, folder, rounds = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    datasets.disable_progress_bars()
    datasets.logging.set_verbosity_error()
    recordings = [json.loads(line) for line in source.read_text(encoding="utf-8").splitlines()]
    tools = released_tools()
    prepare(recordings[:WARM_UP_CLIPS], folder / "warm-up", tools)
    # A folder for each: `datasets` reuses a cache file that it finds.
    done = [prepare(recordings, folder / str(number), tools) for number in range(rounds)]
    print(json.dumps(asdict(min(done, key=lambda prepared: prepared.seconds))))


if __name__ == "__main__":
    main()
