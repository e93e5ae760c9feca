"""One core: the project's decoding alone, and the whole work of the features stage, in turn in one process and one thread.

    python -m bench.core CLIPS FOLDER ROUNDS

CLIPS is the list that the stage reads; FOLDER is for shards, which each round writes anew. A few clips go first, and of each
side the fastest round is printed, as one line of JSON.
"""

import json
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from threadpoolctl import threadpool_limits

from asr.audio.decoding import read_recording
from asr.base.entries import AudioEntry
from asr.base.files import read_rows
from asr.features.build import key_of
from asr.features.chunks import Keyed, cut
from asr.features.making import Origin, Wanted, make_shards
from asr.machine.allocator import keep_memory
from asr.shards.store import FolderStore
from stages.common.params import read_params
from stages.features_train import Params, changes

WARM_UP_CLIPS = 8


@dataclass(frozen=True)
class Took:
    """One round."""

    seconds: float
    cpu_seconds: float


def took(work: Callable[[], None]) -> Took:
    """Time it."""
    start, cpu_start = time.perf_counter(), time.process_time()
    work()
    return Took(time.perf_counter() - start, time.process_time() - cpu_start)


def decode_all(clips: Sequence[AudioEntry]) -> None:
    """Decode every file, keeping nothing."""
    for clip in clips:
        read_recording(Path(clip.path).read_bytes())


def extract_all(clips: Sequence[AudioEntry], folder: Path, origin: Origin) -> None:
    """Read, read_recording, augment, transform, and write the shards."""
    shutil.rmtree(folder, ignore_errors=True)
    chunks = cut((Keyed(key_of(clip), clip) for clip in clips), len(origin.variants.copies))
    job = tuple((place, tuple(Wanted(keyed, None) for keyed in chunk)) for place, chunk in enumerate(chunks))
    make_shards(job, origin, FolderStore(folder), folder)


def main() -> None:
    """Warm up, take turns, print."""
    clips, folder, rounds = read_rows(Path(sys.argv[1]), AudioEntry), Path(sys.argv[2]), int(sys.argv[3])
    params = read_params(Params)
    origin = Origin.here(params.features, changes(params.augment))
    keep_memory()  # as in the stage's workers; decoding has it too
    with threadpool_limits(limits=1):
        decode_all(clips[:WARM_UP_CLIPS])
        extract_all(clips[:WARM_UP_CLIPS], folder, origin)
        turns = [(took(lambda: decode_all(clips)), took(lambda: extract_all(clips, folder, origin))) for _ in range(rounds)]
    decoding, extracting = (min(side, key=lambda took: took.seconds) for side in zip(*turns, strict=True))
    print(json.dumps({"decode": asdict(decoding), "extract": asdict(extracting)}))


if __name__ == "__main__":
    main()
