"""What the bundled base model learns from: sentences, each spoken by a random voice at a random speed and pitch.

Two of three are plain: one sentence, trimmed and at full volume, as the pipeline prepares clips. The third is as other software
gets recordings: up to four sentences with pauses, silence at both ends, any volume, a little noise. All go through the
project's own features.
"""

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from random import Random

import numpy as np
from numpy.typing import NDArray

from asr.audio.waveform import Waveform, to_mono_16k, trim_silence
from asr.features.logmel import log_mel
from asr.shards.frames import FRAMES_PER_SECOND, HOP_LENGTH, SAMPLE_RATE
from tools.phrases import sentence
from tools.voices import VARIANTS, Voice, normalize_peak, speak

N_MELS = 80
WINDOW_SECONDS = 30
WINDOW_FRAMES = WINDOW_SECONDS * FRAMES_PER_SECOND
PLAIN_SHARE = 2 / 3
SENTENCES = {1: 0.6, 2: 0.2, 3: 0.12, 4: 0.08}
"""How many an utterance has that is not plain."""

ACCENTS = ("en-us", "en-gb")


@dataclass(frozen=True)
class Utterance:
    """What was said: `features` is float16 of shape (frames, mels)."""

    text: str
    features: NDArray[np.float16]
    is_plain: bool


def speak_utterances(count: int, seed: int, shifted: bool) -> list[Utterance]:
    """`count` utterances, each different; the same for the same seed.

    Args:
        count: how many.
        seed: of every draw.
        shifted: begin each within a frame, not at its edge, where trimming puts all of them.
    """
    with ProcessPoolExecutor() as pool:
        spoken = pool.map(partial(_utterance, shifted), (seed * 1_000_000 + n for n in range(count)), chunksize=100)
        return [utterance for utterance in spoken if len(utterance.features) <= WINDOW_FRAMES]


def _utterance(shifted: bool, seed: int) -> Utterance:
    random = Random(seed)
    is_plain = random.random() < PLAIN_SHARE
    count = 1 if is_plain else random.choices(list(SENTENCES), list(SENTENCES.values()))[0]
    sentences = [sentence(random) for _ in range(count)]
    voice = Voice(random.choice(ACCENTS), random.choice(VARIANTS), random.randint(130, 200), random.randint(25, 70))
    parts: list[Waveform] = []
    for text in sentences:
        parts += [trim_silence(to_mono_16k(*speak(text, voice)), below_peak_db=30), _silence(random, 0.8)]
    waveform = normalize_peak(np.concatenate(parts[:-1]))
    if not is_plain:
        waveform = _as_recorded(waveform, random)
    if shifted:
        waveform = np.concatenate([np.zeros(random.randrange(HOP_LENGTH), np.float32), waveform])
    return Utterance(" ".join(sentences), log_mel(waveform, N_MELS).astype(np.float16), is_plain)


def _silence(random: Random, longest: float) -> Waveform:
    return np.zeros(int(random.uniform(0, longest) * SAMPLE_RATE), np.float32)


def _as_recorded(waveform: Waveform, random: Random) -> Waveform:
    """Silence at both ends, noise 35 to 75 dB below the peak, and a peak of 0 to 20 dB below full volume."""
    waveform = np.concatenate([_silence(random, 0.8), waveform, _silence(random, 0.8)])
    loudness = 10 ** (-random.uniform(35, 75) / 20)
    noise = np.random.default_rng(random.randrange(2**32)).normal(size=len(waveform), scale=loudness)
    return ((waveform + noise) * 10 ** (-random.uniform(0, 20) / 20)).astype(np.float32)
