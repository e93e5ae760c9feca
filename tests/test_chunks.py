"""Chunks: boundaries where the clips say so."""

import hashlib
from collections.abc import Sequence

import pytest

from asr.base.entries import AudioEntry
from asr.features.chunks import LARGEST, LONGEST, MAX_SECONDS, cut, size_at


def clips(count: int, first: int = 0, seconds: float = 4.0) -> list[AudioEntry]:
    hashes = [hashlib.blake2b(str(first + n).encode(), digest_size=16).hexdigest() for n in range(count)]
    return [AudioEntry(digest[:16], f"{digest}.wav", digest, seconds) for digest in hashes]


def changed(before: Sequence[AudioEntry], after: Sequence[AudioEntry]) -> int:
    """Chunks of `after` that `before` has not."""
    return len(set(cut(after)) - set(cut(before)))


def test_chunks_are_the_clips_in_their_order() -> None:
    listed = clips(3000)

    assert [clip for chunk in cut(listed) for clip in chunk] == listed
    assert list(cut([])) == []


def test_chunks_grow_with_the_list_up_to_a_limit() -> None:
    assert [size_at(position, 2.0) for position in (0, 767, 1024, 5000, 20_000, 65_536, 5_000_000)] == [
        2,
        2,
        4,
        16,
        64,
        256,
        256,
    ]
    assert max(len(chunk) for chunk in cut(clips(2000))) <= LONGEST * size_at(2000, 4.0)


def test_clips_added_at_the_end_touch_the_last_chunk_alone() -> None:
    for count in (600, 5000, 20_000):
        listed = clips(count)
        kept = list(cut(listed))[:-1]

        assert list(cut(listed + clips(count // 100, first=10**6)))[: len(kept)] == kept
        assert len(listed) - sum(len(chunk) for chunk in kept) < count // 50


def test_one_percent_more_stores_two_percent_at_most_nearly_always() -> None:
    listed = clips(20_000, first=10**7)
    sizes = range(19_000, 20_000, 10)

    stored_again = [size - sum(len(chunk) for chunk in list(cut(listed[:size]))[:-1]) for size in sizes]

    assert sum(again <= size / 100 for again, size in zip(stored_again, sizes, strict=True)) >= 95


def test_a_clip_that_changes_touches_one_chunk_or_two() -> None:
    listed, others = clips(5000), clips(50, first=10**6)

    for number, other in enumerate(others):
        edited = [*listed]
        edited[100 * number] = other
        assert 1 <= changed(listed, edited) <= 2


def test_a_clip_that_is_inserted_or_removed_touches_few_chunks() -> None:
    listed, others = clips(20_000), clips(20, first=10**6)
    at_start = [changed(listed, [other, *listed]) for other in others]
    removed = [changed(listed, listed[:position] + listed[position + 1 :]) for position in range(0, 2000, 100)]

    assert sum(at_start) / len(at_start) < 3
    assert sum(removed) / len(removed) < 3


@pytest.mark.parametrize(("seconds", "variants"), [(4.0, 1), (10.0, 4), (25.0, 3), (100.0, 1), (3000.0, 1)])
def test_a_chunk_holds_a_limited_length_and_hashes_cut_it_first(seconds: float, variants: int) -> None:
    listed = clips(70_000, seconds=seconds)
    chunks = list(cut(listed, variants))
    inserted = set(cut([*listed[:66_000], *clips(1, first=10**6, seconds=seconds), *listed[66_000:]], variants))

    assert max(len(chunk) for chunk in chunks) * seconds * variants <= max(MAX_SECONDS, seconds * variants)
    assert len(inserted - set(chunks)) <= 3
    assert 1 <= size_at(66_000, seconds * variants) <= LARGEST


def test_equal_hashes_do_not_make_an_endless_chunk() -> None:
    same = [AudioEntry(str(n), "a.wav", "f" * 31 + "1", 1.0) for n in range(100)]

    assert max(len(chunk) for chunk in cut(same)) == LONGEST * size_at(0, 1.0)
