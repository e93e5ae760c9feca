"""Long recordings through a model of random weights: where speech is found, what is cut, what can't be read."""

import os
import shutil
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from asr.audio.waveform import to_mono_16k
from asr.base.errors import DataError
from asr.export.recognizer import Recognizer
from asr.export.sound import decode
from asr.model.checksums import SUMS
from asr.recognition.loading import open_model
from asr.recognition.long import Listener, default_chunk, seconds_of
from tests.project import ROOT
from tests.sounds import tone
from tools.make_released import make_released

CLIPS = [ROOT / "data" / "sample" / "audios" / f"{number}.mp3" for number in (1, 2, 10)]
SILENCE = 2.0


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_released("tiny.en", tmp_path_factory.mktemp("checkpoint"))


@pytest.fixture(scope="module")
def recognizer(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recognizer]:
    """The checkpoint, converted in an empty folder; it says few tokens, as random weights never come to an end."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("project"))
        opened = open_model(checkpoint)
        opened.model.max_length = 16
        yield opened


@pytest.fixture(scope="module")
def joined(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[tuple[float, float]]]:
    """Clips with silence before each and at the end, and when each begins and ends."""
    silence = np.zeros(int(SILENCE * 16_000), np.float32)
    parts, spans, seconds = [silence], [], SILENCE
    for samples in (decode(clip).waveform for clip in CLIPS):
        spans.append((seconds, seconds + len(samples) / 16_000))
        parts += [samples, silence]
        seconds = spans[-1][1] + SILENCE
    path = tmp_path_factory.mktemp("joined") / "joined.flac"
    soundfile.write(path, np.concatenate(parts), 16_000)
    return path, spans


def test_each_utterance_is_a_segment_at_its_time(
    recognizer: Recognizer, joined: tuple[Path, list[tuple[float, float]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, spans = joined

    listening = Listener(recognizer, chunk_seconds=15).hear(path)
    segments = list(listening.segments)

    assert listening.duration == pytest.approx(spans[-1][1] + SILENCE, abs=0.001)
    assert listening.language == "en"
    assert len(segments) == 3
    for segment, (start, end) in zip(segments, spans, strict=True):
        assert start - 0.5 <= segment.start < segment.end <= end + 0.5
        assert segment.text == " ".join(segment.text.split()) != ""
    monkeypatch.setattr("asr.export.recognizer.AT_ONCE", 1)
    assert list(Listener(recognizer, chunk_seconds=15).hear(path).segments) == segments


def test_speech_is_cut_off_at_neither_end(recognizer: Recognizer, joined: tuple[Path, list[tuple[float, float]]]) -> None:
    path, spans = joined
    samples = np.abs(decode(path).waveform)

    segments = list(Listener(recognizer, chunk_seconds=15).hear(path).segments)

    for segment, (start, end) in zip(segments, spans, strict=True):
        clip = samples[int(start * 16_000) : int(end * 16_000)]
        loud = start + np.flatnonzero(clip > 0.1 * clip.max()) / 16_000
        assert segment.start < loud[0] - 0.3
        assert segment.end > loud[-1] + 0.3


def test_no_segment_has_more_speech_than_a_chunk(
    recognizer: Recognizer, joined: tuple[Path, list[tuple[float, float]]]
) -> None:
    segments = list(Listener(recognizer, chunk_seconds=2).hear(joined[0]).segments)

    assert len(segments) > 3
    assert all(segment.end - segment.start <= 3.001 for segment in segments)
    assert all(one.end <= other.start for one, other in pairwise(segments))


def test_nobody_speaks_in_silence(recognizer: Recognizer, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "silence.wav", np.zeros(32_000, np.float32), 16_000)

    listening = Listener(recognizer, chunk_seconds=15).hear(tmp_path / "silence.wav")

    assert (listening.duration, listening.language, list(listening.segments)) == (2.0, None, [])


@pytest.mark.parametrize(("longest", "seconds"), [(None, 30), (7.2, 8), (8.0, 8), (0.8, 2), (31.0, 30)])
def test_chunks_are_as_long_as_the_longest_clip_of_training(longest: float | None, seconds: int) -> None:
    assert default_chunk(longest) == seconds


def test_a_checkpoint_is_converted_once(checkpoint: Path, recognizer: Recognizer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asr.export.convert.convert", lambda *_: pytest.fail("converted again"))

    (folder,) = Path(".cache/converted").iterdir()
    os.utime(folder, (0, 0))
    assert open_model(checkpoint).model.max_length == 448
    assert folder.stat().st_mtime > 0, "who prunes knows that it was used"


def test_a_folder_without_a_model_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no model there.*`make repro` makes models/export.*`dvc pull models/export`"):
        open_model(tmp_path / "export")


def test_the_sound_of_a_video_is_decoded(tmp_path: Path) -> None:
    path = write_video(tmp_path / "talk.mkv", tone(1.5, rate=48_000))

    samples = decode(path).waveform

    assert len(samples) == pytest.approx(24_000, abs=800)
    assert np.abs(samples).max() > 0.3
    assert seconds_of(path) == pytest.approx(1.5, abs=0.1)


def write_video(path: Path, samples: NDArray[np.float32]) -> Path:
    """A black picture, and sound at 48 kHz."""
    with av.open(str(path), "w") as container:
        video, audio = container.add_stream("mpeg4", rate=25), container.add_stream("aac", rate=48_000)
        video.width = video.height = 64
        picture = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
        container.mux(video.encode(picture))
        for first in range(0, len(samples), 1024):
            frame = av.AudioFrame.from_ndarray(samples[first : first + 1024].T.copy(), format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 48_000, first
            container.mux(audio.encode(frame))
        container.mux([*video.encode(None), *audio.encode(None)])
    return path


def test_what_has_no_sound_is_named_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "text.mp3").write_text("not sound at all")
    picture = write_video(tmp_path / "picture.mkv", np.zeros((0, 1), np.float32))

    with pytest.raises(DataError, match=r"text\.mp3: damaged, cut short or not audio \(Invalid data"):
        decode(tmp_path / "text.mp3")
    with pytest.raises(DataError, match=r"gone\.mp3: No such file or directory$"):
        decode(tmp_path / "gone.mp3")
    with pytest.raises(DataError, match=r"picture\.mkv: no audio in the file$"):
        decode(picture)
    assert seconds_of(tmp_path / "text.mp3") == seconds_of(tmp_path / "gone.mp3") == 0.0


def test_somebody_elses_export_says_nothing_of_its_language(checkpoint: Path, recognizer: Recognizer, tmp_path: Path) -> None:
    shutil.copytree(next(Path(".cache/converted").iterdir()), tmp_path / "export")
    (tmp_path / "export" / SUMS).unlink()
    (tmp_path / "export" / "generation_config.json").unlink()

    opened = open_model(tmp_path / "export")

    assert (opened.language, opened.task, opened.longest_clip) == (None, "transcribe", None)
    (tmp_path / "export" / "tokenizer.json").unlink()
    with pytest.raises(DataError, match=r"export: tokenizer.json is missing, and faster-whisper would fetch another's"):
        open_model(tmp_path / "export")


def test_a_recording_no_longer_than_a_chunk_is_heard_whole(
    recognizer: Recognizer, joined: tuple[Path, list[tuple[float, float]]]
) -> None:
    path, spans = joined

    (segment,) = Listener(recognizer, chunk_seconds=30).hear(path).segments

    assert spans[0][0] - 0.6 <= segment.start
    assert segment.end <= spans[-1][1] + 0.6


def test_one_channel_of_a_recording_is_heard_where_it_is_asked_for(tmp_path: Path) -> None:
    call = np.stack([tone(40.0, rate=8_000)[:, 0], np.zeros(320_000, np.float32)], axis=1)
    soundfile.write(tmp_path / "call.wav", call, 8_000, subtype="FLOAT")

    first, second, both = (decode(tmp_path / "call.wav", channel).waveform for channel in (0, 1, None))

    assert len(first) == len(second) == 640_000
    np.testing.assert_allclose(both, first / 2, atol=1e-6)
    assert not second.any()
    with pytest.raises(DataError, match=r"call\.wav: channel 2 of a file that has 2; the first is 0$"):
        decode(tmp_path / "call.wav", 2)


def test_channels_in_opposite_phase_are_heard_in_a_long_recording_too(tmp_path: Path) -> None:
    voice = tone(70.0, rate=44_100)
    soundfile.write(tmp_path / "long.wav", np.concatenate([voice, -voice], axis=1), 44_100, subtype="FLOAT")

    np.testing.assert_array_equal(decode(tmp_path / "long.wav").waveform, to_mono_16k(voice, 44_100))


def test_a_recording_that_breaks_off_is_heard_to_there_and_it_is_said(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "whole.flac", tone(20.0), 16_000)
    content = (tmp_path / "whole.flac").read_bytes()
    (tmp_path / "cut.flac").write_bytes(content[: len(content) // 2])

    found = decode(tmp_path / "cut.flac")

    assert 5.0 < len(found.waveform) / 16_000 < 15.0
    assert found.missing
    assert decode(tmp_path / "whole.flac").missing is None
