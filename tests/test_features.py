"""Features: from files to shards and back."""

import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import soundfile

from asr.audio.waveform import Waveform, to_mono_16k, trim_silence
from asr.base.entries import AudioEntry
from asr.base.errors import DataError
from asr.base.hashes import content_hash
from asr.features.build import build_features
from asr.features.clip import AS_RECORDED, Unusable, Variants, features_of
from asr.features.parameters import Features
from asr.machine.engine import Engine
from asr.shards.frames import pad_frames
from asr.shards.reader import StoredFeatures
from tests.sounds import normalize_peak, tone, write_mono_then_stereo, write_tone

SETTINGS = Features(n_mels=80, trim_below_peak_db=30.0, min_trimmed_seconds=0.1, store=None)
HERE = Engine(workers=0)


def entry(path: Path, clip_id: str = "clip") -> AudioEntry:
    return AudioEntry(clip_id, str(path), content_hash(path.read_bytes()), 2.0)


def tones(folder: Path, count: int) -> list[AudioEntry]:
    paths = [write_tone(folder / f"{n}.wav", seconds=0.3 + n % 7 / 10, hertz=100 + n) for n in range(count)]
    return [entry(path, f"clip {n}") for n, path in enumerate(paths)]


def made(
    folder: Path,
    clips: Sequence[AudioEntry],
    settings: Features = SETTINGS,
    variants: Variants = AS_RECORDED,
    cache: str = "cache",
    engine: Engine = HERE,
) -> dict[str, bytes]:
    """Extract into `folder`, with a cache beside it, and return the files."""
    build_features(iter(clips), len(clips), folder, settings, variants, folder.parent / cache, engine)
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def read(folder: Path) -> StoredFeatures:
    return StoredFeatures(folder, folder.parent / "cache")


def origins(cache: Path) -> int:
    return len(list((cache / "records").iterdir()))


def louder(waveform: Waveform, clip_id: str, copy: int) -> Waveform:
    return np.float32(copy) * waveform[: 3000 * copy]


LOUDER = Variants((0, 1, 2), louder, "louder")


def test_a_stereo_48_khz_file_becomes_the_extractors_features(tmp_path: Path) -> None:
    from transformers import WhisperFeatureExtractor  # here, as the worker processes of other tests import this module

    path = write_tone(tmp_path / "a.wav", seconds=2.0, rate=48_000, channels=2)
    samples, _ = soundfile.read(path, dtype="float32", always_2d=True)
    waveform = normalize_peak(trim_silence(to_mono_16k(samples, 48_000), 30.0))
    expected = WhisperFeatureExtractor()(waveform, sampling_rate=16_000).input_features[0].T

    made(tmp_path / "out", [entry(path)], SETTINGS)

    stored = read(tmp_path / "out")
    assert (stored.ids, stored.n_mels, stored[0].dtype.name) == (["clip"], 80, "float16")
    assert len(stored[0]) < 210
    np.testing.assert_allclose(pad_frames(stored[0], 3000), expected, atol=5e-4)


def test_silence_around_speech_is_cut_and_can_be_kept(tmp_path: Path) -> None:
    samples = np.concatenate([np.zeros((16_000, 1)), tone(2.0), np.zeros((16_000, 1))])
    soundfile.write(tmp_path / "a.wav", samples, 16_000)

    made(tmp_path / "cut", [entry(tmp_path / "a.wav")], SETTINGS)
    untrimmed = SETTINGS.model_copy(update={"trim_below_peak_db": None})
    made(tmp_path / "kept", [entry(tmp_path / "a.wav")], untrimmed)

    assert len(read(tmp_path / "cut")[0]) < 220
    assert len(read(tmp_path / "kept")[0]) == 403


def test_a_copy_may_keep_the_silence_that_is_cut_from_its_clip(tmp_path: Path) -> None:
    samples = np.concatenate([np.zeros((16_000, 1)), 0.5 * tone(2.0), np.zeros((16_000, 1))])
    soundfile.write(tmp_path / "a.wav", samples, 16_000)
    heard: dict[int, Waveform] = {}

    def listen(waveform: Waveform, clip_id: str, copy: int) -> Waveform:
        heard[copy] = waveform
        return waveform

    next(
        features_of(
            [entry(tmp_path / "a.wav")], SETTINGS, Variants((0, 1, 2), listen, untrimmed=lambda clip_id, copy: copy == 2)
        )
    )

    assert len(heard[1]) < 35_000
    assert len(heard[2]) == 64_000
    assert [round(float(np.abs(waveform).max()), 3) for waveform in heard.values()] == [1.0, 1.0]


def test_a_click_that_trims_to_nothing_is_dropped_with_its_reason(tmp_path: Path) -> None:
    click = np.zeros((16_000, 1))
    click[8_000] = 1.0
    soundfile.write(tmp_path / "click.wav", click, 16_000)
    speech = write_tone(tmp_path / "a.wav")
    settings = SETTINGS.model_copy(update={"min_trimmed_seconds": 0.5})

    made(tmp_path / "out", [entry(tmp_path / "click.wav", "click"), entry(speech, "speech")], settings)

    stored = read(tmp_path / "out")
    assert stored.ids == ["speech"]
    assert [(clip.id, clip.reason) for clip in stored.dropped] == [("click", "under 0.5 s after trimming")]


def test_a_clip_that_can_not_be_decoded_has_its_reason(tmp_path: Path) -> None:
    joined = write_mono_then_stereo(tmp_path / "joined.mp3")
    speech = write_tone(tmp_path / "a.wav")

    found = next(features_of([entry(joined)], SETTINGS, AS_RECORDED))
    made(tmp_path / "out", [entry(joined, "joined"), entry(speech, "speech")], SETTINGS)

    assert isinstance(found, Unusable)
    assert found.reason == "changes from 16000 Hz, 1 channel to 16000 Hz, 2 channels after 1.01 s"
    stored = read(tmp_path / "out")
    assert stored.ids == ["speech"]
    assert [(clip.id, clip.reason) for clip in stored.dropped] == [("joined", found.reason)]


def test_a_split_without_any_features_stops(tmp_path: Path) -> None:
    clip = entry(write_tone(tmp_path / "a.wav"))
    settings = SETTINGS.model_copy(update={"min_trimmed_seconds": 60.0})

    with pytest.raises(DataError, match=r"no clip of out has features \(the first: .*a.wav, under 60 s after trimming\)"):
        made(tmp_path / "out", [clip], settings)


def test_audio_that_changed_since_it_was_validated_stops_the_stage(tmp_path: Path) -> None:
    clip = entry(write_tone(tmp_path / "a.wav"))
    write_tone(tmp_path / "a.wav", hertz=500)

    with pytest.raises(DataError, match=r"a.wav: changed since validate ran; run `dvc repro --force"):
        made(tmp_path / "out", [clip], SETTINGS)


def test_a_shard_is_named_by_its_bytes_and_holds_no_text(tmp_path: Path) -> None:
    files = made(tmp_path / "out", tones(tmp_path, 1))
    manifest = json.loads(files["manifest.json"])

    content = files[f"{manifest['shards'][0]['sha256']}.arrow"]
    table = pa.ipc.open_file(pa.BufferReader(content)).read_all()
    assert hashlib.sha256(content).hexdigest() == manifest["shards"][0]["sha256"]
    assert (manifest["format"], manifest["n_mels"], manifest["shards"][0]["rows"]) == (2, 80, 1)
    assert table.schema.types == [pa.string(), pa.int32(), pa.list_(pa.float16())]
    assert table.column_names == ["id", "copy", "log_mel"]


def test_128_mels(tmp_path: Path) -> None:
    clip = tones(tmp_path, 1)

    made(tmp_path / "out", clip, SETTINGS.model_copy(update={"n_mels": 128}))

    assert read(tmp_path / "out").n_mels == 128
    assert read(tmp_path / "out")[0].shape[1] == 128


def test_every_copy_is_stored_beside_its_clip(tmp_path: Path) -> None:
    made(tmp_path / "out", tones(tmp_path, 3), SETTINGS, LOUDER)

    stored = read(tmp_path / "out")

    assert stored.ids == ["clip 0"] * 3 + ["clip 1"] * 3 + ["clip 2"] * 3
    assert list(stored.copies) == [0, 1, 2] * 3
    assert [len(stored[n]) for n in (1, 2)] == [21, 33]


def test_same_bytes_on_any_number_of_workers(tmp_path: Path) -> None:
    clips = tones(tmp_path, 200)

    one = made(tmp_path / "one", clips, SETTINGS, LOUDER, "cache of one")
    two = made(tmp_path / "two", clips, SETTINGS, LOUDER, "cache of two", Engine(workers=2))

    assert one == two
    assert len(one) > 5
    assert read(tmp_path / "one").ids == [clip.id for clip in clips for _ in range(3)]


def test_what_the_cache_held_before_changes_nothing(tmp_path: Path) -> None:
    clips = tones(tmp_path, 40)
    made(tmp_path / "others", clips[5:30])
    made(tmp_path / "other mels", clips, SETTINGS.model_copy(update={"n_mels": 128}))

    assert made(tmp_path / "full cache", clips) == made(tmp_path / "no cache", clips, cache="empty")


def test_a_second_time_nothing_is_computed_but_the_drops_are_told_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clips = tones(tmp_path, 10)
    settings = SETTINGS.model_copy(update={"min_trimmed_seconds": 0.4})
    first = made(tmp_path / "first", clips, settings)
    shutil.rmtree(tmp_path / "first")

    assert made(tmp_path / "first", clips, settings) == first
    assert "features of first: 10 clips, 0 computed, 2 dropped\n" in capsys.readouterr().err


def test_a_renamed_clip_is_not_computed_again_and_a_drop_has_its_new_name(tmp_path: Path) -> None:
    clips = tones(tmp_path, 4)
    settings = SETTINGS.model_copy(update={"min_trimmed_seconds": 0.4})
    made(tmp_path / "before", clips, settings)
    moved = [AudioEntry(clip.id, f"elsewhere/{n}.wav", clip.audio_hash, clip.seconds) for n, clip in enumerate(clips)]

    made(tmp_path / "after", moved, settings)

    assert [clip.path for clip in read(tmp_path / "after").dropped] == ["elsewhere/0.wav"]


@pytest.mark.parametrize(
    ("settings", "variants"),
    [
        (SETTINGS.model_copy(update={"trim_below_peak_db": 20.0}), LOUDER),
        (SETTINGS, Variants((0, 1), louder, "louder")),
        (SETTINGS, Variants((0, 1, 2), louder, "another sound")),
    ],
)
def test_other_settings_are_other_shards(tmp_path: Path, settings: Features, variants: Variants) -> None:
    made(tmp_path / "before", tones(tmp_path, 3), SETTINGS, LOUDER)

    made(tmp_path / "after", tones(tmp_path, 3), settings, variants)

    assert origins(tmp_path / "cache") == 2


def test_other_code_is_other_shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = made(tmp_path / "before", tones(tmp_path, 3))
    monkeypatch.setattr("asr.features.making.feature_version", lambda modules, packages: "another version")

    assert made(tmp_path / "after", tones(tmp_path, 3)) == first
    assert origins(tmp_path / "cache") == 2


def test_a_shard_that_was_changed_in_the_cache_is_computed_again(tmp_path: Path) -> None:
    clips = tones(tmp_path, 3)
    first = made(tmp_path / "out", clips)
    for shard in (tmp_path / "cache" / "shards").iterdir():
        with shard.open("r+b") as file:  # through the link, as another program would
            file.seek(300)
            file.write(b"\xff")

    assert made(tmp_path / "again", clips) == first


def test_across_file_systems_shards_are_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def impossible(source: Path, target: Path) -> None:
        raise OSError(18, "Invalid cross-device link")

    clips = tones(tmp_path, 3)
    linked = made(tmp_path / "linked", clips)
    monkeypatch.setattr(os, "link", impossible)

    assert made(tmp_path / "copied", clips) == linked


def test_one_unreadable_clip_is_dropped_and_the_rest_goes_on(tmp_path: Path) -> None:
    clips = tones(tmp_path, 5)
    Path(clips[2].path).write_bytes(b"RIFF and no more")
    clips[2] = entry(Path(clips[2].path), "clip 2")

    made(tmp_path / "out", clips)

    stored = read(tmp_path / "out")
    assert stored.ids == ["clip 0", "clip 1", "clip 3", "clip 4"]
    assert [(clip.id, clip.path) for clip in stored.dropped] == [("clip 2", clips[2].path)]
    assert "damaged, cut short or not audio" in stored.dropped[0].reason


def test_with_an_object_store_the_folder_holds_the_list_alone(tmp_path: Path) -> None:
    clips = tones(tmp_path, 5)
    settings = SETTINGS.model_copy(update={"store": f"memory://{tmp_path.name}"})
    here = made(tmp_path / "here", clips, cache="another")

    there = made(tmp_path / "there", clips, settings)

    assert list(there) == ["manifest.json"]
    fetched = read(tmp_path / "there")
    assert [fetched[n].tobytes() for n in range(5)] == [
        StoredFeatures(tmp_path / "here", tmp_path)[n].tobytes() for n in range(5)
    ]
    names = {path.name for path in (tmp_path / "cache" / "shards").iterdir()}
    assert names == here.keys() - {"manifest.json"}


def test_what_an_object_store_has_is_not_computed_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clips = tones(tmp_path, 5)
    settings = SETTINGS.model_copy(update={"store": f"memory://{tmp_path.name}"})
    first = made(tmp_path / "first", clips, settings)

    assert made(tmp_path / "second", clips, settings) == first
    assert "features of second: 5 clips, 0 computed" in capsys.readouterr().err


@pytest.mark.parametrize("address", ["nosuch://bucket/folder", "http://127.0.0.1:1/folder"])
def test_a_store_that_can_not_be_used_is_named_before_any_work(tmp_path: Path, address: str) -> None:
    settings = SETTINGS.model_copy(update={"store": address})

    with pytest.raises(DataError, match=f"features.store {address}: "):
        made(tmp_path / "out", [AudioEntry("clip", "nowhere.wav", "0", 1.0)], settings)


def test_a_cache_that_can_not_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")

    with pytest.raises(DataError, match=r"cache: .*; set cache in machine.yaml to a folder of yours"):
        made(tmp_path / "out", tones(tmp_path, 2))
