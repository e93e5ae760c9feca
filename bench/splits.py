"""How fair splits of few speakers are: how often one is empty, how large they come out, and who moves when the data grows.

Beside each the way of the first versions, which placed every speaker by its hash alone, however few there were. See
bench/README.md.
"""

import argparse
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from asr.base.entries import Clip
from asr.recordings.groups import deal
from asr.recordings.parameters import Split
from asr.recordings.splits import SPLITS
from bench.tables import aligned

SHARES = {"train": 0.8, "test": 0.1, "validation": 0.1}
PERCENTILES = (5, 50, 95)
MEDIAN_CLIPS, SPREAD = 50, 1.0
"""Of the log-normal number of a speaker's clips: the median, and the standard deviation of its logarithm."""

GROWTH = 0.3

Way = Callable[[Sequence[Clip], int], list[str]]


@dataclass(frozen=True)
class Size:
    """One split over all seeds, in percent: how often it is empty, and PERCENTILES of its share of speakers and of clips."""

    speakers: int
    way: str
    split: str
    empty: float
    of_speakers: list[float]
    of_clips: list[float]


@dataclass(frozen=True)
class Growth:
    """Over all seeds: clips that moved when known speakers recorded more; how often, in percent, a newcomer moved how many."""

    speakers: int
    way: str
    clips_moved: int
    moved_by_newcomer: dict[int, float]


def main() -> None:
    """Divide, let grow, divide again, and print the tables."""
    arguments = parsed()
    seeds = range(arguments.seeds)
    sizes = [size for count in arguments.speakers for way in WAYS for size in measure_sizes(count, way, seeds)]
    growths = [measure_growth(count, way, seeds) for count in arguments.speakers for way in WAYS]
    print(sizes_table(sizes))
    print(growth_table(growths))
    figures = {"sizes": [asdict(each) for each in sizes], "growth": [asdict(each) for each in growths]}
    print(json.dumps({"bench": "splits", "seeds": arguments.seeds, **figures}))


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.splits", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--speakers", type=int, nargs="+", default=[3, 5, 10, 20], help="how many (3 5 10 20)")
    parser.add_argument("--seeds", type=int, default=1000, help="of split.seed and of the clips (1000)")
    return parser.parse_args()


def by_quota(clips: Sequence[Clip], seed: int) -> list[str]:
    """As the pipeline does."""
    how = Split(
        method="stable", group_by="speaker", validation_share=SHARES["validation"], test_share=SHARES["test"], seed=seed
    )
    return deal(clips, SHARES, how)


def by_hash(clips: Sequence[Clip], seed: int) -> list[str]:
    """As its first versions did: test, validation and train are stretches of the hash."""
    places = [hashlib.blake2b(f"{seed} speaker {clip.speaker}".encode(), digest_size=8).digest() for clip in clips]
    edges = np.cumsum([SHARES["test"], SHARES["validation"]])
    return [("test", "validation", "train")[int(np.searchsorted(edges, int.from_bytes(p) / 2**64, "right"))] for p in places]


WAYS: dict[str, Way] = {"quota": by_quota, "hash alone": by_hash}


def measure_sizes(speakers: int, way: str, seeds: Sequence[int]) -> list[Size]:
    """Divide the speakers with each seed; each has other numbers of clips."""
    shares: dict[str, list[tuple[float, float]]] = {split: [] for split in SPLITS}
    for seed in seeds:
        counts = clip_counts(speakers, seed)
        names = np.array(WAYS[way]([clip(speaker, 0) for speaker in range(speakers)], seed))
        for split, of_split in shares.items():
            is_in = names == split
            of_split.append((100 * is_in.mean(), 100 * counts[is_in].sum() / counts.sum()))
    return [
        Size(speakers, way, split, 100 * sum(not share for share, _ in found) / len(found), *percentiles(found))
        for split, found in shares.items()
    ]


def measure_growth(speakers: int, way: str, seeds: Sequence[int]) -> Growth:
    """Let speakers record GROWTH more clips between them, and let another one come."""
    clips_moved, moved = 0, Counter[int]()
    for seed in seeds:
        counts = clip_counts(speakers, seed)
        clips = [clip(speaker, number) for speaker in range(speakers) for number in range(counts[speaker])]
        who = np.random.default_rng((seed, 1)).integers(0, speakers, round(GROWTH * len(clips)))
        more = [clip(int(speaker), int(counts[speaker]) + number) for number, speaker in enumerate(who)]
        before = WAYS[way](clips, seed)
        clips_moved += sum(was != now for was, now in zip(before, WAYS[way]([*clips, *more], seed), strict=False))
        one_each = [clip(speaker, 0) for speaker in range(speakers + 1)]
        pairs = zip(WAYS[way](one_each[:-1], seed), WAYS[way](one_each, seed), strict=False)
        moved[sum(was != now for was, now in pairs)] += 1
    return Growth(speakers, way, clips_moved, {count: 100 * times / len(seeds) for count, times in sorted(moved.items())})


def clip_counts(speakers: int, seed: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """How many clips each speaker has, one at least."""
    drawn = np.random.default_rng(seed).lognormal(np.log(MEDIAN_CLIPS), SPREAD, speakers)
    return np.maximum(drawn.round(), 1).astype(np.int64)


def clip(speaker: int, number: int) -> Clip:
    """A clip of which nothing matters but who speaks."""
    name = f"{speaker}-{number}"
    return Clip(name, number, name, name, 4.0, 16_000, 1, "a", f"speaker {speaker}", {})


def percentiles(found: Sequence[tuple[float, float]]) -> tuple[list[float], list[float]]:
    """PERCENTILES of the shares of speakers, and of those of clips."""
    of_speakers, of_clips = np.percentile(found, PERCENTILES, axis=0).round(1).T.tolist()
    return of_speakers, of_clips


def sizes_table(sizes: Sequence[Size]) -> str:
    """A line for each number of speakers, way and split."""
    at = [f"{percentile} %" for percentile in PERCENTILES]
    rows = [["speakers", "by", "split", "empty %", *(f"speakers, {each}" for each in at), *(f"clips, {each}" for each in at)]]
    for size in sizes:
        shares = [f"{share:.0f}" for share in (*size.of_speakers, *size.of_clips)]
        rows.append([str(size.speakers), size.way, size.split, f"{size.empty:.1f}", *shares])
    return aligned("Percentiles of each split's share of all speakers and of all clips, in percent", rows, left=(1, 2))


def growth_table(growths: Sequence[Growth]) -> str:
    """A line for each number of speakers and way."""
    rows = [["speakers", "by", "clips moved", "nobody moved %", "one moved %", "two moved %", "more %"]]
    for growth in growths:
        moved: Mapping[int, float] = growth.moved_by_newcomer
        more = sum(share for count, share in moved.items() if count > 2)
        shares = [f"{share:.1f}" for share in (*(moved.get(count, 0.0) for count in range(3)), more)]
        rows.append([str(growth.speakers), growth.way, str(growth.clips_moved), *shares])
    return aligned("Known speakers record 30 % more clips: clips moved; another speaker comes: speakers moved", rows, left=(1,))


if __name__ == "__main__":
    main()
