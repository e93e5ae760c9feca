"""Features: from files to shards and back."""

from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import soundfile
from transformers import WhisperFeatureExtractor

from asr.audio import content_hash
from asr.augment import Augment, augment
from asr.errors import DataError
from asr.features import CLIPS_PER_SHARD, Extraction, extract
from asr.logmel import pad_frames
from asr.manifest import AudioEntry
from asr.shards import Features
from asr.waveform import normalize_peak, to_mono_16k, trim_silence
from tests.sounds import tone, write_tone

SETTINGS = Extraction(n_mels=80, trim_below_peak_db=30.0, min_trimmed_seconds=0.1)
ALWAYS = Augment(
    seed=1, noise_probability=1.0, noise_min_amplitude=0.001, noise_max_amplitude=0.003,
    gain_probability=1.0, gain_min_db=-2.0, gain_max_db=2.0,
)  # fmt: skip


def entry(path: Path, clip_id: str = "clip") -> AudioEntry:
    return AudioEntry(clip_id, str(path), content_hash(path.read_bytes()), 2.0)


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_a_stereo_48_khz_file_becomes_the_extractors_features(tmp_path: Path) -> None:
    path = write_tone(tmp_path / "a.wav", seconds=2.0, rate=48_000, channels=2)
    samples, _ = soundfile.read(path, dtype="float32", always_2d=True)
    waveform = normalize_peak(trim_silence(to_mono_16k(samples, 48_000), 30.0))
    expected = WhisperFeatureExtractor()(waveform, sampling_rate=16_000).input_features[0].T

    extract([entry(path)], tmp_path / "out", SETTINGS, None, workers=1)

    stored = Features(tmp_path / "out")
    assert (stored.ids, stored.n_mels, stored[0].dtype.name) == (["clip"], 80, "float16")
    assert len(stored[0]) < 210
    np.testing.assert_allclose(pad_frames(stored[0], 3000), expected, atol=5e-4)


def test_a_shard_holds_no_text(tmp_path: Path) -> None:
    extract([entry(write_tone(tmp_path / "a.wav"))], tmp_path / "out", SETTINGS, None, workers=1)

    with pa.OSFile(str(tmp_path / "out" / "00000.arrow")) as file:
        table = pa.ipc.open_file(file).read_all()

    assert table.column_names == ["id", "log_mel"]
    assert table.schema.field("log_mel").type == pa.list_(pa.float16())


def test_silence_around_speech_is_cut_and_can_be_kept(tmp_path: Path) -> None:
    samples = np.concatenate([np.zeros((16_000, 1)), tone(2.0), np.zeros((16_000, 1))])
    soundfile.write(tmp_path / "a.wav", samples, 16_000)

    extract([entry(tmp_path / "a.wav")], tmp_path / "cut", SETTINGS, None, workers=1)
    untrimmed = SETTINGS.model_copy(update={"trim_below_peak_db": None})
    extract([entry(tmp_path / "a.wav")], tmp_path / "kept", untrimmed, None, workers=1)

    assert len(Features(tmp_path / "cut")[0]) < 220
    assert len(Features(tmp_path / "kept")[0]) == 403


def test_a_click_that_trims_to_nothing_is_dropped_with_its_reason(tmp_path: Path) -> None:
    click = np.zeros((16_000, 1))
    click[8_000] = 1.0
    soundfile.write(tmp_path / "click.wav", click, 16_000)
    speech = write_tone(tmp_path / "a.wav")
    settings = SETTINGS.model_copy(update={"min_trimmed_seconds": 0.5})

    extract([entry(tmp_path / "click.wav", "click"), entry(speech, "speech")], tmp_path / "out", settings, None, workers=1)

    stored = Features(tmp_path / "out")
    assert stored.ids == ["speech"]
    assert [(clip.id, clip.reason) for clip in stored.dropped] == [("click", "under 0.5 s after trimming")]


def test_a_split_without_any_features_stops(tmp_path: Path) -> None:
    clip = entry(write_tone(tmp_path / "a.wav"))
    settings = SETTINGS.model_copy(update={"min_trimmed_seconds": 60.0})

    with pytest.raises(DataError, match=r"no clip of out has features \(the first: .*a.wav, under 60 s after trimming\)"):
        extract([clip], tmp_path / "out", settings, None, workers=1)


def test_same_bytes_on_any_number_of_workers(tmp_path: Path) -> None:
    clips = []
    for number in range(CLIPS_PER_SHARD + 9):
        path = write_tone(tmp_path / f"{number}.wav", seconds=0.3 + number % 7 / 10, hertz=100 + number)
        clips.append(entry(path, f"clip {number}"))
    change = partial(augment, copy=1, settings=ALWAYS)

    extract(clips, tmp_path / "one", SETTINGS, change, workers=1)
    extract(clips, tmp_path / "two", SETTINGS, change, workers=2)

    assert files(tmp_path / "one") == files(tmp_path / "two")
    assert list(files(tmp_path / "one")) == ["00000.arrow", "00001.arrow", "manifest.json"]
    assert Features(tmp_path / "one").ids == [clip.id for clip in clips]


def test_audio_that_changed_since_it_was_validated_stops_the_stage(tmp_path: Path) -> None:
    clip = entry(write_tone(tmp_path / "a.wav"))
    write_tone(tmp_path / "a.wav", hertz=500)

    with pytest.raises(DataError, match=r"a.wav: changed since validate ran; run `dvc repro`"):
        extract([clip], tmp_path / "out", SETTINGS, None, workers=1)


def test_a_damaged_folder_is_named_with_its_remedy(tmp_path: Path) -> None:
    extract([entry(write_tone(tmp_path / "a.wav"))], tmp_path / "out", SETTINGS, None, workers=1)
    (tmp_path / "out" / "00000.arrow").write_bytes(b"ARROW1 and nothing more")

    with pytest.raises(DataError, match=r"00000.arrow: can't be read .*; remove .*out and run `dvc repro`"):
        Features(tmp_path / "out")

    (tmp_path / "out" / "manifest.json").unlink()
    with pytest.raises(DataError, match=r"manifest.json: can't be read; remove"):
        Features(tmp_path / "out")
