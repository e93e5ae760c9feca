"""The exported model, greedily, beside transformers' pipeline in float32: same recordings, whole windows, as many tokens.

Of models/whisper, or of any checkpoint, such as one of random weights in a released size (tools/make_released.py). See
bench/README.md.
"""

import argparse
from pathlib import Path


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.export", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--model", type=Path, default=Path("models/whisper"), help="a checkpoint (%(default)s)")
    add("--recordings", type=Path, default=Path("data/sample/audios"), help="a folder (%(default)s)")
    add("--clips", type=int, default=32, help="how many (32)")
    add("--tokens", type=int, default=20, help="a hypothesis, no more and no less (20)")
    add("--quantization", default="int8", choices=("int8", "int8_float16", "float16", "float32"), help="(int8)")
    return parser.parse_args()


if __name__ == "__main__":
    parsed()  # `--help` is answered before imports that take seconds

import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from multiprocessing import get_context

import torch
from transformers import logging, pipeline

from asr.export.convert import convert
from asr.export.recognizer import load_recognizer
from asr.export.sound import decode
from asr.shards.frames import SAMPLE_RATE
from bench.decoding import Side
from bench.tables import aligned, at_least, targets_table

WARM_UP = 2
"""Recordings, before the clock runs."""

TARGET = 3.0


def main() -> None:
    """Hear on both sides and print the table."""
    arguments = parsed()
    sides = [alone(piped, arguments), alone(piped_greedily, arguments), alone(exported, arguments)]
    recordings = chosen(arguments)
    seconds = sum(len(decode(path).waveform) for path in recordings) / SAMPLE_RATE
    device = "a GPU" if torch.cuda.is_available() else f"{torch.get_num_threads()} cores"
    print(f"{arguments.model}, {len(recordings)} recordings, {arguments.tokens} tokens each, on {device}\n")
    rows = [["", "clips/s", "x pipeline", "real-time factor"]]
    rows += [
        [side.name, f"{side.speed:.2f}", f"{side.speed / sides[0].speed:.1f}", f"{side.seconds / seconds:.4f}"]
        for side in sides
    ]
    print(aligned("The export", rows))
    print(targets_table([at_least("clips/s over the pipeline's", sides[-1].speed / sides[0].speed, TARGET, " x")]))
    print(json.dumps({"bench": "export", "model": str(arguments.model), "sides": [asdict(side) for side in sides]}))


def chosen(arguments: argparse.Namespace) -> list[Path]:
    """The recordings that both sides hear."""
    return sorted(arguments.recordings.rglob("*.mp3"))[: arguments.clips]


def alone(side: Callable[[argparse.Namespace], Side], arguments: argparse.Namespace) -> Side:
    """Run a side in a process of its own: torch's and CTranslate2's threads stand in each other's way."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(side, arguments).result()


def piped(arguments: argparse.Namespace, **options: object) -> Side:
    """The pipeline's time, with as many beams as it takes unless it is told otherwise."""
    logging.set_verbosity_error()
    transcribe = pipeline("automatic-speech-recognition", model=str(arguments.model), dtype="float32")
    # Random weights write timestamps, from which it would go on as if there were more to hear.
    config = transcribe.model.config
    timestamps = list(range(transcribe.model.generation_config.no_timestamps_token_id + 1, config.vocab_size))
    limits = {"max_new_tokens": arguments.tokens, "min_new_tokens": arguments.tokens, "suppress_tokens": timestamps, **options}
    return measured(
        f"transformers' pipeline, float32{', greedily' if options else ''}",
        lambda each: transcribe({"raw": each, "sampling_rate": SAMPLE_RATE}, generate_kwargs=limits),
        [decode(path).waveform for path in chosen(arguments)],
    )


def piped_greedily(arguments: argparse.Namespace) -> Side:
    """The pipeline's time for what the export does."""
    return piped(arguments, num_beams=1)


def exported(arguments: argparse.Namespace) -> Side:
    """The export's time."""
    with tempfile.TemporaryDirectory() as folder:
        convert(arguments.model, Path(folder) / "export", arguments.quantization)
        recognizer = load_recognizer(Path(folder) / "export")
    end = recognizer.model.hf_tokenizer.token_to_id("<|endoftext|>")
    # CTranslate2 stops at half of the limit, in which it counts the prompt.
    limit = 2 * arguments.tokens - (4 if recognizer.model.model.is_multilingual else 2)
    options = {**recognizer.options, "suppress_tokens": [end], "max_new_tokens": limit}
    return measured(
        f"faster-whisper, {arguments.quantization}",
        lambda each: len(list(recognizer.model.transcribe(each, **options)[0])),
        [decode(path).waveform for path in chosen(arguments)],
    )


def measured(name: str, hear: Callable[..., object], samples: Sequence[object]) -> Side:
    """A side's time, without the first recordings."""
    print(f"bench.export: {name}", file=sys.stderr)
    for each in samples[:WARM_UP]:
        hear(each)
    start = time.perf_counter()
    for each in samples:
        hear(each)
    return Side(name, len(samples), time.perf_counter() - start)


if __name__ == "__main__":
    main()
