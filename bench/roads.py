"""The roads on which this project itself decodes, side by side: the same recordings, in float32, and how many texts are alike.

  python -m bench.roads --model models/whisper --recordings data/recordings --clips 200

Roads: the features stage's own frames (evaluation, in whole windows); the model's own extractor (stage export's reference);
the export, in float32; commands.transcribe. Every text that isn't the first road's is printed.
"""

import argparse
import json
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from asr.audio.decoding import read_recording
from asr.audio.waveform import prepare
from asr.export.convert import convert
from asr.export.hearing import features_of, hear_exported
from asr.export.recognizer import load_recognizer
from asr.export.sound import decode, prepared
from asr.features.logmel import log_mel
from asr.model.parameters import greedy
from asr.model.transcribe import transcribe
from asr.model.whisper import Whisper, languages_of, load_tuned
from asr.recognition.long import Listener
from asr.shards.frames import LogMel
from asr.usage.material import sampled
from bench.tables import aligned, at_least, targets_table

TRIM_DB = 30.0
"""Where the checkpoint doesn't say: as params.yaml has it."""

TARGET = 98.0
CHUNK_SECONDS = 30.0


def main() -> None:
    """Hear on all roads and print the table."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.roads", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, default=Path("models/whisper"), help="(default: %(default)s)")
    parser.add_argument("--recordings", type=Path, default=Path("data/recordings"), help="(default: %(default)s)")
    parser.add_argument("--clips", type=int, default=200, help="(default: %(default)s)")
    arguments = parser.parse_args()
    whisper = load_tuned(arguments.model)
    whisper.model.eval()
    paths = sampled((path for path in arguments.recordings.rglob("*") if path.is_file()), arguments.clips)
    trim = TRIM_DB if whisper.trim_below_peak_db is None else whisper.trim_below_peak_db
    heard = {
        "evaluation's frames": by_frames(whisper, paths, trim),
        "the model's extractor": by_extractor(whisper, paths, trim),
        **by_export(arguments.model, paths, trim),
    }
    first, *others = heard
    shares = {road: 100 * float(np.mean([a == b for a, b in zip(heard[first], heard[road], strict=True)])) for road in others}
    for road in others:
        for path, one, other in zip(paths, heard[first], heard[road], strict=True):
            if one != other:
                print(f"{path.name}, {road}: {one!r} / {other!r}")
    rows = [["road", "recordings", "alike, %"], *([road, str(len(paths)), f"{share:.1f}"] for road, share in shares.items())]
    print(aligned(f"Texts that are alike, {arguments.model}", rows))
    print(targets_table([at_least(f"alike by {road}", share, TARGET, " %") for road, share in shares.items()]))
    print(json.dumps({"bench": "roads", "model": str(arguments.model), "recordings": len(paths), "alike": shares}))


def by_frames(whisper: Whisper, paths: Sequence[Path], trim: float) -> list[str]:
    """As evaluation hears in whole windows."""
    mels = whisper.model.config.num_mel_bins
    recordings = (read_recording(path.read_bytes()) for path in paths)
    return _texts(
        whisper, [log_mel(prepare(each.samples, each.rate, trim).speech, mels).astype(np.float16) for each in recordings]
    )


def by_extractor(whisper: Whisper, paths: Sequence[Path], trim: float) -> list[str]:
    """As stage export hears with the model itself."""
    return _texts(whisper, [features_of(whisper, prepared(decode(path).waveform, trim)) for path in paths])


def _texts(whisper: Whisper, features: Sequence[LogMel]) -> list[str]:
    languages = languages_of(whisper, [""] * len(features), [None] * len(features))
    with torch.no_grad():
        found = transcribe(whisper, features, greedy(whisper.model.config.max_target_positions, window="full"), languages)
    return [hypothesis.text for hypothesis in found]


def by_export(checkpoint: Path, paths: Sequence[Path], trim: float) -> dict[str, list[str]]:
    """As the export hears, and as commands.transcribe does."""
    with tempfile.TemporaryDirectory() as folder:
        convert(checkpoint, Path(folder) / "export", "float32")
        recognizer = replace(load_recognizer(Path(folder) / "export", "cpu"), trim_below_peak_db=trim)
    listener = Listener(recognizer, CHUNK_SECONDS)
    exported, _ = hear_exported(recognizer, paths, [None] * len(paths))
    return {
        "the export, float32": exported,
        "commands.transcribe": [" ".join(segment.text for segment in listener.hear(path).segments) for path in paths],
    }


if __name__ == "__main__":
    main()
