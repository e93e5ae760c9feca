"""Clips of any format: each is read to its end, and one that is cut short is left out."""

from pathlib import Path

import av
import pytest

from asr.base.entries import Clip
from asr.recordings.rejects import Reject
from tests.sounds import tone, write_mono_then_stereo, write_tone
from tests.test_clips import check, rejected


@pytest.mark.parametrize("extension", ["wav", "flac", "ogg", "mp3"])
def test_formats_of_libsndfile(tmp_path: Path, extension: str) -> None:
    write_tone(tmp_path / f"a.{extension}", seconds=1.5)

    result = check(f"a.{extension}", tmp_path)

    assert isinstance(result, Clip)
    assert result.seconds == pytest.approx(1.5, abs=0.1)


def encode(path: Path, codec: str, seconds: float, rate: int, **options: str) -> Path:
    """Write a tone with FFmpeg."""
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream(codec, rate=rate, layout="mono")
        assert isinstance(stream, av.AudioStream)
        frame = av.AudioFrame.from_ndarray(tone(seconds, rate).T.copy(), format="fltp", layout="mono")
        frame.rate = rate
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    return path


@pytest.mark.parametrize("seconds", [4.0, 10.0])
def test_an_mp3_without_a_xing_header_is_read_to_its_end(tmp_path: Path, seconds: float) -> None:
    encode(tmp_path / "a.mp3", "libmp3lame", seconds, 44_100, write_xing="0")

    result = check("a.mp3", tmp_path)

    assert isinstance(result, Clip)
    assert result.seconds == pytest.approx(seconds, abs=0.1)


def test_a_webm_cut_short_is_rejected(tmp_path: Path) -> None:
    whole = encode(tmp_path / "whole.webm", "libopus", 5.0, 48_000).read_bytes()
    (tmp_path / "cut.webm").write_bytes(whole[: len(whole) // 2])

    assert isinstance(check("whole.webm", tmp_path), Clip)
    assert rejected("cut.webm", tmp_path) == "unreadable audio"


def test_m4a_through_ffmpeg(tmp_path: Path) -> None:
    encode(tmp_path / "a.m4a", "aac", 1.5, 44_100)

    result = check("a.m4a", tmp_path)

    assert isinstance(result, Clip)
    assert (result.rate, result.channels) == (44_100, 1)
    assert result.seconds == pytest.approx(1.5, abs=0.1)


def test_stereo_at_48_khz_is_usable(tmp_path: Path) -> None:
    write_tone(tmp_path / "a.wav", seconds=1.5, rate=48_000, channels=2)

    result = check("a.wav", tmp_path)

    assert isinstance(result, Clip)
    assert (result.rate, result.channels, result.seconds) == (48_000, 2, 1.5)


def test_an_mp3_that_changes_its_channels_is_rejected(tmp_path: Path) -> None:
    write_mono_then_stereo(tmp_path / "joined.mp3")

    result = check("joined.mp3", tmp_path)

    assert isinstance(result, Reject)
    assert (result.path, result.reason, result.remedy) == ("joined.mp3", "unreadable audio", "export each part by itself")
    assert result.detail == "changes from 16000 Hz, 1 channel to 16000 Hz, 2 channels after 1.01 s"


def test_a_wav_cut_short_is_rejected(tmp_path: Path) -> None:
    whole = write_tone(tmp_path / "whole.wav", seconds=5).read_bytes()
    (tmp_path / "cut.wav").write_bytes(whole[: len(whole) // 2])

    assert rejected("cut.wav", tmp_path) == "unreadable audio"
