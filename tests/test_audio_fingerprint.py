"""Fingerprints of sounds: copies of a recording are alike, other recordings are not."""

import io
from collections.abc import Callable
from itertools import combinations

import av
import numpy as np
import pytest
import soundfile
import soxr
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

from asr.audio.fingerprint import MOST_UNLIKE, fingerprint, near_same
from tests.sounds import tone
from tests.speech import FORMANTS, RATE, spoken

SENTENCE = (0, 3, 1, 4, 2, 5, 0, 1, 3)

Samples = NDArray[np.float32]


def encoded(samples: Samples, codec: str, container: str, rate: int, bits_a_second: int) -> tuple[Samples, int]:
    """The samples as a lossy codec gives them back, with its delay."""
    file = io.BytesIO()
    resampled = soxr.resample(samples, RATE, rate).astype(np.float32)
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream(codec, rate=rate, layout="mono")
        assert isinstance(stream, av.AudioStream)
        stream.bit_rate = bits_a_second
        frame = av.AudioFrame.from_ndarray(resampled[None], format="fltp", layout="mono")
        frame.rate = rate
        to_codec = av.AudioResampler(stream.format, "mono", rate, stream.codec_context.frame_size)
        for each in [*to_codec.resample(frame), *to_codec.resample(None), None]:
            output.mux(stream.encode(each))
    read, rate = soundfile.read(io.BytesIO(file.getvalue()), dtype="float32")
    return read, rate


def telephoned(samples: Samples) -> tuple[Samples, int]:
    """At 8 kHz, 300 to 3400 Hz alone, in steps of mu-law."""
    narrow = sosfilt(butter(4, (300, 3400), "bandpass", fs=8_000, output="sos"), soxr.resample(samples, RATE, 8_000))
    steps = np.round(127 * np.sign(narrow) * np.log1p(255 * np.abs(narrow)) / np.log(256)) / 127
    return (np.sign(steps) * (256 ** np.abs(steps) - 1) / 255).astype(np.float32), 8_000


def delayed(samples: Samples) -> tuple[Samples, int]:
    return np.concatenate([np.zeros(RATE // 10, np.float32), samples]), RATE


COPIES: dict[str, Callable[[Samples], tuple[Samples, int]]] = {
    "mp3": lambda samples: encoded(samples, "libmp3lame", "mp3", RATE, 32_000),
    "opus": lambda samples: encoded(samples, "libopus", "ogg", 48_000, 16_000),
    "telephone": telephoned,
    "quieter": lambda samples: (0.1 * samples, RATE),
    "delayed": delayed,
    "cut": lambda samples: (samples[int(0.19 * RATE) : -int(0.15 * RATE)], RATE),
    "other rate": lambda samples: (soxr.resample(samples, RATE, 22_050).astype(np.float32), 22_050),
}


def distance(first: str, second: str) -> int:
    return (int(first, 16) ^ int(second, 16)).bit_count()


@pytest.mark.parametrize("copy", COPIES)
def test_a_copy_is_alike(copy: str) -> None:
    for speaker in range(5):
        samples = spoken(SENTENCE, speaker)
        copied, rate = COPIES[copy](samples)

        assert not np.array_equal(copied, samples)
        assert distance(fingerprint(samples, RATE), fingerprint(copied, rate)) <= MOST_UNLIKE


def test_the_same_words_spoken_again_are_unlike() -> None:
    for speaker in range(5):
        takes = [fingerprint(spoken(SENTENCE, speaker, take), RATE) for take in range(6)]

        assert near_same(takes, takes) == [(take, take) for take in range(6)]
        assert min(distance(first, second) for first, second in combinations(takes, 2)) > MOST_UNLIKE + 10


def test_other_sentences_and_other_speakers_are_unlike() -> None:
    sentences = np.random.default_rng(0).integers(0, len(FORMANTS), (100, 9))
    found = [fingerprint(spoken(sentence, number % 4), RATE) for number, sentence in enumerate(sentences)]

    assert len({len(each) for each in found}) == 1
    assert near_same(found, found) == [(number, number) for number in range(100)]


def test_a_fingerprint_is_64_hexadecimal_digits_and_always_the_same() -> None:
    samples = spoken(SENTENCE)

    assert len(bytes.fromhex(fingerprint(samples, RATE))) == 32
    assert fingerprint(samples, RATE) == fingerprint(samples.copy(), RATE)


@pytest.mark.parametrize(
    ("samples", "rate"),
    [
        (spoken(SENTENCE)[: RATE - 1], RATE),
        (np.zeros(2 * RATE, np.float32), RATE),
        (tone(2.0)[:, 0], RATE),  # all of the spectrum swells and fades as one
        (spoken(SENTENCE), 6_000),  # has no 3400 Hz
        (spoken(SENTENCE), 10),
    ],
    ids=["short", "silence", "tone", "low rate", "no rate"],
)
def test_what_says_too_little_has_no_fingerprint(samples: Samples, rate: int) -> None:
    assert fingerprint(samples, rate) == ""


def test_a_clip_without_a_fingerprint_is_like_no_other() -> None:
    assert near_same(["", "ff" * 32, ""], ["", "ff" * 32]) == [(1, 1)]
    assert near_same([], ["ff" * 32]) == near_same([""], [""]) == []


def test_pairs_are_found_up_to_the_limit_and_wherever_they_are() -> None:
    chance = np.random.default_rng(0)
    ours, theirs = ([chance.bytes(32).hex() for _ in range(count)] for count in (2_500, 4_500))
    bits = int(theirs[4_200], 16)
    ours[0], ours[2_400] = (f"{bits ^ (1 << unlike) - 1:064x}" for unlike in (MOST_UNLIKE + 1, MOST_UNLIKE))
    ours[2_450] = theirs[1]

    assert near_same(ours, theirs) == [(2_400, 4_200), (2_450, 1)]


def test_bands_are_those_of_librosa() -> None:
    from librosa.filters import mel

    from asr.audio.fingerprint import _plan

    bands = _plan(882, 22_050)[1]

    assert np.allclose(bands, mel(sr=22_050, n_fft=882, n_mels=13, fmin=300, fmax=3400, htk=True, norm=None).T[: len(bands)])
