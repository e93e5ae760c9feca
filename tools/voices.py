"""Synthetic speech through the espeak-ng program."""

import io
import subprocess
from dataclasses import dataclass

import numpy as np
import soundfile
from numpy.typing import NDArray

VARIANTS = (
    "m1 m2 m3 m4 m5 m6 m7 m8 f1 f2 f3 f4 f5 "
    "adam Alex Alicia Andrea Andy Annie antonio aunty belinda benjamin boris caleb david Denis Diogo ed edward "
    "Gene gustave Henrique Hugo iven Jacky john Lee linda marcelo Marco Mario max Michael michel miguel Mike "
    "Nguyen norbert pablo paul pedro quincy rob robert sandro steph Storm travis victor zac anika klatt"
).split()
"""Voice variants that speak clearly; the robots, whisperers and croakers are left out."""


@dataclass(frozen=True)
class Voice:
    """An espeak-ng voice: `accent` such as "en-us", a variant, words per minute, pitch from 0 to 99."""

    accent: str
    variant: str
    words_per_minute: int
    pitch: int


def speak(text: str, voice: Voice) -> tuple[NDArray[np.float32], int]:
    """Say `text`. Returns samples of shape (frames, 1) and their rate in Hz."""
    command = [
        "espeak-ng", "-v", f"{voice.accent}+{voice.variant}",
        "-s", str(voice.words_per_minute), "-p", str(voice.pitch), "--stdout", text,
    ]  # fmt: skip
    wav = subprocess.run(command, capture_output=True, check=True).stdout
    samples, rate = soundfile.read(io.BytesIO(wav), dtype="float32", always_2d=True)
    return samples, rate


def normalize_peak(waveform: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale so that the largest magnitude is 1."""
    loudest: np.float32 = np.abs(waveform).max()
    return waveform / loudest
