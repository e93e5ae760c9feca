"""Decoding beside the article's predict_with_generate: same clips, same model, same number of tokens, one after the other.

The article: Seq2SeqTrainer.predict in batches of 4, every clip in the whole window. Here: `transcribe`, as the evaluate stage
calls it, for a model that was trained in the whole window and for one that was trained in fitted ones. See bench/README.md.
"""

import argparse

from bench.sizes import SHAPES


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.decoding", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--shape", choices=SHAPES, default="tiny", help="a model of random weights in this size (tiny)")
    add("--clips", type=int, default=64, help="how many (64)")
    add("--seconds", type=float, default=4.0, help="a clip (4)")
    add("--tokens", type=int, default=20, help="a hypothesis, no more and no less (20)")
    return parser.parse_args()


if __name__ == "__main__":
    parsed()  # `--help` is answered before imports that take seconds

import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch
from transformers import Seq2SeqTrainer, Seq2SeqTrainingArguments

from asr.machine.device import pick_device, pick_precision
from asr.model.parameters import greedy
from asr.model.precision import hearing_in
from asr.model.transcribe import transcribe
from asr.model.whisper import Whisper
from asr.shards.frames import FRAMES_PER_SECOND, LogMel
from bench.article_trainer import LabelPadding, Padded
from bench.shapes import random_whisper
from bench.tables import aligned, at_least, targets_table

Clips = Sequence[LogMel]

ARTICLE_ROWS = 4
WARM_UP = 2 * ARTICLE_ROWS
"""Clips, before the clock runs."""

TARGET = 15.0


@dataclass(frozen=True)
class Side:
    """What one took for the clips."""

    name: str
    clips: int
    seconds: float

    @property
    def speed(self) -> float:
        """Clips a second."""
        return self.clips / self.seconds


def main() -> None:
    """Decode on every side and print the table."""
    arguments = parsed()
    whisper, tokens = random_whisper(arguments.shape), arguments.tokens
    frames = np.random.default_rng(0).normal(size=(int(arguments.seconds * FRAMES_PER_SECOND), SHAPES[arguments.shape].mels))
    clips = [frames.astype(np.float16)] * arguments.clips
    sides = [
        measured("article, batch 4", lambda some: article(whisper, some, tokens), clips),
        measured("ours, whole window", lambda some: ours(whisper, some, tokens, fit=False), clips),
        measured("ours, fitted window", lambda some: ours(whisper, some, tokens, fit=True), clips),
    ]
    print(f"{arguments.shape}, {len(clips)} clips of {arguments.seconds:g} s, {tokens} tokens each, on {pick_device()}\n")
    print(table(sides, arguments.clips * arguments.seconds))
    ratio = sides[-1].speed / sides[0].speed
    print(targets_table([at_least("fitted window: clips/s over the article's", ratio, TARGET, " x")]))
    print(json.dumps({"bench": "decoding", "shape": arguments.shape, "sides": [asdict(side) for side in sides]}))


def measured(name: str, decode: Callable[[Clips], None], clips: Clips) -> Side:
    """A side's time, without the first clips."""
    print(f"bench.decoding: {name}", file=sys.stderr)
    decode(clips[:WARM_UP])
    start = time.perf_counter()
    decode(clips)
    return Side(name, len(clips), time.perf_counter() - start)


def article(whisper: Whisper, clips: Clips, tokens: int) -> None:
    """In words of our own. As its own, it computes the loss beside."""
    cuda = torch.cuda.is_available()
    whisper.model.float()
    config = whisper.model.generation_config
    config.min_new_tokens = config.max_new_tokens = tokens
    with tempfile.TemporaryDirectory() as folder:
        trainer = Seq2SeqTrainer(
            model=whisper.model,
            args=Seq2SeqTrainingArguments(
                output_dir=folder,
                per_device_eval_batch_size=ARTICLE_ROWS,
                predict_with_generate=True,
                fp16=cuda,
                report_to="none",
                disable_tqdm=True,
                remove_unused_columns=False,
                use_cpu=not cuda,
            ),
            data_collator=LabelPadding(whisper.model.config.decoder_start_token_id),
        )
        trainer.predict(Padded(clips, [[0] * tokens] * len(clips), whisper.window_frames))
    config.min_new_tokens = config.max_new_tokens = None


def ours(whisper: Whisper, clips: Clips, tokens: int, fit: bool) -> None:
    """As the evaluate stage does it."""
    device = pick_device()
    precision = pick_precision(device, whisper.model.config.d_model)
    whisper.model.to(device).eval()
    whisper.mark_fitted(fit)
    whisper.model.generation_config.min_new_tokens = tokens
    with hearing_in(whisper.model, precision):
        transcribe(whisper, clips, greedy(tokens))


def table(sides: list[Side], seconds: float) -> str:
    """A line a side."""
    rows = [["", "clips/s", "x article", "ms/clip", "real-time factor"]]
    rows += [
        [
            side.name,
            f"{side.speed:.2f}",
            f"{side.speed / sides[0].speed:.1f}",
            f"{1000 / side.speed:.1f}",
            f"{side.seconds / seconds:.4f}",
        ]
        for side in sides
    ]
    return aligned("Decoding", rows)


if __name__ == "__main__":
    main()
