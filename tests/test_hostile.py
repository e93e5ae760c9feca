"""Files that were damaged at random: each is a sound or a refusal, and nothing else comes of it."""

import random
from collections.abc import Callable

import numpy as np
import pytest

from asr.audio.inspection import Sound, inspect
from asr.base.entries import WHOLE, View
from tests.encoding import encoded, stored
from tests.sounds import tone

VIEWS = (WHOLE, View(0.3, 0.8), View(1.0, None, 0), View(None, None, 1))
NOISE = np.random.default_rng(2).normal(0, 0.01, (24_000, 2)).astype(np.float32) + tone(1.5, channels=2)
MONO = NOISE[:, :1]

FILES: dict[str, Callable[[], bytes]] = {
    "wav": lambda: stored(NOISE, 16_000),
    "ima": lambda: stored(MONO, 16_000, "WAV", "IMA_ADPCM"),
    "flac": lambda: stored(NOISE, 16_000, "FLAC"),
    "ogg": lambda: stored(NOISE, 16_000, "OGG"),
    "opus": lambda: stored(MONO, 16_000, "OGG", "OPUS"),
    "mp3": lambda: stored(MONO, 16_000, "MP3"),
    "mp4": lambda: encoded("mp4", "aac", MONO, 16_000, video_seconds=1),
    "mkv": lambda: encoded("matroska", "flac", MONO, 16_000),
    "aac": lambda: encoded("adts", "aac", MONO, 16_000),
    "amr": lambda: encoded("amr", "libopencore_amrnb", MONO[::2], 8_000),
}

SIZES = (b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", b"\x7f\xff\xff\xff", b"\0\0\0\0", b"\x10\x27", b"\xff" * 8)
"""What a header may be made to promise: as much as there is room for, nothing, 10,000 channels."""


def damaged(content: bytes, other: bytes, draw: random.Random) -> bytes:
    file, start = bytearray(content), min(len(content), 400)
    match draw.randrange(5):
        case 0:
            for _ in range(draw.choice([1, 10, 100])):
                file[draw.randrange(len(file))] ^= 1 << draw.randrange(8)
        case 1:
            del file[draw.randrange(1, len(file)) :]
        case 2:
            for size in draw.choices(SIZES, k=3):
                at = draw.randrange(start)
                file[at : at + len(size)] = size
        case 3:
            length = draw.randrange(4, 300)
            file[:length] = other[:length]
        case 4:
            file[draw.randrange(len(file)) :] = other[draw.randrange(len(other)) :]
    return bytes(file)


@pytest.mark.parametrize("kind", FILES)
def test_damaged_files_are_sounds_or_refusals(kind: str) -> None:
    draw = random.Random(kind)
    content, others = FILES[kind](), [make() for make in (FILES["wav"], FILES["mp3"], FILES["mp4"])]

    for _ in range(12):
        found = inspect(damaged(content, draw.choice(others), draw), VIEWS)
        assert [type(sound) for sound in found] == [Sound] * len(VIEWS)
        assert all(sound.seconds > 0 or sound.findings[0].severity == "refuse" for sound in found)


def test_whole_files_are_sounds() -> None:
    for make in FILES.values():
        assert inspect(make(), [WHOLE])[0].seconds == pytest.approx(1.5, abs=0.15)
