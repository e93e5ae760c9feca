"""Compute the log-mel features of the validation and test clips and those of evaluate.sets, as recorded.

Reads the audio lists and the audio; writes data/features/validation, data/features/test, data/features/sets,
data/features/sets_validation, data/features/eval_summary.json, how many clips of each were dropped, and data/recordings, the
test split's files as they are.
"""

from stages.common.command import begin, run

if __name__ == "__main__":
    begin(__doc__)

import shutil
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

from asr.audio.decoding import Recording, iterate_views
from asr.base.entries import WHOLE, AudioEntry
from asr.base.files import count_rows, iterate_rows, write_json
from asr.features.build import build_features
from asr.features.clip import AS_RECORDED
from asr.features.parameters import Features
from asr.jobs.run import same_workers
from asr.shards.format import MANIFEST, read_manifest
from stages.common.machine import read_machine
from stages.common.params import StageParams, read_params

SPLITS = Path("data/splits/audio")
OUT = Path("data/features")
SUMMARY = OUT / "eval_summary.json"
RECORDINGS = Path("data/recordings")
LISTS = {
    "validation": SPLITS / "validation.jsonl",
    "test": SPLITS / "test.jsonl",
    "sets": Path("data/sets/audio.jsonl"),
    "sets_validation": Path("data/sets/validation_audio.jsonl"),
}


class Params(StageParams):
    """What this stage reads of params.yaml."""

    features: Features


def main() -> None:
    """Compute them, one list of clips after the other."""
    settings, machine = read_params(Params).features, read_machine()
    with same_workers():
        for name, listed in LISTS.items():
            clips = iterate_rows(listed, AudioEntry)
            build_features(
                clips, count_rows(listed), OUT / name, settings, AS_RECORDED, machine.cache_folder, machine.job_engine
            )
    keep_recordings(iterate_rows(LISTS["test"], AudioEntry))
    write_json(SUMMARY, {name: len(read_manifest(OUT / name / MANIFEST).dropped) for name in LISTS})


def keep_recordings(clips: Iterable[AudioEntry]) -> None:
    """Copy the files that stage export will hear, each under its clip's id, so that it can be run where no others are fetched.

    In DVC's cache and in a remote they are not stored again: a file is there once, whatever its names. A part of a file
    becomes a file of its own.
    """
    from scipy.io import wavfile  # here, as the workers import this module, too

    RECORDINGS.mkdir(parents=True)
    for path, of_file in groupby(clips, key=lambda clip: clip.path):
        parts: list[AudioEntry] = []
        for clip in of_file:
            if clip.view == WHOLE:
                shutil.copyfile(path, RECORDINGS / f"{clip.id}{Path(path).suffix}")
            else:
                parts.append(clip)
        for place, found in iterate_views(Path(path).read_bytes() if parts else b"", [clip.view for clip in parts]):
            if isinstance(found, Recording):  # else it has no features either
                # Not soundfile: libsndfile writes the time of day into files of floating-point samples.
                wavfile.write(RECORDINGS / f"{parts[place].id}.wav", found.rate, found.samples)


if __name__ == "__main__":
    run("features_eval", main, writes=[*(OUT / name for name in LISTS), SUMMARY, RECORDINGS])
