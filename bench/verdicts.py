"""How often each verdict is given: simulated test sets, of which it is known whether the two systems differ.

Each speaker is difficult to a degree, MEAN on the average, each of the speaker's clips is so about that, and a system gets
every word of it wrong with that chance times a factor of its own. So the true rates are known, and so is the difference on just
these speakers. Run it with `python -m bench.verdicts [SETS]`.
"""

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tabulate import tabulate

from asr.report.comparison import Comparison, Finding, finding
from asr.scoring.interval import Corpus

SETS = 2_000
SPEAKERS = (2, 3, 5, 10, 30)
CLIPS = 10
"""By each speaker."""
MEAN = 0.2
LOOPED, LOOP = 0.01, 60
"""The share of hypotheses that loop where some do, and the words that each then has too many."""

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Systems:
    """Two systems.

    Attributes:
        name: of what is simulated.
        factor: the second's chance of a wrong word, over the first's.
        by_speaker: whether some speakers are easier for the one and some for the other, none on the average.
        loops: whether some hypotheses loop, of either.
        uneven: whether some speakers have far more clips than others.
    """

    name: str
    factor: float = 1.0
    by_speaker: bool = False
    loops: bool = False
    uneven: bool = False


EQUAL = (
    Systems("equal"),
    Systems("equal, each better for some speakers", by_speaker=True),
    Systems("equal, 1 % of hypotheses loop", loops=True),
    Systems("equal, as the second, clips unevenly spread", by_speaker=True, uneven=True),
)
UNEQUAL = (
    Systems("a fifth fewer errors", factor=0.8),
    Systems("half as many errors", factor=0.5),
    Systems("half as many errors, more or less by speaker", factor=0.5, by_speaker=True),
)
COLUMNS: dict[str, tuple[Finding, ...]] = {
    "better": ("better",),
    "worse": ("worse",),
    "most clips": ("better in most clips", "worse in most clips"),
    "no difference": ("no difference beyond chance", "as many errors in each clip"),
    "uncertain": ("too uncertain to tell", "not quite sure"),
    "too few": ("too few to tell",),
}
"""The verdicts that are counted together."""


def simulated(systems: Systems, speakers: int, sets: int, seed: int) -> Iterator[tuple[Comparison, float]]:
    """Test both on simulated sets: what is found, and the true difference on just those speakers."""
    random = np.random.default_rng(seed)
    shape = (sets, speakers, CLIPS)
    words = 1 + random.poisson(random.gamma(2.0, 5.0, shape))
    if systems.uneven:
        words *= np.arange(CLIPS) <= CLIPS * random.random((sets, speakers, 1)) ** 2
    difficulty = _about(random, np.full((sets, speakers, 1), MEAN), 10.0)
    one, two = (_about(random, difficulty, 20.0) if systems.by_speaker else difficulty for _ in range(2))
    hard = _about(random, np.broadcast_to(one, shape), 5.0)
    hard_too = _about(random, np.broadcast_to(two, shape), 5.0) if systems.by_speaker else hard
    first, second = random.binomial(words, hard), random.binomial(words, systems.factor * hard_too)
    if systems.loops:
        first, second = (errors + LOOP * (random.random(shape) < LOOPED) * (words > 0) for errors in (first, second))
    truth = (words * (systems.factor * two - one)).sum(axis=(1, 2))
    for each in range(sets):
        said = words[each] > 0
        names = [str(speaker) for speaker, clips in enumerate(said) for _ in range(int(clips.sum()))]
        yield _compared(words[each][said].tolist(), names, first[each][said], second[each][said]), float(truth[each])


def is_false(systems: Systems, found: Finding, truth: float) -> bool:
    """Whether a claim is wrong: of equal systems any that they differ, and of these clips what isn't so of their speakers."""
    match found:
        case "better" | "worse":
            return systems.factor == 1 or found == "worse"
        case "better in most clips":
            return truth >= 0
        case "worse in most clips":
            return truth <= 0
    return False


def tally(systems: Systems, speakers: int, sets: int, seed: int = 0) -> tuple[Counter[Finding], float]:
    """Count the verdicts, and the share of sets, in percent, of which something false is claimed."""
    found = [(finding(change), truth) for change, truth in simulated(systems, speakers, sets, seed)]
    return Counter(each for each, _ in found), 100 * sum(is_false(systems, *each) for each in found) / sets


def main() -> None:
    """Print a row for each two systems and number of speakers."""
    sets = int(sys.argv[1]) if len(sys.argv) > 1 else SETS
    rows: list[list[str]] = []
    for systems in (*EQUAL, *UNEQUAL):
        for speakers in SPEAKERS:
            counted, false = tally(systems, speakers, sets)
            shares = {name: 100 * count / sets for name, count in counted.items()}
            cells = [f"{sum(shares.get(name, 0.0) for name in names):.1f}" for names in COLUMNS.values()]
            rows.append([systems.name, str(speakers), *cells, f"{false:.1f}"])
    header = ["two systems", "speakers", *COLUMNS, "false"]
    print(tabulate(rows, header, tablefmt="pipe", disable_numparse=True, colalign=["left", *["right"] * (len(header) - 1)]))


def _about(random: np.random.Generator, mean: Numbers, closeness: float) -> Numbers:
    inside = np.clip(mean, 1e-6, 1 - 1e-6)
    return random.beta(closeness * inside, closeness * (1 - inside))


def _compared(words: list[int], names: list[str], first: NDArray[np.int64], second: NDArray[np.int64]) -> Comparison:
    drawn, said = Corpus.of(words, names), sum(words)
    return Comparison(
        clips=len(words),
        metric="WER",
        first=100 * int(first.sum()) / said,
        second=100 * int(second.sum()) / said,
        difference=drawn.difference(first.tolist(), second.tolist()),
        resampled=drawn.unit,
        groups=drawn.groups,
        speakers=drawn.groups,
        better=int((second < first).sum()),
        worse=int((second > first).sum()),
        same=0,
        heaviest=None,
        only_first=0,
        only_second=0,
        other_reference=0,
    )


if __name__ == "__main__":
    main()
