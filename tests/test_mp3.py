"""MP3: frames counted without decoding."""

from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import av
import numpy as np
import pytest

from asr.audio.decoding import UnreadableAudioError, read_recording
from asr.audio.mp3 import walk
from tests.sounds import tone


def encode(path: Path, seconds: float, rate: int, bit_rate: int = 64_000, **options: str) -> bytes:
    """An mp3 by FFmpeg, which writes a Xing header unless told not to."""
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream("libmp3lame", rate=rate, layout="mono")
        assert isinstance(stream, av.AudioStream)
        stream.bit_rate = bit_rate
        frame = av.AudioFrame.from_ndarray(tone(seconds, rate).T.copy(), format="fltp", layout="mono")
        frame.rate = rate
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    return path.read_bytes()


@pytest.mark.parametrize(("rate", "frame_samples"), [(44_100, 1152), (32_000, 1152), (22_050, 576), (8_000, 576)])
def test_frames_are_counted_and_the_header_read(tmp_path: Path, rate: int, frame_samples: int) -> None:
    found = walk(encode(tmp_path / "a.mp3", 2.0, rate))

    assert found is not None
    assert found.frame_samples == frame_samples
    assert found.promised == found.frames
    assert found.frames * frame_samples / rate == pytest.approx(2.0, abs=0.2)


def test_without_a_header_there_is_no_promise(tmp_path: Path) -> None:
    bare = walk(encode(tmp_path / "a.mp3", 2.0, 22_050, write_xing="0"))
    headed = walk(encode(tmp_path / "b.mp3", 2.0, 22_050))

    assert bare is not None
    assert headed is not None
    assert (bare.promised, bare.frames) == (None, headed.frames)


def test_tags_before_and_after_are_no_frames(tmp_path: Path) -> None:
    content = encode(tmp_path / "a.mp3", 1.0, 22_050, id3v2_version="0")
    tag = b"ID3\x03\x00\x00\x00\x00\x01\x00" + bytes(128)

    assert walk(tag + content + b"TAG" + bytes(125)) == walk(content)


@pytest.mark.parametrize("content", [b"", b"RIFF and more", b"\xff\xfb", b"\xff\xfb\xf0\x00" + bytes(2000)])
def test_what_is_not_frames_is_none(content: bytes) -> None:
    assert walk(content) is None


def test_noise_between_frames_is_none(tmp_path: Path) -> None:
    content = encode(tmp_path / "a.mp3", 1.0, 22_050)

    assert walk(content[:2000] + b"noise" + content[2000:]) is None


def test_frames_of_two_rates_are_none(tmp_path: Path) -> None:
    slow, fast = (encode(tmp_path / "a.mp3", 1.0, rate, write_xing="0", id3v2_version="0") for rate in (22_050, 44_100))

    assert walk(slow + slow) is not None
    assert walk(slow + fast) is None


def test_a_length_that_is_certain_needs_no_ffmpeg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encode(tmp_path / "headed.mp3", 2.0, 22_050)
    encode(tmp_path / "guessed.mp3", 4.0, 44_100, bit_rate=128_000, write_xing="0")
    monkeypatch.setattr("asr.audio.decoding.FfmpegSource", raising(ValueError("FFmpeg was asked")))

    read_recording((tmp_path / "headed.mp3").read_bytes())
    with pytest.raises(UnreadableAudioError, match="FFmpeg was asked"):
        read_recording((tmp_path / "guessed.mp3").read_bytes())


def raising(error: BaseException) -> Callable[[bytes], NoReturn]:
    def decode(content: bytes) -> NoReturn:
        raise error

    return decode


@pytest.mark.parametrize("write_xing", ["0", "1"])
def test_both_decoders_hear_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write_xing: str) -> None:
    encode(tmp_path / "a.mp3", 3.0, 22_050, write_xing=write_xing)
    chosen = read_recording((tmp_path / "a.mp3").read_bytes()).samples

    monkeypatch.setattr("asr.audio.mp3.walk", lambda content: None)
    other = read_recording((tmp_path / "a.mp3").read_bytes()).samples

    assert len(chosen) == pytest.approx(3.0 * 22_050, abs=3000)
    if write_xing == "1":
        np.testing.assert_allclose(chosen, other, atol=1e-3)


def test_an_mp3_that_breaks_off_is_refused(tmp_path: Path) -> None:
    content = encode(tmp_path / "a.mp3", 4.0, 22_050)
    (tmp_path / "a.mp3").write_bytes(content[: len(content) // 2])

    with pytest.raises(UnreadableAudioError, match=r"cut short: \d+ of \d+ frames"):
        read_recording((tmp_path / "a.mp3").read_bytes())


def test_two_mp3s_in_one_file_are_read_to_the_end(tmp_path: Path) -> None:
    """The header tells of the first alone, and libsndfile believes it."""
    content = encode(tmp_path / "a.mp3", 2.0, 22_050, id3v2_version="0")
    (tmp_path / "a.mp3").write_bytes(content + content)

    assert read_recording((tmp_path / "a.mp3").read_bytes()).seconds == pytest.approx(4.0, abs=0.3)


@pytest.mark.parametrize("wrong", [ValueError("no such layout"), AssertionError(), RuntimeError("bad packet")])
def test_whatever_a_decoder_raises_means_unreadable(monkeypatch: pytest.MonkeyPatch, wrong: Exception) -> None:
    monkeypatch.setattr("asr.audio.decoding.FfmpegSource", raising(wrong))

    with pytest.raises(UnreadableAudioError, match=f"^{type(wrong).__name__}: {wrong}$") as raised:
        read_recording(b"neither decoder knows this")
    assert raised.value.__cause__ is wrong


@pytest.mark.parametrize("wrong", [MemoryError(), KeyboardInterrupt()])
def test_what_is_no_fault_of_the_file_is_not_laid_on_it(monkeypatch: pytest.MonkeyPatch, wrong: BaseException) -> None:
    monkeypatch.setattr("asr.audio.decoding.FfmpegSource", raising(wrong))

    with pytest.raises(type(wrong)):
        read_recording(b"neither decoder knows this")
