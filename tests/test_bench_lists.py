"""The bench of changed lists: what its lists are."""

from pathlib import Path

from asr.base.entries import AudioEntry
from bench.lists import Changed, changes, linked, table
from bench.project import Project


def entries(first: int, count: int) -> list[AudioEntry]:
    return [AudioEntry(str(number), f"{number}.wav", "0", 1.0) for number in range(first, first + count)]


def test_each_list_is_the_first_one_after_one_change() -> None:
    before, others = entries(0, 200), entries(1000, 20)
    known = set(before)

    found = changes(before, others)

    counts = {name: (len(known - set(after)), len(set(after) - known)) for name, after in found.items()}
    assert counts == {
        "1 % removed at random": (2, 0),
        "5 % removed at random": (10, 0),
        "reversed": (0, 0),
        "sorted by another column": (0, 0),
        "another split.seed: a tenth is others": (20, 20),
        "1 % new, at the end": (0, 2),
        "1 % new, at random places": (0, 2),
    }
    assert found["reversed"] == before[::-1]
    for name in ("1 % removed at random", "5 % removed at random", "1 % new, at random places"):
        old = [entry for entry in found[name] if entry in known]
        assert old == [entry for entry in before if entry in set(old)], name
    assert found == changes(before, others)


def test_a_copy_has_the_same_files_until_they_are_replaced(tmp_path: Path) -> None:
    for name in ("before/project/a", "before/cache/b"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(name)

    copy = linked(Project(tmp_path / "before/project", tmp_path / "before/cache"), tmp_path / "after")

    assert (copy.folder / "a").samefile(tmp_path / "before/project/a")
    assert (copy.cache / "b").samefile(tmp_path / "before/cache/b")


def test_a_line_says_what_a_list_costs() -> None:
    runs = [Changed("as it was", 100, 0, 100, 10.0, 50_000_000), Changed("one new", 101, 1, 1, 1.25, 2_000_000)]

    assert table(runs).splitlines()[-1].split() == ["one", "new", "101", "1", "1", "1.25", "2.0", "4.0%"]
