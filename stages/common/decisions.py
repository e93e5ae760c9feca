"""decisions.csv: the warnings that somebody has overruled, in git beside params.yaml."""

from pathlib import Path

from asr.recordings.decisions import read_decisions

DECISIONS = Path("decisions.csv")


def kept_warnings(dataset: str = "") -> frozenset[tuple[str, str]]:
    """The path and reason of each warning of a test set's clips, or of one's own, that is overruled."""
    return frozenset((each.path, each.reason) for each in read_decisions(DECISIONS) if each.dataset == dataset)
