"""The grain of the features: whatever becomes of a list of clips, those that some run has computed are not computed again."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from asr.audio.recording import UnreadableAudioError
from asr.base.entries import AudioEntry, View
from asr.base.errors import DataError
from asr.features.clip import Variants
from asr.features.making import feature_version
from asr.shards.bucket import ObjectStore
from asr.shards.records import Record
from asr.shards.store import FolderStore
from tests.test_features import LOUDER, SETTINGS, made, tones
from tests.test_shards import flip

List = list[AudioEntry]


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> List:
    return tones(tmp_path_factory.mktemp("clips"), 200)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory, clips: List) -> str:
    """A cache with the features of the clips and of two louder copies of each."""
    folder = tmp_path_factory.mktemp("cached")
    made(folder / "before", clips, SETTINGS, LOUDER)
    return str(folder / "cache")


def lost(clips: List) -> List:
    """Clips whose files nobody can read."""
    return [replace(clip, path=f"gone/{clip.path}") for clip in clips]


@pytest.mark.parametrize(
    "change",
    [
        lambda clips: clips[::-1],
        lambda clips: sorted(clips, key=lambda clip: clip.audio_hash),
        lambda clips: clips[:20] + clips[21:90] + clips[93:],
        lambda clips: clips[::7],
        lambda clips: clips[150:151],
    ],
)
def test_a_list_that_was_changed_is_put_together_without_reading_a_file(
    tmp_path: Path, clips: List, cache: str, capsys: pytest.CaptureFixture[str], change: Callable[[List], List]
) -> None:
    after = made(tmp_path / "after", change(lost(clips)), SETTINGS, LOUDER, cache)

    assert f"features of after: {len(change(clips))} clips, 0 computed, 0 dropped" in capsys.readouterr().err
    assert after == made(tmp_path / "anew", change(clips), SETTINGS, LOUDER, cache="empty")


def test_clips_that_are_new_are_the_only_ones_computed(tmp_path: Path, clips: List, capsys: pytest.CaptureFixture[str]) -> None:
    made(tmp_path / "before", clips[:50] + clips[55:180])
    old = lost(clips)

    after = made(tmp_path / "after", old[:50] + clips[50:55] + old[55:180] + clips[180:])

    assert "features of after: 200 clips, 25 computed, 0 dropped" in capsys.readouterr().err
    assert after == made(tmp_path / "anew", clips, cache="empty")


def test_shards_that_stay_are_the_same_files(tmp_path: Path, clips: List) -> None:
    def nodes(folder: str) -> dict[str, int]:
        return {path.name: path.stat().st_ino for path in (tmp_path / folder).glob("*.arrow")}

    made(tmp_path / "before", clips)
    made(tmp_path / "after", clips + tones(tmp_path, 1))

    assert len(nodes("before").items() & nodes("after").items()) == len(nodes("before")) - 1


def test_a_clip_without_features_keeps_its_reason_and_has_its_new_name(
    tmp_path: Path, clips: List, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = SETTINGS.model_copy(update={"min_trimmed_seconds": 0.4})
    made(tmp_path / "before", clips[:30], settings)

    made(tmp_path / "after", lost(clips[20:30]), settings)

    told = capsys.readouterr().err.partition("features of after: ")[2].splitlines()
    assert told[0] == "10 clips, 0 computed, 2 dropped"
    assert told[1:] == [f"  gone/{clips[n].path}: dropped, under 0.4 s after trimming" for n in (21, 28)]


def test_a_clip_that_a_decoder_failed_at_is_tried_again(
    tmp_path: Path, clips: List, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def out_of_memory(content: bytes, views: Sequence[View]) -> Iterator[tuple[int, UnreadableAudioError]]:
        yield from ((place, UnreadableAudioError("Cannot allocate memory")) for place in range(len(views)))

    made(tmp_path / "before", clips[1:70])
    with monkeypatch.context() as patched:
        patched.setattr("asr.features.clip.iterate_views", out_of_memory)
        made(tmp_path / "failed", clips[:70])

    assert made(tmp_path / "again", clips[:70]) == made(tmp_path / "anew", clips[:70], cache="empty")

    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("features of")]
    assert told[1] == "features of failed: 70 clips, 1 computed, 1 dropped"
    assert told[2] == "features of again: 70 clips, 1 computed, 0 dropped"


def test_an_object_store_is_asked_for_clips_too(tmp_path: Path, clips: List, capsys: pytest.CaptureFixture[str]) -> None:
    settings = SETTINGS.model_copy(update={"store": f"memory://{tmp_path.name}"})
    made(tmp_path / "before", clips, settings)

    there = made(tmp_path / "after", lost(clips)[::-1], settings)

    assert "features of after: 200 clips, 0 computed, 0 dropped" in capsys.readouterr().err
    assert list(there) == ["manifest.json"]
    here = made(tmp_path / "here", clips[::-1], cache="empty")
    assert there["manifest.json"].partition(b"shards")[2] == here["manifest.json"].partition(b"shards")[2]


def test_a_store_whose_records_can_not_be_read_is_named(tmp_path: Path, clips: List, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(store: ObjectStore, origin: str) -> list[Record]:
        raise OSError("the network is gone")

    monkeypatch.setattr(ObjectStore, "records", broken)
    settings = SETTINGS.model_copy(update={"store": f"memory://{tmp_path.name}"})

    with pytest.raises(DataError, match=f"memory://{tmp_path.name}: OSError: the network is gone; check the room, the rights"):
        made(tmp_path / "out", clips[:2], settings)


def test_nothing_is_copied_from_a_shard_that_was_damaged_under_its_old_time(tmp_path: Path, clips: List) -> None:
    made(tmp_path / "before", clips)
    shard = FolderStore(tmp_path / "cache").shards()[0]
    times = shard.stat()
    flip(shard, 3000)
    os.utime(shard, ns=(times.st_atime_ns, times.st_mtime_ns))

    with pytest.raises(DataError, match=f"{shard.name}: damaged, its bytes are not those that were written; run `make repair`"):
        made(tmp_path / "after", clips[::-1])


def test_a_shard_that_was_made_again_is_the_one_that_is_copied_from(tmp_path: Path, clips: List) -> None:
    made(tmp_path / "before", clips)
    made(tmp_path / "reversed", clips[::-1])  # this process has all shards open now
    for shard in (tmp_path / "before").glob("*.arrow"):
        flip(shard, 3000)
    for shard in (tmp_path / "reversed").glob("*.arrow"):
        FolderStore(tmp_path / "cache").remove(shard.stem)
    made(tmp_path / "again", clips)

    moved = [*clips[1:], clips[0]]
    assert made(tmp_path / "after", moved) == made(tmp_path / "anew", moved, cache="empty")


@pytest.mark.parametrize("variants", [Variants(), replace(LOUDER, modules=("tests.sounds",), packages=("pandas",))])
def test_a_worker_whose_code_is_not_the_drivers_is_refused(
    tmp_path: Path, clips: List, monkeypatch: pytest.MonkeyPatch, variants: Variants
) -> None:
    calls: list[tuple[tuple[str, ...], tuple[str, ...]]] = []

    def version(modules: tuple[str, ...], packages: tuple[str, ...]) -> str:
        calls.append((modules, packages))
        return f"version {len(calls)}"

    monkeypatch.setattr("asr.features.making.feature_version", version)

    with pytest.raises(DataError, match="a worker has other code or other packages than the stage"):
        made(tmp_path / "out", clips[:3], SETTINGS, variants)
    assert calls == [(variants.modules, variants.packages)] * 2


def test_the_version_is_of_the_code_that_changes_clips_too() -> None:
    versions = [feature_version(), feature_version(("tests.sounds",)), feature_version(("tests.sounds",), ("pandas",))]

    assert len(set(versions)) == 3
