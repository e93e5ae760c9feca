"""Compute the log-mel features of what is learned: the training clips and those of train.mix, augmented, and clips without
speech that are made of some of the former.

Reads the audio lists and the audio; writes data/features/train, data/features/mix, data/features/non_speech, and how many clips
were dropped from the first two to data/features/train_summary.json.
"""

from stages.common.command import begin, run

if __name__ == "__main__":
    begin(__doc__)

from functools import partial
from pathlib import Path

from asr.base.entries import AudioEntry
from asr.base.files import count_rows, iterate_rows, write_json
from asr.features.augment import augment, content, is_untrimmed, variants
from asr.features.build import build_features
from asr.features.clip import Variants
from asr.features.non_speech import non_speech, origins, untouched
from asr.features.parameters import Augment, Features
from asr.jobs.run import same_workers
from asr.shards.format import MANIFEST, read_manifest
from stages.common.machine import read_machine
from stages.common.params import StageParams, read_params

CLIPS, MIX_CLIPS = Path("data/splits/audio/train.jsonl"), Path("data/mix/audio.jsonl")
OUT, MIX = Path("data/features/train"), Path("data/features/mix")
NON_SPEECH = OUT.with_name("non_speech")
SUMMARY = OUT.with_name("train_summary.json")


class Params(StageParams):
    """What this stage reads of params.yaml."""

    features: Features
    augment: Augment


def main() -> None:
    """Compute them."""
    params = read_params(Params)
    machine = read_machine()
    place, engine, count = machine.cache_folder, machine.job_engine, count_rows(CLIPS)
    chosen = origins(iterate_rows(CLIPS, AudioEntry), count, params.augment)
    settings = untouched(params.features)
    with same_workers():
        for listed, out in ((CLIPS, OUT), (MIX_CLIPS, MIX)):
            clips = iterate_rows(listed, AudioEntry)
            build_features(clips, count_rows(listed), out, params.features, changes(params.augment), place, engine)
        build_features(chosen, len(chosen), NON_SPEECH, settings, non_speech(params.augment), place, engine)
    write_json(SUMMARY, {out.name: len(read_manifest(out / MANIFEST).dropped) for out in (OUT, MIX)})


def changes(settings: Augment) -> Variants:
    """The variants of each clip that are stored."""
    return Variants(
        tuple(variants(settings)),
        partial(augment, settings=settings),
        content(settings),
        partial(is_untrimmed, settings=settings),
        modules=("asr.features.augment", "asr.features.places", "asr.features.sounds"),
        packages=("audiomentations", "fast-mp3-augment", "numpy-rms", "python-stretch"),
    )


if __name__ == "__main__":
    run("features_train", main, writes=(OUT, MIX, NON_SPEECH, SUMMARY))
