"""Uploads of the page to try a model: who may hear which, and what is removed when."""

from pathlib import Path

import pytest

from asr.base.errors import DataError
from commands.trying.uploads import Uploads

REFUSED = "^The recording has been removed, as nothing is kept: load it again.$"


class Clock:
    """A clock that stands still until it is set."""

    now = 0.0

    def __call__(self) -> float:
        """The time, in seconds."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def uploads(tmp_path: Path, clock: Clock) -> Uploads:
    return Uploads(tmp_path, 300, clock)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """An upload, as Gradio stores it: in a folder that its content names."""
    return uploaded(tmp_path)


def uploaded(folder: Path) -> Path:
    """What Gradio does with an upload: a file is moved to its place, or over an equal one that is there."""
    (folder / "5e884898").mkdir(exist_ok=True)
    (folder / "coming").write_text("sound")
    return (folder / "coming").replace(folder / "5e884898" / "a.wav")


def hear(uploads: Uploads, path: Path, visitor: str) -> None:
    with uploads.hearing(str(path), visitor) as upload:
        assert upload.read_text() == "sound"


def test_an_upload_is_heard_once_and_removed(uploads: Uploads, recording: Path) -> None:
    uploads.load(str(recording), "one")

    hear(uploads, recording, "one")

    assert not recording.exists()
    uploaded(recording.parent.parent)
    with pytest.raises(DataError, match=REFUSED):
        hear(uploads, recording, "one")
    assert recording.exists()


def test_equal_uploads_stay_until_the_last_visitor_has_heard_them(uploads: Uploads, recording: Path) -> None:
    for visitor in ("one", "two", "three"):
        uploads.load(str(recording), visitor)

    with uploads.hearing(str(recording), "one"):
        hear(uploads, recording, "two")
    assert recording.exists()
    hear(uploads, recording, "three")

    assert not recording.exists()


def test_what_is_loaded_twice_by_one_visitor_is_heard_once(uploads: Uploads, recording: Path) -> None:
    uploads.load(str(recording), "one")
    uploads.load(str(recording), "one")

    hear(uploads, recording, "one")

    assert not recording.exists()


def test_a_failure_to_hear_it_removes_it_as_well(uploads: Uploads, recording: Path) -> None:
    uploads.load(str(recording), "one")

    with pytest.raises(DataError, match="damaged"), uploads.hearing(str(recording), "one"):
        raise DataError("damaged")

    assert not recording.exists()


def test_an_equal_upload_that_is_not_noted_yet_is_not_removed(uploads: Uploads, recording: Path) -> None:
    uploads.load(str(recording), "one")

    with uploads.hearing(str(recording), "one"):
        uploaded(recording.parent.parent)
    uploads.load(str(recording), "two")
    hear(uploads, recording, "two")

    assert not recording.exists()


def test_who_loaded_it_longer_ago_than_it_is_kept_no_longer_keeps_it(uploads: Uploads, recording: Path, clock: Clock) -> None:
    uploads.load(str(recording), "who went away")
    clock.now = 301
    uploads.load(str(recording), "one")

    hear(uploads, recording, "one")

    assert not recording.exists()


@pytest.mark.parametrize("named", ["5e884898/a.wav", "5e884898", ".", "..", "5e884898/b.wav", "other.wav", "5e884898/c/d.wav"])
def test_what_a_visitor_has_not_loaded_is_refused_and_nothing_is_removed(
    uploads: Uploads, recording: Path, tmp_path: Path, named: str
) -> None:
    (tmp_path / "other.wav").write_text("not an upload")
    (tmp_path / "5e884898" / "c").mkdir()
    (tmp_path / "5e884898" / "c" / "d.wav").write_text("not an upload either")
    uploads.load(str(recording), "two")
    if named != "5e884898/a.wav":
        uploads.load(str(tmp_path / named), "one")

    with pytest.raises(DataError, match=REFUSED):
        hear(uploads, tmp_path / named, "one")

    assert sorted(path.name for path in tmp_path.rglob("*.wav")) == ["a.wav", "d.wav", "other.wav"]
    hear(uploads, recording, "two")
