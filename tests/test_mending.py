"""Mending: damaged, cut and joined recordings are heard as far as they can be, and what is missing is named."""

import ast
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from asr.audio.joined import files_in
from asr.audio.recording import Gap
from asr.audio.waveform import SAMPLE_RATE, Waveform
from asr.base.errors import DataError
from asr.export.sound import LongRecording, decode
from asr.recognition.long import seconds_of
from tests.encoding import encoded, stored
from tests.project import ROOT
from tests.sounds import tone, write_mono_then_stereo

SECONDS = 40.0
FFMPEGS = {
    "m4a": ("ipod", "aac", 16_000),
    "webm": ("webm", "libopus", 48_000),
    "opus": ("ogg", "libopus", 48_000),
    "wma": ("asf", "wmav2", 16_000),
    "aac": ("adts", "aac", 16_000),
    "mka": ("matroska", "flac", 16_000),
    "ts": ("mpegts", "aac", 48_000),
}


def rising(seconds: float = SECONDS, rate: int = SAMPLE_RATE) -> NDArray[np.float32]:
    """A tone that rises by 50 Hz a second from 400 Hz on, so that its pitch tells the time; shape (samples, 1)."""
    time = np.arange(int(seconds * rate)) / rate
    return (0.5 * np.sin(2 * np.pi * (400 + 25 * time) * time)).astype(np.float32)[:, None]


def time_at(waveform: Waveform, seconds: float) -> float:
    """What time the pitch tells in the quarter of a second around `seconds`."""
    piece = waveform[int((seconds - 0.125) * SAMPLE_RATE) : int((seconds + 0.125) * SAMPLE_RATE)]
    spectrum = np.abs(np.fft.rfft(piece * np.hanning(len(piece)), 16 * len(piece)))
    return (float(spectrum.argmax()) * SAMPLE_RATE / (16 * len(piece)) - 400) / 50


@cache
def file_of(kind: str) -> bytes:
    """The rising tone, encoded."""
    container, codec, rate = FFMPEGS.get(kind, (kind.upper(), "", SAMPLE_RATE))
    if kind in FFMPEGS:
        return encoded(container, codec, rising(rate=rate), rate, bit_rate=48_000)
    return stored(rising(), SAMPLE_RATE, container)


def damaged(content: bytes) -> bytes:
    """The same with noise in place of 300 bytes in the middle."""
    middle = len(content) // 2
    return content[:middle] + np.random.default_rng(0).bytes(300) + content[middle + 300 :]


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("kind", ["mp3", "flac", "ogg", *FFMPEGS])
def test_what_comes_after_damage_is_heard_at_its_time(tmp_path: Path, kind: str) -> None:
    content = damaged(file_of(kind))

    found = decode(written(tmp_path / f"talk.{kind}", content)).waveform

    assert len(found) / SAMPLE_RATE == pytest.approx(SECONDS, abs=0.7)
    assert [time_at(found, at) for at in (5.0, 15.0)] == pytest.approx([5.0, 15.0], abs=0.1)
    # Of an mp3, nothing says how much was skipped before a frame was found again.
    assert [time_at(found, at) for at in (25.0, 35.0)] == pytest.approx([25.0, 35.0], abs=0.7 if kind == "mp3" else 0.1)


@pytest.mark.parametrize("kind", ["mp3", "flac", "ogg", "wav", "aiff", "au", "w64", "m4a", "opus", "wma", "webm", "aac"])
def test_joined_recordings_are_heard_whole(tmp_path: Path, kind: str) -> None:
    content = file_of(kind)

    found = decode(written(tmp_path / f"talk.{kind}", content + content))

    assert len(found.waveform) / SAMPLE_RATE == pytest.approx(2 * SECONDS, abs=0.3)
    assert time_at(found.waveform, 75.0) == pytest.approx(35.0, abs=0.3)
    assert found.missing is None


def test_joined_recordings_may_have_other_channels(tmp_path: Path) -> None:
    found = decode(write_mono_then_stereo(tmp_path / "both.mp3"))

    assert len(found.waveform) / SAMPLE_RATE == pytest.approx(2.0, abs=0.2)
    assert found.missing is None


@pytest.mark.parametrize("kind", ["mp3", "flac", "wav", "aiff", "au", "w64", "rf64", "caf", "webm", "mka"])
def test_of_a_recording_that_is_cut_it_is_named_how_much_is_missing_and_where(tmp_path: Path, kind: str) -> None:
    content = file_of(kind)

    found = decode(written(tmp_path / f"talk.{kind}", content[: len(content) // 2]))

    (gap,) = found.gaps
    assert gap.start == pytest.approx(len(found.waveform) / SAMPLE_RATE, abs=0.2)
    assert gap.start + gap.seconds == pytest.approx(SECONDS, abs=0.5)
    assert found.missing == (
        f"{gap.seconds:.2f} s of {gap.start + gap.seconds:.2f} s can't be read: {gap.seconds:.2f} s from {gap.start:.2f} s on"
    )


def test_sound_behind_the_end_that_the_header_gives_is_named(tmp_path: Path) -> None:
    content = file_of("wav")
    header = content[:40] + (len(content) // 2).to_bytes(4, "little")

    found = decode(written(tmp_path / "talk.wav", header + content[44:]))

    assert found.missing == "20.00 s of 40.00 s can't be read: 20.00 s from 20.00 s on"


@pytest.mark.parametrize(
    ("seconds", "gaps", "missing"),
    [
        (100, [Gap(50.0, 0.9)], None),
        (100, [Gap(50.0, 1.1)], "1.10 s of 100.00 s can't be read: 1.10 s from 50.00 s on"),
        (20, [Gap(5.0, 0.19)], None),
        (20, [Gap(5.0, 0.3)], "0.30 s of 20.00 s can't be read: 0.30 s from 5.00 s on"),
        (7200, [Gap(place, 0.5) for place in (1.0, 2.0, 3.0, 4.0)], "2.00 s of 7200.00 s can't be read: 0.50 s from 1.00 s "
         "on, 0.50 s from 2.00 s on, 0.50 s from 3.00 s on, and 1 more"),
    ],
)  # fmt: skip
def test_over_a_hundredth_or_a_second_is_named(seconds: int, gaps: list[Gap], missing: str | None) -> None:
    assert LongRecording(np.zeros(seconds * SAMPLE_RATE, np.float32), gaps).missing == missing


def test_where_a_recorder_paused_there_is_silence_and_nothing_is_missing(tmp_path: Path) -> None:
    file = BytesIO()
    with av.open(file, "w", format="webm") as container:
        stream = container.add_stream("libopus", rate=48_000, layout="mono")
        for start in (0, 10 * 48_000):  # three seconds each, seven apart
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(tone(3.0, 48_000).T), "flt", "mono")
            frame.rate, frame.pts = 48_000, start
            for packet in stream.encode(frame):
                container.mux(packet)
        container.mux(stream.encode(None))

    found = decode(written(tmp_path / "talk.webm", file.getvalue()))

    assert len(found.waveform) / SAMPLE_RATE == pytest.approx(13.0, abs=0.1)
    assert not found.waveform[4 * SAMPLE_RATE : 9 * SAMPLE_RATE].any()
    assert found.missing is None


def test_ffmpeg_is_told_no_name_and_may_open_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[tuple[object, object]] = []
    really = av.open

    def open_and_tell(file: object, *rest: Any, **options: Any) -> Any:
        opened.append((file, options["options"]))
        return really(file, *rest, **options)

    monkeypatch.setattr("av.open", open_and_tell)
    path = written(tmp_path / "talk.webm", file_of("webm"))

    assert seconds_of(path) == pytest.approx(SECONDS, abs=0.1)
    decode(path)

    assert [options for _, options in opened] == [{"protocol_whitelist": "none"}] * 2
    assert not any(isinstance(file, str | Path) for file, _ in opened)


def test_media_is_opened_in_two_places_alone() -> None:
    """Whoever opens a file with a decoder of its own lets it open what the file names, or asks programs of the machine."""
    openers = {"av.open", "SoundFile", "soundfile.read", "soundfile.info", "librosa.load", "decode_audio", "load_sound_file"}
    calls = {
        (path.relative_to(ROOT).as_posix(), name)
        for package in ("asr", "stages", "commands")
        for path in (ROOT / package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        for name in openers
        if f".{ast.unparse(node.func)}".endswith(f".{name}")
    }

    assert calls == {("asr/audio/ffmpeg.py", "av.open"), ("asr/audio/libsndfile.py", "SoundFile")}


def test_a_file_that_keeps_the_processor_busy_is_given_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = written(tmp_path / "talk.webm", file_of("webm"))
    monkeypatch.setattr("asr.audio.ffmpeg.PATIENCE_SECONDS", -1.0)

    with pytest.raises(DataError, match=r"talk\.webm: not decoded within 0 s$"):
        decode(path)


def test_a_file_alone_is_not_copied() -> None:
    content = file_of("wav")

    assert files_in(content)[0] is content
