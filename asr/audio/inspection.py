"""Inspection: what clips sound like in numbers, and what is wrong or odd about them, before anybody trains on them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from asr.audio import joined, wav
from asr.audio.bandwidth import HEARD_HZ, narrow_band
from asr.audio.decoding import iterate_views
from asr.audio.findings import Finding
from asr.audio.fingerprint import fingerprint
from asr.audio.mono import mix, peak
from asr.audio.oddities import oddities
from asr.audio.parts import TOO_LONG
from asr.audio.recording import EXPORT_AGAIN, Recording, UnreadableAudioError
from asr.audio.waveform import remove_offset, trim_silence
from asr.base.entries import View

LONGEST_SECONDS = 30.0
"""Whisper's window."""

SILENCE, FAINTEST_DB = "silence", -100.0
SILENCE_PEAK = 10 ** (-60 / 20)
"""Quieter than 60 dB under full scale is silence; digital silence is as quiet as FAINTEST_DB."""

SILENCE_DB = 30.0
"""Under the loudest part; what features.trim_below_peak_db is unless it is told otherwise."""

LITTLE_SECONDS, LITTLE_SHARE = 0.5, 0.1
"""Less than either, once silence is cut off at both ends, is hardly an utterance."""

LARGEST = 2.0**32
"""Samples are up to 1, or as large as an integer's; any that are larger are no sound."""

GET_TIMES = (
    "get times with `python -m commands.transcribe --format srt FILE`, correct them, and give the folder as subtitles "
    "or add columns start and end"
)


@dataclass(frozen=True)
class Sound:
    """A clip as it is heard.

    Attributes:
        seconds: its length.
        sounding_seconds: its length without the silence at its ends.
        rate: of the file, in Hz.
        channels: of the file.
        peak_db: its largest magnitude, in dB relative to full scale.
        bandwidth: where its sound ends, in Hz; of sound in full band, half its rate or what Whisper hears.
        fingerprint: alike for copies of the sound in other formats.
        findings: what is wrong or odd. Of a clip that can't be used, the one that is refused, and zeros elsewhere; of a silence
            only the bandwidth is 0, and the fingerprint blank.
    """

    seconds: float
    sounding_seconds: float
    rate: int
    channels: int
    peak_db: float
    bandwidth: int
    fingerprint: str
    findings: tuple[Finding, ...]


def inspect(content: bytes, views: Sequence[View]) -> list[Sound]:
    """Decode the clips of one file, in one pass, to their ends: what can't be read is found here and not in training.

    Args:
        content: the file's bytes.
        views: the parts of it that are clips.

    Returns:
        What each of them is.
    """
    sounds: dict[int, Sound] = {}
    excess = wav.excess(content) or joined.excess(content)
    for number, found in iterate_views(content, views, LONGEST_SECONDS):
        if isinstance(found, UnreadableAudioError):
            sounds[number] = _refused(_why_unreadable(found, views[number]))
        else:
            sounds[number] = _inspected(found, excess if views[number].end is None else None)
    return [sounds[number] for number in range(len(views))]


def _inspected(recording: Recording, excess: str | None) -> Sound:
    if fault := _fault(recording):
        return _silent(recording, fault) if fault.reason == SILENCE else _refused(fault)
    mono = mix(recording.samples)
    bandwidth = narrow_band(mono.samples, recording.rate)
    findings = list(oddities(recording, mono, bandwidth))
    sounding = len(trim_silence(remove_offset(mono.samples), SILENCE_DB, recording.rate)) / recording.rate
    if sounding < max(LITTLE_SECONDS, LITTLE_SHARE * recording.seconds):
        detail = f"{sounding:.2f} s of {recording.seconds:.2f} s are left once silence is cut off at both ends"
        findings.append(Finding("note", "hardly any sound", detail, "listen whether all of the transcript is said in it"))
    if excess:
        remedy = f"{EXPORT_AGAIN}; as it is, the clip ends where the header says"
        findings.insert(0, Finding("warn", "longer than its header says", excess, remedy))
    return Sound(
        seconds=round(recording.seconds, 4),
        sounding_seconds=round(sounding, 2),
        rate=recording.rate,
        channels=recording.file_channels,
        peak_db=_decibels(peak(recording.samples)),
        bandwidth=bandwidth or min(recording.rate // 2, HEARD_HZ),
        fingerprint=fingerprint(mono.samples, recording.rate),
        findings=tuple(findings),
    )


def _fault(recording: Recording) -> Finding | None:
    """Why a recording that can be read can't be used."""
    if not len(recording.samples):
        return Finding("refuse", "no samples", "0 s of audio", EXPORT_AGAIN)
    loudest = peak(recording.samples)
    if not np.isfinite(loudest):
        return Finding("refuse", "invalid samples", "infinite or not-a-number samples", EXPORT_AGAIN)
    if loudest > LARGEST:
        return Finding("refuse", "invalid samples", f"samples of up to {loudest:.1e}", EXPORT_AGAIN)
    if loudest < SILENCE_PEAK:
        return Finding("refuse", SILENCE, "nothing above -60 dB", "record the clip again or remove the row")
    return None


def _why_unreadable(error: UnreadableAudioError, view: View) -> Finding:
    if error.reason != TOO_LONG:
        return Finding("refuse", error.reason, str(error), error.remedy)
    if view.start is None and view.end is None:
        return Finding("refuse", "recording without times", str(error), GET_TIMES)
    return Finding("refuse", f"longer than {LONGEST_SECONDS:g} s", str(error), "divide it")


def _silent(recording: Recording, why: Finding) -> Sound:
    """What there is to say of a silence: somebody may want to learn from it."""
    return replace(
        _refused(why),
        seconds=round(recording.seconds, 4),
        rate=recording.rate,
        channels=recording.file_channels,
        peak_db=_decibels(peak(recording.samples)),
    )


def _decibels(magnitude: float) -> float:
    return round(20 * float(np.log10(max(magnitude, 10 ** (FAINTEST_DB / 20)))), 1)


def _refused(why: Finding) -> Sound:
    return Sound(0.0, 0.0, 0, 0, 0.0, 0, "", (why,))
