"""Parts of audio files: exactly the samples that are asked for, each file read once."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

import asr.audio.decoding
from asr.audio.decoding import Recording, UnreadableAudioError, iterate_views, read_recording, read_views
from asr.audio.ffmpeg import FfmpegSource
from asr.audio.libsndfile import LibsndfileSource
from asr.audio.recording import Samples
from asr.base.entries import WHOLE, View
from tests.encoding import encoded, stored
from tests.sounds import tone

VIEWS = (View(0.5, 1.25), View(0.1, 0.2), View(1.0, 2.5), View(1.1, 1.3), View(2.5, None), View(None, 0.3), WHOLE)
RATE = 16_000


def noise(seconds: float, rate: int = RATE, channels: int = 1) -> NDArray[np.float32]:
    drawn = np.random.default_rng(7).uniform(-0.5, 0.5, (round(seconds * rate), channels))
    return drawn.astype(np.float32)


def samples(content: bytes, view: View) -> Samples:
    return read_recording(content, view).samples


def refusal(content: bytes, view: View) -> str:
    (found,) = read_views(content, [view])
    assert isinstance(found, UnreadableAudioError)
    assert found.remedy
    return f"{found.reason}: {found}"


FILES = {
    "wav": lambda: stored(noise(3, channels=2), RATE),
    "w64": lambda: stored(noise(3), RATE, "W64"),
    "flac": lambda: stored(noise(3), RATE, "FLAC"),
    "ogg": lambda: stored(noise(3), RATE, "OGG"),
    "opus": lambda: stored(noise(3, 48_000), 48_000, "OGG", "OPUS"),
    "mp3": lambda: stored(noise(3), RATE, "MP3"),
    "ima": lambda: stored(noise(3), RATE, "WAV", "IMA_ADPCM"),
    "m4a": lambda: encoded("mp4", "aac", noise(3, 44_100, 2), 44_100),
    "webm": lambda: encoded("webm", "libopus", noise(3, 48_000), 48_000),
    "mp3 without a Xing header": lambda: encoded("mp3", "libmp3lame", noise(3, 44_100), 44_100, write_xing="0"),
}


@pytest.mark.parametrize("kind", FILES)
def test_a_view_is_a_slice_of_the_whole_in_any_order_and_overlapping(kind: str) -> None:
    content = FILES[kind]()
    whole = read_recording(content)

    found = read_views(content, VIEWS)

    assert whole.seconds == pytest.approx(3.0, abs=0.1)
    for view, part in zip(VIEWS, found, strict=True):
        assert isinstance(part, Recording)
        end = None if view.end is None else round(view.end * whole.rate)
        np.testing.assert_array_equal(part.samples, whole.samples[round((view.start or 0) * whole.rate) : end])


@pytest.mark.parametrize("kind", FILES)
def test_a_view_is_the_same_when_nothing_before_it_is_wanted(kind: str) -> None:
    content = FILES[kind]()
    whole = read_recording(content)

    found = samples(content, View(1.7, 2.1))

    np.testing.assert_array_equal(found, whole.samples[round(1.7 * whole.rate) : round(2.1 * whole.rate)])


@pytest.mark.parametrize("kind", FILES)
def test_blocks_of_any_size_have_the_same_samples(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    content = FILES[kind]()
    whole = read_recording(content)
    monkeypatch.setattr("asr.audio.libsndfile.BLOCK", 1_000)
    monkeypatch.setattr("asr.audio.ffmpeg.BLOCK", 1_000)

    np.testing.assert_array_equal(read_recording(content).samples, whole.samples)


def test_times_are_rounded_to_samples() -> None:
    content = stored(noise(2, 11_025), 11_025)

    assert len(samples(content, View(0.33333, 1.1))) == round(1.1 * 11_025) - round(0.33333 * 11_025)


def test_a_channel_is_taken_alone_and_the_file_keeps_its_count() -> None:
    sound = noise(2, channels=2)
    found = read_recording(stored(sound, RATE, subtype="FLOAT"), View(0.5, 1.0, channel=1))

    np.testing.assert_array_equal(found.samples, sound[8_000:16_000, 1:])
    assert (found.channels, found.file_channels) == (1, 2)


@pytest.mark.parametrize("kind", ["wav", "m4a"])
def test_views_that_a_file_does_not_have(kind: str) -> None:
    content = FILES[kind]()
    seconds = f"{read_recording(content).seconds:.2f}"

    assert refusal(content, View(1.0, 9.5)) == f"no such part of the file: to 9.50 s of a file that ends at {seconds} s"
    assert refusal(content, View(9.0, None)) == f"no such part of the file: from 9.00 s on of a file that ends at {seconds} s"
    assert refusal(content, View(1e300, None)).startswith("no such part of the file")
    assert refusal(content, View(2.0, 2.0)) == "no such part of the file: from 2 to 2 s"
    assert refusal(content, View(-1.0, 2.0)) == "no such part of the file: from -1 to 2 s"
    assert refusal(content, View(math.nan, 2.0)) == "no such part of the file: from nan to 2 s"
    assert refusal(content, View(0.0, 1.0, channel=2)) == "no such channel: channel 2 of a file that has 2"
    assert refusal(content, View(0.0, 1.0, channel=-1)) == "no such channel: channel -1 of a file that has 2"


@pytest.mark.parametrize("kind", ["wav", "ogg"])
def test_an_end_that_is_a_little_beyond_the_file_is_its_end(kind: str) -> None:
    content = FILES[kind]()

    assert len(samples(content, View(2.0, 3.2))) == RATE
    assert refusal(content, View(2.0, 3.3)).startswith("no such part")


def test_one_view_that_is_wrong_takes_no_other_along() -> None:
    first, second = read_views(FILES["wav"](), [View(0.0, 99.0), View(0.0, 1.0)])

    assert isinstance(first, UnreadableAudioError)
    assert isinstance(second, Recording)


@pytest.mark.parametrize("kind", ["wav", "flac", "mp3", "webm"])
def test_damage_elsewhere_in_the_file_is_no_fault_of_a_view(kind: str) -> None:
    content = FILES[kind]()

    before, after, whole = read_views(content[: len(content) * 2 // 3], [View(0.5, 1.0), View(2.5, 2.8), WHOLE])

    assert isinstance(before, Recording)
    # FFmpeg reads an mp3 whose length isn't certain, to other last digits than libsndfile.
    np.testing.assert_allclose(before.samples, samples(content, View(0.5, 1.0)), atol=1e-5)
    assert isinstance(after, UnreadableAudioError)
    assert isinstance(whole, UnreadableAudioError)


def count_opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    opened: list[str] = []

    def watched(content: bytes) -> FfmpegSource:
        opened.append("FFmpeg")
        return FfmpegSource(content)

    monkeypatch.setattr(asr.audio.decoding, "FfmpegSource", watched)
    return opened


def test_fifty_views_of_a_file_are_one_pass_over_it(monkeypatch: pytest.MonkeyPatch) -> None:
    content = encoded("mp4", "aac", tone(11.0, RATE), RATE)
    opened = count_opened(monkeypatch)

    found = read_views(content, [View(n / 5, n / 5 + 0.5) for n in range(50)])

    assert all(isinstance(part, Recording) for part in found)
    assert opened == ["FFmpeg"]


@pytest.mark.parametrize(("kind", "seconds"), [("FLAC", 3), ("WAV", 3), ("OGG", 51), ("MP3", 51)])
def test_what_no_view_wants_is_decoded_only_where_seeking_is_not_exact(
    monkeypatch: pytest.MonkeyPatch, kind: str, seconds: int
) -> None:
    read: list[int] = []
    decode = LibsndfileSource.read

    def watched(source: LibsndfileSource, at_most: int) -> Samples | None:
        block = decode(source, at_most)
        read.append(0 if block is None else len(block))
        return block

    monkeypatch.setattr(LibsndfileSource, "read", watched)
    read_views(stored(noise(60), RATE, kind), [View(50.0, 51.0), View(10.0, 11.0), View(10.5, 12.0)])

    assert sum(read) == seconds * RATE


def test_views_come_as_soon_as_they_are_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    coming = iterate_views(encoded("mp4", "aac", tone(20.0, RATE), RATE), [View(15.0, 16.0), View(1.0, 2.0)])
    positions: list[int] = []
    decode = FfmpegSource.read

    def watched(source: FfmpegSource, at_most: int) -> Samples | None:
        positions.append(source.position)
        return decode(source, at_most)

    monkeypatch.setattr(FfmpegSource, "read", watched)

    assert next(coming)[0] == 1
    assert positions[-1] < 3 * RATE
    assert next(coming)[0] == 0


def test_what_is_too_long_is_decoded_no_further_than_it_takes_to_know(monkeypatch: pytest.MonkeyPatch) -> None:
    content = encoded("mp4", "aac", tone(20.0, RATE), RATE)
    blocks: list[int] = []
    decode = FfmpegSource.read

    def watched(source: FfmpegSource, at_most: int) -> Samples | None:
        block = decode(source, at_most)
        blocks.append(len(block) if block is not None else 0)
        return block

    monkeypatch.setattr(FfmpegSource, "read", watched)

    ((_, found),) = iterate_views(content, [WHOLE], longest=5.0)

    assert isinstance(found, UnreadableAudioError)
    assert 5 * RATE < sum(blocks) < 8 * RATE


def test_more_samples_than_there_may_be_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asr.audio.parts.MOST_VALUES", 2 * RATE)
    content = stored(noise(2, channels=2), RATE)

    assert refusal(content, WHOLE) == "unreadable audio: over 32,000 samples in all channels"
    assert len(samples(content, View(0.0, 1.0))) == RATE
