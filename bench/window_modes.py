"""What the window costs and what it is worth: the WER after training in each mode beside the speed, all on the same
clips; and of `fit` with several shares of clips alone in the whole window.

Every model is decoded in the whole window, as other software does. Each seed is a training run of its own, with another order
of clips; its WER is on the split that is asked for. How few steps are enough is seen with few --clips. See bench/README.md.
"""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from statistics import mean

from asr.base.entries import TEST_SPLIT
from asr.scoring.interval import Corpus
from bench.settings import EFFECTIVE_BATCH, HOME
from bench.sides import Options, Run, measured
from bench.tables import aligned
from bench.training import between

MODES = ("full", "fit", "pack")


def main() -> None:
    """Train in every mode with every seed, and print the table."""
    arguments = parsed()
    runs: dict[str, list[Run]] = {}
    modes = {
        **{mode: (mode, None) for mode in MODES},
        **{f"fit, {share:.0%} alone": ("fit", share) for share in arguments.shares},
    }
    for seed in arguments.seeds:
        for name, (mode, share) in modes.items():
            print(f"bench.window_modes: {name}, seed {seed}", file=sys.stderr)
            options = Options(
                data=str(arguments.data),
                cache=str(arguments.cache),
                model=arguments.model,
                epochs=arguments.epochs,
                clips=arguments.clips,
                seed=seed,
                score=True,
                full_window_share=share,
                effective_batch=arguments.effective_batch,
                scored_split=arguments.split,
            )
            runs.setdefault(name, []).append(measured(mode, options)[0])
    scored = f"{len(runs['full'][0].words)} clips of {arguments.split}"
    print(f"{arguments.model} on {arguments.data}, {arguments.epochs} epochs, {scored}\n")
    print(table(runs, arguments.split))
    figures = {mode: [asdict(run) for run in of_mode] for mode, of_mode in runs.items()}
    print(json.dumps({"bench": "window_modes", "seeds": arguments.seeds, "modes": figures}))


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.window_modes", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--model", default=str(HOME / "models" / "pico"), help="a checkpoint's folder (the bundled one)")
    add("--data", type=Path, default=HOME, help="a project whose features stages have run (this one)")
    add("--cache", type=Path, default=HOME / ".cache" / "features", help="its cache of shards")
    add("--epochs", type=int, default=5, help="over the training clips (5)")
    add("--seeds", type=int, nargs="+", default=[1, 2, 3], help="a run for each (1 2 3)")
    add("--clips", type=int, default=0, help="training clips at most, from all over the list (all)")
    add("--effective-batch", type=int, default=EFFECTIVE_BATCH, help="clips to a step (%(default)s)")
    add("--split", choices=("validation", TEST_SPLIT), default=TEST_SPLIT, help="that is scored (%(default)s)")
    add("--shares", type=float, nargs="+", default=[], help="of clips alone in the whole window, to try fit with (none)")
    return parser.parse_args()


def table(runs: dict[str, list[Run]], split: str) -> str:
    """A line a mode: speed, each seed's WER, their mean, and the mean's distance from that of `full`."""
    base_speed = speed(runs["full"])
    # A seed's errors in a clip are added to those of the others: what is drawn is clips, not seeds.
    first = runs["full"][0]
    corpus = Corpus.of([len(runs["full"]) * words for words in first.words], first.speakers)
    base = summed(runs["full"])
    seeds = [f"run {number}" for number in range(1, len(runs["full"]) + 1)]
    rows = [["", "clips/s", "x full", *seeds, "mean WER", "over full", "95 %"]]
    for mode, of_mode in runs.items():
        wers = [run.wer for run in of_mode]
        over = corpus.difference(base, summed(of_mode))
        rows.append(
            [
                mode,
                f"{speed(of_mode):.1f}",
                f"{speed(of_mode) / base_speed:.2f}",
                *(f"{wer:.2f}" for wer in wers),
                f"{mean(wers):.2f}",
                f"{over.points:+.2f}",
                between(over.interval),
            ]
        )
    return aligned(f"WER in percent on the {split} split, decoded in the whole window", rows)


def summed(runs: list[Run]) -> list[int]:
    """Errors in each clip, over all runs."""
    return [sum(errors) for errors in zip(*(run.errors for run in runs), strict=True)]


def speed(runs: list[Run]) -> float:
    """Clips a second."""
    return sum(run.clips for run in runs) / sum(run.seconds for run in runs)


if __name__ == "__main__":
    main()
