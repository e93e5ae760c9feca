"""The command that prunes: what takes room of its own, that nobody has used for long, goes."""

import os
import time
from pathlib import Path

import pytest

from asr.shards.records import Held, name_of
from asr.shards.store import SECONDS_A_DAY, FolderStore
from commands.cache import unused
from tests.project import ROOT
from tests.test_store import filed, note_earlier


def names(folder: Path, days: float, needed: frozenset[str] = frozenset()) -> set[str]:
    """The shards that may go, by their content."""
    found = unused(FolderStore(folder), needed, time.time() - days * SECONDS_A_DAY)
    return {path.read_bytes().decode() for path, _ in found}


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """Two shards that were made 40 days ago."""
    for content in (b"one", b"two"):
        made = filed(tmp_path, content, (Held(content.decode(), 1),))
        os.utime(FolderStore(tmp_path).shard(made.sha256), (time.time() - 40 * SECONDS_A_DAY,) * 2)
    note_earlier(tmp_path, days=40)
    return tmp_path


def test_what_nobody_has_used_may_go(old: Path) -> None:
    assert names(old, days=39) == {"one", "two"}
    assert names(old, days=41) == set()


def test_what_a_stage_has_wanted_since_stays(old: Path) -> None:
    FolderStore(old).note_use("origin", name_of(["one"]))

    assert names(old, days=30) == {"two"}


def test_what_is_new_stays_although_no_record_tells_of_it(old: Path) -> None:
    FolderStore(old).add("fetched from an object store", b"three")

    assert names(old, days=30) == {"one", "two"}
    assert names(old, days=0) == {"one", "two", "three"}


def test_what_has_another_link_stays_as_it_takes_no_room(old: Path) -> None:
    one = next(path for path in FolderStore(old).shards() if path.read_bytes() == b"one")
    (old / "in DVC's cache").hardlink_to(one)
    assert names(old, days=30) == {"two"}

    (old / "in DVC's cache").unlink()
    assert names(old, days=30) == {"one", "two"}


def test_what_the_workspace_needs_stays(old: Path) -> None:
    one = next(path for path in FolderStore(old).shards() if path.read_bytes() == b"one")

    assert names(old, days=30, needed=frozenset({one.stem})) == {"two"}


def test_dvc_links_what_stages_write_as_it_does_only_where_hard_links_come_first() -> None:
    assert '    type = "hardlink,' in (ROOT / ".dvc/config").read_text(), "else each shard is on the disk twice (dvc/output.py)"
