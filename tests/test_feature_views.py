"""Features of parts of files: as if each part were a file of its own, and each file read once."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

import asr.audio.decoding
import asr.features.clip
from asr.audio.decoding import read_recording
from asr.audio.ffmpeg import FfmpegSource
from asr.base.entries import AudioEntry, View
from asr.base.hashes import content_hash
from asr.features.build import key_of
from asr.features.chunks import cut
from asr.features.clip import AS_RECORDED, Unusable, Variants, features_of
from stages.features_eval import RECORDINGS, keep_recordings
from tests.encoding import encoded, stored
from tests.sounds import tone
from tests.test_chunks import keyed
from tests.test_features import LOUDER, SETTINGS, made, read


def part(path: Path, clip_id: str, view: View) -> AudioEntry:
    return AudioEntry(clip_id, str(path), content_hash(path.read_bytes()), 1.0, view.start, view.end, view.channel)


def long_file(folder: Path, kind: str) -> Path:
    """Twelve seconds of tones, each second another, at 44.1 kHz."""
    sound = np.concatenate([tone(1.0, 44_100, 200 + 50 * second, channels=2) for second in range(12)])
    path = folder / f"long.{kind}"
    path.write_bytes(stored(sound, 44_100) if kind == "wav" else encoded("mp4", "aac", sound, 44_100))
    return path


@pytest.mark.parametrize("kind", ["wav", "m4a"])
@pytest.mark.parametrize("view", [View(1.2345, 3.5), View(10.5, None, 1)])
def test_a_part_has_the_features_of_a_file_cut_at_the_same_samples(tmp_path: Path, kind: str, view: View) -> None:
    path = long_file(tmp_path, kind)
    whole = read_recording(path.read_bytes())
    samples = whole.samples[round((view.start or 0) * 44_100) : round((view.end or 99) * 44_100)]
    samples = samples if view.channel is None else samples[:, [view.channel]]
    soundfile.write(tmp_path / "cut.wav", samples, 44_100, subtype="FLOAT")

    found = next(features_of([part(path, "part", view)], SETTINGS, AS_RECORDED))
    expected = next(features_of([part(tmp_path / "cut.wav", "cut", View())], SETTINGS, AS_RECORDED))

    assert isinstance(found, list)
    assert isinstance(expected, list)
    np.testing.assert_array_equal(found[0], expected[0])


def test_a_file_is_read_hashed_and_decoded_once_for_all_of_its_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = long_file(tmp_path, "m4a")
    clips = [part(path, f"clip {n}", View(n / 50, n / 50 + 0.5)) for n in range(500)]
    hashed: list[int] = []
    opened: list[int] = []

    def counting_hash(content: bytes) -> str:
        hashed.append(len(content))
        return content_hash(content)

    def counting_open(content: bytes) -> FfmpegSource:
        opened.append(len(content))
        return FfmpegSource(content)

    monkeypatch.setattr(asr.features.clip, "content_hash", counting_hash)
    monkeypatch.setattr(asr.audio.decoding, "FfmpegSource", counting_open)

    made(tmp_path / "out", clips)

    assert len(list(cut(keyed(clip) for clip in clips))) > 1
    assert len(hashed) == len(opened) == 1
    assert read(tmp_path / "out").ids == [clip.id for clip in clips]


def test_parts_of_several_files_keep_their_order_whoever_decodes_first(tmp_path: Path) -> None:
    path, other = long_file(tmp_path, "wav"), tmp_path / "other.wav"
    other.write_bytes(stored(tone(2.0), 16_000))
    views = [View(9.0, 10.0), View(0.0, 1.0), View(20.0, 21.0), View(4.0, 5.5)]
    parts = [part(path, f"clip {n}", view) for n, view in enumerate(views)]
    clips = [parts[0], parts[1], part(other, "other", View()), parts[2], parts[3]]

    made(tmp_path / "out", clips, SETTINGS, LOUDER)

    stored_features = read(tmp_path / "out")
    assert stored_features.ids == [clip for clip in ("clip 0", "clip 1", "other", "clip 3") for _ in range(3)]
    assert [(clip.id, clip.reason) for clip in stored_features.dropped] == [
        ("clip 2", "to 21.00 s of a file that ends at 12.00 s")
    ]
    alone = next(features_of([parts[3]], SETTINGS, LOUDER))
    assert not isinstance(alone, Unusable)
    np.testing.assert_array_equal(stored_features[9], alone[0])


def test_parts_of_the_test_split_become_files_that_know_no_time_of_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = long_file(tmp_path, "m4a")
    views = {"late": View(0.75, 1.25), "early": View(0.25, 0.5)}

    keep_recordings(part(path, name, view) for name, view in views.items())

    for name, view in views.items():
        content = (RECORDINGS / f"{name}.wav").read_bytes()
        assert read_recording(content).rate == read_recording(path.read_bytes()).rate
        np.testing.assert_array_equal(read_recording(content).samples, read_recording(path.read_bytes(), view).samples)
        assert b"PEAK" not in content  # the chunk in which libsndfile says when it was written


def test_each_part_of_a_file_has_a_key_of_its_own() -> None:
    whole = AudioEntry("one", "a.wav", "12", 2.0)
    others = [replace(whole, start=1.0), replace(whole, end=1.0), replace(whole, channel=1), replace(whole, id="two")]

    assert len({key_of(clip) for clip in (whole, *others)}) == 5
    assert key_of(replace(whole, path="elsewhere.wav")) == key_of(whole)


def test_parts_of_one_file_are_cut_into_chunks_as_clips_are() -> None:
    clips = [AudioEntry(f"clip {n}", "a.wav", "10", 4.0, 4.0 * n, 4.0 * n + 4) for n in range(4000)]

    sizes = [len(chunk) for chunk in cut(keyed(clip) for clip in clips)]

    assert 20 < len(sizes) < 50
    assert max(sizes) < 8 * 64


def test_channels_in_opposite_phase_have_the_features_of_one(tmp_path: Path) -> None:
    both = tmp_path / "both.wav"
    both.write_bytes(stored(np.concatenate([tone(2.0), -tone(2.0)], axis=1), 16_000))

    together = next(features_of([part(both, "both", View())], SETTINGS, AS_RECORDED))
    alone = next(features_of([part(both, "alone", View(channel=0))], SETTINGS, AS_RECORDED))

    assert isinstance(together, list)
    assert isinstance(alone, list)
    np.testing.assert_array_equal(together[0], alone[0])


def test_silence_is_trimmed_in_spite_of_an_offset(tmp_path: Path) -> None:
    sound = np.concatenate([np.zeros((16_000, 1)), tone(2.0), np.zeros((16_000, 1))]) + 0.2
    (tmp_path / "a.wav").write_bytes(stored(sound.astype(np.float32), 16_000))

    found = next(features_of([part(tmp_path / "a.wav", "a", View())], SETTINGS, Variants()))

    assert isinstance(found, list)
    assert len(found[0]) < 220
