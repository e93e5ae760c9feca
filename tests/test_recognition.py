"""Long recordings through a model of random weights: where speech is found, what is cut, what can't be read."""

import shutil
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from asr.base.errors import DataError
from asr.export.recognizer import Recognizer
from asr.export.sound import decode
from asr.recognition.loading import open_model
from asr.recognition.long import Listener, ascending, default_chunk, seconds_of
from asr.recognition.subtitles import Segment
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
    for samples in map(decode, CLIPS):
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

    listening = Listener(recognizer, chunk_seconds=30).hear(path)
    segments = list(listening.segments)

    assert listening.duration == pytest.approx(spans[-1][1] + SILENCE, abs=0.001)
    assert listening.language == "en"
    assert len(segments) == 3
    for segment, (start, end) in zip(segments, spans, strict=True):
        assert start - 0.5 <= segment.start < segment.end <= end + 0.5
        assert segment.text == " ".join(segment.text.split()) != ""
    monkeypatch.setattr("asr.recognition.long.AT_ONCE", 1)
    assert list(Listener(recognizer, chunk_seconds=30).hear(path).segments) == segments


def test_speech_is_cut_off_at_neither_end(recognizer: Recognizer, joined: tuple[Path, list[tuple[float, float]]]) -> None:
    path, spans = joined
    samples = np.abs(decode(path))

    segments = list(Listener(recognizer, chunk_seconds=30).hear(path).segments)

    for segment, (start, end) in zip(segments, spans, strict=True):
        clip = samples[int(start * 16_000) : int(end * 16_000)]
        loud = start + np.flatnonzero(clip > 0.1 * clip.max()) / 16_000
        assert segment.start < loud[0] - 0.3
        assert segment.end > loud[-1] + 0.3


def test_no_segment_is_longer_than_a_chunk(recognizer: Recognizer, joined: tuple[Path, list[tuple[float, float]]]) -> None:
    segments = list(Listener(recognizer, chunk_seconds=2).hear(joined[0]).segments)

    assert len(segments) > 3
    assert all(segment.end - segment.start <= 2.001 for segment in segments)
    assert all(one.end <= other.start for one, other in pairwise(segments))


def test_nobody_speaks_in_silence(recognizer: Recognizer, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "silence.wav", np.zeros(32_000, np.float32), 16_000)

    listening = Listener(recognizer, chunk_seconds=30).hear(tmp_path / "silence.wav")

    assert (listening.duration, listening.language, list(listening.segments)) == (2.0, None, [])


def test_segments_ascend_whatever_a_model_says_of_times() -> None:
    found = [SimpleNamespace(start=start, end=end, text=text) for start, end, text in SAID]

    assert list(ascending(found, duration=9.5)) == [Segment(1.0, 3.0, "a b"), Segment(3.0, 4.0, "c"), Segment(8.0, 9.5, "d")]


SAID = [(1.0, 3.0, " a \n b"), (2.0, 4.0, "c"), (5.0, 6.0, " "), (8.0, 9.9, "d")]


@pytest.mark.parametrize(("longest", "seconds"), [(None, 30), (7.2, 8), (8.0, 8), (0.8, 2), (31.0, 30)])
def test_chunks_are_as_long_as_the_longest_clip_of_training(longest: float | None, seconds: int) -> None:
    assert default_chunk(longest) == seconds


def test_a_checkpoint_is_converted_once(checkpoint: Path, recognizer: Recognizer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asr.export.convert.convert", lambda *_: pytest.fail("converted again"))

    assert len(list(Path(".cache/converted").iterdir())) == 1
    assert open_model(checkpoint).model.max_length == 448


def test_a_folder_without_a_model_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no model there.*`make repro` makes models/export.*`dvc pull models/export`"):
        open_model(tmp_path / "export")


def test_the_sound_of_a_video_is_decoded(tmp_path: Path) -> None:
    path = write_video(tmp_path / "talk.mkv", tone(1.5, rate=48_000))

    samples = decode(path)

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

    with pytest.raises(DataError, match=r"text\.mp3: Invalid data found when processing input$"):
        decode(tmp_path / "text.mp3")
    with pytest.raises(DataError, match=r"gone\.mp3: No such file or directory$"):
        decode(tmp_path / "gone.mp3")
    with pytest.raises(DataError, match=r"picture\.mkv: no audio in it$"):
        decode(picture)
    assert seconds_of(tmp_path / "text.mp3") == seconds_of(tmp_path / "gone.mp3") == 0.0


def test_somebody_elses_export_says_nothing_of_its_language(checkpoint: Path, recognizer: Recognizer, tmp_path: Path) -> None:
    shutil.copytree(next(Path(".cache/converted").iterdir()), tmp_path / "export")
    (tmp_path / "export" / "generation_config.json").unlink()

    opened = open_model(tmp_path / "export")

    assert (opened.language, opened.task, opened.longest_clip) == (None, "transcribe", None)
    (tmp_path / "export" / "tokenizer.json").unlink()
    with pytest.raises(DataError, match=r"export: tokenizer.json is missing, and faster-whisper would fetch another's"):
        open_model(tmp_path / "export")
