"""Windows of long recordings, made of utterances: several in each, with pauses between them, with timestamps or without."""

from collections.abc import Sequence
from random import Random

import numpy as np

from asr.features.logmel import DYNAMIC_RANGE
from asr.shards.frames import FRAMES_PER_SECOND, LogMel
from tools.utterances import WINDOW_FRAMES, Utterance

QUIET_SHARE = 0.05
"""Of an utterance's frames: what its room sounds like when nobody speaks."""

PAUSE_SECONDS = 1.5
"""Before each utterance, at most."""

FULL_SHARE = 0.7
"""Of the windows; the others are the last of their recordings."""


def window_of(utterances: Sequence[Utterance], timed: bool, random: Random) -> Utterance:
    """A window as it stands somewhere in a long recording, of utterances that are drawn.

    With timestamps, a full window ends within an utterance, of which only the start is written: as in openai/whisper, which
    goes on from there (arXiv:2212.04356, section 2.3). Without them it ends with the last one that is whole.

    Args:
        utterances: none longer than a quarter of a window, so that one always fits.
        timed: whether the text has timestamps.
        random: of every draw.
    """
    full = random.random() < FULL_SHARE
    room = WINDOW_FRAMES if full else random.randrange(WINDOW_FRAMES // 3, WINDOW_FRAMES)
    parts: list[LogMel] = []
    text = ""
    frames = 0
    while frames < room:
        utterance = random.choice(utterances)
        pause = quiet_frames(utterance.features, int(random.random() * PAUSE_SECONDS * FRAMES_PER_SECOND), random)
        start, end = frames + len(pause), frames + len(pause) + len(utterance.features)
        if end <= room:
            text += f"{_timestamp(start)} {utterance.text}{_timestamp(end)}" if timed else f" {utterance.text}"
        elif timed and full and start < room:
            text += _timestamp(start)
        else:
            break
        parts += [pause, utterance.features]
        frames = end
    features = np.concatenate(parts)[:WINDOW_FRAMES]
    # Whisper's features reach no further down than this from the loudest of the whole window.
    features = np.maximum(features, features.max() - DYNAMIC_RANGE / 4).astype(np.float16)
    return Utterance(text.strip(), features, is_plain=False)


def quiet_frames(features: LogMel, frames: int, random: Random) -> LogMel:
    """So many frames without speech: of digital silence, or like the quietest ones of `features`, of shape (n, mels)."""
    quiet = np.argsort(features.mean(axis=1))[: max(1, int(QUIET_SHARE * len(features)))]
    digital: LogMel = np.full((frames, features.shape[1]), features.min(), features.dtype)
    return digital if random.random() < 0.5 else features[random.choices(list(quiet), k=frames)]


def _timestamp(frame: int) -> str:
    return f"<|{round(frame / FRAMES_PER_SECOND / 0.02) * 0.02:.2f}|>"
