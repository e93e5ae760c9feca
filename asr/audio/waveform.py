"""Waveforms: from decoded samples to what a model hears. Whoever lets a model hear a recording prepares it here, in training,
in scoring and in use, so that a model never hears what it was not trained on.
"""

from dataclasses import dataclass

import numpy as np
import soxr
from numpy.typing import NDArray

from asr.audio.mono import mix, offset, peak
from asr.audio.recording import Samples

SAMPLE_RATE = 16_000
"""Hz; Whisper hears samples at this rate. asr/shards/frames.py has it too, as neither package needs the other."""

HOP_SECONDS = 0.032
HOPS_IN_FRAME = 4
"""A frame of 128 ms every 32 ms: at 16 kHz what librosa's `effects.trim` looks at unless it is told otherwise."""

FAINTEST = 1e-10
"""Power; librosa takes anything under it for this."""

ACTIVE_DB = 10.0
"""A frame is sound when it is so far over the quietest tenth of the frames."""

SILENT_DB = 80.0
"""A frame so far under the loudest is none of the room's sound: somebody has cut or joined there, or a gate has closed."""

USUAL_SHARE = 0.6
"""So many of the frames with sound are no louder than is usual. A beep, a thump or a cough may fill the others, and the usual
loudness is still the voice's.
"""

LOUDEST_DB, PEAK_DB = 12.0, 24.0
"""How far over the usual loudness a voice's loudest frame and its largest sample are at most; what is louder is no voice. On
1,481 clips (speechocean762, digits, the bundled sample) the loudest frame is 7 dB over it in the middle and over 12 dB in 6 %,
the largest sample 18 dB and over 24 dB in 6 %.
"""

Waveform = NDArray[np.float32]
"""Mono samples at SAMPLE_RATE, shape (samples,)."""


@dataclass(frozen=True)
class Prepared:
    """A recording as a model hears it, at full volume: all of it, and without the silence at its ends."""

    whole: Waveform
    speech: Waveform


def prepare(samples: Samples, rate: int, trim_below_peak_db: float | None) -> Prepared:
    """Make one channel of several, resample, take away an offset, trim, and bring the voice to full volume.

    Args:
        samples: shape (frames, channels), at `rate` Hz.
        rate: of the samples.
        trim_below_peak_db: how far under the loudest part silence is; None: nothing is trimmed.
    """
    whole = remove_offset(to_mono_16k(samples, rate))
    power = _frame_powers(whole, SAMPLE_RATE)
    speech = whole if trim_below_peak_db is None else _trimmed(whole, power, trim_below_peak_db, SAMPLE_RATE)
    full = min(peak(whole), float(np.sqrt(_usual(power) * _ratio(PEAK_DB))))
    if not full:
        return Prepared(whole, speech)
    loud = whole / full
    return Prepared(loud, loud if speech is whole else speech / full)  # hours of sound are in memory once


def to_mono_16k(samples: Samples, rate: int) -> Waveform:
    """Average the channels of `samples`, shape (frames, channels) at `rate` Hz, and resample to SAMPLE_RATE.

    Of channels in opposite phase, which would leave nothing, the loudest is taken.
    """
    mono = mix(samples).samples
    return mono if rate == SAMPLE_RATE else np.asarray(soxr.resample(mono, rate, SAMPLE_RATE, quality="HQ"), dtype=np.float32)


def remove_offset(waveform: Waveform) -> Waveform:
    """Take away a mean so far from zero that it is none of the sound's: it would pass for sound where there is silence."""
    constant = offset(waveform)
    return waveform - np.float32(constant) if constant else waveform


def trim_silence(waveform: Waveform, below_peak_db: float, rate: int = SAMPLE_RATE) -> Waveform:
    """Cut leading and trailing parts that are more than `below_peak_db` under the loudest part.

    They are the samples that librosa's `effects.trim` keeps, unless something is louder than the voice can be, which counts
    for no more than the voice then. librosa compiles itself first, for seconds in every process.

    Args:
        waveform: shape (samples,).
        below_peak_db: how far under.
        rate: of the samples, in Hz.
    """
    return _trimmed(waveform, _frame_powers(waveform, rate), below_peak_db, rate)


def at_level(waveform: Waveform, dbfs: float) -> Waveform:
    """The same sound with its largest sample at so many dB relative to full scale; digital silence stays as it is."""
    loudest = peak(waveform)
    return waveform * np.float32(10 ** (dbfs / 20) / loudest) if loudest else waveform


def _trimmed(waveform: Waveform, power: NDArray[np.float32], below_peak_db: float, rate: int) -> Waveform:
    loudest = min(float(power.max()), _usual(power) * _ratio(LOUDEST_DB))
    loud = np.flatnonzero(power > loudest / _ratio(below_peak_db))
    hop = _hop(rate)
    return waveform[loud[0] * hop : (loud[-1] + 1) * hop] if len(loud) else waveform[:0]


def _usual(power: NDArray[np.float32]) -> float:
    """The usual power of the frames with sound."""
    ordered = np.sort(power)  # numpy's percentile takes ten times as long
    ordered = ordered[np.searchsorted(ordered, max(FAINTEST, ordered[-1] / _ratio(SILENT_DB)), side="right") :]
    if not len(ordered):
        return FAINTEST
    active = ordered[np.searchsorted(ordered, ordered[len(ordered) // 10] * _ratio(ACTIVE_DB), side="right") :]
    frames = active if len(active) else ordered
    return float(frames[int(USUAL_SHARE * len(frames))])


def _frame_powers(waveform: Waveform, rate: int) -> NDArray[np.float32]:
    """Mean squares; frames are centred: before the first sample and after the last there is silence."""
    hop = _hop(rate)
    hops, around = len(waveform) // hop, HOPS_IN_FRAME // 2
    padded = np.zeros((hops + 2 * around, hop), dtype=np.float32)
    padded.ravel()[around * hop :][: len(waveform)] = waveform
    energy = np.einsum("ij,ij->i", padded, padded)
    frames: NDArray[np.float32] = sum(energy[start : start + hops + 1] for start in range(HOPS_IN_FRAME))
    return np.maximum(frames / (HOPS_IN_FRAME * hop), np.float32(FAINTEST))


def _hop(rate: int) -> int:
    return round(HOP_SECONDS * rate)


def _ratio(decibels: float) -> float:
    return float(10 ** (decibels / 10))
