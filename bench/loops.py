"""Loops: what a test takes in which a fifth of the clips loop, beside one in which none does, and beside one without limits.

The bundled model and its clips. A processor of logits has the chosen clips say the same few tokens over and over once they have
said so many of their own, as a model does that loops. See bench/README.md.
"""

import argparse


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.loops", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--model", default="models/pico", help="a checkpoint (the bundled one)")
    add("--audio", default="data/sample/audios", help="a folder of recordings (the bundled sample)")
    add("--clips", type=int, default=200, help="how many (200)")
    add("--batch", default="auto", help="clips at once (auto)")
    add("--period", type=int, default=3, help="tokens that are said over and over (3)")
    add("--after", type=int, default=8, help="tokens before the loop begins (8)")
    add("--beams", type=int, default=1, help="hypotheses that are kept (1)")
    add("--full", action="store_true", help="decode in the whole window, not in a fitted one")
    return parser.parse_args()


if __name__ == "__main__":
    parsed()  # `--help` is answered before imports that take seconds

import json
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor
from transformers import LogitsProcessorList

from asr.base.errors import DataError
from asr.export.sound import decode as decode_file
from asr.features.logmel import log_mel
from asr.machine.device import pick_device, pick_precision
from asr.model import transcribe as transcribing
from asr.model.limits import Pace
from asr.model.parameters import Decode, greedy
from asr.model.precision import hearing_in
from asr.model.transcribe import Hypothesis
from asr.model.whisper import Whisper, load
from asr.shards.frames import LogMel
from bench.tables import aligned, at_most, targets_table

SHARE = 5
"""Every fifth clip loops."""

PACE = Pace(20.0)
"""Bytes a second of the bundled transcripts, as stage split writes them."""

NO_LIMITS = Pace(1e9)

STRONGLY = 20.0
"""By so much the model prefers its loop to all else."""

TARGET = 2.0


@dataclass(frozen=True)
class Side:
    """What a test took, and how many of its hypotheses loop."""

    name: str
    seconds: float
    looping: int


@dataclass(frozen=True)
class Test:
    """What is heard: the clips, and those of them that loop, by the ids of their arrays."""

    whisper: Whisper
    clips: Sequence[LogMel]
    decode: Decode
    looping: frozenset[int] = frozenset()


class Looping:
    """Has some rows of a batch say the tokens 1, 2, ... `period` over and over, after so many of their own."""

    def __init__(self, rows: Tensor, period: int, after: int) -> None:
        self._rows, self._period, self._after = rows, period, after
        self._begin = -1

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        """Scores of shape (clips times beams, vocabulary)."""
        if self._begin < 0:
            self._begin = input_ids.shape[1]
        written = input_ids.shape[1] - self._begin
        rows = self._rows.repeat_interleave(len(scores) // len(self._rows))
        if written >= self._after:
            scores[rows, 1 + written % self._period] = scores[rows].max() + STRONGLY
        return scores


def main() -> None:
    """Decode on every side and print the table."""
    options = parsed()
    whisper = load(options.model, None, "transcribe")
    device = pick_device()
    whisper.model.to(device).eval()
    whisper.mark_fitted(not options.full)
    clips = read(Path(options.audio), options.clips, whisper.model.config.num_mel_bins)
    batch = options.batch if options.batch == "auto" else int(options.batch)
    decode = greedy(whisper.model.config.max_target_positions, batch).model_copy(update={"num_beams": options.beams})
    none = Test(whisper, clips, decode)
    some = replace(none, looping=frozenset(id(clip) for clip in clips[::SHARE]))
    make = partial(Looping, period=options.period, after=options.after)
    with hearing_in(whisper.model, pick_precision(device, whisper.model.config.d_model)):
        measured("warm-up", replace(none, clips=clips[:16]), make, PACE)
        runs = [measured("none loops", none, make, PACE), measured("a fifth loops", some, make, PACE)]
        with patch("asr.model.stopping.ends_in_loop", lambda *_: False):  # as if nobody looked for them
            runs.append(measured("none loops, without limits", none, make, NO_LIMITS))
            runs.append(measured("a fifth loops, without limits", some, make, NO_LIMITS))
    print(f"{len(clips)} clips with {options.model} on {device}, batch {options.batch}, {options.beams} beams\n")
    print(table([side for side, _ in runs]))
    (first, alone), (second, beside), (_, before), _ = runs
    others = [number for number in range(len(clips)) if number % SHARE]
    changed = sum(one != two for one, two in zip(alone, before, strict=True))
    disturbed = sum(alone[number] != beside[number] for number in others)
    targets = [
        at_most("a fifth loops: time over that of none", second.seconds / first.seconds, TARGET, " x"),
        at_most("hypotheses that the limits change where none loops", changed, 0, ""),
        at_most("hypotheses that a loop in the same test changes", disturbed, 0, ""),
    ]
    print(targets_table(targets))
    print(json.dumps({"bench": "loops", "sides": [asdict(side) for side, _ in runs]}))


def measured(name: str, test: Test, make: Callable[[Tensor], Looping], pace: Pace) -> tuple[Side, list[Hypothesis]]:
    """A side's time, and what it hears."""
    print(f"bench.loops: {name}", file=sys.stderr)
    with patch.object(transcribing, "_generated", partial(_generated_with, transcribing._generated, test, make)):
        start = time.perf_counter()
        heard = transcribing.transcribe(test.whisper, test.clips, test.decode, pace=pace)
    return Side(name, time.perf_counter() - start, sum(each.has_loop for each in heard)), heard


def _generated_with(
    generated: Callable[..., Any], test: Test, make: Callable[[Tensor], Looping],
    model: Any, clips: Sequence[LogMel], limits: Any, window: int, options: dict[str, Any],
) -> Any:  # fmt: skip
    """What makes a batch's tokens, with the processor for those of its clips that loop."""
    rows = torch.tensor([id(clip) in test.looping for clip in clips], device=model.device)
    processors = LogitsProcessorList([make(rows)] if rows.any() else [])
    return generated(model, clips, limits, window, options | {"logits_processor": processors})


def table(sides: Sequence[Side]) -> str:
    """A line a side; the sides without limits are beside the one of theirs in which none loops."""
    rows = [["", "s", "x none loops", "found to loop"]]
    for first in (0, 2):
        base = sides[first].seconds
        rows += [
            [side.name, f"{side.seconds:.2f}", f"{side.seconds / base:.2f}", str(side.looping)]
            for side in sides[first : first + 2]
        ]
    return aligned("Loops", rows)


def read(folder: Path, count: int, mels: int) -> list[LogMel]:
    """The frames of recordings as they are."""
    clips: list[LogMel] = []
    for path in sorted(folder.iterdir()):
        with suppress(DataError):  # the sample has broken files, too
            clips.append(log_mel(decode_file(path).waveform, mels).astype(np.float16))
        if len(clips) == count:
            break
    return clips


if __name__ == "__main__":
    main()
