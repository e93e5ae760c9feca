"""Chunks: boundaries where the clips say so."""

import hashlib
from collections.abc import Sequence

import pytest

from asr.base.entries import AudioEntry
from asr.features.build import key_of
from asr.features.chunks import AIM, LONGEST, MAX_SECONDS, Chunk, Keyed, aim, cut


def clips(count: int, first: int = 0, seconds: float = 4.0) -> list[Keyed]:
    hashes = [hashlib.blake2b(str(first + n).encode(), digest_size=16).hexdigest() for n in range(count)]
    return [keyed(AudioEntry(digest[:16], f"{digest}.wav", digest, seconds)) for digest in hashes]


def keyed(clip: AudioEntry) -> Keyed:
    return Keyed(key_of(clip), clip)


def changed(before: set[Chunk], after: Sequence[Keyed]) -> int:
    """Chunks of `after` that `before` has not."""
    return len(set(cut(after)) - before)


def sizes(chunks: Sequence[Chunk]) -> list[int]:
    return [len(chunk) for chunk in chunks]


def test_chunks_are_the_clips_in_their_order() -> None:
    listed = clips(3000)

    assert [each for chunk in cut(listed) for each in chunk] == listed
    assert list(cut([])) == []


def test_a_chunk_has_the_size_aimed_at_from_the_first_one_on_and_twice_that_on_average() -> None:
    found = sizes(list(cut(clips(20_000))))

    assert min(found[:-1]) >= AIM
    assert max(found) <= LONGEST * AIM
    assert 100 < sum(found) / len(found) < 160


def test_clips_added_at_the_end_touch_the_last_chunk_alone() -> None:
    for count in (600, 5000, 20_000):
        listed = clips(count)
        kept = list(cut(listed))[:-1]

        assert list(cut(listed + clips(count // 100, first=10**6)))[: len(kept)] == kept


def test_a_clip_that_changes_is_inserted_or_removed_touches_few_chunks() -> None:
    listed, others = clips(20_000), clips(10, first=10**6)
    before, places = set(cut(listed)), range(0, 20_000, 2000)
    replaced = [changed(before, [*listed[:at], other, *listed[at + 1 :]]) for at, other in zip(places, others, strict=True)]
    inserted = [changed(before, [*listed[:at], other, *listed[at:]]) for at, other in zip(places, others, strict=True)]
    removed = [changed(before, listed[:at] + listed[at + 1 :]) for at in places]

    for counts in (replaced, inserted, removed):
        assert sum(counts) / len(counts) < 2


@pytest.mark.parametrize(("seconds", "variants"), [(4.0, 1), (10.0, 4), (25.0, 3), (100.0, 1), (3000.0, 1)])
def test_a_chunk_holds_a_limited_length_and_hashes_cut_it_first(seconds: float, variants: int) -> None:
    listed = clips(7_000, seconds=seconds)
    chunks = list(cut(listed, variants))
    inserted = set(cut([*listed[:3_000], *clips(1, first=10**6, seconds=seconds), *listed[3_000:]], variants))

    assert max(sizes(chunks)) * seconds * variants <= max(MAX_SECONDS, seconds * variants)
    assert len(inserted - set(chunks)) <= 4
    assert 1 <= aim(seconds * variants) <= AIM


def test_equal_hashes_do_not_make_an_endless_chunk() -> None:
    same = [Keyed("f" * 31 + "1", AudioEntry(str(n), "a.wav", "f" * 32, 1.0)) for n in range(1000)]

    assert max(sizes(list(cut(same)))) == LONGEST * AIM
