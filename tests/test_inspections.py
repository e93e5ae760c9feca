"""Inspections: what is found out about a file's parts is known to the next run, and to no other version of the code."""

import sqlite3
import threading
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from asr.audio.findings import Finding
from asr.audio.inspection import Sound
from asr.base.entries import WHOLE, View
from asr.base.errors import DataError
from asr.recordings import inspections
from asr.recordings.inspections import open_inspections
from asr.recordings.locating import Located, State

STATE = State(size=1000, modified=123_456_789_012_345_678, inode=2**64 - 1, changed=223_456_789_012_345_678)
FILE = Located("data/a.wav", STATE)
SOUND = Sound(1.5, 1.2, 16_000, 1, -6.0, 8_000, "aabb", (Finding("note", "very quiet", "a peak", "none"),))


def remember(kept_in: Path, *views: View, version: str = "1", file: Located | None = FILE) -> None:
    with open_inspections(kept_in, version) as kept:
        kept.add(file, "hash", views, [replace(SOUND, seconds=float(number)) for number, _ in enumerate(views, 1)])
        kept.keep()


def known(kept_in: Path, *views: View, version: str = "1") -> list[float] | None:
    with open_inspections(kept_in, version, read_only=True) as kept:
        sounds = kept.sounds("hash", views)
    return None if sounds is None else [sound.seconds for sound in sounds]


def count(kept_in: Path, table: str) -> int:
    with closing(sqlite3.connect(kept_in)) as rows:
        return int(rows.execute(f"select count(*) from {table}").fetchone()[0])


def test_a_sound_is_known_with_all_its_findings(tmp_path: Path) -> None:
    with open_inspections(tmp_path / "new folder" / "kept.sqlite", "1") as kept:
        kept.add(FILE, "hash", [WHOLE], [SOUND])

        assert kept.sounds("hash", [WHOLE]) == [SOUND]
        assert kept.sounds("other", [WHOLE]) is None


def test_parts_of_a_file_are_known_apart_in_any_order(tmp_path: Path) -> None:
    views = [View(0.0, 1.0), View(0.0, 2.0), View(1.0, 2.0), View(0.0, 1.0, 0), View(0.0, 1.0, 1), View(1.0), WHOLE]
    remember(tmp_path / "kept.sqlite", *views)

    assert known(tmp_path / "kept.sqlite", *views[::-1]) == [7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0]


def test_a_file_is_unknown_if_one_of_its_parts_is(tmp_path: Path) -> None:
    remember(tmp_path / "kept.sqlite", View(0.0, 1.0), View(1.0, 2.0))

    assert known(tmp_path / "kept.sqlite", View(0.0, 1.0), View(1.0, 2.0)) == [1.0, 2.0]
    assert known(tmp_path / "kept.sqlite", View(0.0, 1.0), View(1.0, 3.0)) is None


@pytest.mark.parametrize(
    ("file", "audio_hash"),
    [
        (FILE, "hash"),
        (replace(FILE, state=STATE._replace(size=1001)), None),
        (replace(FILE, state=STATE._replace(modified=STATE.modified + 1)), None),
        (replace(FILE, state=STATE._replace(inode=7)), None),
        (replace(FILE, state=STATE._replace(changed=STATE.changed + 1)), None),
        (replace(FILE, path="data/b.wav"), None),
    ],
)
def test_a_file_is_the_same_by_its_path_and_its_state(tmp_path: Path, file: Located, audio_hash: str | None) -> None:
    remember(tmp_path / "kept.sqlite", WHOLE)

    with open_inspections(tmp_path / "kept.sqlite", "1") as kept:
        assert kept.hash_of(file) == audio_hash


def test_a_file_that_was_touched_is_known_by_its_new_time(tmp_path: Path) -> None:
    touched = replace(FILE, state=STATE._replace(modified=STATE.modified + 1))
    remember(tmp_path / "kept.sqlite", WHOLE)
    remember(tmp_path / "kept.sqlite", WHOLE, file=touched)

    with open_inspections(tmp_path / "kept.sqlite", "1") as kept:
        assert (kept.hash_of(touched), kept.hash_of(FILE)) == ("hash", None)


def test_what_another_version_has_found_is_forgotten_and_not_what_a_file_hashes_to(tmp_path: Path) -> None:
    remember(tmp_path / "kept.sqlite", WHOLE, View(0.0, 1.0))
    remember(tmp_path / "kept.sqlite", WHOLE, version="2", file=None)

    assert known(tmp_path / "kept.sqlite", WHOLE, version="1") is None
    assert (count(tmp_path / "kept.sqlite", "findings"), count(tmp_path / "kept.sqlite", "states")) == (1, 1)


def test_a_worker_that_does_not_see_the_file_knows_nothing_and_makes_none(tmp_path: Path) -> None:
    assert known(tmp_path / "kept.sqlite", WHOLE) is None
    assert not (tmp_path / "kept.sqlite").exists()


def test_a_worker_changes_nothing(tmp_path: Path) -> None:
    remember(tmp_path / "kept.sqlite", WHOLE)

    with pytest.raises(DataError, match="readonly"), open_inspections(tmp_path / "kept.sqlite", "2", read_only=True) as kept:
        kept.add(FILE, "hash", [WHOLE], [SOUND])

    assert known(tmp_path / "kept.sqlite", WHOLE) == [1.0]


def test_a_folder_may_have_any_name(tmp_path: Path) -> None:
    folder = tmp_path / "50% of it? #1 größe"
    remember(folder / "kept.sqlite", WHOLE)

    assert known(folder / "kept.sqlite", WHOLE) == [1.0]


def test_workers_read_while_much_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspections, "SECONDS_TO_WAIT", 0)
    remember(tmp_path / "kept.sqlite", WHOLE)

    with open_inspections(tmp_path / "kept.sqlite", "1") as kept:
        for number in range(300):
            kept.add(FILE, f"hash {number}", [WHOLE], [replace(SOUND, fingerprint="ab" * 20_000)])

        assert known(tmp_path / "kept.sqlite", WHOLE) == [1.0]


def test_another_run_that_is_writing_is_waited_for(tmp_path: Path) -> None:
    remember(tmp_path / "kept.sqlite", WHOLE)
    writing = sqlite3.connect(tmp_path / "kept.sqlite", check_same_thread=False)
    writing.execute("begin immediate")
    threading.Timer(0.5, writing.commit).start()

    start = time.monotonic()
    remember(tmp_path / "kept.sqlite", View(0.0, 1.0))

    assert time.monotonic() - start > 0.3
    assert known(tmp_path / "kept.sqlite", WHOLE, View(0.0, 1.0)) == [1.0, 1.0]
    writing.close()


def test_what_was_added_and_not_kept_is_lost_with_its_run(tmp_path: Path) -> None:
    with open_inspections(tmp_path / "kept.sqlite", "1") as kept:
        kept.add(FILE, "hash", [WHOLE], [SOUND])

    assert known(tmp_path / "kept.sqlite", WHOLE) is None


@pytest.mark.parametrize("table", ["states", "findings"])
def test_a_file_that_is_damaged_in_the_middle_is_named(tmp_path: Path, table: str) -> None:
    file = tmp_path / "kept.sqlite"
    remember(file, WHOLE)
    with closing(sqlite3.connect(file)) as rows:
        page = rows.execute("select rootpage from sqlite_master where name = ?", (table,)).fetchone()[0]
        size = rows.execute("pragma page_size").fetchone()[0]
    content = bytearray(file.read_bytes())
    content[(page - 1) * size : page * size] = b"\xff" * size
    file.write_bytes(content)

    with pytest.raises(DataError, match=r"kept.sqlite: .* malformed; remove it"), open_inspections(file, "1") as kept:
        kept.hash_of(FILE)


@pytest.mark.parametrize(("written", "flipped"), [(b'"seconds": 1.0', b'"seconds": 9.0'), (b"north wind", b"north w\xffnd")])
def test_findings_of_which_a_byte_was_flipped_are_unknown_and_found_anew(
    tmp_path: Path, written: bytes, flipped: bytes
) -> None:
    file = tmp_path / "kept.sqlite"
    sound = replace(SOUND, seconds=1.0, fingerprint="north wind")
    with open_inspections(file, "1") as kept:
        kept.add(FILE, "hash", [WHOLE], [sound])
        kept.keep()
    content = file.read_bytes()
    assert written in content
    file.write_bytes(content.replace(written, flipped))
    assert known(file, WHOLE) is None

    remember(file, WHOLE)

    assert known(file, WHOLE) == [1.0]


@pytest.mark.parametrize("cell", ["state", "hash", "checksum"])
def test_a_file_of_whose_row_a_cell_was_changed_is_unknown(tmp_path: Path, cell: str) -> None:
    remember(tmp_path / "kept.sqlite", WHOLE)
    with closing(sqlite3.connect(tmp_path / "kept.sqlite")) as rows:
        rows.execute(f"update states set {cell} = {cell} || '0'")
        rows.commit()

    with open_inspections(tmp_path / "kept.sqlite", "1") as kept:
        assert kept.hash_of(FILE) is None


def test_what_a_version_without_checksums_has_left_is_removed_and_the_file_used(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "kept.sqlite")) as rows:
        rows.execute("create table files (path text primary key, size integer, changed integer, hash text) without rowid")
        rows.execute("create table sounds (hash text primary key, version text, view text, sound text) without rowid")

    remember(tmp_path / "kept.sqlite", WHOLE)

    assert known(tmp_path / "kept.sqlite", WHOLE) == [1.0]
    with closing(sqlite3.connect(tmp_path / "kept.sqlite")) as rows:
        assert dict(rows.execute("select name, type from sqlite_master")) == {"states": "table", "findings": "table"}
