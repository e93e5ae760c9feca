"""decisions.csv: the warnings that somebody has overruled, and the clips without speech, in git beside params.yaml."""

from pathlib import Path

from asr.recordings.decisions import KEEP, NO_SPEECH, read_decisions

DECISIONS = Path("decisions.csv")


def kept_warnings(dataset: str = "") -> frozenset[tuple[str, str]]:
    """The path and reason of each warning of another table's clips, or of one's own, that is overruled."""
    decisions = read_decisions(DECISIONS)
    return frozenset((each.path, each.reason) for each in decisions if (each.dataset, each.decision) == (dataset, KEEP))


def without_speech() -> frozenset[str]:
    """The path of each clip of one's own in which nobody speaks."""
    return frozenset(each.path for each in read_decisions(DECISIONS) if each.decision == NO_SPEECH)
