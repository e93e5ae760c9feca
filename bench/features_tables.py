"""The tables of the features stage's bench."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.project import Appended, StageRun
from bench.tables import MEGABYTE, NOTHING, aligned, number


@dataclass(frozen=True)
class Side:
    """One of the things compared, on `clips` clips; `bytes` on disk, `peak_rss` in bytes."""

    name: str
    clips: int
    seconds: float
    cpu_seconds: float
    bytes: int | None
    peak_rss: int | None

    @property
    def clips_per_second(self) -> float:
        """Over the wall clock."""
        return self.clips / self.seconds

    @property
    def ms_per_clip(self) -> float:
        """Of the wall clock."""
        return 1000 * self.seconds / self.clips

    @property
    def cpu_ms_per_clip(self) -> float:
        """Of all processes together."""
        return 1000 * self.cpu_seconds / self.clips

    @property
    def bytes_per_clip(self) -> float | None:
        """None where nothing is written."""
        return None if self.bytes is None else self.bytes / self.clips


def sides_table(sides: Sequence[Side], article: Side, decoding: Side) -> str:
    """A line a side. `x (a)` is of clips/s, `/ (b)` of milliseconds, `(a) /` of bytes."""
    head = ["", "clips", "seconds", "clips/s", "x (a)", "ms/clip", "/ (b)", "CPU ms/clip", "/ (b)", "bytes/clip", "(a) /", "MB"]
    rows = [_side_row(side, article, decoding) for side in sides]
    return aligned("1. A clip's cost; the last column is peak RSS", [head, *rows])


def _side_row(side: Side, article: Side, decoding: Side) -> list[str]:
    less_bytes = None if side.bytes_per_clip is None else (article.bytes_per_clip or 0.0) / side.bytes_per_clip
    return [
        side.name,
        f"{side.clips:,}",
        f"{side.seconds:.2f}",
        f"{side.clips_per_second:.1f}",
        f"{side.clips_per_second / article.clips_per_second:.1f}",
        f"{side.ms_per_clip:.2f}",
        f"{side.ms_per_clip / decoding.ms_per_clip:.2f}",
        f"{side.cpu_ms_per_clip:.2f}",
        f"{side.cpu_ms_per_clip / decoding.cpu_ms_per_clip:.2f}",
        number(side.bytes_per_clip, ",.0f"),
        number(less_bytes, ".1f"),
        number(None if side.peak_rss is None else side.peak_rss / MEGABYTE, ",.0f"),
    ]


def appended_table(appended: Appended) -> str:
    """The list as it was, with 1 % more clips, and with another clip in the place of one."""
    a = appended
    rows = [
        ["", "clips", "stage, s", "dvc repro, s", "bytes in DVC's cache", "bytes on disk"],
        ["the list as it was", f"{a.clips:,}", *_timed(a.cost.seconds, a.repro_seconds), *_sizes(a.cache_bytes, a.disk_bytes)],
        ["more clips", f"+{a.added:,}", *_timed(a.grown_cost.seconds, a.grown_repro_seconds), *_new(a)],
        [
            "share",
            f"{a.added / a.clips:.2%}",
            f"{a.grown_cost.seconds / a.cost.seconds:.1%}",
            f"{a.grown_repro_seconds / a.repro_seconds:.1%}",
            f"{a.new_cache_bytes / a.cache_bytes:.1%}",
            f"{a.new_disk_bytes / a.disk_bytes:.1%}",
        ],
        ["one is another", "1", *_timed(a.changed_cost.seconds, a.changed_repro_seconds), NOTHING, NOTHING],
    ]
    return aligned("2. More clips at the end of the list, on all cores, under DVC; bytes by inode", rows)


def _timed(*seconds: float) -> list[str]:
    return [f"{value:.2f}" for value in seconds]


def _sizes(*sizes: int) -> list[str]:
    return [f"{size:,}" for size in sizes]


def _new(appended: Appended) -> list[str]:
    return [f"+{appended.new_cache_bytes:,}", f"+{appended.new_disk_bytes:,}"]


def further_ms(runs: Sequence[StageRun], index: int) -> float | None:
    """Milliseconds for each clip beyond the run before: free of what a run costs however short its list."""
    if index == 0:
        return None
    before, this = runs[index - 1], runs[index]
    return 1000 * (this.cost.seconds - before.cost.seconds) / (this.clips - before.clips)


def whole_ms(run: StageRun) -> float:
    """Milliseconds a clip of the whole command."""
    return 1000 * run.cost.seconds / run.clips


def growth(now: float | None, before: float | None) -> float | None:
    """By how much of `before` it grew, in percent."""
    return None if now is None or not before else 100 * (now / before - 1)


def sizes_table(runs: Sequence[StageRun]) -> str:
    """A line a size, each compared with the one before."""
    head = ["clips", "seconds", "ms/clip", "change", "ms/further clip", "change", "peak RSS, MB", "change"]
    rows = []
    for index, run in enumerate(runs):
        before = runs[index - 1] if index else None
        last_further = further_ms(runs, index - 1) if index else None
        rows.append(
            [
                f"{run.clips:,}",
                f"{run.cost.seconds:.2f}",
                f"{whole_ms(run):.2f}",
                number(growth(whole_ms(run), whole_ms(before)) if before else None, "+.1f", " %"),
                number(further_ms(runs, index), ".2f"),
                number(growth(further_ms(runs, index), last_further), "+.1f", " %"),
                f"{run.cost.peak_rss / MEGABYTE:,.0f}",
                number(growth(run.cost.peak_rss, before.cost.peak_rss) if before else None, "+.1f", " %"),
            ]
        )
    return aligned("3. How it grows: the whole command on all cores", [head, *rows])
