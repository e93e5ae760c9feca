"""Files that stages write and read: whole or not there, and when they are cut short or gone, one line that says what to do."""

import errno
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from asr.base.copies import read_copies
from asr.base.entries import AudioEntry, Heard, TextEntry, read_texts
from asr.base.errors import DataError
from asr.base.files import iterate_rows, read_json, read_rows, require_room, write_csv, write_rows
from asr.model.parameters import Model
from stages import describe, report
from stages.common.commit import kept_commit
from stages.common.pace import read_pace

Read = Callable[[Path], object]

LISTS = Path("data/splits/text")
MODEL = Model(name="a", language=None, task="transcribe", revision=None)
READERS: dict[str, tuple[Path, str, Read]] = {
    "a list": (Path("a.jsonl"), '{"id": "a", "exported": "b", "tu', lambda path: read_rows(path, Heard)),
    "a list row by row": (Path("a.jsonl"), '{"id": "a"}\n', lambda path: list(iterate_rows(path, AudioEntry))),
    "a list that is no text": (Path("a.jsonl"), "\x00\x00", lambda path: read_rows(path, TextEntry)),
    "transcripts by set": (Path("text.jsonl"), '{"dataset": "test", "id"', lambda path: read_texts(path)),
    "a summary": (Path("summary.json"), '{\n  "rows": 61,\n', lambda path: read_json(path)),
    "a summary that is no object": (Path("summary.json"), "61", lambda path: read_json(path)),
    "copies": (Path("copies.csv"), "dataset,pa\ntest,a.wav\n", lambda path: read_copies(path)),
    "the pace": (Path("data/splits/pace.json"), '{"bytes_per_sec', lambda path: read_pace()),
    "the pace by another name": (Path("data/splits/pace.json"), '{"bytes": 1}', lambda path: read_pace()),
    "the commit": (Path("models/base.json"), '{"name": "a", ', lambda path: kept_commit(MODEL)),
    "the commit without one": (Path("models/base.json"), '{"name": "a"}', lambda path: kept_commit(MODEL)),
    "predictions": (
        Path("metrics/evaluate/predictions.jsonl"),
        '{"dataset"',
        lambda path: report.read_model("evaluate", {}, {}),
    ),
    "columns": (Path("data/splits/columns.jsonl"), '{"id": "a", "ext', lambda path: report.read_columns()),
    "curves": (Path("curves.csv"), "step,loss\n1,0.\x00\n", lambda path: report.read_numbers(path)),
    "what describe reads": (Path("data/validated/clips.jsonl"), '{"id": "a", ', lambda path: describe.read_material()),
}


@pytest.mark.parametrize("name", READERS)
def test_what_is_cut_short_is_told_in_one_line(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path, content, read = READERS[name]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)

    with pytest.raises(DataError, match=f"^{path}: damaged or cut short; run `make repair`$"):
        read(path)


def test_what_is_not_there_is_told_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "summary.json"

    with pytest.raises(DataError, match=f"^{path}: not there; run `dvc repro`$"):
        read_json(path)
    with pytest.raises(DataError, match=f"^{path}: not there; run `dvc repro`$"):
        read_rows(path, Heard)


@pytest.mark.parametrize("write", [
    lambda path: write_rows(path, (Heard(str(number), "a", "b") for number in fail_after(2))),
    lambda path: write_csv(path, ["number"], ({"number": number} for number in fail_after(2))),
])  # fmt: skip
def test_what_can_not_be_written_whole_is_not_there_and_what_was_there_stays(tmp_path: Path, write: Read) -> None:
    for before in ("", "as before"):
        if before:
            (tmp_path / "list").write_text(before)
        with pytest.raises(OSError, match="No space"):
            write(tmp_path / "list")

        assert [path.read_text() for path in tmp_path.iterdir()] == ([before] if before else [])


def fail_after(count: int) -> Iterator[int]:
    yield from range(count)
    raise OSError(errno.ENOSPC, "No space left on device")


def test_too_little_room_is_told_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda place: SimpleNamespace(free=2_000_000_000 if place == tmp_path else 0))

    require_room(tmp_path / "new" / "folder", 2_000_000_000, "3 checkpoints")
    with pytest.raises(DataError, match=r"folder: 3 checkpoints take 2\.50 GB, and 2\.00 GB are free: make room there$"):
        require_room(tmp_path / "new" / "folder", 2_500_000_000, "3 checkpoints")
