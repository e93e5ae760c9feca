"""The floor: the project's decoding alone, in one process and one thread.

    python -m bench.decode CLIPS ROUNDS

CLIPS is JSON Lines of path and text. A few clips go first; the fastest round is printed as one line of JSON.
"""

import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from threadpoolctl import threadpool_limits

from asr.audio import decode

WARM_UP_CLIPS = 4


@dataclass(frozen=True)
class Decoded:
    """What one round took."""

    seconds: float
    cpu_seconds: float
    audio_seconds: float


def decode_all(paths: list[Path]) -> Decoded:
    """Decode every file, keeping nothing."""
    start, cpu_start = time.perf_counter(), time.process_time()
    audio_seconds = sum(decode(path.read_bytes()).seconds for path in paths)
    return Decoded(time.perf_counter() - start, time.process_time() - cpu_start, audio_seconds)


def main() -> None:
    """Warm up, decode, print."""
    lines = Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()
    paths = [Path(json.loads(line)["path"]) for line in lines]
    with threadpool_limits(limits=1):
        decode_all(paths[:WARM_UP_CLIPS])
        rounds = [decode_all(paths) for _ in range(int(sys.argv[2]))]
    print(json.dumps(asdict(min(rounds, key=lambda decoded: decoded.seconds))))


if __name__ == "__main__":
    main()
