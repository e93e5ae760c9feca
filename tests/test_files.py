"""Files that stages wrote, read when they are cut short or gone: one line that says what to do, from each reader."""

from collections.abc import Callable
from pathlib import Path

import pytest

from asr.base.copies import read_copies
from asr.base.entries import AudioEntry, Heard, TextEntry, read_texts
from asr.base.errors import DataError
from asr.base.files import iterate_rows, read_json, read_rows
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
    "predictions": (Path("metrics/evaluate/predictions.jsonl"), '{"dataset"', lambda path: report.read_model("evaluate", {})),
    "curves": (Path("curves.csv"), "step,loss\n1,0.\x00\n", lambda path: report.read_curves(path)),
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
