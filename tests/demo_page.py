"""The page to try a model, served by this process, with stand-ins for its models."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast
from urllib.parse import urlparse

import numpy as np

from asr.base.normalizers import basic_english
from asr.export.sound import decode
from asr.recognition.long import Listener, Listening
from asr.recognition.subtitles import Segment
from commands.trying.page import serving
from commands.trying.pair import Pair


@dataclass
class Ear:
    """What stands in for a model: it says how high a tone is, and counts how many hear at once."""

    says: str
    seconds: float = 0.0
    at_once: list[int] = field(default_factory=list)
    hearing: int = 0

    def hear(self, recording: Path) -> Listening:
        """As Listener does."""
        self.hearing += 1
        self.at_once.append(self.hearing)
        found = decode(recording)
        samples = found.waveform
        time.sleep(self.seconds)
        hertz = np.fft.rfftfreq(len(samples), 1 / 16_000)[np.abs(np.fft.rfft(samples)).argmax()]
        self.hearing -= 1
        return Listening(
            len(samples) / 16_000, "en", iter([Segment(0.0, 1.0, self.says.format(round(hertz, -1)))]), found.missing
        )


@dataclass(frozen=True)
class Served:
    """The page: its address, the folder of uploads, and what hears."""

    address: str
    uploads: Path
    ears: tuple[Ear, Ear]

    @property
    def port(self) -> int:
        """Where it is served."""
        return urlparse(self.address).port or 0

    def kept(self) -> list[Path]:
        """The files that are there of uploads."""
        return [path for path in self.uploads.rglob("*") if path.is_file() and path.stat().st_size]


@contextmanager
def serve() -> Iterator[Served]:
    """The page at a free port."""
    ears = Ear("One two {:.0f} four"), Ear("one too {:.0f} for four")
    pair = Pair(("models/pico", "models/export"), cast(tuple[Listener, Listener], ears), basic_english)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with serving(pair, port) as (address, uploads):
        yield Served(address, uploads, ears)
