"""The plan of training: which clips make each optimiser step, and the window in which each is heard.

Everything follows from the seed and the epoch, so a resumed run, and every rank and loader worker, knows it without being told.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from asr.model.window import fitted
from asr.training.recipe import Mode

STEPS_SORTED_TOGETHER = 8
"""So many steps' clips are sorted by length before they are cut into steps, whose order is then drawn. More would pad less and
make each step's clips more alike."""

PASS_FRAMES = 4000
"""What a micro-batch costs whatever is in it, in frames that could be learned from in that time. On an H100 its kernels take as
long to launch as 32,000 frames of small take to learn from and 12,000 of large-v3 (computed: bench/gpu/expected.py); on two
cores it costs 1,100 frames of tiny at most. One number for all, so that what is learned is the same everywhere: a CPU loses a
few per cent by it."""

TOGETHER_SHARE = 0.5
"""Under `fit`, so many of the clips that get a whole window share it with others, as a long recording has several utterances in
each. Of three minutes with 253 words, faster-whisper without timestamps loses 101 by tiny.en, tuned on 895 clips of `accents`,
where none share, and 27 like this."""


@dataclass(frozen=True)
class Slot:
    """One row of a batch: the clips that share a window of `window` frames. Several only when they are packed."""

    clips: tuple[int, ...]
    window: int


Step = tuple[Slot, ...]
"""What one step of the optimiser learns from."""


@dataclass(frozen=True)
class Plan:
    """The way clips become steps.

    Attributes:
        frames: of each clip.
        tokens: of each clip's label.
        languages: what the model is told of each clip; only clips of one language are packed together.
        mode: `full`: every clip in the whole window; `fit`: in one of about its own length, see `shared_windows`; `pack`: as
            many clips as go into the whole window.
        whole_share: of the clips, under `fit` and `pack`: those that have a whole window to themselves, or under `fit`, for
            TOGETHER_SHARE of them, with others.
        clips_per_step: the effective batch, over all ranks.
        window: the model's, in frames.
        max_tokens: the decoder's positions.
        seed: of every draw.
        least: the shortest window under `fit`, in frames.
        silent: clips in which nobody speaks. Under `pack` they share windows with their like, as it is of a window without any
            speech that nothing is to be written; under `fit`, with none.
        kept_alone: clips that are never packed with others, but have a whole window to themselves under `pack`: those with
            timestamps, which count from their own start.
    """

    frames: Sequence[int]
    tokens: Sequence[int]
    languages: Sequence[str | None]
    mode: Mode
    whole_share: float
    clips_per_step: int
    window: int
    max_tokens: int
    seed: int
    least: int = 0
    silent: frozenset[int] = frozenset()
    kept_alone: frozenset[int] = frozenset()

    @property
    def steps_per_epoch(self) -> int:
        """The number of steps in an epoch, the last of which may have fewer clips."""
        return -(-len(self.frames) // self.clips_per_step)

    @property
    def packs(self) -> bool:
        """Whether clips share a whole window, and with it the decoder's positions."""
        return self.mode == "pack" or (self.mode == "fit" and self.whole_share > 0)

    @property
    def windows(self) -> set[int]:
        """All windows that may occur."""
        if self.mode != "fit":
            return {self.window}
        return {*(self._fitted(clip) for clip in range(len(self.frames))), *([self.window] if self.whole_share else [])}

    def epoch(self, epoch: int) -> list[Step]:
        """The steps of an epoch; each clip is in one of them, once."""
        random = np.random.default_rng([self.seed, epoch])
        order = random.permutation(len(self.frames)).tolist()
        if self.mode == "fit":
            order = list(self._sorted_in_parts(order, random))
        steps = [order[start : start + self.clips_per_step] for start in range(0, len(order), self.clips_per_step)]
        # A short last step stays last: the rate follows the number of steps, whatever is in them.
        shuffled = [
            *random.permutation(len(order) // self.clips_per_step).tolist(),
            *range(len(order) // self.clips_per_step, len(steps)),
        ]
        return list(self._with_some_whole([steps[index] for index in shuffled], random))

    def _with_some_whole(self, steps: Sequence[Sequence[int]], random: np.random.Generator) -> Iterator[Step]:
        """Make slots of each step's clips, its share of clips in the whole window as near to the epoch's as can be."""
        before = 0
        for clips in steps:
            count = int(self.whole_share * (before + len(clips))) - int(self.whole_share * before)
            before += len(clips)
            whole = set(random.choice(clips, count, replace=False).tolist())
            yield tuple(self._slots(clips, whole, random))

    def _sorted_in_parts(self, order: Sequence[int], random: np.random.Generator) -> Iterator[int]:
        """Sort parts of the order by window, each begun anywhere, so that clips meet other clips in each epoch."""
        size = STEPS_SORTED_TOGETHER * self.clips_per_step
        for start in range(0, len(order), size):
            part = sorted(order[start : start + size], key=self._fitted)
            begin = int(random.integers(len(part)))
            yield from part[begin:] + part[:begin]

    def _slots(self, clips: Sequence[int], whole: set[int], random: np.random.Generator) -> Iterator[Slot]:
        together: list[int] = []
        if self.mode == "pack":
            together = [clip for clip in clips if clip not in whole and clip not in self.kept_alone]
        elif self.mode == "fit":
            able = [clip for clip in clips if clip in whole and clip not in self.silent | self.kept_alone]
            together = [clip for clip in able if random.random() < TOGETHER_SHARE]
        likes = {clip: (self.languages[clip], clip in self.silent) for clip in together}
        for like in dict.fromkeys(likes.values()):
            alike = [clip for clip in together if likes[clip] == like]
            yield from self._filled(alike) if self.mode == "pack" else self._partly_filled(alike, random)
        packed = set(together)
        rest = [clip for clip in clips if clip not in packed]
        not_fitted = whole if self.mode == "fit" else set(rest)
        windows = {clip: self.window if clip in not_fitted else self._fitted(clip) for clip in rest}
        shared = shared_windows(Counter(windows.values()))
        yield from (Slot((clip,), shared[windows[clip]]) for clip in rest)

    def _fitted(self, clip: int) -> int:
        return fitted(self.frames[clip], self.window, self.least)

    def _filled(self, clips: Sequence[int]) -> Iterator[Slot]:
        """Put each clip, in the order given, into the first slot that has room for it."""
        slots: list[list[int]] = []
        frames: list[int] = []
        tokens: list[int] = []
        for clip in clips:
            most_frames, most_tokens = self.window - self.frames[clip], self.max_tokens - self.tokens[clip]
            with_room = (at for at in range(len(slots)) if frames[at] <= most_frames and tokens[at] <= most_tokens)
            place = next(with_room, len(slots))
            if place == len(slots):
                slots.append([])
                frames.append(0)
                tokens.append(0)
            slots[place].append(clip)
            frames[place] += self.frames[clip]
            tokens[place] += self.tokens[clip]
        yield from (Slot(tuple(slot), self.window) for slot in slots)

    def _partly_filled(self, clips: Sequence[int], random: np.random.Generator) -> Iterator[Slot]:
        """Fill slots in the order given; a new one begins whenever the present one would be fuller than was drawn for it.

        Under `fit`, hardly any others are half empty, as those under `pack` are that hold a single clip.
        """
        slot: list[int] = []
        frames = tokens = limit = 0
        for clip in clips:
            frames, tokens = frames + self.frames[clip], tokens + self.tokens[clip]
            if slot and (frames > limit or tokens > self.max_tokens):
                yield Slot(tuple(slot), self.window)
                slot, frames, tokens = [], self.frames[clip], self.tokens[clip]
            if not slot:
                limit = int(random.integers(self.window // 2, self.window + 1))
            slot.append(clip)
        if slot:
            yield Slot(tuple(slot), self.window)


def shared_windows(rows: Mapping[int, int]) -> dict[int, int]:
    """Find the window that each window's rows take so that the whole step costs least: its own, or a wider one that is there.

    Args:
        rows: how many of a step need each window. A micro-batch of one window costs PASS_FRAMES and its rows' frames.
    """
    windows = sorted(rows)
    # The cheapest way to divide the narrowest windows, by how many they are: what it costs, and where its last part begins.
    best = [(0, 0)]
    for end, widest in enumerate(windows, start=1):
        best.append(
            min(
                (best[begin][0] + PASS_FRAMES + widest * sum(rows[window] for window in windows[begin:end]), begin)
                for begin in range(end)
            )
        )
    shared: dict[int, int] = {}
    end = len(windows)
    while end:
        begin = best[end][1]
        shared |= dict.fromkeys(windows[begin:end], windows[end - 1])
        end = begin
    return shared
