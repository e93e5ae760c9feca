"""Inspection: placeholder of the branch audio."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from asr.audio.decoding import UnreadableAudioError, read_recording
from asr.audio.findings import Finding
from asr.base.entries import View


@dataclass(frozen=True)
class Sound:
    """What a clip is like."""

    seconds: float
    rate: int
    channels: int
    peak_db: float
    bandwidth: int
    fingerprint: str
    findings: tuple[Finding, ...]


def inspect(content: bytes, views: Sequence[View]) -> list[Sound]:
    """Inspect."""
    try:
        recording = read_recording(content)
    except UnreadableAudioError as error:
        finding = Finding("refuse", "unreadable audio", str(error), "export the recording again")
        return [Sound(0, 0, 0, 0, 0, "", (finding,)) for _ in views]
    findings: list[Finding] = []
    if recording.seconds == 0:
        findings.append(Finding("refuse", "no samples", "0 s of audio", "export the recording again"))
    else:
        peak = float(np.abs(recording.samples).max())
        if not np.isfinite(peak):
            findings.append(
                Finding("refuse", "invalid samples", "infinite or not-a-number samples", "export the recording again")
            )
        elif peak < 1e-3:
            findings.append(Finding("refuse", "silence", "nothing above -60 dB", "record the clip again or remove the row"))
    return [Sound(recording.seconds, recording.rate, recording.channels, 0.0, 0, "", tuple(findings)) for _ in views]
