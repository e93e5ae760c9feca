"""Audio that FFmpeg reads: its length, its format, and what may keep it busy."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import NoReturn

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from asr.audio.decoding import UnreadableAudioError, read_recording
from asr.audio.ffmpeg import FfmpegSource, one_threaded
from tests.encoding import encoded, stored
from tests.sounds import tone

NO_FRAME = b"\x7c"
"""What AMR has for 20 ms without speech."""


def silence_then_noise(rate: int) -> NDArray[np.float32]:
    noise = np.random.default_rng(1).uniform(-0.3, 0.3, (rate, 1))
    return np.concatenate([np.zeros((3 * rate, 1)), noise]).astype(np.float32)


def amr_with_a_pause() -> bytes:
    content = encoded("amr", "libopencore_amrnb", tone(3.0, 8_000), 8_000)
    return content[:6] + 50 * NO_FRAME + content[6:]


FILES: dict[str, tuple[Callable[[], bytes], float]] = {
    "mp4 whose video is longer": (lambda: encoded("mp4", "aac", tone(3.0, 44_100), 44_100, video_seconds=6), 3.0),
    "mkv whose video is longer": (lambda: encoded("matroska", "libopus", tone(3.0, 48_000), 48_000, video_seconds=6), 3.0),
    "mkv that begins at 1 s": (lambda: encoded("matroska", "pcm_s16le", tone(3.0), 16_000, start_seconds=1), 3.0),
    "aac, whose bit rate says 13 s": (lambda: encoded("adts", "aac", silence_then_noise(16_000), 16_000), 4.0),
    "amr": (lambda: encoded("amr", "libopencore_amrnb", tone(3.0, 8_000), 8_000), 3.0),
    "amr with a pause": (amr_with_a_pause, 4.0),
    "3gp": (lambda: encoded("3gp", "libopencore_amrnb", tone(3.0, 8_000), 8_000), 3.0),
    "webm as browsers stream it": (lambda: encoded("webm", "libopus", tone(3.0, 48_000), 48_000, live="1"), 3.0),
    "mp4 in fragments": (lambda: encoded("mp4", "aac", tone(3.0), 16_000, movflags="frag_keyframe+empty_moov"), 3.0),
    "wma": (lambda: encoded("asf", "wmav2", tone(3.0, 44_100, channels=2), 44_100, bit_rate=128_000), 3.0),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_as_long_as_its_sound(name: str) -> None:
    make, seconds = FILES[name]

    assert read_recording(make()).seconds == pytest.approx(seconds, abs=0.12)


@pytest.mark.parametrize(
    ("kind", "codec", "rate"), [("matroska", "libopus", 48_000), ("webm", "libopus", 48_000), ("wav", "g722", 16_000)]
)
def test_a_file_that_breaks_off_between_frames_is_cut_short(kind: str, codec: str, rate: int) -> None:
    content = encoded(kind, codec, tone(3.0, rate), rate)

    with pytest.raises(UnreadableAudioError, match=r"^cut short: 1\.\d\d s of 3\.\d\d s can be read$"):
        read_recording(content[: len(content) // 2])


def joined(first: bytes, second: bytes) -> str:
    with pytest.raises(UnreadableAudioError) as raised:
        read_recording(first + second)
    assert raised.value.remedy == "export each part by itself"
    return str(raised.value)


def test_joined_files_of_two_formats_are_refused_with_both() -> None:
    mono, stereo, fast = tone(1.0), tone(1.0, channels=2), tone(1.0, rate=44_100)

    for kind in ("MP3", "FLAC"):
        first = stored(mono, 16_000, kind)
        assert joined(first, stored(stereo, 16_000, kind)).startswith(
            "changes from 16000 Hz, 1 channel to 16000 Hz, 2 channels"
        )
        assert joined(first, stored(fast, 44_100, kind)).startswith("changes from 16000 Hz, 1 channel to 44100 Hz, 1 channel a")
    aac = [encoded("adts", "aac", sound, rate) for sound, rate in ((mono, 16_000), (fast, 44_100), (stereo, 16_000))]
    assert joined(aac[0], aac[1]) == "changes from 16000 Hz, 1 channel to 44100 Hz, 1 channel after 1.09 s"
    assert joined(aac[2], aac[0]) == "changes from 16000 Hz, 2 channels to 16000 Hz, 1 channel after 1.09 s"
    assert joined(stored(mono, 16_000, "OGG"), stored(stereo, 16_000, "OGG")) == (
        "changes from 16000 Hz, 1 channel to 16000 Hz, 2 channels"
    )
    assert joined(stored(mono, 16_000, "OGG"), stored(mono, 16_000, "OGG", "OPUS")) == (
        "changes from 16000 Hz, 1 channel to 48000 Hz, 1 channel"
    )


@pytest.mark.parametrize(("kind", "subtype"), [("OGG", "VORBIS"), ("OGG", "OPUS"), ("FLAC", "PCM_16")])
def test_joined_files_of_one_format_are_read_to_the_end(kind: str, subtype: str) -> None:
    rate = 48_000
    content = stored(tone(2.0, rate), rate, kind, subtype) + stored(tone(1.0, rate, hertz=500), rate, kind, subtype)

    assert read_recording(content).seconds == pytest.approx(3.0, abs=0.1)


def test_eight_channels_are_read() -> None:
    sound = tone(1.0, rate=48_000, channels=8) * np.linspace(0.1, 0.8, 8, dtype=np.float32)

    found = read_recording(encoded("matroska", "flac", sound, 48_000))

    assert found.channels == 8
    np.testing.assert_allclose(found.samples, sound, atol=2e-4)


def test_a_file_that_is_read_over_and_over_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def read_often(file: BytesIO, **options: object) -> NoReturn:
        for _ in range(100):
            file.seek(0)
            file.read(10)
        raise AssertionError("nobody stopped it")

    monkeypatch.setattr("asr.audio.ffmpeg.av.open", read_often)
    monkeypatch.setattr("asr.audio.ffmpeg.PATIENCE_SECONDS", -1.0)

    with pytest.raises(UnreadableAudioError, match=r"^not decoded within 0 s$"):
        FfmpegSource(b"a file")


def test_a_file_that_stops_giving_sound_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    source = FfmpegSource(encoded("mp4", "aac", tone(2.0), 16_000))
    assert source.read(16_000) is not None
    monkeypatch.setattr("asr.audio.ffmpeg.PATIENCE_SECONDS", -10.0)

    with pytest.raises(UnreadableAudioError, match="not decoded within"):
        source.read(16_000)


def test_a_playlist_may_not_name_other_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret.wav").write_bytes(stored(tone(1.0), 16_000))
    monkeypatch.chdir(tmp_path)

    with pytest.raises(UnreadableAudioError):
        read_recording(b"ffconcat version 1.0\nfile secret.wav\n")


def test_a_decoder_works_in_one_thread() -> None:
    for kind, codec in (("matroska", "flac"), ("amr", "libopencore_amrnb")):
        with av.open(BytesIO(encoded(kind, codec, tone(1.0, 8_000), 8_000))) as container:
            assert one_threaded(container.streams.audio[0].codec_context).thread_count == 1


@pytest.mark.parametrize(("rate", "channels", "said"), [(800, 1, "800 Hz; from 1000 to 768000"), (16_000, 40, "40 channels; ")])
def test_rates_and_channels_that_no_recording_has(rate: int, channels: int, said: str) -> None:
    with pytest.raises(UnreadableAudioError, match=said):
        read_recording(stored(np.zeros((1_600, channels), np.float32), rate))
