"""Make the bundled sample: speakers that the bundled base model has never heard, on telephones and in noise.

    python -m tools.make_sample            (a minute; writes data/sample)

The accents are none of the base model's. Some rows are bad on purpose, so that the first run shows what validate does.
"""

import argparse
import csv
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy import signal

from asr.audio.waveform import Waveform, to_mono_16k
from asr.shards.frames import SAMPLE_RATE
from tools.phrases import sentence
from tools.voices import VARIANTS, Voice, normalize_peak, speak

ACCENTS = ("en-029", "en-gb-scotland")
CONDITIONS = {"telephone": 0.65, "plain": 0.2, "noise": 0.15}
FORMATS = {"mp3": 0.95, "wav": 0.01, "flac": 0.01, "ogg": 0.03}


@dataclass(frozen=True)
class Speaker:
    """A voice and the circumstances in which it always speaks."""

    name: str
    voice: Voice
    condition: str
    snr_db: float


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--speakers", type=int, default=48)
    parser.add_argument("--clips-per-speaker", type=int, default=10)
    parser.add_argument("--seed", type=int, default=8)
    parser.add_argument("--out", type=Path, default=Path("data/sample"))
    options = parser.parse_args()
    random = Random(options.seed)
    (options.out / "audios").mkdir(parents=True, exist_ok=True)
    speakers = [new_speaker(number, random) for number in range(1, options.speakers + 1)]
    turns = [speaker for speaker in speakers for _ in range(options.clips_per_speaker)]
    random.shuffle(turns)
    rows = [record(number, speaker, random, options.out) for number, speaker in enumerate(turns, start=1)]
    for position, row in zip((40, 90, 150, 210, 280), bad_rows(options.out), strict=True):
        rows.insert(position, row)
    with (options.out / "clips.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["audios", "transcription", "speaker", "line"])
        writer.writerows(rows)


def new_speaker(number: int, random: Random) -> Speaker:
    voice = Voice(random.choice(ACCENTS), random.choice(VARIANTS), random.randint(140, 190), random.randint(30, 65))
    return Speaker(
        f"spk{number:02d}", voice, random.choices(list(CONDITIONS), list(CONDITIONS.values()))[0], random.uniform(28, 38)
    )


def record(number: int, speaker: Speaker, random: Random, folder: Path) -> list[str]:
    """Speak one sentence into a file; returns the CSV's row."""
    text = sentence(random)
    waveform = in_condition(to_mono_16k(*speak(text, speaker.voice)), speaker, random)
    extension = random.choices(list(FORMATS), list(FORMATS.values()))[0]
    name = f"audios/{number}.{extension}"
    write(folder / name, waveform, extension)
    return [name, text, speaker.name, speaker.condition]


def in_condition(waveform: Waveform, speaker: Speaker, random: Random) -> Waveform:
    """The waveform with silence around it, as it comes through the speaker's telephone or room."""
    lead, tail = (np.zeros(int(random.uniform(0.05, 0.3) * SAMPLE_RATE), np.float32) for _ in range(2))
    waveform = np.concatenate([lead, normalize_peak(waveform), tail])
    if speaker.condition == "noise":
        waveform = with_noise(waveform, speaker.snr_db, random.randrange(2**32))
    if speaker.condition == "telephone":
        band = signal.butter(4, (300, 3_400), "bandpass", fs=SAMPLE_RATE, output="sos")
        waveform = signal.sosfilt(band, waveform).astype(np.float32)
    return 0.8 * normalize_peak(waveform)


def with_noise(waveform: Waveform, snr_db: float, seed: int) -> Waveform:
    """Add noise whose power falls with frequency, as a room's does."""
    white = np.random.default_rng(seed).normal(size=len(waveform))
    spectrum = np.fft.rfft(white)
    noise = np.fft.irfft(spectrum / np.sqrt(np.maximum(np.arange(len(spectrum)), 10)), len(waveform))
    noise *= np.sqrt(np.mean(waveform**2) / np.mean(noise**2)) * 10 ** (-snr_db / 20)
    return (waveform + noise).astype(np.float32)


def write(path: Path, samples: NDArray[np.float32], extension: str) -> None:
    """16 kHz mono; mp3 at a moderate quality."""
    if extension == "mp3":
        soundfile.write(path, samples, SAMPLE_RATE, format="MP3", bitrate_mode="CONSTANT", compression_level=0.9)
    else:
        soundfile.write(path, samples, SAMPLE_RATE)


def bad_rows(folder: Path) -> list[list[str]]:
    """A missing file, no transcript, silence, a file cut short, and a comma that is not quoted."""
    second = np.zeros(SAMPLE_RATE, np.float32)
    write(folder / "audios/silence.mp3", np.tile(second, 2), "mp3")
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(3 * SAMPLE_RATE) / SAMPLE_RATE).astype(np.float32)
    write(folder / "audios/untranscribed.mp3", tone, "mp3")
    cut = folder / "audios/cut_short.flac"
    write(cut, tone, "flac")
    cut.write_bytes(cut.read_bytes()[:2_000])
    return [
        ["audios/never_uploaded.mp3", "the nurse is on the way", "spk01", "plain"],
        ["audios/untranscribed.mp3", "", "spk02", "plain"],
        ["audios/silence.mp3", "please change the dressing", "spk03", "plain"],
        ["audios/cut_short.flac", "move the patient to ward six", "spk04", "plain"],
        ["audios/1.mp3", "yes", "doctor", "spk05", "plain"],
    ]


if __name__ == "__main__":
    main()
