"""bench.splits: its figures are of what the pipeline does."""

import pytest

from bench.splits import Growth, Size, growth_table, measure_growth, measure_sizes, sizes_table


def test_quotas_leave_no_split_empty_and_the_hash_alone_does() -> None:
    quota, alone = (measure_sizes(5, way, range(40)) for way in ("quota", "hash alone"))

    assert [(size.split, size.empty, size.of_speakers) for size in quota] == [
        ("train", 0.0, [60.0] * 3), ("validation", 0.0, [20.0] * 3), ("test", 0.0, [20.0] * 3),
    ]  # fmt: skip
    assert all(40 < size.empty < 80 for size in alone[1:])


@pytest.mark.parametrize("way", ["quota", "hash alone"])
def test_no_clip_of_known_speakers_moves_and_a_newcomer_moves_two_at_most(way: str) -> None:
    growth = measure_growth(5, way, range(20))

    assert growth.clips_moved == 0
    assert sum(growth.moved_by_newcomer.values()) == 100
    assert max(growth.moved_by_newcomer) <= (2 if way == "quota" else 0)


def test_tables_have_a_line_for_each_figure() -> None:
    size, growth = Size(5, "quota", "test", 12.5, [10, 20, 30], [1, 2, 3]), Growth(5, "quota", 7, {0: 60.0, 2: 30.0, 3: 10.0})

    assert sizes_table([size]).splitlines()[2].split() == "5 quota test 12.5 10 20 30 1 2 3".split()
    assert growth_table([growth]).splitlines()[2].split() == "5 quota 7 60.0 0.0 30.0 10.0".split()
